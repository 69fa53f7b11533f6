//! The numbers of boxes: the ILSVRC devkit's errors, and what the field reports beside them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::interval::bootstrap;
use super::{Floors, LEAST_IOU, Outcome, Rate, floors, mean, rate};
use crate::dataset::Photo;

/// How many guesses count.
const GUESSES: usize = 5;

/// Everything that the boxes of a dataset's photos score.
#[derive(Clone, Debug, Serialize)]
pub struct BoxScores {
    /// The devkit's errors, where classes were guessed.
    #[serde(flatten)]
    pub errors: Option<Errors>,
    /// The metrics, every photo counting alike.
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
    /// The same by the photos' weights, where they have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Weighted>,
    /// By the share of the photo that its largest true box covers.
    pub by_size: Vec<Group>,
    /// By class; classes without photos are left out.
    pub by_class: Vec<Group>,
}

/// Metrics and floors by the photos' weights. The metrics stand at the top level, as in the unweighted part.
#[derive(Clone, Debug, Serialize)]
pub struct Weighted {
    /// The metrics.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// What boxes score that do not look.
    pub floors: Floors,
}

/// The errors of the devkit's `eval_clsloc.m` for 1 to 5 guesses, as shares and as counts of photos. Shares are `None`
/// where there are no photos to take them of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Photos with a class: what classification errors are shares of.
    pub photos: usize,
    /// Photos that count in localisation.
    pub photos_localised: usize,
    /// Photos that would without the blacklist.
    pub photos_boxed: usize,
    /// Share of photos none of whose k guesses is right in class and box; the blacklisted ones are left out.
    pub localisation_error: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub localisation_error_count: [usize; GUESSES],
    /// Share of photos none of whose k guesses has the right class.
    pub classification_error: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub classification_error_count: [usize; GUESSES],
    /// Localisation error without the blacklist.
    pub localisation_error_no_blacklist: Option<[f64; GUESSES]>,
    /// The same as a count.
    pub localisation_error_no_blacklist_count: [usize; GUESSES],
}

impl Errors {
    /// The errors of all photos.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let count = |counts: &dyn Fn(&Outcome) -> bool, wrong: &dyn Fn(&Outcome, usize) -> bool| {
            let total = outcomes.iter().filter(|o| counts(o)).count();
            let wrong: [usize; GUESSES] =
                std::array::from_fn(|k| outcomes.iter().filter(|o| counts(o) && wrong(o, k + 1)).count());
            (total, wrong, (total > 0).then(|| wrong.map(|n| n as f64 / total as f64)))
        };
        let no_hit = |o: &Outcome, k: usize| !o.hit_in_top(k);
        let (photos, classes, classification_error) = count(&|o| o.class.is_some(), &|o, k| !o.class_in_top(k));
        let (photos_localised, boxes, localisation_error) = count(&|o| o.localised, &no_hit);
        let (photos_boxed, all, localisation_error_no_blacklist) = count(&|o| o.boxed, &no_hit);
        Self {
            photos,
            photos_localised,
            photos_boxed,
            localisation_error,
            localisation_error_count: boxes,
            classification_error,
            classification_error_count: classes,
            localisation_error_no_blacklist,
            localisation_error_no_blacklist_count: all,
        }
    }
}

/// The numbers of a run. `None` where the data do not allow one: no photos, no classes guessed, or a photo without a box
/// for its true class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// Share of photos whose box for the true class is right: GT-known Loc.
    pub gt_known_accuracy: Option<Rate>,
    /// The same with IoU ≥ 0.3 in place of 0.5.
    pub gt_known_accuracy_iou_30: Option<Rate>,
    /// The same with IoU ≥ 0.7.
    pub gt_known_accuracy_iou_70: Option<Rate>,
    /// Mean IoU of the box for the true class with the best true box.
    pub mean_iou: Option<Rate>,
    /// GT-known accuracy of each class, averaged over classes: CorLoc.
    pub corloc: Option<Rate>,
    /// Share of photos whose first guess is wrong in class or box.
    pub top1_localisation_error: Option<Rate>,
    /// Share of photos none of whose five guesses is right in class and box.
    pub top5_localisation_error: Option<Rate>,
    /// Share of photos whose first guess has the wrong class.
    pub top1_classification_error: Option<Rate>,
    /// Share of photos none of whose five guesses has the right class.
    pub top5_classification_error: Option<Rate>,
    /// Of the photos whose class is among the five guesses, the share for which a box of it is right.
    pub box_given_top5: Option<Rate>,
}

impl Metrics {
    /// The metrics of photos, weighted by `weight`. `classes` tells whether classes were guessed.
    pub fn of(outcomes: &[Outcome], classes: bool, weight: impl Fn(&Outcome) -> f64) -> Self {
        let of = |counts: &dyn Fn(&Outcome) -> bool, hit: &dyn Fn(&Outcome) -> bool| {
            rate(outcomes.iter().filter(|o| counts(o)).map(|o| (weight(o), hit(o))))
        };
        let kept: &dyn Fn(&Outcome) -> bool = &|o| o.localised;
        let mut found = Self::default();
        let localised: Vec<&Outcome> = outcomes.iter().filter(|o| o.localised).collect();
        if localised.iter().all(|o| o.iou.is_some()) {
            let at_least = |least: f64| of(kept, &|o| o.iou_at_least(least));
            let ious: Vec<_> = localised.iter().map(|o| (weight(o), o.iou.unwrap_or(0.0))).collect();
            found.gt_known_accuracy = at_least(LEAST_IOU);
            found.gt_known_accuracy_iou_30 = at_least(0.3);
            found.gt_known_accuracy_iou_70 = at_least(0.7);
            found.mean_iou = mean(&ious);
            found.corloc = corloc(&localised, &weight);
        }
        if classes {
            let classed: &dyn Fn(&Outcome) -> bool = &|o| o.class.is_some();
            found.top1_localisation_error = of(kept, &|o| !o.hit_in_top(1));
            found.top5_localisation_error = of(kept, &|o| !o.hit_in_top(GUESSES));
            found.top1_classification_error = of(classed, &|o| !o.class_in_top(1));
            found.top5_classification_error = of(classed, &|o| !o.class_in_top(GUESSES));
            found.box_given_top5 = of(&|o| o.localised && o.class_in_top(GUESSES), &|o| o.hit_in_top(GUESSES));
        }
        found
    }
}

/// CorLoc (Deselaers et al. 2012; WSDDN): mean over classes c of hits_c / photos_c.
fn corloc(photos: &[&Outcome], weight: &impl Fn(&Outcome) -> f64) -> Option<Rate> {
    let hit = |o: &Outcome| if o.iou_at_least(LEAST_IOU) { weight(o) } else { 0.0 };
    let photos: Vec<(usize, f64, f64)> =
        photos.iter().map(|o| Some((o.class?, weight(o), hit(o)))).collect::<Option<_>>()?;
    let n = photos.len();
    let classes = photos.iter().map(|photo| photo.0).max()? + 1;
    let mut sums = vec![(0.0, 0.0); classes];
    let [low, high] = bootstrap(n, |random| by_class(&mut sums, (0..n).map(|_| photos[random.below(n)])));
    Some(Rate { value: mean_over_classes(&photos), low, high })
}

/// The mean over classes of their weighted hit rates. A photo is (class, weight, weight where it is right).
pub(super) fn mean_over_classes(photos: &[(usize, f64, f64)]) -> f64 {
    let classes = photos.iter().map(|photo| photo.0 + 1).max().unwrap_or(0);
    by_class(&mut vec![(0.0, 0.0); classes], photos.iter().copied())
}

/// The same in memory that is there: `sums` has a place for each class.
fn by_class(sums: &mut [(f64, f64)], photos: impl Iterator<Item = (usize, f64, f64)>) -> f64 {
    sums.fill((0.0, 0.0));
    for (class, weight, hit) in photos {
        sums[class].0 += weight;
        sums[class].1 += hit;
    }
    let shares = sums.iter().filter(|(all, _)| *all > 0.0).map(|(all, hits)| hits / all);
    let (classes, sum) = shares.fold((0, 0.0), |(n, sum), share| (n + 1, sum + share));
    sum / f64::from(classes.max(1))
}

/// The numbers of some of the photos, each photo counting alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// The class that they have in common, where it is one.
    #[serde(skip)]
    pub class: Option<usize>,
    /// How many there are that count in localisation.
    pub images: usize,
    /// As in [`Metrics`].
    pub gt_known_accuracy: Option<Rate>,
    /// What the centred box of half the photo's area, its edges rounded, scores on them.
    pub centre_half_area_rounded: Option<f64>,
    /// As in [`Metrics`], without interval.
    pub mean_iou: Option<f64>,
    /// As in [`Metrics`], without interval.
    pub top1_localisation_error: Option<f64>,
    /// As in [`Metrics`], without interval.
    pub top5_localisation_error: Option<f64>,
}

impl Group {
    fn of(name: String, class: Option<usize>, photos: &[&Outcome], known: bool, classes: bool) -> Self {
        let n = photos.len().max(1) as f64;
        let share = |is: &dyn Fn(&Outcome) -> bool| photos.iter().filter(|o| is(o)).count() as f64 / n;
        let hits = photos.iter().map(|o| (1.0, o.iou_at_least(LEAST_IOU)));
        let floor: Option<Vec<bool>> = photos.iter().map(|o| o.centre).collect();
        Self {
            name,
            class,
            images: photos.len(),
            gt_known_accuracy: rate(hits).filter(|_| known),
            centre_half_area_rounded: floor.map(|hits| hits.iter().filter(|hit| **hit).count() as f64 / n),
            mean_iou: known.then(|| photos.iter().filter_map(|o| o.iou).sum::<f64>() / n),
            top1_localisation_error: classes.then(|| share(&|o| !o.hit_in_top(1))),
            top5_localisation_error: classes.then(|| share(&|o| !o.hit_in_top(GUESSES))),
        }
    }
}

/// The upper ends of the size groups.
const SIZES: [f64; 4] = [0.10, 0.25, 0.50, 1.0];

/// The size group of a photo whose largest true box covers `share` of it.
#[must_use]
pub fn size_group(share: f64) -> usize {
    SIZES.iter().position(|end| share <= *end).unwrap_or(SIZES.len() - 1)
}

/// What the size groups are called.
#[must_use]
pub fn size_names() -> Vec<String> {
    let from = |i: usize| if i == 0 { 0.0 } else { SIZES[i - 1] };
    let name = |i: usize| format!("{:.0} to {:.0} % of the photo", from(i) * 100.0, SIZES[i] * 100.0);
    (0..SIZES.len()).map(name).collect()
}

impl BoxScores {
    /// Scores the outcomes of photos. `name` gives the name of a class; `classes` tells whether classes were guessed.
    #[must_use]
    pub fn of(
        photos: &[Photo],
        weighted: bool,
        outcomes: &[Outcome],
        classes: bool,
        name: impl Fn(usize) -> String,
    ) -> Self {
        let localised: Vec<&Outcome> = outcomes.iter().filter(|o| o.localised).collect();
        let known = localised.iter().all(|o| o.iou.is_some());
        let mut sizes: [Vec<&Outcome>; SIZES.len()] = Default::default();
        let mut by_class: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &localised {
            if let Some(share) = outcome.largest {
                sizes[size_group(share)].push(outcome);
            }
            if let Some(class) = outcome.class {
                by_class.entry(class).or_default().push(outcome);
            }
        }
        let sizes = size_names().into_iter().zip(&sizes).filter(|(_, group)| !group.is_empty());
        Self {
            errors: classes.then(|| Errors::of(outcomes)),
            metrics: Metrics::of(outcomes, classes, |_| 1.0),
            floors: floors(photos, |_| 1.0),
            weighted: weighted.then(|| Weighted {
                metrics: Metrics::of(outcomes, classes, |o| o.weight),
                floors: floors(photos, |photo| photo.weight),
            }),
            by_size: sizes.map(|(name, group)| Group::of(name, None, group, known, classes)).collect(),
            by_class: by_class
                .iter()
                .map(|(&class, group)| Group::of(name(class), Some(class), group, known, classes))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(rank: usize, iou: f64, blacklisted: bool) -> Outcome {
        Outcome {
            weight: 1.0,
            class: Some(0),
            localised: !blacklisted,
            boxed: true,
            class_rank: Some(rank),
            hit_rank: (iou >= LEAST_IOU).then_some(rank),
            iou: Some(iou),
            largest: Some(0.2),
            centre: Some(false),
        }
    }

    fn value(rate: Option<Rate>) -> f64 {
        rate.expect("photos").value
    }

    /// protocol.md, section 8, "Worked example": A right at guess 1, B at guess 3, C's class right at guess 1 without a
    /// good box, D blacklisted with its class right at guess 1.
    #[test]
    fn the_worked_example() {
        let photos = [outcome(0, 0.5, false), outcome(2, 0.9, false), outcome(0, 0.4999, false), outcome(0, 0.1, true)];
        let m = Metrics::of(&photos, true, |o| o.weight);
        assert_eq!(value(m.top1_localisation_error), 2.0 / 3.0);
        assert_eq!(value(m.top5_localisation_error), 1.0 / 3.0);
        assert_eq!(value(m.top1_classification_error), 1.0 / 4.0);
        assert_eq!(value(m.top5_classification_error), 0.0);
        assert_eq!(value(m.gt_known_accuracy), 2.0 / 3.0);
        assert_eq!(value(m.box_given_top5), 2.0 / 3.0);
        let errors = Errors::of(&photos);
        assert_eq!((errors.photos, errors.photos_localised), (4, 3));
        assert_eq!(errors.localisation_error_count, [2, 2, 1, 1, 1]);
        assert_eq!(errors.classification_error_count, [1, 1, 0, 0, 0]);
        assert_eq!(errors.localisation_error_no_blacklist_count, [3, 3, 2, 2, 2]);
    }

    #[test]
    fn a_failed_photo_is_wrong_in_everything() {
        let failed = Outcome { class_rank: None, hit_rank: None, iou: Some(0.0), ..outcome(0, 0.0, false) };
        let m = Metrics::of(&[failed, outcome(0, 1.0, false)], true, |o| o.weight);
        for rate in [m.gt_known_accuracy, m.top1_localisation_error, m.top5_classification_error] {
            assert_eq!(value(rate), 0.5);
        }
        assert_eq!(value(m.box_given_top5), 1.0);
    }

    #[test]
    fn weights_weigh() {
        let photos = [Outcome { weight: 3.0, ..outcome(0, 1.0, false) }, outcome(9, 0.0, false)];
        assert_eq!(value(Metrics::of(&photos, true, |o| o.weight).gt_known_accuracy), 0.75);
        assert_eq!(value(Metrics::of(&photos, true, |_| 1.0).mean_iou), 0.5);
    }

    /// Five guesses without the true class say nothing of the box for it.
    #[test]
    fn what_is_not_known_is_not_a_number() {
        let photos =
            [Outcome { class_rank: None, hit_rank: None, iou: None, ..outcome(0, 0.0, false) }, outcome(0, 1.0, false)];
        let m = Metrics::of(&photos, true, |_| 1.0);
        assert_eq!((m.gt_known_accuracy, m.mean_iou, m.corloc), (None, None, None));
        assert_eq!(value(m.top1_localisation_error), 0.5);
        assert_eq!(Metrics::of(&photos, false, |_| 1.0), Metrics::default());
    }

    /// Three of four photos of a class and none of one of the other: 5/8 per photo would be 3/5.
    #[test]
    fn corloc_is_a_mean_over_classes() {
        let mut photos = vec![outcome(0, 1.0, false); 3];
        photos.push(outcome(0, 0.0, false));
        photos.push(Outcome { class: Some(5), ..outcome(0, 1.0, false) });
        let m = Metrics::of(&photos, true, |_| 1.0);
        assert_eq!((value(m.corloc), value(m.gt_known_accuracy)), (7.0 / 8.0, 4.0 / 5.0));
    }
}
