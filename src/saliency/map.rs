//! From tensors and their gradients to one map over the frame.

use fast_image_resize::{self as fir, images::TypedImage, pixels::F32};
use image::{ImageBuffer, Luma};
use imageproc::filter::gaussian_blur_f32;
use ndarray::{Array, Array2, Array3, ArrayView3, Axis, Dimension, s};

use super::methods::LayerTensor;
use super::options::{Averaging, SaliencyOptions};
use super::view::{Crop, Rect, View};

/// A saliency map over a frame.
#[derive(Clone, Debug)]
pub struct Saliency {
    /// [height, width] of the frame, ≥ 0; 0 outside the window.
    pub map: Array2<f32>,
    /// The part of the frame, inside it and not empty, where the map means something.
    pub window: Rect,
}

impl Saliency {
    /// A map that means something all over its frame.
    ///
    /// ```
    /// use localise::saliency::{Rect, Saliency};
    /// let saliency = Saliency::whole(ndarray::array![[0., 1., 2.]]);
    /// assert_eq!(saliency.window, Rect { x: 0, y: 0, width: 3, height: 1 });
    /// ```
    #[must_use]
    pub fn whole(map: Array2<f32>) -> Self {
        let (height, width) = map.dim();
        Self {
            map,
            window: Rect::whole(width as u32, height as u32),
        }
    }

    /// The values inside the window, row by row.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let [rows, columns] = self.window.slice();
        self.map.slice(s![rows, columns]).iter().copied().collect()
    }

    /// Whether the map is the same everywhere inside the window, and so says nothing.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        let values = self.values();
        values.iter().all(|&v| v == values[0])
    }

    /// The map as a score map of `size` x `size`, in 0..=1: the whole frame resized (linear,
    /// anti-aliased), the least value brought to 0 and the largest to 1; zeros where the map is
    /// constant.
    #[must_use]
    pub fn score_map(&self, size: usize) -> Array2<f32> {
        let resized = resized(&self.map, [size, size]);
        let (min, max) = extremes(&resized);
        let scale = if max > min { 1.0 / (max - min) } else { 0.0 };
        resized.mapv(|v| ((v - min) * scale).clamp(0.0, 1.0))
    }
}

/// The least and the largest value.
pub(crate) fn extremes<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f32, f32) {
    values
        .into_iter()
        .fold((f32::MAX, f32::MIN), |(min, max), &v| {
            (min.min(v), max.max(v))
        })
}

/// A map in another size (height, width): linear between pixel centres, anti-aliased when
/// shrinking.
fn resized(map: &Array2<f32>, [height, width]: [usize; 2]) -> Array2<f32> {
    if map.dim() == (height, width) {
        return map.clone();
    }
    let pixels = map.iter().map(|&v| F32::new(v)).collect();
    let from = TypedImage::from_pixels(map.ncols() as u32, map.nrows() as u32, pixels)
        .expect("a pixel a value");
    let mut to = TypedImage::new(width as u32, height as u32);
    let options = fir::ResizeOptions::new()
        .resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
    fir::Resizer::new()
        .resize_typed::<F32>(&from, &mut to, &options)
        .expect("neither is empty");
    Array2::from_shape_vec(
        (height, width),
        to.pixels().iter().map(|pixel| pixel.0).collect(),
    )
    .expect("a value a pixel")
}

/// Mᵢⱼ = maxₖ |wᵢⱼₖ| over the channels k of a gradient [C, H, W]: absolute value before the
/// maximum.
///
/// ```
/// use ndarray::{array, Axis};
/// let gradient = array![[[1., -2.]], [[-3., 1.]], [[0., 0.]]];
/// assert_eq!(localise::saliency::saliency(gradient.view()), array![[3., 2.]]);
/// ```
#[must_use]
pub fn saliency(gradient: ArrayView3<'_, f32>) -> Array2<f32> {
    gradient.fold_axis(Axis(0), 0.0, |max, w| w.abs().max(*max))
}

/// What the network says of a view for one class: for each crop, for each tensor, one [`LayerTensor`]
/// for each picture shown.
pub type Evidence<'a> = Vec<Vec<Vec<LayerTensor<'a>>>>;

/// The map of a view: for each tensor the crops' maps, un-mirrored, put back, averaged; fused;
/// smoothed. Its size is that of the view's frame, whatever the sizes of the tensors.
///
/// # Panics
/// When there is no evidence: one crop and one tensor are the least.
#[must_use]
pub fn combine(view: &View, evidence: &Evidence<'_>, options: &SaliencyOptions) -> Saliency {
    let tensors = evidence.first().map_or(0, Vec::len);
    let maps = (0..tensors).map(|tensor| {
        let crops = view.crops.iter().zip(evidence);
        average(
            view,
            crops.map(|(crop, tensors)| (crop, (options.method.map)(&tensors[tensor]))),
            options.average,
        )
    });
    let mut map = fuse(maps.collect());
    smooth(&mut map, view.window, options.smooth);
    if let Some(prior) = &options.prior {
        prior.multiply(&mut map);
    }
    Saliency {
        map,
        window: view.window,
    }
}

/// The mean over crops of their maps, each in its place.
fn average<'a>(
    view: &View,
    crops: impl Iterator<Item = (&'a Crop, Array3<f32>)>,
    averaging: Averaging,
) -> Array2<f32> {
    let (height, width) = view.size().shape();
    let mut sum = Array3::<f32>::zeros((0, height, width));
    let mut count = Array2::<f32>::zeros((height, width));
    for (Crop { rect, mirrored, .. }, mut map) in crops {
        if *mirrored {
            map.invert_axis(Axis(2));
        }
        if averaging != Averaging::Signed {
            map = saliency(map.view()).insert_axis(Axis(0));
        }
        if averaging == Averaging::Relative {
            over_mean(&mut map);
        }
        if sum.is_empty() {
            sum = Array3::zeros((map.dim().0, height, width));
        }
        let [rows, columns] = rect.slice();
        let mut place = sum.slice_mut(s![.., rows.clone(), columns.clone()]);
        for (mut channel, of_crop) in place.outer_iter_mut().zip(map.outer_iter()) {
            channel += &resized(&of_crop.to_owned(), [rows.len(), columns.len()]);
        }
        count
            .slice_mut(s![rows, columns])
            .map_inplace(|n| *n += 1.0);
    }
    sum /= &count.mapv(|n| n.max(1.0));
    saliency(sum.view())
}

/// Of several maps the sum of each over its mean; one alone stays as it is.
fn fuse(mut maps: Vec<Array2<f32>>) -> Array2<f32> {
    if maps.len() > 1 {
        maps.iter_mut().for_each(over_mean);
    }
    maps.into_iter()
        .reduce(|sum, map| sum + map)
        .expect("a method wants one tensor at least")
}

/// Divides a map by its mean, unless that is 0.
fn over_mean<D: Dimension>(map: &mut Array<f32, D>) {
    let mean = map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64;
    if mean > 0.0 {
        *map /= mean as f32;
    }
}

/// Puts the map, inside its window, under a Gaussian whose standard deviation is `share` of the
/// map's longer side.
fn smooth(map: &mut Array2<f32>, window: Rect, share: f64) {
    let longer = map.nrows().max(map.ncols());
    let [rows, columns] = window.slice();
    let mut inside = map.slice_mut(s![rows, columns]);
    let soft = blurred(&inside.to_owned(), share as f32 * longer as f32);
    inside.assign(&soft);
}

/// A map under a Gaussian with this standard deviation, pixels.
pub(crate) fn blurred(map: &Array2<f32>, deviation: f32) -> Array2<f32> {
    if deviation <= 0.0 {
        return map.clone();
    }
    let (height, width) = map.dim();
    let pixels = map.iter().copied().collect();
    let picture = ImageBuffer::<Luma<f32>, Vec<f32>>::from_raw(width as u32, height as u32, pixels);
    let soft = gaussian_blur_f32(&picture.expect("a pixel a value"), deviation);
    Array2::from_shape_vec((height, width), soft.into_raw()).expect("a value a pixel")
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use ndarray::array;

    use super::*;
    use crate::saliency::Method;

    fn options(method: &str) -> SaliencyOptions {
        SaliencyOptions {
            method: Method::find(method).expect("a method"),
            relu: None,
            average: Averaging::Absolute,
            layers: vec![],
            samples: 1,
            noise: 0.0,
            prior: None,
            smooth: 0.0,
        }
    }

    fn two_crops() -> View {
        let rect = |x| Rect {
            x,
            y: 0,
            width: 2,
            height: 1,
        };
        let crop = |x, mirrored| Crop {
            rect: rect(x),
            mirrored,
            picture: RgbImage::new(2, 1),
        };
        let crops = vec![crop(0, false), crop(1, true)];
        View {
            frame: RgbImage::new(4, 1),
            crops,
            window: Rect::whole(3, 1),
        }
    }

    /// Crop 1 covers x = 0, 1 and crop 2, mirrored, x = 2, 1.
    #[test]
    fn crops_are_put_back_and_averaged() {
        let gradient = |a, b| {
            ndarray::concatenate![
                Axis(0),
                array![[[a, b]]],
                array![[[0., 0.]]],
                array![[[0., 0.]]]
            ]
        };
        let gradients = [gradient(1., -4.), gradient(8., 2.)];
        let map = |average| {
            let options = SaliencyOptions {
                average,
                ..options("gradient")
            };
            let evidence = gradients.iter().map(|g| {
                vec![vec![LayerTensor {
                    values: g.view(),
                    gradient: g.view(),
                }]]
            });
            combine(&two_crops(), &evidence.collect(), &options).map
        };
        assert_eq!(map(Averaging::Absolute), array![[1., 3., 8., 0.]]);
        assert_eq!(map(Averaging::Signed), array![[1., 1., 8., 0.]]);
    }

    #[test]
    fn maps_of_several_magnitudes_count_alike() {
        let crop = two_crops().crops.remove(0);
        let view = View {
            crops: vec![crop.clone(), crop],
            ..two_crops()
        };
        let maps = [array![[[1., 3.]]], array![[[600., 200.]]]];
        let evidence = maps
            .iter()
            .map(|g| {
                vec![vec![LayerTensor {
                    values: g.view(),
                    gradient: g.view(),
                }]]
            })
            .collect();
        let relative = SaliencyOptions {
            average: Averaging::Relative,
            ..options("gradient")
        };
        assert_eq!(
            combine(&view, &evidence, &relative).map,
            array![[1., 1., 0., 0.]]
        );
    }

    #[test]
    fn score_maps_lie_between_0_and_1() {
        let map = Saliency::whole(array![[1., 1., 3., 3.], [1., 1., 3., 3.]]);
        let scores = map.score_map(4);
        assert_eq!((scores[[0, 0]], scores[[3, 3]]), (0.0, 1.0));
        assert_eq!(
            Saliency::whole(Array2::from_elem((2, 4), 7.0)).score_map(3),
            Array2::<f32>::zeros((3, 3))
        );
    }

    #[test]
    fn only_the_window_counts() {
        let saliency = Saliency {
            map: array![[1., 2., 3., 0.]],
            window: two_crops().window,
        };
        assert_eq!(saliency.values(), [1., 2., 3.]);
    }
}
