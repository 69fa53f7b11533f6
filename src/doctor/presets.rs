//! Presets: which scaling of the pixels a model was trained with, measured on labelled photos.
//!
//! The model sees the central crop of each photo once for each preprocessing. With p the probability
//! of the true class, the loss of a photo is −ln p.
//!
//! * A preprocessing **fits** if its first guesses are right more often than chance explains: with c
//!   right among n, P(X ≥ c) < α for X ~ Binomial(n, q), where q is the rate of the best constant
//!   guess. A network with random weights fits none.
//! * The **best** is that with the smallest mean loss among those that fit. Another is worse beyond
//!   chance by Wilcoxon's signed-rank test of its losses against those of the best.
//!
//! α is 1 %, divided by the number of comparisons (Bonferroni). Of the signed-rank test's normal
//! deviate, 3 is demanded, which is that for up to seven comparisons.

use std::collections::HashMap;

use rayon::prelude::*;

use super::sample::{central_crop, spread};
use crate::classifier::{Classifier, ModelDescription, Preset, Worker, probabilities, ranking};
use crate::dataset::{Dataset, Photo};
use crate::remedy::Refused;
use crate::storage;

/// The probability of an error that is accepted in all comparisons together.
const ALPHA: f64 = 0.01;
/// The fewest photos from which anything can be concluded.
const MIN_PHOTOS: usize = 10;
/// The normal deviate from which on a difference is not chance.
const MIN_DEVIATE: f64 = 3.0;
/// What a probability of 0 counts as in the loss.
const MIN_PROBABILITY: f64 = 1e-30;

/// What a model makes of a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhotoLoss {
    /// The rank of the true class, from 0.
    pub rank: usize,
    /// −ln p of the true class.
    pub loss: f64,
}

/// A preprocessing, and how well it fits.
#[derive(Clone, Debug)]
pub struct PresetFit {
    /// The preset, or `None` for a description that is none of them.
    pub preset: Option<Preset>,
    /// The model with this preprocessing.
    pub description: ModelDescription,
    /// Whether it is what the model's description says.
    pub is_described: bool,
    /// The photos, in the same order for every preprocessing.
    pub photos: Vec<PhotoLoss>,
}

impl PresetFit {
    /// What the preprocessing is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.preset
            .map_or_else(|| "the description".into(), |preset| preset.to_string())
    }

    /// The share of photos whose class is among the first `count` guesses.
    #[must_use]
    pub fn accuracy(&self, count: usize) -> f64 {
        self.right(count) as f64 / self.photos.len() as f64
    }

    fn right(&self, count: usize) -> usize {
        self.photos
            .iter()
            .filter(|photo| photo.rank < count)
            .count()
    }

    /// The mean of the losses.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        let sum: f64 = self.photos.iter().map(|photo| photo.loss).sum();
        sum / self.photos.len() as f64
    }

    /// Whether the loss is larger than that of `best` beyond chance.
    fn is_worse_than(&self, best: &Self) -> bool {
        let pairs = self.photos.iter().zip(&best.photos);
        let differences = pairs.map(|(own, other)| own.loss - other.loss).collect();
        signed_rank_deviate(differences) > MIN_DEVIATE
    }
}

/// Which preprocessing fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitVerdict {
    /// There are too few photos to tell.
    TooFewPhotos,
    /// None is right more often than a constant guess.
    NothingFits,
    /// The indices of those that fit best: first the best, then those that are not worse beyond
    /// chance.
    Best(Vec<usize>),
}

/// The losses of the described preprocessing and of every preset that is possible for the model, on
/// up to `count` labelled photos, evenly spread.
///
/// # Errors
/// [`Refused`], if the dataset has other classes than the model.
pub fn fit_presets(
    dataset: &Dataset,
    classifier: &mut Classifier,
    count: usize,
) -> Result<Vec<PresetFit>, Refused> {
    let described = classifier.description.clone();
    described.ensure_has_classes(&dataset.classes, &dataset.name)?;
    let is_readable = |photo: &&Photo| photo.class.is_some() && storage::is_file(&photo.path);
    let labelled: Vec<&Photo> = dataset.photos.iter().filter(is_readable).collect();
    let photos: Vec<&Photo> = spread(labelled.len(), count).map(|i| labelled[i]).collect();
    let mut candidates: Vec<(Option<Preset>, ModelDescription)> = Vec::new();
    for preset in Preset::ALL {
        if let Some(with_preset) = described.with_preset(preset)
            && !candidates
                .iter()
                .any(|(_, other)| other.has_pixels_of(&with_preset))
        {
            candidates.push((Some(preset), with_preset));
        }
    }
    if !candidates
        .iter()
        .any(|(_, other)| other.has_pixels_of(&described))
    {
        candidates.insert(0, (None, described.clone()));
    }
    let mut fits = Vec::new();
    for (preset, candidate) in candidates {
        classifier.description = candidate.clone();
        fits.push(PresetFit {
            preset,
            is_described: candidate.has_pixels_of(&described),
            description: candidate,
            photos: losses(&photos, classifier),
        });
    }
    classifier.description = described;
    Ok(fits)
}

fn losses(photos: &[&Photo], classifier: &Classifier) -> Vec<PhotoLoss> {
    let loss = |worker: &mut Worker<'_>, photo: &&Photo| {
        let (truth, input) = (photo.class?, central_crop(photo, classifier)?);
        let scores = worker.forward(input.view()).ok()?;
        let rank = ranking(&scores).iter().position(|class| *class == truth)?;
        let p = f64::from(probabilities(&[scores])[truth]);
        Some(PhotoLoss {
            rank,
            loss: -p.max(MIN_PROBABILITY).ln(),
        })
    };
    photos
        .par_iter()
        .map_init(|| classifier.worker(), loss)
        .flatten()
        .collect()
}

/// Which of them fits, on photos of which the best constant guess gets the share `constant_rate`.
#[must_use]
pub fn fit_verdict(fits: &[PresetFit], constant_rate: f64) -> FitVerdict {
    let photos = fits.first().map_or(0, |fit| fit.photos.len());
    if photos < MIN_PHOTOS || fits.iter().any(|fit| fit.photos.len() != photos) {
        return FitVerdict::TooFewPhotos;
    }
    let alpha = ALPHA / fits.len() as f64;
    let fitting: Vec<usize> = (0..fits.len())
        .filter(|&i| at_least(fits[i].right(1), photos, constant_rate) < alpha)
        .collect();
    let by_loss = |&a: &usize, &b: &usize| fits[a].mean_loss().total_cmp(&fits[b].mean_loss());
    let Some(best) = fitting.iter().copied().min_by(by_loss) else {
        return FitVerdict::NothingFits;
    };
    let not_worse = |&i: &usize| i != best && !fits[i].is_worse_than(&fits[best]);
    let others = fitting.into_iter().filter(not_worse);
    FitVerdict::Best([best].into_iter().chain(others).collect())
}

/// The share of a dataset's labelled photos that the best constant guess gets, at least that of a
/// random guess.
#[must_use]
pub fn constant_rate(dataset: &Dataset) -> f64 {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for class in dataset.photos.iter().filter_map(|photo| photo.class) {
        *counts.entry(class).or_default() += 1;
    }
    let (most, all) = (counts.values().max(), counts.values().sum::<usize>());
    let share = most.map_or(0.0, |most| *most as f64 / all as f64);
    share.max(1.0 / dataset.classes.len().max(1) as f64)
}

/// The normal deviate of Wilcoxon's signed-rank statistic: positive if the differences are.
///
/// ```text
/// W = Σ_{dᵢ > 0} rank |dᵢ|,   z = (W − n(n + 1)/4) / √(n(n + 1)(2n + 1)/24)
/// ```
///
/// Differences of 0 are left out; equal ones, which real losses do not have, keep their order.
fn signed_rank_deviate(mut differences: Vec<f64>) -> f64 {
    differences.retain(|d| *d != 0.0);
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = differences.iter().zip(1..);
    let positive: f64 = ranks
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, rank)| f64::from(rank))
        .sum();
    let n = differences.len() as f64;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    if n > 0.0 {
        (positive - n * (n + 1.0) / 4.0) / deviation
    } else {
        0.0
    }
}

/// P(X ≥ k) for X ~ Binomial(n, q): Σ_{i ≥ k} C(n, i) qⁱ (1 − q)ⁿ⁻ⁱ.
fn at_least(k: usize, n: usize, q: f64) -> f64 {
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    for i in 0..=n {
        if i > 0 {
            log_choose += ((n - i + 1) as f64 / i as f64).ln();
        }
        if i >= k {
            let log = log_choose + i as f64 * q.ln() + (n - i) as f64 * (1.0 - q).ln();
            // With q = 1, only i = n has a probability.
            sum += if log.is_nan() {
                f64::from(i == n)
            } else {
                log.exp()
            };
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.wilcoxon(d, method="approx", correction=False).zstatistic`.
    #[test]
    fn the_signed_rank_deviate_is_scipys() {
        let d: Vec<f64> = (1..=12)
            .map(|i| f64::from(i) * if i % 4 == 0 { -1.0 } else { 1.0 })
            .collect();
        assert!((signed_rank_deviate(d) - 1.176_696_810_829_104_3).abs() < 1e-12);
        assert_eq!(signed_rank_deviate(vec![0.0; 5]), 0.0);
    }

    /// Values of scipy.stats.binom.sf(k - 1, n, q).
    #[test]
    fn the_tail_of_the_binomial_is_scipys() {
        for (k, n, q, expected) in [
            (0, 30, 0.5, 1.0),
            (25, 30, 0.5, 0.000_162_457_115_948_200_25),
            (5, 30, 1.0 / 30.0, 0.002_921_050_324_112_191_6),
            (2, 30, 0.001, 0.000_426_961_647_932_701_3),
            (30, 30, 0.5, 9.313_225_746_154_785e-10),
        ] {
            let found = at_least(k, n, q);
            assert!(
                (found - expected).abs() < 1e-9 + 1e-6 * expected,
                "{k} {n} {q}: {found}"
            );
        }
    }
}
