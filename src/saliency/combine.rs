//! From tensors and their gradients to one map over the frame.

use ndarray::{Array2, Array3, ArrayView3, Axis, s};

use super::filters::{divide_by_mean, gaussian_blur, resize_map};
use super::map::Saliency;
use super::methods::LayerTensor;
use super::options::{Averaging, SaliencyOptions};
use super::rect::Rect;
use super::view::{Crop, View};
use crate::geometry::Size;

/// Mᵢⱼ = maxₖ |wᵢⱼₖ| over the channels k of a gradient w, [channels, height, width]: the saliency
/// of Simonyan et al. 2013.
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

/// The network's answer to a view for one class. Indexed by crop, then by tensor, then by the
/// picture that was made of the crop.
pub type Evidence<'a> = Vec<Vec<Vec<LayerTensor<'a>>>>;

/// The saliency map of a view.
///
/// For each tensor, the maps of the crops are placed in the frame, with mirrored ones turned back,
/// and averaged. Then the maps of the tensors are fused and smoothed. The result has the size of
/// the view's frame, whatever the sizes of the tensors are.
///
/// # Panics
/// If there is no crop or no tensor in `evidence`.
#[must_use]
pub fn combine(view: &View, evidence: &Evidence<'_>, options: &SaliencyOptions) -> Saliency {
    let tensor_count = evidence.first().map_or(0, Vec::len);
    let map_of_tensor = |tensor: usize| {
        let crops = view.crops.iter().zip(evidence);
        let maps = crops.map(|(crop, tensors)| (crop, (options.method.map)(&tensors[tensor])));
        average(view.size(), maps, options.average)
    };
    let mut map = fuse((0..tensor_count).map(map_of_tensor).collect());
    smooth(&mut map, view.window, options.smooth);
    if let Some(prior) = &options.prior {
        prior.multiply(&mut map);
    }
    Saliency {
        map,
        window: view.window,
    }
}

/// The mean over crops of maps of them, [height, width] of any size, each at the place of its crop
/// in the frame; 0 where no crop is.
#[must_use]
pub fn mean_over_crops(view: &View, maps: Vec<Array2<f32>>) -> Array2<f32> {
    let maps = maps.into_iter().map(|map| map.insert_axis(Axis(0)));
    placed(view.size(), view.crops.iter().zip(maps)).index_axis_move(Axis(0), 0)
}

/// The saliency of the crops' maps, averaged.
fn average<'a>(
    frame: Size,
    crops: impl Iterator<Item = (&'a Crop, Array3<f32>)>,
    averaging: Averaging,
) -> Array2<f32> {
    let maps = crops.map(|(crop, mut map)| {
        if averaging != Averaging::Signed {
            map = saliency(map.view()).insert_axis(Axis(0));
        }
        if averaging == Averaging::Relative {
            divide_by_mean(&mut map);
        }
        (crop, map)
    });
    saliency(placed(frame, maps).view())
}

/// The mean over crops of maps with one or several channels, with mirrored ones turned back, each at
/// the place of its crop in the frame.
fn placed<'a>(frame: Size, crops: impl Iterator<Item = (&'a Crop, Array3<f32>)>) -> Array3<f32> {
    let (height, width) = frame.shape();
    let mut sum = Array3::<f32>::zeros((0, height, width));
    let mut count = Array2::<f32>::zeros((height, width));
    for (Crop { rect, mirrored, .. }, mut map) in crops {
        if *mirrored {
            map.invert_axis(Axis(2));
        }
        if sum.is_empty() {
            sum = Array3::zeros((map.dim().0, height, width));
        }
        let [rows, columns] = rect.ranges();
        let mut place = sum.slice_mut(s![.., rows.clone(), columns.clone()]);
        for (mut sum_channel, channel) in place.outer_iter_mut().zip(map.outer_iter()) {
            sum_channel += &resize_map(&channel.to_owned(), rect.size());
        }
        count
            .slice_mut(s![rows, columns])
            .map_inplace(|n| *n += 1.0);
    }
    sum / &count.mapv(|n| n.max(1.0))
}

/// The sum of several maps, each divided by its mean. A single map is left as it is.
pub(crate) fn fuse(mut maps: Vec<Array2<f32>>) -> Array2<f32> {
    if maps.len() > 1 {
        maps.iter_mut().for_each(divide_by_mean);
    }
    let sum = maps.into_iter().reduce(|sum, map| sum + map);
    sum.expect("there is at least one map")
}

/// Blurs the map inside its window with a Gaussian whose standard deviation is `share` of the map's
/// longer side.
fn smooth(map: &mut Array2<f32>, window: Rect, share: f64) {
    let longer = map.nrows().max(map.ncols());
    let [rows, columns] = window.ranges();
    let mut inside = map.slice_mut(s![rows, columns]);
    let soft = gaussian_blur(&inside.to_owned(), share as f32 * longer as f32);
    inside.assign(&soft);
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use ndarray::array;

    use super::*;
    use crate::saliency::Method;

    fn options(average: Averaging) -> SaliencyOptions {
        SaliencyOptions {
            method: Method::find("gradient").expect("a method"),
            relu: None,
            average,
            layers: vec![],
            samples: 1,
            noise: 0.0,
            prior: None,
            smooth: 0.0,
        }
    }

    /// A frame of 4 x 1 with two crops: the first covers x = 0, 1, the second, mirrored, x = 1, 2.
    fn two_crops() -> View {
        let crop = |x, mirrored| Crop {
            rect: Rect {
                x,
                y: 0,
                width: 2,
                height: 1,
            },
            mirrored,
            picture: RgbImage::new(2, 1),
        };
        View {
            frame: RgbImage::new(4, 1),
            crops: vec![crop(0, false), crop(1, true)],
            window: Rect::whole(Size::new(3, 1)),
            is_squeezed: false,
        }
    }

    /// One tensor for each crop, with this gradient.
    fn evidence(gradients: &[Array3<f32>]) -> Evidence<'_> {
        fn tensor(gradient: &Array3<f32>) -> LayerTensor<'_> {
            LayerTensor {
                values: gradient.view(),
                gradient: gradient.view(),
            }
        }
        gradients
            .iter()
            .map(|gradient| vec![vec![tensor(gradient)]])
            .collect()
    }

    #[test]
    fn crops_are_put_back_and_averaged() {
        let gradients = [
            array![[[1., -4.]], [[0., 0.]], [[0., 0.]]],
            array![[[8., 2.]], [[0., 0.]], [[0., 0.]]],
        ];
        let map = |average| combine(&two_crops(), &evidence(&gradients), &options(average)).map;
        assert_eq!(map(Averaging::Absolute), array![[1., 3., 8., 0.]]);
        assert_eq!(map(Averaging::Signed), array![[1., 1., 8., 0.]]);
    }

    #[test]
    fn maps_of_different_magnitudes_count_alike() {
        let crop = two_crops().crops.remove(0);
        let view = View {
            crops: vec![crop.clone(), crop],
            ..two_crops()
        };
        let gradients = [array![[[1., 3.]]], array![[[600., 200.]]]];
        let map = combine(&view, &evidence(&gradients), &options(Averaging::Relative)).map;
        assert_eq!(map, array![[1., 1., 0., 0.]]);
    }
}
