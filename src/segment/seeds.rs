//! Seeds: which pixels the colour models learn from, and which the cut must not change.
//!
//! In: a saliency map. Out: a label per pixel for the colour models, and one for the cut. The most
//! salient pixels are object, the least salient background, the rest undecided. Simonyan et al.
//! 2013, section 3.2.

use std::cmp::Ordering;

use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

use super::Flag;
use crate::saliency::Saliency;

/// Which pixels are seeds: the table `[seeds]` of a pipeline. Shares are quantiles of the map's
/// values, 0..=1.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeedOptions {
    /// How ties are treated.
    pub rule: SeedRule,
    /// The foreground's colours are learnt from the pixels above this quantile.
    pub foreground: f64,
    /// The background's colours are learnt from the pixels below this quantile.
    pub background: f64,
    /// Pixels above this quantile are foreground in every cut; left out, none are.
    pub hard_foreground: Option<f64>,
    /// Pixels below this quantile are background in every cut; left out, none are.
    pub hard_background: Option<f64>,
}

/// How pixels with equal saliency are treated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedRule {
    /// `>=` the upper and `<=` the lower quantile value, background winning where both hold
    /// (Oxford's code).
    Quantile,
    /// The last and first pixels in stable ascending order, so that their number is exact.
    Rank,
}

/// What is known of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// It belongs to the object.
    Foreground,
    /// It does not.
    Background,
    /// Nothing is known.
    Undecided,
}

/// The seeds of a photo, [height, width] of its frame.
#[derive(Clone, Debug)]
pub struct Seeds {
    /// What the colour models learn from.
    pub colour: Array2<Seed>,
    /// What the cut must not change.
    pub hard: Array2<Seed>,
}

impl SeedOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let shares = [
            ("foreground", Some(self.foreground)),
            ("background", Some(self.background)),
            ("hard-foreground", self.hard_foreground),
            ("hard-background", self.hard_background),
        ];
        for (name, share) in shares {
            if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
                return Err(format!("seeds.{name} {share} is no quantile in 0..1"));
            }
        }
        match self.foreground > self.background {
            true => Ok(()),
            false => Err(format!(
                "seeds.foreground {} is not above seeds.background {}",
                self.foreground, self.background
            )),
        }
    }
}

/// The seeds of a map.
///
/// ```
/// use localise::saliency::Saliency;
/// use localise::segment::{SeedOptions, SeedRule, seeds, sketch};
/// let map = ndarray::array![[9., 8., 0.],
///                           [7., 1., 0.]];
/// let saliency = Saliency::whole(map);
/// let options = SeedOptions {
///     rule: SeedRule::Quantile,
///     foreground: 0.6,
///     background: 0.3,
///     hard_foreground: None,
///     hard_background: None,
/// };
/// assert_eq!(sketch(&seeds(&saliency, &options).unwrap().colour), "##.\n??.");
/// ```
///
/// # Errors
/// [`Flag::ConstantMap`] when the map is the same everywhere, [`Flag::NoSeeds`] when ties leave no
/// pixel for one of the colour models.
pub fn seeds(saliency: &Saliency, options: &SeedOptions) -> Result<Seeds, Flag> {
    let values = saliency.values();
    if saliency.is_constant() {
        return Err(Flag::ConstantMap);
    }
    let label = |[foreground, background]: [Option<f64>; 2]| {
        place(
            saliency,
            &labels(&values, options.rule, foreground, background),
        )
    };
    let shares = [Some(options.foreground), Some(options.background)];
    let hard_shares = [options.hard_foreground, options.hard_background];
    let colour = label(shares);
    let has = |seed| colour.iter().any(|&s| s == seed);
    if !has(Seed::Foreground) || !has(Seed::Background) {
        return Err(Flag::NoSeeds);
    }
    let hard = if hard_shares == shares {
        colour.clone()
    } else {
        label(hard_shares)
    };
    Ok(Seeds { colour, hard })
}

fn labels(
    values: &[f32],
    rule: SeedRule,
    foreground: Option<f64>,
    background: Option<f64>,
) -> Vec<Seed> {
    let n = values.len();
    let mut labels = vec![Seed::Undecided; n];
    let mut scratch = values.to_vec();
    let mut nth = |k: usize| *scratch.select_nth_unstable_by(k, f32::total_cmp).1;
    match rule {
        SeedRule::Quantile => {
            let mut at = |share| quantile_of(n, share, |k| f64::from(nth(k)));
            let high = foreground.map_or(f64::INFINITY, &mut at);
            let low = background.map_or(f64::NEG_INFINITY, &mut at);
            for (label, &value) in labels.iter_mut().zip(values) {
                if f64::from(value) >= high {
                    *label = Seed::Foreground;
                }
                if f64::from(value) <= low {
                    *label = Seed::Background;
                }
            }
        }
        SeedRule::Rank => {
            // A share such as 1 − 0.95 is not exact in binary: the count is rounded down from just
            // above.
            let count = |share: f64| ((share * n as f64 + 1e-6) as usize).min(n);
            let first = background.map_or(0, count);
            let last = foreground.map_or(0, |share| count(1.0 - share).max(1));
            if first > 0 {
                pick(
                    values.iter().zip(&mut labels),
                    nth(first - 1),
                    Ordering::Less,
                    first,
                    Seed::Background,
                );
            }
            if last > 0 {
                pick(
                    values.iter().zip(&mut labels).rev(),
                    nth(n - last),
                    Ordering::Greater,
                    last,
                    Seed::Foreground,
                );
            }
        }
    }
    labels
}

/// Labels the `count` pixels that come first in the order of their values, away from `bound`, which
/// is the last of them; of pixels equal to it as many as are missing, in the order in which they
/// are given.
fn pick<'a>(
    pixels: impl Iterator<Item = (&'a f32, &'a mut Seed)>,
    bound: f32,
    before: Ordering,
    count: usize,
    seed: Seed,
) {
    let (mut picked, mut equal) = (0, Vec::new());
    for (value, label) in pixels {
        match value.total_cmp(&bound) {
            Ordering::Equal => equal.push(label),
            order if order == before => {
                *label = seed;
                picked += 1;
            }
            _ => {}
        }
    }
    equal
        .into_iter()
        .take(count - picked)
        .for_each(|label| *label = seed);
}

/// The labels of the window in their place in the frame; outside nothing is known.
fn place(saliency: &Saliency, labels: &[Seed]) -> Array2<Seed> {
    let [rows, columns] = saliency.window.slice();
    let mut frame = Array2::from_elem(saliency.map.dim(), Seed::Undecided);
    frame
        .slice_mut(s![rows, columns])
        .iter_mut()
        .zip(labels)
        .for_each(|(to, &from)| *to = from);
    frame
}

/// The quantile of ascending values as MATLAB computes it (Hyndman and Fan's type 5): the k-th of n
/// values is the (k − 1/2)/n quantile, between them it is linear, beyond them constant.
///
/// ```
/// use localise::segment::quantile;
/// let values = [1., 1., 2., 3., 4., 5., 5., 8., 10.];
/// let at = |share| quantile(&values, share);
/// assert!((at(0.6) - 4.9).abs() < 1e-12 && (at(0.3) - 2.2).abs() < 1e-12);
/// assert_eq!((at(0.95), at(0.005)), (10., 1.));
/// ```
///
/// # Panics
/// When there are no values.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    quantile_of(sorted.len(), share, |k| sorted[k])
}

/// The same of `count` values, of which `nth` gives the k-th in ascending order.
fn quantile_of(count: usize, share: f64, mut nth: impl FnMut(usize) -> f64) -> f64 {
    let last = count - 1;
    let place = (share * count as f64 - 0.5).clamp(0.0, last as f64);
    let (below, part) = (place.floor() as usize, place.fract());
    let [low, high] = [below, (below + 1).min(last)].map(&mut nth);
    low + part * (high - low)
}

/// Seeds as text, one row a line: `#` foreground, `.` background, `?` undecided.
#[must_use]
pub fn sketch(seeds: &Array2<Seed>) -> String {
    let sign = |seed: &Seed| match seed {
        Seed::Foreground => '#',
        Seed::Background => '.',
        Seed::Undecided => '?',
    };
    seeds
        .outer_iter()
        .map(|row| row.iter().map(sign).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn of(map: Array2<f32>, rule: SeedRule, hard: Option<f64>) -> Result<String, Flag> {
        let options = SeedOptions {
            rule,
            foreground: 0.75,
            background: 0.5,
            hard_foreground: hard,
            hard_background: None,
        };
        seeds(&Saliency::whole(map), &options)
            .map(|s| sketch(if hard.is_some() { &s.hard } else { &s.colour }))
    }

    #[test]
    fn background_wins_ties_of_values() {
        assert_eq!(
            of(array![[5., 0., 0., 0.]], SeedRule::Quantile, None).as_deref(),
            Ok("#...")
        );
        // Three of four pixels have the greatest value: it is the median too, so nothing is left
        // for the foreground.
        assert_eq!(
            of(array![[5., 5., 5., 0.]], SeedRule::Quantile, None),
            Err(Flag::NoSeeds)
        );
    }

    #[test]
    fn ranks_count_exactly() {
        assert_eq!(
            of(array![[5., 5., 5., 0.]], SeedRule::Rank, None).as_deref(),
            Ok(".?#.")
        );
        assert_eq!(
            of(array![[5., 6., 5., 0.]], SeedRule::Rank, Some(0.75)).as_deref(),
            Ok("?#??")
        );
    }

    /// Against a stable sort of all pixels, many of them equal, some of them −0.
    #[test]
    fn selection_gives_the_labels_of_a_sort() {
        let value = |i: u64| ((i * i * 7919 + i) % 13) as f32 - 6.0;
        let values: Vec<f32> = (0..997)
            .map(|i| if i % 5 == 0 { -value(i) } else { value(i) })
            .collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        for (foreground, background) in [
            (0.95, 0.3),
            (0.5, 0.4999),
            (0.9, 0.0),
            (1.0, 0.7),
            (0.31, 0.3),
        ] {
            let n = values.len();
            let [first, last] =
                [background, 1.0 - foreground].map(|share| (share * n as f64 + 1e-6) as usize);
            let mut expected = vec![Seed::Undecided; n];
            order[..first]
                .iter()
                .for_each(|&i| expected[i] = Seed::Background);
            order[n - last.max(1)..]
                .iter()
                .for_each(|&i| expected[i] = Seed::Foreground);
            assert!(
                labels(&values, SeedRule::Rank, Some(foreground), Some(background)) == expected,
                "{foreground}"
            );
            let sorted: Vec<f64> = order.iter().map(|&i| f64::from(values[i])).collect();
            let [high, low] = [foreground, background].map(|share| quantile(&sorted, share));
            let found = labels(
                &values,
                SeedRule::Quantile,
                Some(foreground),
                Some(background),
            );
            for (label, value) in found.iter().zip(&values) {
                let value = f64::from(*value);
                let of = if value <= low {
                    Seed::Background
                } else if value >= high {
                    Seed::Foreground
                } else {
                    Seed::Undecided
                };
                assert_eq!(*label, of);
            }
        }
    }

    #[test]
    fn a_constant_map_has_no_seeds() {
        for value in [0.0, 3.0] {
            assert_eq!(
                of(Array2::from_elem((3, 3), value), SeedRule::Rank, None),
                Err(Flag::ConstantMap)
            );
        }
        assert_eq!(
            of(array![[1.0]], SeedRule::Quantile, None),
            Err(Flag::ConstantMap)
        );
    }
}
