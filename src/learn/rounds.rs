//! The two rounds in which a head is learned.

use anyhow::{Context, Result};
use image::RgbImage;
use ndarray::{Array1, Array2, Axis, concatenate};
use rayon::prelude::*;

use super::cuts::{labels, mask};
use super::features::{features, head_of, layers};
use super::fit::{Samples, fit};
use super::options::LearnOptions;
use super::photo::{LearnPhoto, LearnPhotoError};
use super::separation::Separation;
use super::work;
use crate::classifier::{self, Classifier, ProbeOptions};
use crate::digest;
use crate::head::{Head, HeadLayer, HeadOptions, LearnedOn, short_hash};
use crate::localiser::gradients;
use crate::pipeline::BoxRule;
use crate::remedy::{Refused, Remedy};
use crate::run::{Control, ShardCount, Stopped};
use crate::saliency::mean_over_crops;
use crate::segment::Energy;

/// How the heads of the first round are used in the second. A threshold below their mean logit
/// keeps what they are sure of.
const SECOND_ROUND: HeadOptions = HeadOptions {
    file: None,
    weight: 0.75,
    shift: -0.75,
};

/// The fewest photos that a head is learned from.
const MIN_PHOTOS: usize = 20;

/// A head, and how it was learned.
#[derive(Debug)]
pub struct Learned {
    /// The head.
    pub head: Head,
    /// For each round, how well the head of one half of the photos separates the labels of the
    /// other half.
    pub rounds: [Separation; 2],
    /// The photos, with their masks in both rounds.
    pub photos: Vec<LearnedPhoto>,
    /// The photos that were left out, and why.
    pub failed: Vec<(String, String)>,
}

/// A photo that a head was learned from.
#[derive(Debug)]
pub struct LearnedPhoto {
    /// Its name.
    pub id: String,
    /// The photo, in the size of the frame.
    pub frame: RgbImage,
    /// The mask that the pipeline cuts out, [height, width] of the frame.
    pub before: Array2<bool>,
    /// The mask that it cuts out with the head of the other half.
    pub after: Array2<bool>,
    /// The logits of the other half's head of the second round.
    pub logits: Array2<f32>,
}

/// Learns a head.
///
/// # Errors
/// If the pipeline has no cut, or has a head already; if too few photos can be used; if the model
/// cannot be loaded; and when the call [`Stopped`], which the same call resumes.
pub fn learn(options: &LearnOptions, control: &Control<'_>) -> Result<Learned> {
    ensure_cuts(options)?;
    let probe = ProbeOptions {
        head: Some(Head::untrained(options.tensors.clone()).into()),
        ..gradients(&options.pipeline, &options.description)
    };
    let model_sha256 = classifier::sha256(options.description.file()?)?;
    let classifier = Classifier::load(options.description.clone(), probe)?;
    let learned_on = learned_on(options, &model_sha256);
    work::begin(&options.work, &learned_on, &options.tensors)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .context("worker threads")?;
    let (photos, failed) = pool.install(|| observe_all(options, &classifier, control))?;
    if photos.len() < MIN_PHOTOS {
        let (count, name) = (photos.len(), &options.dataset.name);
        let message =
            format!("{name}: {count} photos can be learned from, {MIN_PHOTOS} are needed");
        return Err(Refused::from(message).into());
    }
    let learned = pool.install(|| Rounds::new(options, photos).learn(learned_on, failed));
    work::end(&options.work)?;
    Ok(learned)
}

fn ensure_cuts(options: &LearnOptions) -> Result<(), Refused> {
    let name = &options.pipeline_name;
    let advice = "choose a pipeline with a table [cut], and take its [head] away";
    if options.pipeline.head.is_some() {
        let message = format!("the pipeline {name} has a head already: it cannot teach one");
        return Err(Refused::with_advice(message, advice));
    }
    match options.pipeline.box_rule() {
        _ if !options.pipeline.members.is_empty() => {
            let message = format!("the pipeline {name} asks several models: a head belongs to one");
            Err(Refused::with_advice(
                message,
                "choose a pipeline without [[member]]",
            ))
        }
        BoxRule::Cut(..) => Ok(()),
        _ => {
            let message =
                format!("the pipeline {name} cuts nothing out that could be learned from");
            Err(Refused::new(message, Remedy::Advice(advice.into())))
        }
    }
}

fn learned_on(options: &LearnOptions, model_sha256: &str) -> LearnedOn {
    let photos = &options.dataset.photos;
    LearnedOn {
        program: format!("localise {}", env!("CARGO_PKG_VERSION")),
        model: options.description.name.clone(),
        model_sha256: model_sha256.to_owned(),
        pipeline: options.pipeline_name.clone(),
        pipeline_sha256: digest::sha256(options.pipeline.to_text()),
        dataset: options.dataset.name.clone(),
        photos: photos.iter().map(|photo| short_hash(&photo.id)).collect(),
    }
}

/// Photos, and those that were left out with the reason.
type Observed = (Vec<LearnPhoto>, Vec<(String, String)>);

/// Every photo, in the order of the dataset.
fn observe_all(
    options: &LearnOptions,
    classifier: &Classifier,
    control: &Control<'_>,
) -> Result<Observed> {
    let all = &options.dataset.photos;
    let progress = control.progress.begin("photos", all.len(), 0);
    let results: Vec<_> = all
        .par_iter()
        .map_init(
            || classifier.worker(),
            |worker, photo| {
                let stopped = control.interrupt.requested();
                let result = (!stopped).then(|| LearnPhoto::new(worker, photo, options));
                progress.advance(matches!(result, Some(Err(_))));
                result
            },
        )
        .collect();
    let (mut photos, mut failed) = (Vec::new(), Vec::new());
    let done = results.iter().flatten().count();
    for (photo, result) in all.iter().zip(results) {
        match result {
            Some(Ok(found)) => photos.push(found),
            Some(Err(LearnPhotoError::Photo(error))) => {
                tracing::warn!("{}: left out: {}", photo.id, error.reason);
                failed.push((photo.id.clone(), error.reason));
            }
            Some(Err(LearnPhotoError::Output(error))) => return Err(error.into()),
            None => {
                return Err(Stopped::Signal {
                    folder: options.work.clone(),
                    signal: control.interrupt.cause(),
                    done: ShardCount {
                        done,
                        total: all.len(),
                    },
                }
                .into());
            }
        }
    }
    Ok((photos, failed))
}

/// The photos, and what is the same in both rounds.
struct Rounds<'a> {
    options: &'a LearnOptions,
    photos: Vec<LearnPhoto>,
    /// For each photo, the features of its positions.
    features: Vec<Array2<f32>>,
    /// For each photo, its half: 0 or 1.
    halves: Vec<usize>,
    /// The layers of all heads, without weights.
    layers: Vec<HeadLayer>,
}

impl<'a> Rounds<'a> {
    fn new(options: &'a LearnOptions, photos: Vec<LearnPhoto>) -> Self {
        let layers = layers(&photos, &options.tensors);
        Self {
            features: photos
                .par_iter()
                .map(|photo| features(photo, &layers))
                .collect(),
            // By the name, so that the halves do not depend on what else is in the dataset.
            halves: photos
                .iter()
                .map(|photo| usize::from(short_hash(&photo.id).as_bytes()[0] % 2))
                .collect(),
            layers,
            photos,
            options,
        }
    }

    fn learn(self, learned_on: LearnedOn, failed: Vec<(String, String)>) -> Learned {
        let before = self.cut_all(None);
        let first = self.heads_of_halves(&before);
        let after = self.cut_all(Some(&first));
        let second = self.heads_of_halves(&after);
        let rounds = [
            self.separation(&first, &before),
            self.separation(&second, &after),
        ];
        let head = Head {
            learned_on,
            ..self.fit(&after, |_| true)
        };
        let mut photos = Vec::new();
        for (i, (first_mask, second_mask)) in before.into_iter().zip(after).enumerate() {
            photos.push(LearnedPhoto {
                id: self.photos[i].id.clone(),
                frame: self.photos[i].view.frame.clone(),
                before: first_mask,
                after: second_mask,
                logits: self.logits(&second, i),
            });
        }
        Learned {
            head,
            rounds,
            photos,
            failed,
        }
    }

    /// The mask of each photo, with the head of the other half where there are heads.
    fn cut_all(&self, heads: Option<&[Head; 2]>) -> Vec<Array2<bool>> {
        let new_energy = || self.options.pipeline.box_rule().energy().expect("a cut");
        let cut = |energy: &mut Energy, i: usize| {
            let evidence = heads.map(|heads| SECOND_ROUND.evidence(&self.logits(heads, i)));
            mask(
                &self.photos[i],
                energy,
                &self.options.pipeline,
                evidence.as_ref(),
            )
        };
        let photos = (0..self.photos.len()).into_par_iter();
        photos.map_init(new_energy, cut).collect()
    }

    /// The logits of the other half's head, over the frame of a photo.
    fn logits(&self, heads: &[Head; 2], i: usize) -> Array2<f32> {
        let (photo, head) = (&self.photos[i], &heads[1 - self.halves[i]]);
        let of_crops = photo.activations.iter().map(|layers| head.logits(layers));
        mean_over_crops(&photo.view, of_crops.collect())
    }

    fn heads_of_halves(&self, masks: &[Array2<bool>]) -> [Head; 2] {
        [0, 1].map(|half| self.fit(masks, |i| self.halves[i] == half))
    }

    /// The head of some of the photos.
    fn fit(&self, masks: &[Array2<bool>], is_used: impl Fn(usize) -> bool) -> Head {
        let used: Vec<usize> = (0..self.photos.len()).filter(|&i| is_used(i)).collect();
        let features: Vec<_> = used.iter().map(|&i| self.features[i].view()).collect();
        let labels = used
            .iter()
            .flat_map(|&i| labels(&masks[i], &self.photos[i]));
        let samples = Samples {
            features: concatenate(Axis(0), &features).expect("all have the same features"),
            labels: Array1::from_iter(labels),
        };
        let options = self.options.fit(samples.features.ncols());
        let (weights, bias) = fit(&samples, options);
        head_of(&self.layers, &weights.to_vec(), bias)
    }

    /// How the heads separate the labels of the other half.
    fn separation(&self, heads: &[Head; 2], masks: &[Array2<bool>]) -> Separation {
        let positions = self.photos.iter().enumerate().flat_map(|(i, photo)| {
            let head = &heads[1 - self.halves[i]];
            let logits = photo
                .activations
                .iter()
                .flat_map(|layers| head.logits(layers));
            logits.zip(labels(&masks[i], photo)).collect::<Vec<_>>()
        });
        Separation::new(positions.collect())
    }
}
