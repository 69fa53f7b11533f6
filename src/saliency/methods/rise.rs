//! RISE: the mean of random masks, each weighted by the probability of the class in the picture
//! that the mask leaves,
//!
//! ```text
//! 1 / (n E[m]) Σᵢ pᵢ mᵢ
//! ```
//!
//! A mask is a grid of 7 x 7 cells, each shown with probability ½, enlarged bilinearly to 8 x 8 cells
//! of the picture and cut at a random place (section 3.2). Its random numbers are seeded by the
//! photo. The authors use 4,000 masks for VGG-16 and 8,000 for ResNet-50; a map costs one forward
//! pass for each of `saliency.samples`.

use ndarray::{Array2, Axis, s};

use super::hiding::{Hidden, HiddenParts, Hiding, Masks, WatchedScore};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use crate::geometry::Size;
use crate::random::SplitMix;
use crate::saliency::filters::resize_map;

/// The cells along each side of a grid.
const CELLS: u32 = 7;
/// The probability that a cell is shown.
const SHOWN: f64 = 0.5;

pub(super) const METHOD: Method = Method {
    name: "rise",
    paper: "Petsiuk, Das and Saenko 2018",
    published: "no box result; pointing game on VOC07 86.9 % with VGG-16, \
                Grad-CAM 86.6 % (TorchRay)",
    effect: Effect::Hidden(Hiding {
        parts: HiddenParts::Picture(masks),
        score: WatchedScore::Probability,
        effect: |hidden, _, scores| {
            let mut sum = Array2::zeros(hidden.size.shape());
            for (mask, &score) in masks(hidden).zip(scores) {
                sum.scaled_add(score, &mask);
            }
            (sum / (scores.len() as f32 * SHOWN as f32)).insert_axis(Axis(0))
        },
    }),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::RandomlyHidden,
    map: super::formula::mean_gradient,
};

fn masks(hidden: &Hidden<'_>) -> Masks<'static> {
    let (size, mut random) = (hidden.size, SplitMix(hidden.rng_seed));
    Box::new((0..hidden.samples).map(move |_| mask(size, &mut random)))
}

/// A grid of cells, then the cut's place from above and from the left, from one sequence of random
/// numbers.
fn mask(size: Size, random: &mut SplitMix) -> Array2<f32> {
    let side = CELLS as usize;
    let grid =
        Array2::from_shape_simple_fn((side, side), || f32::from(u8::from(random.unit() < SHOWN)));
    let Size { width, height } = size;
    let cell = Size::new(width.div_ceil(CELLS), height.div_ceil(CELLS));
    let enlarged = resize_map(
        &grid,
        Size::new(cell.width * (CELLS + 1), cell.height * (CELLS + 1)),
    );
    let (top, left) = (
        random.below(cell.height as usize),
        random.below(cell.width as usize),
    );
    let (bottom, right) = (top + height as usize, left + width as usize);
    enlarged.slice(s![top..bottom, left..right]).to_owned()
}
