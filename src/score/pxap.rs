//! PxAP of score maps against true masks (Choe et al. 2020, `evaluation.py` of wsolevaluation).
//!
//! The pixels of all photos are pooled into two histograms, of the object's values and of the
//! rest's. From the upper end down, with P and R the precision and recall of everything from a bin
//! on, PxAP = Σ P · (increase of R).

use ndarray::{ArrayView2, Zip};
use serde::Serialize;

use super::interval::bootstrap;
use super::{Rate, Steps};
use crate::dataset::TrueMask;

/// How many pixels of a photo have which value: the object's, and the rest's.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    object: Vec<u32>,
    rest: Vec<u32>,
}

/// The bin of a value: [n·step, (n+1)·step), and [1, 2) for 1 itself; the last one stays empty.
fn bin(value: f64, steps: Steps) -> usize {
    if value >= 1.0 {
        return steps.count();
    }
    let mut n = (value * steps.count() as f64) as usize;
    // The quotient may be off by rounding; the edges decide.
    while n + 1 < steps.count() && steps.threshold(n + 1) <= value {
        n += 1;
    }
    while n > 0 && steps.threshold(n) > value {
        n -= 1;
    }
    n
}

impl Histogram {
    /// The histogram of a map, its values in 0..=1, and a mask of its size; the mask's ignored
    /// pixels do not count.
    ///
    /// # Panics
    /// When map and mask differ in size.
    #[must_use]
    pub fn of(map: ArrayView2<'_, f64>, mask: &TrueMask, steps: Steps) -> Self {
        let mut found = Self {
            object: vec![0; steps.count() + 2],
            rest: vec![0; steps.count() + 2],
        };
        Zip::from(map)
            .and(&mask.object)
            .and(&mask.ignore)
            .for_each(|&value, &object, &ignore| {
                if object {
                    found.object[bin(value, steps)] += 1;
                } else if !ignore {
                    found.rest[bin(value, steps)] += 1;
                }
            });
        found
    }

    /// How many pixels are the object's, and the rest's.
    #[must_use]
    pub fn pixels(&self) -> [usize; 2] {
        [&self.object, &self.rest].map(|bins| bins.iter().map(|&n| n as usize).sum())
    }
}

/// PxAP of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PxAp {
    /// How many photos have masks.
    pub images: usize,
    /// The step between thresholds.
    pub step: Steps,
    /// The area under the curve, in 0..=1.
    pub pxap: Rate,
    /// What a constant map scores: the object's share of pixels.
    pub constant_map: f64,
    /// The object's pixels.
    pub pixels_object: usize,
    /// The rest's.
    pub pixels_background: usize,
}

impl PxAp {
    /// The numbers of all photos; `None` where no photo has an object.
    ///
    /// # Panics
    /// When `steps` are not those of the histograms.
    #[must_use]
    pub fn of(photos: &[&Histogram], steps: Steps) -> Option<Self> {
        let bins = steps.count() + 2;
        assert!(
            photos.iter().all(|photo| photo.object.len() == bins),
            "a histogram of {bins} bins"
        );
        let pooled = |chosen: &mut dyn Iterator<Item = usize>| {
            let mut sums = [vec![0u64; bins], vec![0u64; bins]];
            for i in chosen {
                for (sum, bins) in sums.iter_mut().zip([&photos[i].object, &photos[i].rest]) {
                    sum.iter_mut()
                        .zip(bins)
                        .for_each(|(sum, &n)| *sum += u64::from(n));
                }
            }
            sums
        };
        let all = pooled(&mut (0..photos.len()));
        let [pixels_object, pixels_background] =
            all.each_ref().map(|bins| bins.iter().sum::<u64>() as usize);
        let value = area(&all)?;
        let n = photos.len();
        // A draw without any object has no curve; it counts as one without area.
        let [low, high] = bootstrap(n, |random| {
            area(&pooled(&mut (0..n).map(|_| random.below(n)))).unwrap_or(0.0)
        });
        let constant_map = pixels_object as f64 / (pixels_object + pixels_background) as f64;
        Some(Self {
            images: n,
            step: steps,
            pxap: Rate { value, low, high },
            constant_map,
            pixels_object,
            pixels_background,
        })
    }
}

/// Σ precision · (increase of recall), from the bin below the uppermost down.
fn area([object, rest]: &[Vec<u64>; 2]) -> Option<f64> {
    let positives = object.iter().sum::<u64>();
    if positives == 0 {
        return None;
    }
    let (mut hits, mut alarms, mut sum) = (0, 0, 0.0);
    for (&object, &rest) in object.iter().zip(rest).rev() {
        hits += object;
        alarms += rest;
        if hits + alarms > 0 {
            sum += hits as f64 / (hits + alarms) as f64 * object as f64 / positives as f64;
        }
    }
    Some(sum)
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
        let histogram = Histogram::of(map.view(), &mask, Steps::Hundred);
        PxAp::of(&[&histogram], Steps::Hundred)
            .expect("an object")
            .pxap
            .value
    }

    /// Objects 1, .6, .2, others .6, .2, 0. With thresholds 0 and .5 in place of ours the area
    /// would be .722; the finer bins keep 1 apart from .6, and .2 from 0.
    #[test]
    fn areas_by_hand() {
        let map = array![[1.0, 0.6, 0.2, 0.6, 0.2, 0.0]];
        let object = array![[true, true, true, false, false, false]];
        assert!((pxap(&map, &object) - (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0).abs() < 1e-12);
        let coarse = |v: &[u64]| v.to_vec();
        // Bins [0, .5), [.5, 1), [1, 2), [2, 3].
        let found = area(&[coarse(&[1, 1, 1, 0]), coarse(&[2, 1, 0, 0])]).expect("an object");
        assert!((found - 0.722_222).abs() < 1e-6);
        let perfect = object.mapv(|is| if is { 0.9 } else { 0.1 });
        assert_eq!(pxap(&perfect, &object), 1.0);
        // A constant map scores the object's share.
        assert_eq!(pxap(&map.mapv(|_| 0.3), &object), 0.5);
        assert_eq!(area(&[vec![0; 4], vec![1; 4]]), None);
    }

    #[test]
    fn values_on_an_edge_belong_above_it() {
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
        let histogram = Histogram::of(array![[1.0]].view(), &mask, Steps::Thousand);
        let _ = PxAp::of(&[&histogram], Steps::Hundred);
    }

    #[test]
    fn ignored_pixels_do_not_count() {
        let mask = TrueMask {
            object: array![[true, false]],
            ignore: array![[false, true]],
        };
        let found = Histogram::of(array![[0.5, 1.0]].view(), &mask, Steps::Thousand);
        assert_eq!(found.pixels(), [1, 0]);
    }
}
