//! The photos as columns: a row each would repeat every name fifty thousand times.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::data::{Page, PageRun};
use crate::dataset::Dataset;
use crate::geometry::BBox;
use crate::path_text;
use crate::score::{Cause, Guess, IOU_THRESHOLD, Outcome, size_group};

/// What is known of the photos, in the dataset's order.
#[derive(Serialize)]
pub(super) struct Rows<'a> {
    id: Vec<&'a str>,
    /// `root` and a photo's `file` are its path.
    root: String,
    file: Vec<String>,
    width: Vec<Option<u32>>,
    height: Vec<Option<u32>>,
    class: Vec<Option<usize>>,
    group: Vec<Option<usize>>,
    counted: Vec<u8>,
    weight: Option<Vec<Short>>,
    truth: Vec<Vec<Short>>,
    runs: Vec<RunRows<'a>>,
}

/// What a run says of them.
#[derive(Serialize)]
struct RunRows<'a> {
    r#box: Vec<Option<[Short; 4]>>,
    iou: Vec<Option<f64>>,
    rank: Vec<Option<usize>>,
    probability: Vec<Option<Short>>,
    guess: Vec<Option<usize>>,
    cause: Vec<Option<usize>>,
    right: Vec<u8>,
    flag: &'a BTreeMap<usize, &'static str>,
    message: &'a BTreeMap<usize, &'a str>,
}

/// A number with four decimals at most, and without those where it is whole.
#[derive(Clone, Copy)]
struct Short(f64);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let rounded = (self.0 * 1e4).round() / 1e4;
        if rounded.fract() == 0.0 && rounded.abs() < 1e9 {
            to.serialize_i64(rounded as i64)
        } else {
            to.serialize_f64(rounded)
        }
    }
}

fn corners(bbox: &BBox) -> [Short; 4] {
    [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max].map(Short)
}

pub(super) fn rows<'a>(page: &'a Page<'_>) -> Rows<'a> {
    let photos = &page.dataset.photos;
    let paths: Vec<String> = photos
        .iter()
        .map(|photo| path_text::encode(&photo.path))
        .collect();
    let root = common_folder(&paths);
    // Outcomes of one run: what is taken from them here is the truth's alone.
    let outcomes = page.runs.first().map_or(&[][..], |run| &run.outcomes);
    Rows {
        id: photos.iter().map(|photo| photo.id.as_str()).collect(),
        file: paths
            .iter()
            .map(|path| path[root.len()..].to_owned())
            .collect(),
        width: photos
            .iter()
            .map(|photo| photo.size.map(|size| size.width))
            .collect(),
        height: photos
            .iter()
            .map(|photo| photo.size.map(|size| size.height))
            .collect(),
        class: photos.iter().map(|photo| photo.class).collect(),
        group: outcomes
            .iter()
            .map(|outcome| outcome.largest_box_share.map(size_group))
            .collect(),
        counted: photos
            .iter()
            .map(|photo| u8::from(photo.counts_in_localisation()))
            .collect(),
        weight: page
            .dataset
            .weighted
            .then(|| photos.iter().map(|photo| Short(photo.weight)).collect()),
        truth: photos
            .iter()
            .map(|photo| photo.boxes.iter().flat_map(corners).collect())
            .collect(),
        runs: page
            .runs
            .iter()
            .map(|run| of_run(&page.dataset, run))
            .collect(),
        root: root.to_owned(),
    }
}

/// The longest beginning that all paths share and that ends in a slash.
fn common_folder(paths: &[String]) -> &str {
    let Some(first) = paths.first() else {
        return "";
    };
    let shared = |other: &String| {
        first
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let shortest = paths.iter().map(shared).min().unwrap_or(0);
    let end = first.as_bytes()[..shortest]
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    &first[..end]
}

fn of_run<'a>(dataset: &Dataset, run: &'a PageRun<'_>) -> RunRows<'a> {
    let photos = || {
        dataset
            .photos
            .iter()
            .zip(&run.predictions.photos)
            .zip(&run.outcomes)
    };
    let boxes: Vec<Option<&Guess>> = photos()
        .map(|((photo, found), _)| found.guess_to_draw(photo))
        .collect();
    let bbox = |guess: &Option<&Guess>| guess.and_then(|guess| guess.bbox);
    RunRows {
        r#box: boxes
            .iter()
            .map(|guess| bbox(guess).as_ref().map(corners))
            .collect(),
        iou: run
            .outcomes
            .iter()
            .map(|outcome| outcome.iou.map(cut_off))
            .collect(),
        rank: run
            .outcomes
            .iter()
            .map(|outcome| outcome.class_rank)
            .collect(),
        probability: boxes
            .iter()
            .map(|guess| guess.and_then(|guess| guess.confidence).map(Short))
            .collect(),
        guess: photos()
            .map(|((_, found), _)| found.guesses.iter().find_map(first_class))
            .collect(),
        cause: photos()
            .zip(&boxes)
            .map(|(((photo, found), _), guess)| {
                let cause = match bbox(guess) {
                    _ if photo.boxes.is_empty() => None,
                    Some(bbox) => Cause::from_boxes(&bbox, &photo.boxes),
                    None => found.failed.then_some(Cause::NoBox),
                };
                Cause::ALL.iter().position(|other| Some(*other) == cause)
            })
            .collect(),
        right: run.outcomes.iter().map(right).collect(),
        flag: &run.flags,
        message: &run.messages,
    }
}

/// An IoU of six decimals. It is not rounded: what is below a threshold stays below it.
fn cut_off(iou: f64) -> f64 {
    (iou * 1e6 + 1e-6).floor() / 1e6
}

/// The class of the first guess.
fn first_class(guess: &Guess) -> Option<usize> {
    guess.class().filter(|_| guess.rank == Some(0))
}

/// What a photo is right in, a bit each: box for the true class; class and box of the first guess;
/// of one of five; class of the first guess; of one of five.
fn right(outcome: &Outcome) -> u8 {
    let bits = [
        outcome.iou_at_least(IOU_THRESHOLD),
        outcome.hit_in_top(1),
        outcome.hit_in_top(5),
        outcome.class_in_top(1),
        outcome.class_in_top(5),
    ];
    bits.iter()
        .enumerate()
        .map(|(i, bit)| u8::from(*bit) << i)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_share_a_folder() {
        let folder = |paths: &[&str]| {
            common_folder(&paths.iter().map(ToString::to_string).collect::<Vec<_>>()).to_owned()
        };
        assert_eq!(folder(&["/a/b/1.png", "/a/b/12.png"]), "/a/b/");
        assert_eq!(folder(&["/a/b/1.png", "/a/c/1.png"]), "/a/");
        assert_eq!(
            (folder(&["1.png", "2.png"]), folder(&[])),
            (String::new(), String::new())
        );
        assert_eq!(folder(&["/é/1.png", "/è/1.png"]), "/");
    }

    #[test]
    fn numbers_are_short() {
        let text = |v: f64| serde_json::to_string(&Short(v)).expect("a number");
        assert_eq!(
            [111.0, -0.0, 0.25, 1.0 / 3.0].map(text),
            ["111", "0", "0.25", "0.3333"]
        );
    }
}
