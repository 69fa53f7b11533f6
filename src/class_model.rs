//! Class models: pictures that a class's score likes best. Simonyan et al. 2013, section 2.
//!
//! ```text
//! I* = argmax S_c(I) − λ ‖I‖²,   I zero-centred, starting from 0; the mean colour is added to show it
//! ```
//!
//! The score is that before the softmax: a posterior can rise by pushing the other classes down. λ,
//! steps and their number are in no source of the paper. Without help the ascent ends in fine
//! noise, so there are three things of later years, each an option that can be turned off:
//! momentum; jitter, by which the picture is shifted at random before each step (Mordvintsev et al.
//! 2015); and a Gaussian blur that fades (Yosinski et al. 2015).
//!
//! In: a worker of a classifier, and a class. Out: a [`ClassModel`]. Left out are priors that are
//! learnt, which make finer pictures of what the prior knows.

use image::{Rgb, RgbImage};
use ndarray::{Array3, Axis};

use crate::classifier::{ClassifierError, Worker};
use crate::random::SplitMix;
use crate::saliency::blurred;

/// How a class model is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassModelOptions {
    /// How many steps are taken.
    pub iterations: usize,
    /// The length of a step: the root mean square of what it changes, in grey levels of 0..=255.
    pub step: f64,
    /// The part of the last step that the next one keeps, in 0..1.
    pub momentum: f64,
    /// λ, per squared grey level.
    pub l2: f64,
    /// The picture is shifted by up to so many pixels either way.
    pub jitter: usize,
    /// The standard deviation of the blur at first, pixels, which follows every fourth step; it
    /// falls to `blur_end`.
    pub blur: f64,
    /// That at last, pixels.
    pub blur_end: f64,
    /// The seed of jitter and noise.
    pub seed: u64,
}

impl Default for ClassModelOptions {
    fn default() -> Self {
        Self {
            iterations: 150,
            step: 2.0,
            momentum: 0.5,
            l2: 1e-6,
            jitter: 16,
            blur: 1.5,
            blur_end: 0.5,
            seed: 0,
        }
    }
}

impl ClassModelOptions {
    /// The paper's ascent and nothing else.
    #[must_use]
    pub fn plain(self) -> Self {
        Self {
            momentum: 0.0,
            jitter: 0,
            blur: 0.0,
            blur_end: 0.0,
            ..self
        }
    }
}

/// A class model.
#[derive(Clone, Debug)]
pub struct ClassModel {
    /// The picture, with the mean colour added, and cut off to 0..=255.
    pub picture: RgbImage,
    /// The class score of the last step, before the softmax.
    pub score: f32,
    /// Whether the ascent had to start from noise, since the score has no slope at the zero image.
    pub from_noise: bool,
}

/// The noise that a start without slope gets first, in grey levels; it is doubled while there is
/// none ...
const MIN_NOISE: f64 = 2.0;
/// ... up to this.
const MAX_NOISE: f64 = 64.0;
/// How many steps are taken from blur to blur.
const BLURRED_EVERY: usize = 4;

/// Climbs to the model of `class`, the place of a score, in a picture of `size` pixels a side: the
/// network's own size, but for a fully convolutional classifier.
///
/// # Errors
/// [`ClassifierError::Run`] when the network fails, or has no slope even in noise.
pub fn ascend(
    worker: &mut Worker<'_>,
    class: usize,
    size: usize,
    options: &ClassModelOptions,
) -> Result<ClassModel, ClassifierError> {
    let mean = Array3::from_shape_fn((3, 1, 1), |(c, ..)| worker.mean_colour()[c]);
    let mut image = Array3::<f32>::zeros((3, size, size));
    let mut velocity = image.clone();
    let mut random = SplitMix(options.seed ^ class as u64);
    let (mut score, mut noise, mut climbed) = (0.0, 0.0, false);
    for iteration in 0..options.iterations {
        // Either way, as a shift right and down.
        let shift = [0, 1]
            .map(|_| (size - options.jitter % size + random.below(2 * options.jitter + 1)) % size);
        let shown = rolled(&image, shift);
        let mut response = worker.gradients((&shown + &mean).view(), &[class])?;
        let slope = rolled(
            &response.gradients[0].remove(0),
            shift.map(|n| (size - n) % size),
        );
        score = response.scores[class];
        // A network that ends in a ReLU may have score and slope 0 at the zero image.
        let flat = slope.iter().all(|&v| v == 0.0);
        if flat && climbed {
            continue;
        }
        if flat {
            noise = f64::max(MIN_NOISE, 2.0 * noise);
            if noise > MAX_NOISE {
                return Err(ClassifierError::Run(format!(
                    "the score of class {class} has no slope, in noise neither"
                )));
            }
            image.mapv_inplace(|_| (noise * random.normal()) as f32);
            continue;
        }
        climbed = true;
        step(&mut image, &mut velocity, slope, options);
        if iteration % BLURRED_EVERY == 0 {
            let done = iteration as f64 / options.iterations as f64;
            let deviation = options.blur + (options.blur_end - options.blur) * done;
            for mut channel in image.outer_iter_mut() {
                let soft = blurred(&channel.to_owned(), deviation as f32);
                channel.assign(&soft);
            }
        }
    }
    let shown = image + mean;
    let level = |y: u32, x: u32, c: usize| {
        shown[[c, y as usize, x as usize]].round().clamp(0.0, 255.0) as u8
    };
    let picture = RgbImage::from_fn(size as u32, size as u32, |x, y| {
        Rgb([0, 1, 2].map(|c| level(y, x, c)))
    });
    Ok(ClassModel {
        picture,
        score,
        from_noise: noise > 0.0,
    })
}

/// One step up the slope of S, with momentum: `d = ∇S − 2λI, v ← momentum · v + step · d / √(mean
/// d²), I ← I + v`
fn step(
    image: &mut Array3<f32>,
    velocity: &mut Array3<f32>,
    mut slope: Array3<f32>,
    options: &ClassModelOptions,
) {
    slope.zip_mut_with(image, |slope, &value| {
        *slope -= 2.0 * options.l2 as f32 * value
    });
    let length = (slope.iter().map(|&v| f64::from(v * v)).sum::<f64>() / slope.len() as f64).sqrt();
    *velocity *= options.momentum as f32;
    velocity.scaled_add(
        (options.step / length.max(f64::MIN_POSITIVE)) as f32,
        &slope,
    );
    *image += &*velocity;
}

/// The image moved down and right, what leaves it coming back on the other side.
fn rolled(image: &Array3<f32>, shift: [usize; 2]) -> Array3<f32> {
    let mut image = image.clone();
    for (axis, shift) in [Axis(1), Axis(2)].into_iter().zip(shift) {
        let n = image.len_of(axis);
        let cut = n - shift % n;
        let (first, last) = image.view().split_at(axis, cut);
        image = ndarray::concatenate(axis, &[last, first]).expect("parts of one array");
    }
    image
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn what_is_rolled_comes_back() {
        let image = array![[[1., 2., 3.], [4., 5., 6.]]];
        assert_eq!(rolled(&image, [1, 1]), array![[[6., 4., 5.], [3., 1., 2.]]]);
        assert_eq!(rolled(&rolled(&image, [1, 2]), [1, 1]), image);
    }
}
