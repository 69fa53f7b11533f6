//! Occlusion: how much the probability p of the class falls when a square of the mean colour covers
//! a position,
//!
//! ```text
//! mean of p − pᵢ over the squares i that cover the position
//! ```
//!
//! A position that makes the class less probable counts as 0. The square's sides are 20 % of the
//! picture's, and it moves by 10 %, as in MATLAB's `occlusionSensitivity`; the paper states neither.
//! Squares at the right and lower edge are cut off. A map costs 100 forward passes or so.

use ndarray::{Array2, s};

use super::hiding::{Hidden, HiddenParts, Hiding, Masks, WatchedScore};
use super::method::{Effect, LAST, Method, RequiredTensors, Sampling};
use crate::geometry::Size;

/// The sides of the square, and its steps, as shares of the picture's sides.
const WINDOW: f64 = 0.2;
const STEP: f64 = 0.1;

pub(super) const METHOD: Method = Method {
    name: "occlusion",
    paper: "Zeiler and Fergus 2013, section 4.2",
    published: "no comparable box result",
    effect: Effect::Hidden(Hiding {
        parts: HiddenParts::Picture(masks),
        score: WatchedScore::Probability,
        effect: |hidden, whole, scores| {
            let shape = hidden.size.shape();
            let (mut sum, mut count) = (Array2::zeros(shape), Array2::<f32>::zeros(shape));
            for (mask, score) in masks(hidden).zip(scores) {
                let covered = 1.0 - mask;
                sum.scaled_add(whole - score, &covered);
                count += &covered;
            }
            let mean: Array2<f32> = sum / count.mapv(|n| n.max(1.0));
            mean.mapv(|fall| fall.max(0.0))
                .insert_axis(ndarray::Axis(0))
        },
    }),
    tensors: RequiredTensors::Picture,
    usual_layers: LAST,
    sampling: Sampling::Crop,
    map: super::formula::mean_gradient,
};

/// The whole picture but a square, row by row.
fn masks(hidden: &Hidden<'_>) -> Masks<'static> {
    let Size { width, height } = hidden.size;
    let (columns, rows) = (windows(width), windows(height));
    let shape = hidden.size.shape();
    Box::new(rows.into_iter().flat_map(move |(top, bottom)| {
        columns.clone().into_iter().map(move |(left, right)| {
            let mut mask = Array2::ones(shape);
            mask.slice_mut(s![top..bottom, left..right]).fill(0.0);
            mask
        })
    }))
}

/// Where the square begins and ends along a side: until it reaches the side's end.
fn windows(side: u32) -> Vec<(usize, usize)> {
    let pixels = |share: f64| ((f64::from(side) * share).round() as usize).max(1);
    let (side, window, step) = (side as usize, pixels(WINDOW), pixels(STEP));
    let count = (side - window).div_ceil(step) + 1;
    (0..count)
        .map(|i| (i * step, (i * step + window).min(side)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::windows;

    #[test]
    fn squares_cover_a_side() {
        assert_eq!(
            windows(10),
            [
                (0, 2),
                (1, 3),
                (2, 4),
                (3, 5),
                (4, 6),
                (5, 7),
                (6, 8),
                (7, 9),
                (8, 10)
            ]
        );
        let of_224 = windows(224);
        assert_eq!(
            (of_224.len(), of_224[0], of_224[9]),
            (10, (0, 45), (198, 224))
        );
        assert_eq!(windows(1), [(0, 1)]);
    }
}
