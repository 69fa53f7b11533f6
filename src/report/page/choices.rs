//! Photos that are worth a look.

use serde::Serialize;

use super::data::PageRun;
use crate::dataset::Dataset;
use crate::random::seed_of;
use crate::report::comparison::Comparison;
use crate::score::IOU_THRESHOLD;

/// Photos that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Choice {
    /// One word.
    pub(super) name: &'static str,
    /// What they have in common.
    pub(super) title: String,
    /// Their places.
    pub(super) photos: Vec<usize>,
}

/// The choices of a page, up to `most` photos each: those that flipped between the first run and
/// the last, the largest change of IoU first, then the worst and the best of the last run, some at
/// random, and those that failed.
pub(super) fn choices(
    dataset: &Dataset,
    runs: &[PageRun<'_>],
    comparisons: &[Comparison],
    most: usize,
) -> Vec<Choice> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return vec![];
    };
    let photos = &dataset.photos;
    // Ties are broken by a hash of the name: the first photos of a dataset are not typical.
    let order: Vec<u64> = photos
        .iter()
        .map(|photo| seed_of(&format!("report/{}", photo.id)))
        .collect();
    let choice = |name, title: String, mut places: Vec<usize>, key: &dyn Fn(usize) -> f64| {
        places.sort_by(|&a, &b| {
            key(a)
                .total_cmp(&key(b))
                .then(order[a].cmp(&order[b]))
                .then(a.cmp(&b))
        });
        places.truncate(most);
        Choice {
            name,
            title,
            photos: places,
        }
    };
    let all = |keep: &dyn Fn(usize) -> bool| {
        (0..photos.len())
            .filter(|&place| keep(place))
            .collect::<Vec<_>>()
    };
    let iou = |run: &PageRun<'_>, place: usize| run.outcomes[place].iou.unwrap_or(0.0);
    let failed = |place: usize| last.predictions.photos[place].failed;
    let known = |place: usize| {
        photos[place].counts_in_localisation()
            && !failed(place)
            && last.outcomes[place].iou.is_some()
    };
    let right = |place: usize| last.outcomes[place].iou_at_least(IOU_THRESHOLD);
    let mut choices = Vec::new();
    if let Some(flips) = comparisons.last().and_then(|found| found.metrics.first()) {
        let places = dataset.photo_index();
        let of = |ids: &[String]| ids.iter().filter_map(|id| places.get(id)).collect();
        let title = |word: &str| format!("{word} by {} ({})", last.name, flips.name);
        let change = |place: usize| -(iou(last, place) - iou(first, place)).abs();
        choices.push(choice(
            "lost",
            title("Lost"),
            of(&flips.lost_images),
            &change,
        ));
        choices.push(choice("won", title("Won"), of(&flips.won_images), &change));
    }
    let (worst, best) = (
        all(&|place| known(place) && !right(place)),
        all(&|place| known(place) && right(place)),
    );
    choices.push(choice("worst", "Worst boxes".into(), worst, &|place| {
        iou(last, place)
    }));
    choices.push(choice("best", "Best boxes".into(), best, &|place| {
        -iou(last, place)
    }));
    choices.push(choice(
        "random",
        "At random".into(),
        all(&|place| !failed(place)),
        &|_| 0.0,
    ));
    choices.push(choice("failed", "Failed".into(), all(&failed), &|_| 0.0));
    choices.retain(|choice| !choice.photos.is_empty());
    choices
}
