//! What the classifier says of a photo: the one stage that runs the network.

use ndarray::{Array2, Array3};

use super::failure::PhotoError;
use super::hiding;
use super::options::Classes;
use crate::classifier::{ClassifierError, Response, Worker, pixels, probabilities, ranking};
use crate::head::Head;
use crate::pipeline::Pipeline;
use crate::random::seed_of;
use crate::saliency::{
    Effect, Evidence, LayerTensor, RequiredTensors, Saliency, SaliencyOptions, View, combine,
    mean_over_crops, network_inputs,
};

/// What the network is asked about a photo.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// How the saliency map is made, which says of which tensors gradients are needed; `None` where
    /// no map is made.
    pub saliency: Option<&'a SaliencyOptions>,
    /// The true class.
    pub truth: Option<usize>,
    /// For which classes gradients are needed.
    pub classes: Classes,
    /// These classes in place of those, where they are known: then no pass is made to find them.
    pub asked: Option<&'a [usize]>,
    /// Mixed, with `id`, into the seed of the noise.
    pub rng_seed: u64,
    /// The photo's name.
    pub id: &'a str,
}

/// A photo as it was shown, and the network's answer.
#[derive(Debug)]
pub struct Observation {
    /// The photo as it was shown.
    pub view: View,
    /// The class probabilities, averaged over crops.
    pub probabilities: Vec<f32>,
    /// The classes, the most probable first.
    pub ranking: Vec<usize>,
    /// The classes that gradients were asked for.
    pub classes: Vec<usize>,
    /// What the classifier's foreground head says of each pixel of the frame, [height, width].
    pub foreground: Option<Array2<f32>>,
    /// The network's answers for each picture shown of each crop; empty where no map is made.
    responses: Vec<Vec<Response>>,
}

impl Observation {
    /// Shows `view` to the network.
    ///
    /// # Errors
    /// [`ClassifierError`] when the network fails on the photo.
    pub fn new(
        worker: &mut Worker<'_>,
        view: View,
        question: &Question<'_>,
    ) -> Result<Self, ClassifierError> {
        let crops: Vec<Array3<f32>> = view
            .crops
            .iter()
            .map(|crop| pixels(&crop.picture))
            .collect();
        // The scores of noisy crops are not those of the photo.
        let shows_crops = question
            .saliency
            .is_some_and(SaliencyOptions::uses_plain_crops);
        let (scores, classes, responses) = match &crops[..] {
            [crop]
                if shows_crops && question.classes == Classes::Top5 && question.asked.is_none() =>
            {
                match ask_for_top(worker, crop, question.truth)? {
                    Some((response, classes)) => {
                        (vec![response.scores.clone()], classes, vec![vec![response]])
                    }
                    None => ask(worker, &crops, question, shows_crops)?,
                }
            }
            _ => ask(worker, &crops, question, shows_crops)?,
        };
        let probabilities = probabilities(&scores);
        let foreground = worker.head().map(|head| {
            let logits = responses.iter().map(|of_crop| mean_logits(head, of_crop));
            mean_over_crops(&view, logits.collect())
        });
        Ok(Self {
            foreground,
            view,
            ranking: ranking(&probabilities),
            probabilities,
            classes,
            responses,
        })
    }

    /// The activations of the head's layers for each crop, [channels, height, width] each; of the
    /// first picture, where several are shown of a crop.
    pub fn activations(&self) -> impl Iterator<Item = &[Array3<f32>]> {
        self.responses.iter().map(|of_crop| &of_crop[0].head[..])
    }

    /// What a pipeline's head adds to the cut.
    #[must_use]
    pub fn evidence(&self, pipeline: &Pipeline) -> Option<Array2<f32>> {
        let options = pipeline.head.as_ref()?;
        Some(options.evidence(self.foreground.as_ref()?))
    }

    /// The saliency map of the `i`-th class. `options` are those of [`Question::saliency`], or
    /// differ from them only in how the map is made from the same tensors.
    ///
    /// # Errors
    /// [`PhotoError`] when the map holds a value that is not finite: gradients near the largest
    /// number overflow on the way to it.
    pub fn saliency(&self, i: usize, options: &SaliencyOptions) -> Result<Saliency, PhotoError> {
        let first = self.responses.first().and_then(|of_crop| of_crop.first());
        let tensors = first.map_or(0, |response| response.values.len());
        let mut evidence: Evidence<'_> = Vec::new();
        for of_crop in &self.responses {
            let of_tensor = |t: usize| -> Vec<_> {
                of_crop
                    .iter()
                    .map(|response| layer_tensor(response, i, t))
                    .collect()
            };
            evidence.push(if options.method.tensors == RequiredTensors::Attention {
                // One tensor, with the blocks in place of pictures.
                vec![(0..tensors).flat_map(of_tensor).collect()]
            } else {
                (0..tensors).map(of_tensor).collect()
            });
        }
        let saliency = combine(&self.view, &evidence, options);
        if saliency.map.iter().all(|value| value.is_finite()) {
            Ok(saliency)
        } else {
            Err(PhotoError::network(
                "the saliency map has values that are not finite",
            ))
        }
    }
}

/// The mean of a head's logits over the pictures of a crop.
fn mean_logits(head: &Head, of_crop: &[Response]) -> Array2<f32> {
    let logits = of_crop.iter().map(|response| head.logits(&response.head));
    let sum = logits.reduce(|sum, logits| sum + logits);
    sum.expect("a crop is shown at least once") / of_crop.len() as f32
}

/// Scores of the crops, the classes that gradients were asked for, and the answers.
type Answer = (Vec<Vec<f32>>, Vec<usize>, Vec<Vec<Response>>);

/// Scores and gradients of the most probable classes of one crop, from one forward pass: the graph
/// finds the classes itself. `None` where rounding makes probabilities equal whose scores differ,
/// so that the graph's choice is not the ranking's.
fn ask_for_top(
    worker: &mut Worker<'_>,
    crop: &Array3<f32>,
    truth: Option<usize>,
) -> Result<Option<(Response, Vec<usize>)>, ClassifierError> {
    let also: Vec<usize> = truth.into_iter().collect();
    let (found, response) = worker.gradients_of_top(crop.view(), TOP, &also)?;
    let ranking = ranking(&probabilities(std::slice::from_ref(&response.scores)));
    Ok((found == top_and_truth(&ranking, truth)).then_some((response, found)))
}

/// Scores and gradients of several crops. The most probable classes are known only after all crops,
/// so they cost a forward pass of their own.
fn ask(
    worker: &mut Worker<'_>,
    crops: &[Array3<f32>],
    question: &Question<'_>,
    shows_crops: bool,
) -> Result<Answer, ClassifierError> {
    let mut scores = Vec::new();
    if question.asked.is_none() && (question.classes == Classes::Top5 || !shows_crops) {
        for crop in crops {
            scores.push(worker.forward(crop.view())?);
        }
    }
    let classes = match (question.asked, question.classes) {
        (Some(asked), _) => asked.to_vec(),
        (None, Classes::Gt) => question.truth.into_iter().collect(),
        (None, Classes::Top5) => top_and_truth(&ranking(&probabilities(&scores)), question.truth),
    };
    let mut responses = Vec::new();
    if let Some(options) = question.saliency {
        let mean = worker.mean_colour();
        for (i, crop) in crops.iter().enumerate() {
            let noise = seed_of(&format!("{}/{}/noise/{i}", question.rng_seed, question.id));
            let mut of_crop = Vec::new();
            for picture in network_inputs(crop.view(), mean, options, noise) {
                let mut response = worker.gradients(picture.view(), &classes)?;
                if let Effect::Hidden(hiding) = &options.method.effect {
                    let seed = (options.samples, noise);
                    hiding::measure(
                        worker,
                        hiding,
                        picture.view(),
                        &classes,
                        seed,
                        &mut response,
                    )?;
                }
                of_crop.push(response);
            }
            responses.push(of_crop);
        }
    }
    if scores.is_empty() {
        scores = responses
            .iter()
            .map(|of_crop| of_crop[0].scores.clone())
            .collect();
    }
    Ok((scores, classes, responses))
}

/// How many of the most probable classes [`Classes::Top5`] asks for.
const TOP: usize = 5;

/// The most probable classes, and the true one after them where it is not among them.
pub(super) fn top_and_truth(ranking: &[usize], truth: Option<usize>) -> Vec<usize> {
    let mut classes: Vec<usize> = ranking.iter().copied().take(TOP).collect();
    classes.extend(truth.filter(|truth| !classes.contains(truth)));
    classes
}

fn layer_tensor(response: &Response, class: usize, tensor: usize) -> LayerTensor<'_> {
    LayerTensor {
        values: response.values[tensor].view(),
        gradient: response.gradients[class][tensor].view(),
    }
}
