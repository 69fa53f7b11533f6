//! One photo, from its file to its rows: the whole method on one screen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use sha2::{Digest, Sha256};

use super::clock::{Clock, StageTimes};
use super::{Classes, Failure, Record, Row, RunOptions, Status};
use crate::classifier::{Classifier, Worker, probabilities, ranking};
use crate::config::{Method, Pipeline};
use crate::dataset::{self, Photo};
use crate::saliency::{Saliency, View, combine};
use crate::score::Outcome;
use crate::segment::{self, Located, Stages};

/// Why a photo has no box. The kind is one word for machines.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PhotoError {
    /// `image`, `network` or `panic`.
    pub kind: &'static str,
    /// What went wrong.
    pub reason: String,
}

impl PhotoError {
    fn of(kind: &'static str) -> impl Fn(String) -> Self {
        move |reason| Self { kind, reason }
    }
}

/// What was seen in a photo.
#[derive(Debug)]
pub struct Seen {
    /// The class probabilities, averaged over crops.
    pub probabilities: Vec<f32>,
    /// The classes by falling probability.
    pub ranking: Vec<usize>,
    /// The photo as it was shown.
    pub view: View,
    /// Each class that was asked for, with its box, its saliency where there is one, and the stages of the cut.
    pub found: Vec<(usize, Located, Option<Saliency>, Stages)>,
}

/// Takes a photo through a pipeline for the class `truth`, and for `Classes::Top5` the five most probable too.
///
/// # Errors
/// [`PhotoError`] when the network fails on it.
pub fn see(
    picture: &RgbImage,
    id: &str,
    truth: Option<usize>,
    worker: &mut Worker<'_>,
    classifier: &Classifier,
    options: &RunOptions,
    clock: &mut dyn FnMut(&'static str),
) -> Result<Seen, PhotoError> {
    let Pipeline { view, .. } = &options.pipeline;
    let description = &classifier.description;
    let size = picture.dimensions().into();
    let view = View::of(picture, view, description.size, description.canvas)
        .map_err(PhotoError::of("image"))?;
    let crops: Vec<_> = view
        .crops
        .iter()
        .map(|crop| crop.cut(&view.frame))
        .collect();
    clock("view");

    // The five most probable classes are known after a forward pass over all crops; the true one is known before.
    let network = |e: crate::classifier::Error| PhotoError {
        kind: "network",
        reason: e.to_string(),
    };
    let method = options.pipeline.method();
    let constant = matches!(method, Method::ConstantBox(_));
    let mut scores = Vec::new();
    let mut classes: Vec<usize> = truth.into_iter().collect();
    if options.classes == Classes::Top5 || constant {
        scores = crops
            .iter()
            .map(|crop| worker.forward(crop))
            .collect::<Result<_, _>>()
            .map_err(network)?;
    }
    if options.classes == Classes::Top5 {
        let best = ranking(&probabilities(&scores));
        classes = best.into_iter().take(5).collect();
        classes.extend(truth.filter(|truth| !classes.contains(truth)));
    }
    let mut gradients = vec![Vec::new(); classes.len()];
    if !constant {
        let forward = std::mem::take(&mut scores);
        for crop in &crops {
            let (row, maps) = worker.gradients(crop, &classes).map_err(network)?;
            scores.push(row);
            gradients
                .iter_mut()
                .zip(maps)
                .for_each(|(of_class, map)| of_class.push(map));
        }
        // The ranking that chose the classes is the one that is reported.
        if !forward.is_empty() {
            scores = forward;
        }
    }
    clock("network");

    let mut found = Vec::new();
    for (&class, gradients) in classes.iter().zip(&gradients) {
        found.push(match method {
            Method::ConstantBox(constant) => {
                (class, constant.located(size), None, Stages::default())
            }
            Method::Threshold(saliency, threshold) => {
                let saliency = combine(&view, gradients, saliency);
                clock("saliency");
                let located = segment::threshold(&saliency, size, threshold);
                clock("threshold");
                (class, located, Some(saliency), Stages::default())
            }
            Method::Cut(saliency, seeds, colours, cut) => {
                let saliency = combine(&view, gradients, saliency);
                clock("saliency");
                let seed = seed(options.seed, id, class);
                let (located, stages) = segment::cut(
                    &view.frame,
                    size,
                    &saliency,
                    (seeds, colours, cut),
                    seed,
                    clock,
                );
                (class, located, Some(saliency), stages)
            }
        });
    }
    let probabilities = probabilities(&scores);
    Ok(Seen {
        ranking: ranking(&probabilities),
        probabilities,
        view,
        found,
    })
}

/// The seed of every random choice for a photo and a class.
fn seed(run: u64, id: &str, class: usize) -> u64 {
    let hash = Sha256::digest(format!("{run}/{id}/{class}"));
    u64::from_le_bytes(std::array::from_fn(|i| hash[i]))
}

/// The record of a photo. A photo that fails, even by a panic, is a row and not an end.
pub(super) fn process(
    photo: &Photo,
    worker: &mut Worker<'_>,
    classifier: &Classifier,
    options: &RunOptions,
) -> Record {
    let mut clock = Clock::start();
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let picture = dataset::read(&photo.path).map_err(PhotoError::of("image"))?;
        check_size(photo, &picture).map_err(PhotoError::of("image"))?;
        clock.end("decode");
        see(
            &picture,
            &photo.id,
            photo.class,
            worker,
            classifier,
            options,
            &mut |stage| clock.end(stage),
        )
    }));
    let result = attempt.unwrap_or_else(|_| {
        let reason = "internal error; please report it with the photo".into();
        Err(PhotoError {
            kind: "panic",
            reason,
        })
    });
    match result {
        Ok(seen) => record(photo, &seen, clock.times),
        Err(error) => failed(photo, &error, clock.times),
    }
}

/// Boxes in the pixels of another size would be scored wrongly without a word.
fn check_size(photo: &Photo, picture: &RgbImage) -> Result<(), String> {
    let (found, [width, height]) = (picture.dimensions(), photo.size);
    if found == (width, height) {
        return Ok(());
    }
    Err(format!(
        "the photo is {} x {}, its annotation says {width} x {height}",
        found.0, found.1
    ))
}

fn record(photo: &Photo, seen: &Seen, times: StageTimes) -> Record {
    let mut outcome = None;
    let rows = seen.found.iter().map(|(class, located, _, _)| {
        let is_true = photo.class == Some(*class);
        let rank = seen.ranking.iter().position(|c| c == class);
        let iou = is_true.then(|| {
            photo
                .boxes
                .iter()
                .map(|b| located.bbox.iou(b))
                .fold(0.0, f64::max)
        });
        if is_true {
            outcome = Some(Outcome {
                weight: photo.weight,
                blacklisted: photo.blacklisted,
                rank,
                iou,
            });
        }
        let row = Row {
            rank: rank.map(|r| r + 1),
            probability: Some(format!("{:.6}", seen.probabilities[*class])),
            true_class: Some(is_true),
            iou: iou.map(|iou| format!("{iou:.6}")),
            flag: located.flag.map(segment::Flag::name),
            status: Status::Ok,
            message: None,
            ..Row::failed(&photo.id, Some(*class), "")
        };
        row.with_box(located.bbox)
    });
    Record {
        rows: rows.collect(),
        failure: None,
        outcome,
        times,
    }
}

fn failed(photo: &Photo, error: &PhotoError, times: StageTimes) -> Record {
    let failure = Failure {
        id: photo.id.clone(),
        path: photo.path.display().to_string(),
        kind: error.kind.into(),
        reason: error.reason.clone(),
    };
    let outcome = Outcome {
        weight: photo.weight,
        blacklisted: photo.blacklisted,
        rank: None,
        iou: None,
    };
    Record {
        rows: vec![Row::failed(&photo.id, photo.class, &error.reason)],
        failure: Some(failure),
        outcome: photo.class.map(|_| outcome),
        times,
    }
}
