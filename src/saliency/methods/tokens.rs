//! The tokens of a vision transformer: a class token and perhaps others, and then a square grid of
//! patches, row by row.

use ndarray::{Array2, Array3, ArrayView3, Axis, s};

use crate::geometry::patch_grid;

/// The mean over the heads of attention, [heads, tokens, tokens].
pub(super) fn mean_over_heads(attention: &ArrayView3<'_, f32>) -> Array2<f32> {
    attention
        .mean_axis(Axis(0))
        .expect("an attention has at least one head")
}

/// The row of the class token, which is the first, as a map of the patches [1, side, side]. If there
/// is none, as the score is then made from the mean of all tokens, it is the mean of all rows.
pub(super) fn row_of_class(relevance: &Array2<f32>) -> Array3<f32> {
    let (prefix, side) =
        patch_grid(relevance.nrows()).expect("the classifier has checked the number of tokens");
    let row = if prefix > 0 {
        relevance.row(0).to_owned()
    } else {
        relevance.mean_axis(Axis(0)).expect("there are tokens")
    };
    let patches = row.slice(s![prefix..]).to_vec();
    Array3::from_shape_vec((1, side, side), patches).expect("one token for each patch")
}
