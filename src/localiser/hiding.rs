//! The effect of the values of a picture, or of a layer, on scores, measured by hiding parts of it.

use ndarray::{Array3, ArrayView3, Axis};

use crate::classifier::{ClassifierError, Response, Worker, probabilities};
use crate::geometry::Size;
use crate::saliency::{Hidden, HiddenParts, Hiding, WatchedScore};

/// Puts the measured effects in the place of the gradients of `response`, the network's answer to
/// `picture`, [3, height, width] in RGB.
///
/// `random` are the number of random masks and their seed. The scores serve all classes.
pub(super) fn measure(
    worker: &mut Worker<'_>,
    hiding: &Hiding,
    picture: ArrayView3<'_, f32>,
    classes: &[usize],
    (samples, rng_seed): (usize, u64),
    response: &mut Response,
) -> Result<(), ClassifierError> {
    let (_, height, width) = picture.dim();
    let whole = watched(&response.scores, hiding.score);
    for (tensor, values) in response.values.iter().enumerate() {
        let hidden = Hidden {
            values: values.view(),
            size: Size::new(width as u32, height as u32),
            samples,
            rng_seed,
        };
        let scores = match hiding.parts {
            HiddenParts::Picture(masks) => {
                let mean = worker.mean_colour();
                let shown = masks(&hidden).map(|mask| masked(picture, &mask.view(), mean));
                worker.scores_of_pictures(picture, shown)?
            }
            HiddenParts::Channels => {
                let ablated = (0..values.len_of(Axis(0))).map(|k| {
                    let mut ablated = values.clone();
                    ablated.index_axis_mut(Axis(0), k).fill(0.0);
                    ablated
                });
                worker.scores_of_variants(picture, tensor, ablated)?
            }
        };
        let scores: Vec<_> = scores
            .iter()
            .map(|scores| watched(scores, hiding.score))
            .collect();
        for (&class, gradients) in classes.iter().zip(&mut response.gradients) {
            let of_class: Vec<_> = scores.iter().map(|scores| scores[class]).collect();
            gradients[tensor] = (hiding.effect)(&hidden, whole[class], &of_class);
        }
    }
    Ok(())
}

/// The scores that a method watches, one for each class.
fn watched(scores: &[f32], which: WatchedScore) -> Vec<f32> {
    match which {
        WatchedScore::Logit => scores.to_vec(),
        WatchedScore::Probability => probabilities(&[scores.to_vec()]),
    }
}

/// mean + mask · (picture − mean)
fn masked(
    picture: ArrayView3<'_, f32>,
    mask: &ndarray::ArrayView2<'_, f32>,
    mean: [f32; 3],
) -> Array3<f32> {
    let mut shown = picture.to_owned();
    for (mut channel, zero) in shown.outer_iter_mut().zip(mean) {
        channel.zip_mut_with(mask, |value, &m| *value = zero + m * (*value - zero));
    }
    shown
}
