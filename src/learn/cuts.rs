//! Labels of positions, from masks that are cut out.

use ndarray::{Array2, s};

use super::photo::LearnPhoto;
use crate::geometry::Size;
use crate::head::finest;
use crate::pipeline::{BoxRule, Pipeline};
use crate::saliency::resize_map;
use crate::segment::{Energy, Subject, cut};

/// The mask of the object in a photo, [height, width] of its frame: all of the cut's foreground, or
/// nothing where the map says nothing.
pub(super) fn mask(
    photo: &LearnPhoto,
    energy: &mut Energy,
    pipeline: &Pipeline,
    evidence: Option<&Array2<f32>>,
) -> Array2<bool> {
    let frame = &photo.view.frame;
    let size = Size::from_picture(frame);
    let learnt = match pipeline.box_rule() {
        BoxRule::Cut(_, learnt) => learnt,
        _ => unreachable!("a pipeline without a cut is refused"),
    };
    energy.set_photo(frame);
    let subject = Subject {
        frame,
        photo: size,
        evidence,
        rng_seed: photo.rng_seed,
    };
    let (_, stages) = cut(energy, &subject, &photo.saliency, learnt, &mut |_| {});
    stages
        .mask
        .unwrap_or_else(|| Array2::from_elem(size.shape(), false))
}

/// The share of each position of a photo that the mask covers, crop by crop and row by row.
pub(super) fn labels(mask: &Array2<bool>, photo: &LearnPhoto) -> Vec<f32> {
    let mut labels = Vec::new();
    for (crop, layers) in photo.view.crops.iter().zip(&photo.activations) {
        let [rows, columns] = crop.rect.ranges();
        let inside = mask.slice(s![rows, columns]).mapv(f32::from);
        labels.extend(resize_map(&inside, finest(layers)));
    }
    labels
}
