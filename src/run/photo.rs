//! One photo, from its file to its rows: the whole method on one screen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use ndarray::Array2;

use super::clock::{Clock, StageTimes};
use super::journal::Entry;
use super::observation::Observation;
use super::{Carrying, Classes, Failure, Row, Status};
use crate::classifier::{Classifier, Description, Worker};
use crate::config::{BoxRule, Pipeline};
use crate::dataset::{self, Jpeg, Photo, ReadError};
use crate::random::seed_of_class;
use crate::saliency::{Saliency, View};
use crate::score::MAP_SIZE;
use crate::segment::{self, Energy, Located, Stages, Tick};

/// Why a photo has no box. The kind is one word for machines.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PhotoError {
    /// `file`, `image`, `jpeg` (damaged, and refused strictly), `network` or `panic`.
    pub kind: &'static str,
    /// What went wrong.
    pub reason: String,
}

impl PhotoError {
    fn of(kind: &'static str) -> impl Fn(String) -> Self {
        move |reason| Self { kind, reason }
    }
}

/// What was found in a photo.
#[derive(Debug)]
pub struct Seen {
    /// The class probabilities, averaged over crops: one a class, with sum 1.
    pub probabilities: Vec<f32>,
    /// The classes by falling probability.
    pub ranking: Vec<usize>,
    /// The photo as it was shown.
    pub view: View,
    /// The classes that were asked for, the most probable first, and the true one last where it is
    /// not among them.
    pub found: Vec<Found>,
}

/// Where a class was found.
#[derive(Debug)]
pub struct Found {
    /// The class.
    pub class: usize,
    /// Its box, in pixels of the photo.
    pub located: Located,
    /// Its saliency, where the pipeline has one.
    pub saliency: Option<Saliency>,
    /// The stages of the cut, where the pipeline has one.
    pub stages: Stages,
}

/// A pipeline with a classifier, ready to take photos on one thread.
///
/// ```no_run
/// use localise::classifier::{Classifier, describe};
/// use localise::config::Pipeline;
/// use localise::dataset::{Jpeg, read};
/// use localise::run::{Classes, Localiser, probe};
///
/// let (pipeline, description) = (Pipeline::load("paper2013".as_ref(), &[])?, describe("squeezenet1.1".as_ref())?);
/// let probe = probe(&pipeline, &description);
/// let classifier = Classifier::load(description, probe)?;
/// let mut localiser = Localiser::new(&classifier, &pipeline, Classes::Gt, 0);
/// let photo = read("data/sample/images/coffee.jpg".as_ref(), Jpeg::Strict)?;
/// let seen = localiser.locate(&photo, "coffee", Some(967), &mut |_| {})?;
/// println!("espresso: {:?}", seen.found[0].located.bbox);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Localiser<'a> {
    worker: Worker<'a>,
    pipeline: &'a Pipeline,
    classes: Classes,
    seed: u64,
    /// Where the pipeline has a cut.
    energy: Option<Energy>,
}

impl<'a> Localiser<'a> {
    /// A localiser of its own for one thread. `seed` is mixed into the seed of every random choice.
    #[must_use]
    pub fn new(
        classifier: &'a Classifier,
        pipeline: &'a Pipeline,
        classes: Classes,
        seed: u64,
    ) -> Self {
        Self {
            worker: classifier.worker(),
            pipeline,
            classes,
            seed,
            energy: pipeline.box_rule().energy(),
        }
    }

    /// The energy of the cut that was made last, where the pipeline has one.
    #[must_use]
    pub fn energy(&self) -> Option<&Energy> {
        self.energy.as_ref()
    }

    /// Finds the class `truth` in a photo, and for [`Classes::Top5`] the five most probable classes
    /// before it. `id` is what the photo is called: every random choice is seeded with it. `tick`
    /// is told when a stage ends.
    ///
    /// # Errors
    /// [`PhotoError`] when the network fails on the photo.
    pub fn locate(
        &mut self,
        picture: &RgbImage,
        id: &str,
        truth: Option<usize>,
        tick: Tick<'_>,
    ) -> Result<Seen, PhotoError> {
        let Description { size, canvas, .. } = *self.worker.description();
        let view = View::of(picture, &self.pipeline.view, size, canvas)
            .map_err(PhotoError::of("image"))?;
        tick("view");
        let (saliency, wanted) = (self.pipeline.saliency.as_ref(), (truth, self.classes));
        let observation =
            Observation::make(&mut self.worker, view, saliency, wanted, (self.seed, id)).map_err(
                |e| PhotoError {
                    kind: "network",
                    reason: format!("{:#}", anyhow::Error::from(e)),
                },
            )?;
        tick("network");
        let photo = picture.dimensions().into();
        if let Some(energy) = &mut self.energy {
            energy.set_photo(&observation.view.frame);
            tick("energy");
        }
        let mut found = Vec::new();
        for (i, &class) in observation.classes.iter().enumerate() {
            let saliency = saliency
                .map(|options| observation.saliency(i, options))
                .transpose()?;
            tick("saliency");
            let seed = seed_of_class(self.seed, id, class);
            let energy = self.energy.as_mut();
            let (located, stages) = find(
                self.pipeline,
                energy,
                &observation.view.frame,
                photo,
                saliency.as_ref(),
                seed,
                tick,
            );
            found.push(Found {
                class,
                located,
                saliency,
                stages,
            });
        }
        let Observation {
            view,
            probabilities,
            ranking,
            ..
        } = observation;
        Ok(Seen {
            probabilities,
            ranking,
            view,
            found,
        })
    }
}

/// One class from its saliency to its box in a photo of size (width, height), of which `energy` has
/// taken `frame`.
pub(crate) fn find(
    pipeline: &Pipeline,
    energy: Option<&mut Energy>,
    frame: &RgbImage,
    photo: [u32; 2],
    saliency: Option<&Saliency>,
    seed: u64,
    tick: Tick<'_>,
) -> (Located, Stages) {
    match (pipeline.box_rule(), saliency, energy) {
        (BoxRule::Cut(_, learnt), Some(saliency), Some(energy)) => {
            segment::cut(energy, frame, photo, saliency, learnt, seed, tick)
        }
        (BoxRule::Threshold(threshold), Some(saliency), _) => {
            let found = segment::threshold(saliency, photo, threshold);
            tick("threshold");
            found
        }
        (BoxRule::ConstantBox(constant), ..) => (constant.located(photo), Stages::default()),
        _ => unreachable!("what a pipeline wants is made before"),
    }
}

/// What one photo gave.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) entry: Entry,
    /// The map of the true class over the whole photo, in 0..=1, where it is to be written.
    pub(super) map: Option<Array2<f32>>,
    /// The mask of the true class, in the pixels of the photo, where it is to be written.
    pub(super) mask: Option<Array2<bool>>,
}

impl Record {
    /// Whether the photo ended in a panic.
    pub(super) fn panicked(&self) -> bool {
        self.entry
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind == "panic")
    }
}

/// The record of the photo at `place` of its dataset, whose pixels `read` gives. A photo that
/// fails, even by a panic, is a row and not an end; only where the file system fails is there no
/// record, but its error.
pub(super) fn process(
    place: usize,
    photo: &Photo,
    localiser: &mut Localiser<'_>,
    carrying: &Carrying,
    read: impl FnOnce() -> Result<RgbImage, ReadError>,
) -> Result<Record, ReadError> {
    let mut clock = Clock::start();
    let attempt = survive(|| {
        let picture = match read() {
            Err(outage @ ReadError::Outage(_)) => return Ok(Err(outage)),
            read => read.map_err(|e| PhotoError {
                kind: e.kind(),
                reason: e.to_string(),
            })?,
        };
        fits(photo, &picture).map_err(PhotoError::of("image"))?;
        clock.end("decode");
        let seen = localiser.locate(&picture, &photo.id, photo.class, &mut |stage| {
            clock.end(stage)
        })?;
        Ok(Ok((seen, picture.dimensions().into())))
    })
    .flatten();
    let cpu_ms = clock.times;
    Ok(match attempt {
        Ok(Ok((seen, size))) => record(place, photo, &seen, size, carrying, cpu_ms),
        Ok(Err(outage)) => return Err(outage),
        Err(error) => failed(place, photo, &error, cpu_ms),
    })
}

/// Turns a panic into an error.
pub(crate) fn survive<T>(work: impl FnOnce() -> T) -> Result<T, PhotoError> {
    let reason = "internal error; please report it with the photo";
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| PhotoError {
        kind: "panic",
        reason: reason.into(),
    })
}

/// A photo's pixels, as [`fits`] wants them.
pub(crate) fn read(photo: &Photo, jpeg: Jpeg) -> Result<RgbImage, String> {
    let picture = dataset::read(&photo.path, jpeg).map_err(|e| e.to_string())?;
    fits(photo, &picture).map(|()| picture)
}

/// Boxes in pixels of another size would be scored wrongly without a word, so the size must be the
/// annotation's.
fn fits(photo: &Photo, picture: &RgbImage) -> Result<(), String> {
    let (w, h) = picture.dimensions();
    match photo.size {
        Some([width, height]) if (w, h) != (width, height) => Err(format!(
            "the photo is {w} x {h}, its annotation says {width} x {height}"
        )),
        _ => Ok(()),
    }
}

fn record(
    place: usize,
    photo: &Photo,
    seen: &Seen,
    size: [u32; 2],
    carrying: &Carrying,
    cpu_ms: StageTimes,
) -> Record {
    let rank = |class: usize| seen.ranking.iter().position(|&c| c == class);
    let rows = seen.found.iter().map(|Found { class, located, .. }| {
        let is_true = photo.class == Some(*class);
        let iou = is_true.then(|| {
            photo
                .boxes
                .iter()
                .map(|b| located.bbox.iou(b))
                .fold(0.0, f64::max)
        });
        let row = Row {
            rank: rank(*class).map(|r| r + 1),
            probability: Some(format!("{:.6}", seen.probabilities[*class])),
            true_class: photo.class.map(|truth| truth == *class),
            iou: iou.map(|iou| format!("{iou:.6}")),
            flag: located.flag,
            status: Status::Ok,
            message: None,
            ..Row::failed(&photo.id, Some(*class), "")
        };
        row.with_box(located.bbox)
    });
    let truth = seen
        .found
        .iter()
        .find(|found| photo.class == Some(found.class));
    Record {
        entry: Entry {
            place,
            rows: rows.collect(),
            failure: None,
            cpu_ms,
        },
        map: truth
            .filter(|_| carrying.maps)
            .and_then(|found| Some(found.saliency.as_ref()?.score_map(MAP_SIZE))),
        mask: truth
            .filter(|_| carrying.masks)
            .map(|found| mask(found, size)),
    }
}

/// The pixels of an object in a photo of `size` (width, height): those of the component that its
/// box bounds, or of the box where the pipeline makes no masks.
fn mask(found: &Found, size: [u32; 2]) -> Array2<bool> {
    let [width, height] = size.map(|n| n as usize);
    Array2::from_shape_fn((height, width), |(y, x)| match &found.stages.component {
        // The pixel of the frame in which the centre of the photo's pixel lies.
        Some(component) => {
            component[[
                (2 * y + 1) * component.nrows() / (2 * height),
                (2 * x + 1) * component.ncols() / (2 * width),
            ]]
        }
        None => found.located.bbox.holds(x as f64 + 0.5, y as f64 + 0.5),
    })
}

fn failed(place: usize, photo: &Photo, error: &PhotoError, cpu_ms: StageTimes) -> Record {
    // A row is a line.
    let reason = error.reason.replace('\n', "; ");
    let rows = vec![Row::failed(&photo.id, photo.class, &reason)];
    let (id, path, kind) = (
        photo.id.clone(),
        photo.path.display().to_string(),
        error.kind.into(),
    );
    let failure = Failure {
        id,
        path,
        kind,
        reason,
    };
    Record {
        entry: Entry {
            place,
            rows,
            failure: Some(failure),
            cpu_ms,
        },
        map: None,
        mask: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failed_photo() {
        let numbers = [1, 2, 3];
        let beyond = numbers.len();
        let error = survive(|| numbers[beyond]).expect_err("a panic");
        assert_eq!(
            (error.kind, survive(|| numbers[0]).ok()),
            ("panic", Some(1))
        );
    }
}
