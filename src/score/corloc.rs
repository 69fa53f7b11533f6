//! CorLoc (Deselaers et al. 2012; WSDDN): the mean over classes c of hits_c / photos_c, with
//! weighted photos.

use super::constants::IOU_THRESHOLD;
use super::interval::Rate;
use super::outcome::Outcome;

/// What a photo adds to the numbers of its class.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassSample {
    class: usize,
    weight: f64,
    /// The weight if the photo's box is correct, and 0 otherwise.
    hit_weight: f64,
}

impl ClassSample {
    /// The sample of a photo; `None` if it has no class.
    pub(super) fn new(outcome: &Outcome, weight: f64) -> Option<Self> {
        let is_hit = outcome.iou_at_least(IOU_THRESHOLD);
        Some(Self {
            class: outcome.class?,
            weight,
            hit_weight: if is_hit { weight } else { 0.0 },
        })
    }
}

/// CorLoc with its interval; `None` if there are no photos.
pub(super) fn corloc_with_interval(samples: &[ClassSample]) -> Option<Rate> {
    let value = corloc(samples)?;
    let n = samples.len();
    let mut sums = class_sums(samples);
    Some(Rate::with_bootstrap(value, n, |random| {
        mean_over_classes(&mut sums, (0..n).map(|_| samples[random.below(n)]))
    }))
}

/// CorLoc; `None` if there are no photos.
pub(super) fn corloc(samples: &[ClassSample]) -> Option<f64> {
    let mut sums = class_sums(samples);
    (!samples.is_empty()).then(|| mean_over_classes(&mut sums, samples.iter().copied()))
}

/// The weights of the photos of one class, and of those that are hits.
#[derive(Clone, Copy, Default)]
struct ClassSum {
    weights: f64,
    hit_weights: f64,
}

/// A zero for each class up to the largest that occurs.
fn class_sums(samples: &[ClassSample]) -> Vec<ClassSum> {
    let classes = samples.iter().map(|sample| sample.class + 1).max();
    vec![ClassSum::default(); classes.unwrap_or(0)]
}

/// The mean over classes of their weighted hit rates. `sums` has an element for each class and is
/// overwritten: it is passed so that a bootstrap allocates it only once.
fn mean_over_classes(sums: &mut [ClassSum], samples: impl Iterator<Item = ClassSample>) -> f64 {
    sums.fill(ClassSum::default());
    for sample in samples {
        let sum = &mut sums[sample.class];
        sum.weights += sample.weight;
        sum.hit_weights += sample.hit_weight;
    }
    let (mut classes, mut total) = (0, 0.0);
    for sum in sums.iter().filter(|sum| sum.weights > 0.0) {
        classes += 1;
        total += sum.hit_weights / sum.weights;
    }
    total / f64::from(classes.max(1))
}
