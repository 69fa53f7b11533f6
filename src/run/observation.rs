//! What the classifier says of a photo: the one stage that costs a network, apart from all that is
//! made of it.

use ndarray::Array3;

use super::{Classes, PhotoError};
use crate::classifier::{self, Response, Worker, pixels, probabilities, ranking};
use crate::random::seed_of;
use crate::saliency::{Evidence, Saliency, SaliencyOptions, Tensor, View, combine, shown};

/// A photo as it was shown, and what the network said.
#[derive(Debug)]
pub struct Observation {
    /// The photo as it was shown.
    pub view: View,
    /// The class probabilities, averaged over crops.
    pub probabilities: Vec<f32>,
    /// The classes by falling probability.
    pub ranking: Vec<usize>,
    /// The classes that were asked for.
    pub classes: Vec<usize>,
    /// What the network said of each picture shown of each crop; nothing where no map is wanted.
    responses: Vec<Vec<Response>>,
}

impl Observation {
    /// Shows `view` to the network. `saliency` says of which tensors gradients are wanted, `truth`
    /// and `classes` for which classes; `id` and `run` make the seed of the noise.
    ///
    /// # Errors
    /// [`classifier::Error::Run`] when the network fails on the photo.
    pub fn make(
        worker: &mut Worker<'_>,
        view: View,
        saliency: Option<&SaliencyOptions>,
        (truth, classes): (Option<usize>, Classes),
        (run, id): (u64, &str),
    ) -> Result<Self, classifier::Error> {
        let crops: Vec<Array3<f32>> = view
            .crops
            .iter()
            .map(|crop| pixels(&crop.picture))
            .collect();
        // Noisy crops have scores that are not the photo's.
        let plain = saliency.is_some_and(SaliencyOptions::shows_crops);
        if let ([crop], Classes::Top5, true) = (&crops[..], classes, plain) {
            // The most probable classes of one crop are found on the way.
            let also: Vec<usize> = truth.into_iter().collect();
            let (found, response) = worker.gradients_of_top(crop.view(), TOP, &also)?;
            let probabilities = probabilities(std::slice::from_ref(&response.scores));
            let ranking = ranking(&probabilities);
            // Scores may differ where rounding makes probabilities equal.
            if found == wanted(&ranking, truth) {
                return Ok(Self {
                    view,
                    probabilities,
                    ranking,
                    classes: found,
                    responses: vec![vec![response]],
                });
            }
        }
        let mut asked: Vec<usize> = truth.into_iter().collect();
        let mut scores = Vec::new();
        // The most probable classes are known after all crops, so they cost a forward pass of their
        // own.
        if classes == Classes::Top5 || !plain {
            scores = crops
                .iter()
                .map(|crop| worker.forward(crop.view()))
                .collect::<Result<_, _>>()?;
        }
        if classes == Classes::Top5 {
            asked = wanted(&ranking(&probabilities(&scores)), truth);
        }
        let mut responses = Vec::new();
        if let Some(options) = saliency {
            let mean = worker.mean_colour();
            for (i, crop) in crops.iter().enumerate() {
                let pictures = shown(
                    crop.view(),
                    mean,
                    options,
                    seed_of(&format!("{run}/{id}/noise/{i}")),
                );
                let of_crop = pictures
                    .iter()
                    .map(|picture| worker.gradients(picture.view(), &asked));
                responses.push(of_crop.collect::<Result<Vec<_>, _>>()?);
            }
        }
        if scores.is_empty() {
            scores = responses
                .iter()
                .map(|of_crop| of_crop[0].scores.clone())
                .collect();
        }
        let probabilities = probabilities(&scores);
        Ok(Self {
            view,
            ranking: ranking(&probabilities),
            probabilities,
            classes: asked,
            responses,
        })
    }

    /// The saliency of the `i`-th class. `options` are those of [`Self::make`], or differ from them
    /// only in what is made of the same tensors.
    ///
    /// # Errors
    /// [`PhotoError`] when the map is not of finite numbers: gradients near the largest number
    /// overflow on the way to it.
    pub fn saliency(&self, i: usize, options: &SaliencyOptions) -> Result<Saliency, PhotoError> {
        let tensors = self
            .responses
            .first()
            .and_then(|of_crop| of_crop.first())
            .map_or(0, |r| r.values.len());
        let evidence: Evidence<'_> = self
            .responses
            .iter()
            .map(|of_crop| {
                let of_tensor = |t: usize| {
                    of_crop
                        .iter()
                        .map(|response| tensor_of(response, i, t))
                        .collect()
                };
                (0..tensors).map(of_tensor).collect()
            })
            .collect();
        let saliency = combine(&self.view, &evidence, options);
        match saliency.map.iter().all(|value| value.is_finite()) {
            true => Ok(saliency),
            false => Err(PhotoError {
                kind: "network",
                reason: "non-finite map".into(),
            }),
        }
    }
}

/// How many of the most probable classes [`Classes::Top5`] asks for.
const TOP: usize = 5;

/// The most probable classes, and the true one after them where it is not among them.
fn wanted(ranking: &[usize], truth: Option<usize>) -> Vec<usize> {
    let mut wanted: Vec<usize> = ranking.iter().copied().take(TOP).collect();
    wanted.extend(truth.filter(|truth| !wanted.contains(truth)));
    wanted
}

fn tensor_of(response: &Response, class: usize, tensor: usize) -> Tensor<'_> {
    Tensor {
        values: response.values[tensor].view(),
        gradient: response.gradients[class][tensor].view(),
    }
}
