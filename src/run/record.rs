//! What a run keeps of one photo: its rows, or why it failed, and the pictures to be written.

use image::RgbImage;
use ndarray::Array2;

use super::control::ExecutionOptions;
use super::journal_line::JournalEntry;
use crate::dataset::{Photo, PhotoReadError};
use crate::geometry::Size;
use crate::localiser::{
    ClassResult, FailureKind, Localiser, PhotoError, PhotoResult, catch_panic,
    ensure_annotated_size,
};
use crate::path_text;
use crate::results::{Failure, Row, RowStatus};
use crate::score::MAP_SIZE;
use crate::stage::{Stage, StageClock};

/// What a run keeps of one photo.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) entry: JournalEntry,
    /// The saliency map of the true class over the whole photo, in 0..=1, if it is to be written.
    pub(super) map: Option<Array2<f32>>,
    /// The mask of the true class, in the pixels of the photo, if it is to be written.
    pub(super) mask: Option<Array2<bool>>,
}

impl Record {
    /// Whether the photo ended in a panic.
    pub(super) fn panicked(&self) -> bool {
        let failure = self.entry.failure.as_ref();
        failure.is_some_and(|failure| failure.kind == FailureKind::Panic)
    }
}

/// Takes the photo at `place` of its dataset through the pipeline; `read` reads its pixels. A photo
/// that fails, even by a panic, is a row of the results and does not end the run.
///
/// # Errors
/// [`PhotoReadError::Outage`] when the file system fails: then there is no record.
pub(super) fn process_photo(
    place: usize,
    photo: &Photo,
    localiser: &mut Localiser<'_>,
    execution: &ExecutionOptions,
    read: impl FnOnce() -> Result<RgbImage, PhotoReadError>,
) -> Result<Record, PhotoReadError> {
    let mut clock = StageClock::start();
    let attempt = catch_panic(|| match read() {
        Err(outage @ PhotoReadError::Outage(_)) => Err(outage),
        Err(error) => Ok(Err(error.into())),
        Ok(picture) => Ok(locate(photo, &picture, localiser, &mut clock)),
    });
    let located = match attempt {
        Ok(Err(outage)) => return Err(outage),
        Ok(Ok(located)) => located,
        Err(panic) => Err(panic),
    };
    let mut record = match located {
        Ok((result, size)) => success(place, photo, &result, size, execution),
        Err(error) => failure(place, photo, &error),
    };
    record.entry.cpu_ms = clock.into_times();
    Ok(record)
}

fn locate(
    photo: &Photo,
    picture: &RgbImage,
    localiser: &mut Localiser<'_>,
    clock: &mut StageClock,
) -> Result<(PhotoResult, Size), PhotoError> {
    ensure_annotated_size(photo, picture)?;
    clock.end(Stage::Decode);
    let result = localiser.locate(picture, &photo.id, photo.class, &mut |stage| {
        clock.end(stage);
    })?;
    Ok((result, Size::from_picture(picture)))
}

fn success(
    place: usize,
    photo: &Photo,
    result: &PhotoResult,
    size: Size,
    execution: &ExecutionOptions,
) -> Record {
    let row = |found: &ClassResult| {
        let is_true = photo.class == Some(found.class);
        let ious = photo
            .boxes
            .iter()
            .map(|bbox| found.localisation.bbox.iou(bbox));
        let best_iou = ious.reduce(f64::max).filter(|_| is_true);
        let row = Row {
            rank: result.rank(found.class).map(|rank| rank + 1),
            probability: Some(format!("{:.6}", result.probabilities[found.class])),
            true_class: photo.class.map(|_| is_true),
            iou: best_iou.map(|iou| format!("{iou:.6}")),
            flag: found.localisation.flag,
            status: RowStatus::Ok,
            message: None,
            ..Row::failed(&photo.id, Some(found.class), "")
        };
        row.with_box(found.localisation.bbox)
    };
    let mut record = Record {
        entry: JournalEntry {
            place,
            rows: result.classes.iter().map(row).collect(),
            failure: None,
            cpu_ms: Default::default(),
        },
        map: None,
        mask: None,
    };
    let truth = result
        .classes
        .iter()
        .find(|found| photo.class == Some(found.class));
    if let Some(truth) = truth {
        if execution.maps {
            record.map = truth
                .saliency
                .as_ref()
                .map(|saliency| saliency.score_map(MAP_SIZE));
        }
        if execution.masks {
            record.mask = Some(mask(truth, size));
        }
    }
    record
}

/// The pixels of an object in a photo of this size: those of the component that its box bounds, or
/// of the box where the pipeline makes no mask.
fn mask(found: &ClassResult, size: Size) -> Array2<bool> {
    let (height, width) = size.shape();
    Array2::from_shape_fn((height, width), |(y, x)| match &found.stages.component {
        // The frame's pixel that holds the centre of the photo's pixel.
        Some(component) => {
            let row = (2 * y + 1) * component.nrows() / (2 * height);
            let column = (2 * x + 1) * component.ncols() / (2 * width);
            component[[row, column]]
        }
        None => found
            .localisation
            .bbox
            .contains(x as f64 + 0.5, y as f64 + 0.5),
    })
}

fn failure(place: usize, photo: &Photo, error: &PhotoError) -> Record {
    // A row is a single line.
    let reason = error.reason.replace('\n', "; ");
    Record {
        entry: JournalEntry {
            place,
            rows: vec![Row::failed(&photo.id, photo.class, &reason)],
            failure: Some(Failure {
                id: photo.id.clone(),
                path: path_text::encode(&photo.path),
                kind: error.kind,
                reason,
            }),
            cpu_ms: Default::default(),
        },
        map: None,
        mask: None,
    }
}
