//! PxAP of score maps against true masks (Choe et al. 2020, `evaluation.py` of wsolevaluation).
//!
//! The pixels of all photos are pooled in two histograms of the map's values, one of the object's
//! pixels and one of the background's. From the highest bin down, with P and R the precision and
//! recall of all pixels from a bin upwards, PxAP = Σ P · (increase of R).

use ndarray::{ArrayView2, Zip};
use serde::Serialize;

use super::interval::Rate;
use super::steps::Steps;
use crate::dataset::TrueMask;

/// The histograms of a photo: the number of pixels with each value, for the object and the
/// background.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    object: Vec<u32>,
    background: Vec<u32>,
}

/// The number of bins: one for each threshold, [1, 2), which holds 1 itself, and one above, which
/// is always empty.
fn bin_count(steps: Steps) -> usize {
    steps.count() + 2
}

/// The bin of a value in 0..=1: bin n holds [n · step, (n + 1) · step).
fn bin(value: f64, steps: Steps) -> usize {
    if value >= 1.0 {
        return steps.count();
    }
    let mut n = (value * steps.count() as f64) as usize;
    // The product may be off by rounding; the edges of the bins decide.
    while n + 1 < steps.count() && steps.threshold(n + 1) <= value {
        n += 1;
    }
    while n > 0 && steps.threshold(n) > value {
        n -= 1;
    }
    n
}

impl Histogram {
    /// The histograms of a map with values in 0..=1 and a mask of the same size. Ignored pixels do
    /// not count.
    ///
    /// # Panics
    /// If the map and the mask differ in size.
    #[must_use]
    pub fn new(map: ArrayView2<'_, f64>, mask: &TrueMask, steps: Steps) -> Self {
        let mut object_bins = vec![0; bin_count(steps)];
        let mut background_bins = object_bins.clone();
        Zip::from(map)
            .and(&mask.object)
            .and(&mask.ignore)
            .for_each(|&value, &object, &ignore| {
                if object {
                    object_bins[bin(value, steps)] += 1;
                } else if !ignore {
                    background_bins[bin(value, steps)] += 1;
                }
            });
        Self {
            object: object_bins,
            background: background_bins,
        }
    }

    /// The number of pixels of the object and of the background.
    #[must_use]
    pub fn pixels(&self) -> [usize; 2] {
        [&self.object, &self.background].map(|bins| bins.iter().map(|&n| n as usize).sum())
    }
}

/// The histograms of several photos, added up.
struct PooledHistogram {
    object: Vec<u64>,
    background: Vec<u64>,
}

impl PooledHistogram {
    fn new<'a>(photos: impl Iterator<Item = &'a Histogram>, bins: usize) -> Self {
        let mut pooled = Self {
            object: vec![0; bins],
            background: vec![0; bins],
        };
        for photo in photos {
            add(&mut pooled.object, &photo.object);
            add(&mut pooled.background, &photo.background);
        }
        pooled
    }

    /// Σ precision · (increase of recall), from the highest bin down; `None` if no pixel is the
    /// object's.
    fn area(&self) -> Option<f64> {
        let positives = self.object.iter().sum::<u64>();
        if positives == 0 {
            return None;
        }
        let (mut true_positives, mut false_positives, mut area) = (0, 0, 0.0);
        for (&object, &background) in self.object.iter().zip(&self.background).rev() {
            true_positives += object;
            false_positives += background;
            let found = true_positives + false_positives;
            if found > 0 {
                let precision = true_positives as f64 / found as f64;
                area += precision * object as f64 / positives as f64;
            }
        }
        Some(area)
    }
}

fn add(sums: &mut [u64], bins: &[u32]) {
    for (sum, &n) in sums.iter_mut().zip(bins) {
        *sum += u64::from(n);
    }
}

/// PxAP of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PxAp {
    /// The number of photos with masks.
    pub images: usize,
    /// The step between thresholds.
    pub step: Steps,
    /// The area under the curve, in 0..=1.
    pub pxap: Rate,
    /// What a constant map scores: the object's share of the pixels.
    pub constant_map: f64,
    /// The number of pixels of objects.
    pub pixels_object: usize,
    /// The number of pixels of the background.
    pub pixels_background: usize,
}

impl PxAp {
    /// The scores over all photos; `None` if no photo has an object.
    ///
    /// # Panics
    /// If a histogram was computed with other `steps`.
    #[must_use]
    pub fn from_histograms(photos: &[&Histogram], steps: Steps) -> Option<Self> {
        let bins = bin_count(steps);
        assert!(
            photos.iter().all(|photo| photo.object.len() == bins),
            "a histogram of {bins} bins"
        );
        let all = PooledHistogram::new(photos.iter().copied(), bins);
        let [pixels_object, pixels_background] =
            [&all.object, &all.background].map(|counts| counts.iter().sum::<u64>() as usize);
        let n = photos.len();
        let pxap = Rate::with_bootstrap(all.area()?, n, |random| {
            let drawn = (0..n).map(|_| photos[random.below(n)]);
            // Photos without any object have no curve; its area counts as 0.
            PooledHistogram::new(drawn, bins).area().unwrap_or(0.0)
        });
        Some(Self {
            images: n,
            step: steps,
            pxap,
            constant_map: pixels_object as f64 / (pixels_object + pixels_background) as f64,
            pixels_object,
            pixels_background,
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn pxap(map: &Array2<f64>, object: &Array2<bool>) -> f64 {
        let mask = TrueMask {
            object: object.clone(),
            ignore: object.mapv(|_| false),
        };
        let histogram = Histogram::new(map.view(), &mask, Steps::Hundred);
        let found = PxAp::from_histograms(&[&histogram], Steps::Hundred);
        found.expect("an object").pxap.value
    }

    /// The object's values are 1, .6, .2 and the background's .6, .2, 0. With only the thresholds 0
    /// and .5 the area would be .722; the finer bins separate 1 from .6, and .2 from 0.
    #[test]
    fn areas_by_hand() {
        let map = array![[1.0, 0.6, 0.2, 0.6, 0.2, 0.0]];
        let object = array![[true, true, true, false, false, false]];
        assert!((pxap(&map, &object) - (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0).abs() < 1e-12);
        let area = |in_object: [u64; 4], in_background: [u64; 4]| {
            let pooled = PooledHistogram {
                object: in_object.into(),
                background: in_background.into(),
            };
            pooled.area()
        };
        // Bins [0, .5), [.5, 1), [1, 2), [2, 3].
        let found = area([1, 1, 1, 0], [2, 1, 0, 0]).expect("an object");
        assert!((found - 0.722_222).abs() < 1e-6);
        let perfect = object.mapv(|is_object| if is_object { 0.9 } else { 0.1 });
        assert_eq!(pxap(&perfect, &object), 1.0);
        // A constant map scores the object's share.
        assert_eq!(pxap(&map.mapv(|_| 0.3), &object), 0.5);
        assert_eq!(area([0; 4], [1; 4]), None);
    }

    #[test]
    fn values_on_an_edge_belong_to_the_bin_above() {
        for steps in [Steps::Hundred, Steps::Thousand] {
            for n in 0..steps.count() {
                assert_eq!(bin(steps.threshold(n), steps), n);
            }
            assert_eq!(
                (bin(1.0, steps), bin(1.0 - 1e-12, steps)),
                (steps.count(), steps.count() - 1)
            );
        }
    }

    #[test]
    #[should_panic(expected = "a histogram of 102 bins")]
    fn histograms_of_other_steps_are_refused() {
        let mask = TrueMask {
            object: array![[true]],
            ignore: array![[false]],
        };
        let histogram = Histogram::new(array![[1.0]].view(), &mask, Steps::Thousand);
        let _ = PxAp::from_histograms(&[&histogram], Steps::Hundred);
    }

    #[test]
    fn ignored_pixels_do_not_count() {
        let mask = TrueMask {
            object: array![[true, false]],
            ignore: array![[false, true]],
        };
        let found = Histogram::new(array![[0.5, 1.0]].view(), &mask, Steps::Thousand);
        assert_eq!(found.pixels(), [1, 0]);
    }
}
