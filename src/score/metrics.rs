//! The numbers that the field reports of boxes and classes.

use serde::Serialize;

use super::interval::bootstrap;
use super::{GUESSES, IOU_THRESHOLD, Outcome, Rate, mean, rate};

/// The numbers of a run. `None` where the data do not allow one: no photos, no classes guessed, or
/// a photo without a box for its true class.
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
    /// Of the photos whose class is among the five guesses, the share for which a box of it is
    /// right.
    pub box_given_top5: Option<Rate>,
}

impl Metrics {
    /// The metrics of photos, weighted by `weight`. `classes` tells whether classes were guessed.
    pub fn of(outcomes: &[Outcome], classes: bool, weight: impl Fn(&Outcome) -> f64) -> Self {
        let of = |counts: &dyn Fn(&Outcome) -> bool, hit: &dyn Fn(&Outcome) -> bool| {
            rate(
                outcomes
                    .iter()
                    .filter(|o| counts(o))
                    .map(|o| (weight(o), hit(o))),
            )
        };
        let kept: &dyn Fn(&Outcome) -> bool = &|o| o.localised;
        let mut found = Self::default();
        let localised: Vec<&Outcome> = outcomes.iter().filter(|o| o.localised).collect();
        if localised.iter().all(|o| o.iou.is_some()) {
            let at_least = |least: f64| of(kept, &|o| o.iou_at_least(least));
            let ious: Vec<_> = localised
                .iter()
                .map(|o| (weight(o), o.iou.unwrap_or(0.0)))
                .collect();
            found.gt_known_accuracy = at_least(IOU_THRESHOLD);
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
            found.box_given_top5 = of(&|o| o.localised && o.class_in_top(GUESSES), &|o| {
                o.hit_in_top(GUESSES)
            });
        }
        found
    }
}

/// CorLoc (Deselaers et al. 2012; WSDDN): mean over classes c of hits_c / photos_c.
fn corloc(photos: &[&Outcome], weight: &impl Fn(&Outcome) -> f64) -> Option<Rate> {
    let hit = |o: &Outcome| {
        if o.iou_at_least(IOU_THRESHOLD) {
            weight(o)
        } else {
            0.0
        }
    };
    let photos: Vec<(usize, f64, f64)> = photos
        .iter()
        .map(|o| Some((o.class?, weight(o), hit(o))))
        .collect::<Option<_>>()?;
    let n = photos.len();
    let classes = photos.iter().map(|photo| photo.0).max()? + 1;
    let mut sums = vec![(0.0, 0.0); classes];
    let [low, high] = bootstrap(n, |random| {
        by_class(&mut sums, (0..n).map(|_| photos[random.below(n)]))
    });
    Some(Rate {
        value: mean_over_classes(&photos),
        low,
        high,
    })
}

/// The mean over classes of their weighted hit rates. A photo is (class, weight, weight where it is
/// right).
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
    let shares = sums
        .iter()
        .filter(|(all, _)| *all > 0.0)
        .map(|(all, hits)| hits / all);
    let (classes, sum) = shares.fold((0, 0.0), |(n, sum), share| (n + 1, sum + share));
    sum / f64::from(classes.max(1))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::score) fn outcome(rank: usize, iou: f64, blacklisted: bool) -> Outcome {
        Outcome {
            weight: 1.0,
            class: Some(0),
            localised: !blacklisted,
            boxed: true,
            class_rank: Some(rank),
            hit_rank: (iou >= IOU_THRESHOLD).then_some(rank),
            iou: Some(iou),
            largest: Some(0.2),
            centre: Some(false),
        }
    }

    pub(in crate::score) fn value(rate: Option<Rate>) -> f64 {
        rate.expect("photos").value
    }

    #[test]
    fn a_failed_photo_is_wrong_in_everything() {
        let failed = Outcome {
            class_rank: None,
            hit_rank: None,
            iou: Some(0.0),
            ..outcome(0, 0.0, false)
        };
        let m = Metrics::of(&[failed, outcome(0, 1.0, false)], true, |o| o.weight);
        for rate in [
            m.gt_known_accuracy,
            m.top1_localisation_error,
            m.top5_classification_error,
        ] {
            assert_eq!(value(rate), 0.5);
        }
        assert_eq!(value(m.box_given_top5), 1.0);
    }

    #[test]
    fn weights_weigh() {
        let photos = [
            Outcome {
                weight: 3.0,
                ..outcome(0, 1.0, false)
            },
            outcome(9, 0.0, false),
        ];
        assert_eq!(
            value(Metrics::of(&photos, true, |o| o.weight).gt_known_accuracy),
            0.75
        );
        assert_eq!(value(Metrics::of(&photos, true, |_| 1.0).mean_iou), 0.5);
    }

    /// Five guesses without the true class say nothing of the box for it.
    #[test]
    fn what_is_not_known_is_not_a_number() {
        let photos = [
            Outcome {
                class_rank: None,
                hit_rank: None,
                iou: None,
                ..outcome(0, 0.0, false)
            },
            outcome(0, 1.0, false),
        ];
        let m = Metrics::of(&photos, true, |_| 1.0);
        assert_eq!(
            (m.gt_known_accuracy, m.mean_iou, m.corloc),
            (None, None, None)
        );
        assert_eq!(value(m.top1_localisation_error), 0.5);
        assert_eq!(Metrics::of(&photos, false, |_| 1.0), Metrics::default());
    }

    /// Three of four photos of a class and none of one of the other: 5/8 per photo would be 3/5.
    #[test]
    fn corloc_is_a_mean_over_classes() {
        let mut photos = vec![outcome(0, 1.0, false); 3];
        photos.push(outcome(0, 0.0, false));
        photos.push(Outcome {
            class: Some(5),
            ..outcome(0, 1.0, false)
        });
        let m = Metrics::of(&photos, true, |_| 1.0);
        assert_eq!(
            (value(m.corloc), value(m.gt_known_accuracy)),
            (7.0 / 8.0, 4.0 / 5.0)
        );
    }
}
