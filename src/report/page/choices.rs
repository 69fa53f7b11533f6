//! Groups of photos that are worth a look.

use super::data::{Choice, PageRun};
use crate::dataset::Dataset;
use crate::random::seed_of;
use crate::report::comparison::Comparison;
use crate::score::IOU_THRESHOLD;

/// The groups of a page, with up to `max` photos each: photos that flipped between the first run and
/// the last, the largest change of IoU first; then the worst and the best of the last run, some at
/// random, and those that failed.
pub(super) fn choices(
    dataset: &Dataset,
    runs: &[PageRun<'_>],
    comparisons: &[Comparison],
    max: usize,
) -> Vec<Choice> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return vec![];
    };
    let chooser = Chooser::new(dataset, last, max);
    let mut choices = Vec::new();
    if let Some(flips) = comparisons.last().and_then(|found| found.metrics.first()) {
        let index = dataset.photo_index();
        let change = |place| -(iou(last, place) - iou(first, place)).abs();
        for (name, word, ids) in [
            ("lost", "Lost", &flips.lost_images),
            ("won", "Won", &flips.won_images),
        ] {
            let title = format!("{word} by {} ({})", last.name, flips.name);
            let places = ids.iter().filter_map(|id| index.get(id)).collect();
            choices.push(chooser.sorted(name, &title, places, &change));
        }
    }
    let failed = |place: usize| last.predictions.photos[place].failed;
    choices.push(chooser.all(
        "worst",
        "Worst boxes",
        &|p| chooser.is_right(p) == Some(false),
        &|p| iou(last, p),
    ));
    choices.push(chooser.all(
        "best",
        "Best boxes",
        &|p| chooser.is_right(p) == Some(true),
        &|p| -iou(last, p),
    ));
    choices.push(chooser.all("random", "At random", &|p| !failed(p), &|_| 0.0));
    choices.push(chooser.all("failed", "Failed", &failed, &|_| 0.0));
    choices.retain(|choice| !choice.photos.is_empty());
    choices
}

/// The IoU of a photo's box; 0 where it is not known.
fn iou(run: &PageRun<'_>, place: usize) -> f64 {
    run.outcomes[place].iou.unwrap_or(0.0)
}

/// Chooses photos of one run.
struct Chooser<'a> {
    dataset: &'a Dataset,
    run: &'a PageRun<'a>,
    max: usize,
    /// Ties are broken by a hash of the photo's name, because the first photos of a dataset are not
    /// typical.
    order: Vec<u64>,
}

impl<'a> Chooser<'a> {
    fn new(dataset: &'a Dataset, run: &'a PageRun<'a>, max: usize) -> Self {
        let hash = |id: &String| seed_of(&format!("report/{id}"));
        Self {
            dataset,
            run,
            max,
            order: dataset.photos.iter().map(|photo| hash(&photo.id)).collect(),
        }
    }

    /// Whether the box of a photo that counts is right; `None` where that is not known.
    fn is_right(&self, place: usize) -> Option<bool> {
        let outcome = &self.run.outcomes[place];
        let failed = self.run.predictions.photos[place].failed;
        let known = self.dataset.photos[place].counts_in_localisation() && !failed;
        (known && outcome.iou.is_some()).then(|| outcome.iou_at_least(IOU_THRESHOLD))
    }

    /// The photos for which `keep` is true, those with the smallest `key` first.
    fn all(
        &self,
        name: &'static str,
        title: &str,
        keep: &dyn Fn(usize) -> bool,
        key: &dyn Fn(usize) -> f64,
    ) -> Choice {
        let places = (0..self.dataset.photos.len())
            .filter(|&place| keep(place))
            .collect();
        self.sorted(name, title, places, key)
    }

    /// The photos at these places, those with the smallest `key` first.
    fn sorted(
        &self,
        name: &'static str,
        title: &str,
        mut photos: Vec<usize>,
        key: &dyn Fn(usize) -> f64,
    ) -> Choice {
        photos.sort_by(|&a, &b| {
            key(a)
                .total_cmp(&key(b))
                .then(self.order[a].cmp(&self.order[b]))
                .then(a.cmp(&b))
        });
        photos.truncate(self.max);
        Choice {
            name,
            title: title.to_owned(),
            photos,
        }
    }
}
