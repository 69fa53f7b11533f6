//! Class models: images that maximise the score of a class (Simonyan et al. 2013, section 2).
//!
//! ```text
//! I* = argmax S_c(I) − λ ‖I‖²,   with I zero-centred and starting from 0
//! ```
//!
//! The mean colour is added to I* to show it. S_c is the score before the softmax, because a
//! posterior can also be raised by lowering the scores of the other classes. The paper states
//! neither λ nor the step size nor the number of steps.
//!
//! Plain gradient ascent ends in fine noise, so three later techniques are used as well. Each is an
//! option that can be turned off: momentum; jitter, which shifts the image at random before each
//! step (Mordvintsev et al. 2015); and a Gaussian blur that fades (Yosinski et al. 2015). Learnt
//! priors are not used: they make finer images, but of what the prior has learnt.

use image::{Rgb, RgbImage};
use ndarray::{Array3, Axis};

use crate::classifier::{ClassifierError, Worker};
use crate::geometry::Size;
use crate::random::SplitMix;
use crate::saliency::gaussian_blur;

/// How a class model is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassModelOptions {
    /// The number of steps.
    pub iterations: usize,
    /// The length of a step: the root mean square of its changes, in grey levels of 0..=255.
    pub step: f64,
    /// The share of the previous step that is added to the next one, in 0..1.
    pub momentum: f64,
    /// λ, per squared grey level.
    pub l2: f64,
    /// The largest shift of the image before a step, in pixels, in each direction.
    pub jitter: usize,
    /// The standard deviation of the blur at the start, in pixels. The image is blurred after every
    /// fourth step, and the deviation changes linearly to [`Self::blur_end`].
    pub blur: f64,
    /// The standard deviation of the blur at the end, in pixels.
    pub blur_end: f64,
    /// The seed of jitter and noise.
    pub rng_seed: u64,
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
            rng_seed: 0,
        }
    }
}

impl ClassModelOptions {
    /// The same options without momentum, jitter and blur: the paper's ascent and nothing else.
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
    /// The image with the mean colour added, clipped to 0..=255.
    pub picture: RgbImage,
    /// The class score at the last step, before the softmax.
    pub score: f32,
    /// Whether the ascent started from noise, because the score has zero gradient at the zero
    /// image.
    pub from_noise: bool,
}

/// The standard deviation, in grey levels, of the noise that replaces a start with zero gradient.
/// It is doubled until the gradient is not zero.
const MIN_NOISE: f64 = 2.0;
/// The largest noise that is tried.
const MAX_NOISE: f64 = 64.0;
/// The image is blurred once in this many steps.
const BLUR_INTERVAL: usize = 4;

/// Ascends the score of `class` (its index) in an image of this size. It must be the size of the
/// network's input, unless the classifier is fully convolutional.
///
/// # Errors
/// [`ClassifierError::Run`] if the network fails, or if the score has zero gradient even in noise.
pub fn ascend(
    worker: &mut Worker<'_>,
    class: usize,
    size: Size,
    options: &ClassModelOptions,
) -> Result<ClassModel, ClassifierError> {
    let mut ascent = Ascent::new(worker.mean_colour(), class, size, options);
    let mut score = 0.0;
    for iteration in 0..options.iterations {
        let (class_score, gradient) = ascent.score_and_gradient(worker)?;
        score = class_score;
        let zero_gradient = gradient.iter().all(|&v| v == 0.0);
        if !zero_gradient {
            ascent.step(gradient);
            if iteration % BLUR_INTERVAL == 0 {
                ascent.blur(iteration);
            }
        } else if !ascent.has_stepped {
            // The score and gradient of a network that ends in a ReLU can be 0 at the zero image.
            ascent.restart_from_noise()?;
        }
    }
    Ok(ClassModel {
        from_noise: ascent.noise > 0.0,
        score,
        picture: ascent.picture(),
    })
}

/// The state of an ascent.
struct Ascent<'a> {
    options: &'a ClassModelOptions,
    class: usize,
    size: Size,
    /// The mean colour, [3, 1, 1].
    mean: Array3<f32>,
    /// The zero-centred image I, [3, height, width].
    image: Array3<f32>,
    velocity: Array3<f32>,
    random: SplitMix,
    /// The standard deviation of the noise that the image started from; 0 without noise.
    noise: f64,
    has_stepped: bool,
}

impl<'a> Ascent<'a> {
    fn new(mean: [f32; 3], class: usize, size: Size, options: &'a ClassModelOptions) -> Self {
        let (height, width) = size.shape();
        let image = Array3::<f32>::zeros((3, height, width));
        Self {
            options,
            class,
            size,
            mean: Array3::from_shape_fn((3, 1, 1), |(c, ..)| mean[c]),
            velocity: image.clone(),
            image,
            random: SplitMix(options.rng_seed ^ class as u64),
            noise: 0.0,
            has_stepped: false,
        }
    }

    /// The class score, and its gradient with respect to the image, at a randomly shifted image.
    fn score_and_gradient(
        &mut self,
        worker: &mut Worker<'_>,
    ) -> Result<(f32, Array3<f32>), ClassifierError> {
        let jitter = self.options.jitter;
        let (height, width) = self.size.shape();
        // A shift by −n pixels is a roll by side − n pixels.
        let sides = [height, width];
        let shift =
            sides.map(|side| (side - jitter % side + self.random.below(2 * jitter + 1)) % side);
        let shifted = rolled(&self.image, shift);
        let mut response = worker.gradients((&shifted + &self.mean).view(), &[self.class])?;
        let gradient = response.gradients[0].remove(0);
        let gradient = rolled(
            &gradient,
            [0, 1].map(|axis| (sides[axis] - shift[axis]) % sides[axis]),
        );
        Ok((response.scores[self.class], gradient))
    }

    /// Replaces the image by noise, twice as strong as the last time.
    fn restart_from_noise(&mut self) -> Result<(), ClassifierError> {
        self.noise = f64::max(MIN_NOISE, 2.0 * self.noise);
        if self.noise > MAX_NOISE {
            return Err(ClassifierError::Run(format!(
                "the score of class {} has zero gradient, even in noise",
                self.class
            )));
        }
        let Self {
            image,
            random,
            noise,
            ..
        } = self;
        image.mapv_inplace(|_| (*noise * random.normal()) as f32);
        Ok(())
    }

    /// One step along the gradient ∇S, with momentum:
    /// `d = ∇S − 2λI,  v ← momentum · v + step · d / √(mean d²),  I ← I + v`.
    fn step(&mut self, mut gradient: Array3<f32>) {
        let Self {
            options,
            image,
            velocity,
            ..
        } = self;
        gradient.zip_mut_with(image, |gradient, &value| {
            *gradient -= 2.0 * options.l2 as f32 * value;
        });
        let squares = gradient.iter().map(|&v| f64::from(v * v)).sum::<f64>();
        let length = (squares / gradient.len() as f64).sqrt();
        *velocity *= options.momentum as f32;
        let scale = (options.step / length.max(f64::MIN_POSITIVE)) as f32;
        velocity.scaled_add(scale, &gradient);
        *image += &*velocity;
        self.has_stepped = true;
    }

    /// Blurs the image as strongly as is due after this iteration.
    fn blur(&mut self, iteration: usize) {
        let ClassModelOptions {
            iterations,
            blur,
            blur_end,
            ..
        } = *self.options;
        let progress = iteration as f64 / iterations as f64;
        let deviation = blur + (blur_end - blur) * progress;
        for mut channel in self.image.outer_iter_mut() {
            let soft = gaussian_blur(&channel.to_owned(), deviation as f32);
            channel.assign(&soft);
        }
    }

    /// The image with the mean colour added, as 8-bit RGB.
    fn picture(self) -> RgbImage {
        let image = self.image + self.mean;
        let level = |y: u32, x: u32, c: usize| {
            image[[c, y as usize, x as usize]].round().clamp(0.0, 255.0) as u8
        };
        RgbImage::from_fn(self.size.width, self.size.height, |x, y| {
            Rgb([0, 1, 2].map(|c| level(y, x, c)))
        })
    }
}

/// The image [3, height, width] moved down and right by `[rows, columns]`. What leaves it on one
/// side comes back on the other.
fn rolled(image: &Array3<f32>, shift: [usize; 2]) -> Array3<f32> {
    let mut image = image.clone();
    for (axis, distance) in [Axis(1), Axis(2)].into_iter().zip(shift) {
        let n = image.len_of(axis);
        let cut = n - distance % n;
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
    fn rolling_wraps_around() {
        let image = array![[[1., 2., 3.], [4., 5., 6.]]];
        assert_eq!(rolled(&image, [1, 1]), array![[[6., 4., 5.], [3., 1., 2.]]]);
        assert_eq!(rolled(&rolled(&image, [1, 2]), [1, 1]), image);
    }
}
