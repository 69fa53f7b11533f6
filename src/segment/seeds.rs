//! Seeds: the pixels that the colour models learn from, and those that the cut must not change.
//!
//! In: a saliency map. Out: a label for each pixel for the colour models, and one for the cut. The
//! most salient pixels are seeds of the object, the least salient ones seeds of the background, and
//! the others are undecided (Simonyan et al. 2013, section 3.2).

use std::cmp::Ordering;

use ndarray::{Array2, s};
use serde::{Deserialize, Serialize};

use super::flag::Flag;
use super::quantile::quantile_of;
use crate::saliency::Saliency;

/// Which pixels are seeds: the table `[seeds]` of a pipeline. The limits are quantiles of the map's
/// values, in 0..=1.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SeedOptions {
    /// How pixels of equal saliency are treated.
    pub rule: SeedRule,
    /// The colours of the foreground are learnt from the pixels above this quantile.
    pub foreground: f64,
    /// The colours of the background are learnt from the pixels below this quantile.
    pub background: f64,
    /// Pixels above this quantile are foreground in every cut. By default there are none.
    pub hard_foreground: Option<f64>,
    /// Pixels below this quantile are background in every cut. By default there are none.
    pub hard_background: Option<f64>,
}

/// How pixels of equal saliency are treated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedRule {
    /// Pixels `>=` the upper quantile are foreground and pixels `<=` the lower one background. If
    /// both hold, the pixel is background (Oxford's code).
    Quantile,
    /// The last pixels in stable ascending order are foreground and the first ones background, so
    /// that their numbers are exact.
    Rank,
}

/// What is known of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// It belongs to the object.
    Foreground,
    /// It does not belong to the object.
    Background,
    /// Nothing is known.
    Undecided,
}

/// The seeds of a photo, [height, width] of its frame.
#[derive(Clone, Debug)]
pub struct Seeds {
    /// The pixels that the colour models learn from.
    pub colour: Array2<Seed>,
    /// The pixels that the cut must not change.
    pub hard: Array2<Seed>,
}

impl SeedOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let quantiles = [
            ("foreground", Some(self.foreground)),
            ("background", Some(self.background)),
            ("hard-foreground", self.hard_foreground),
            ("hard-background", self.hard_background),
        ];
        for (name, quantile) in quantiles {
            if let Some(quantile) = quantile.filter(|quantile| !(0.0..=1.0).contains(quantile)) {
                return Err(format!("seeds.{name} {quantile} is not a quantile in 0..1"));
            }
        }
        let Self {
            foreground,
            background,
            ..
        } = self;
        if foreground > background {
            Ok(())
        } else {
            Err(format!(
                "seeds.foreground {foreground} is not above seeds.background {background}"
            ))
        }
    }
}

/// Above and below which quantiles of a map pixels are seeds; `None` for no seeds of that kind.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quantiles {
    foreground: Option<f64>,
    background: Option<f64>,
}

/// The seeds of a map.
///
/// ```
/// use localise::saliency::Saliency;
/// use localise::segment::{SeedOptions, SeedRule, format_seeds, seeds};
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
/// assert_eq!(format_seeds(&seeds(&saliency, &options).unwrap().colour), "##.\n??.");
/// ```
///
/// # Errors
/// [`Flag::ConstantMap`] if the map is the same everywhere, [`Flag::NoSeeds`] if ties leave no
/// pixel for one of the colour models.
pub fn seeds(saliency: &Saliency, options: &SeedOptions) -> Result<Seeds, Flag> {
    let values = saliency.values();
    if saliency.is_constant() {
        return Err(Flag::ConstantMap);
    }
    let label_frame = |quantiles| place(saliency, &label_values(&values, options.rule, quantiles));
    let colour_quantiles = Quantiles {
        foreground: Some(options.foreground),
        background: Some(options.background),
    };
    let hard_quantiles = Quantiles {
        foreground: options.hard_foreground,
        background: options.hard_background,
    };
    let colour = label_frame(colour_quantiles);
    let has = |wanted| colour.iter().any(|&seed| seed == wanted);
    if !has(Seed::Foreground) || !has(Seed::Background) {
        return Err(Flag::NoSeeds);
    }
    let hard = if hard_quantiles == colour_quantiles {
        colour.clone()
    } else {
        label_frame(hard_quantiles)
    };
    Ok(Seeds { colour, hard })
}

fn label_values(values: &[f32], rule: SeedRule, quantiles: Quantiles) -> Vec<Seed> {
    match rule {
        SeedRule::Quantile => label_by_value(values, quantiles),
        SeedRule::Rank => label_by_rank(values, quantiles),
    }
}

fn label_by_value(values: &[f32], quantiles: Quantiles) -> Vec<Seed> {
    let mut scratch = values.to_vec();
    let mut value_at = |share| {
        quantile_of(values.len(), share, |k| {
            f64::from(*scratch.select_nth_unstable_by(k, f32::total_cmp).1)
        })
    };
    let high = quantiles.foreground.map_or(f64::INFINITY, &mut value_at);
    let low = quantiles
        .background
        .map_or(f64::NEG_INFINITY, &mut value_at);
    let label = |&value: &f32| {
        let value = f64::from(value);
        if value <= low {
            Seed::Background
        } else if value >= high {
            Seed::Foreground
        } else {
            Seed::Undecided
        }
    };
    values.iter().map(label).collect()
}

/// The labels that a stable sort of the values would give, without sorting them.
fn label_by_rank(values: &[f32], quantiles: Quantiles) -> Vec<Seed> {
    let n = values.len();
    let mut labels = vec![Seed::Undecided; n];
    let mut scratch = values.to_vec();
    let mut nth = |k: usize| *scratch.select_nth_unstable_by(k, f32::total_cmp).1;
    // A share such as 1 − 0.95 is not exact in binary. A little is added before rounding down.
    let count = |share: f64| ((share * n as f64 + 1e-6) as usize).min(n);
    let background = quantiles.background.map_or(0, count);
    if background > 0 {
        let selection = Selection {
            seed: Seed::Background,
            count: background,
            bound: nth(background - 1),
            side: Ordering::Less,
        };
        selection.apply(values.iter().zip(&mut labels));
    }
    let foreground = quantiles
        .foreground
        .map_or(0, |share| count(1.0 - share).max(1));
    if foreground > 0 {
        let selection = Selection {
            seed: Seed::Foreground,
            count: foreground,
            bound: nth(n - foreground),
            side: Ordering::Greater,
        };
        selection.apply(values.iter().zip(&mut labels).rev());
    }
    labels
}

/// The `count` pixels that come first, or last, in stable ascending order.
struct Selection {
    seed: Seed,
    count: usize,
    /// The value of the pixel that is nearest to those that are not selected.
    bound: f32,
    /// On which side of the bound selected values are, if they are not equal to it.
    side: Ordering,
}

impl Selection {
    /// Labels the pixels. Of those whose value is equal to the bound, the first ones in the order
    /// of `pixels` are selected, as many as are needed.
    fn apply<'a>(&self, pixels: impl Iterator<Item = (&'a f32, &'a mut Seed)>) {
        let mut selected = 0;
        let mut equal = Vec::new();
        for (value, label) in pixels {
            let order = value.total_cmp(&self.bound);
            if order == Ordering::Equal {
                equal.push(label);
            } else if order == self.side {
                *label = self.seed;
                selected += 1;
            }
        }
        for label in equal.into_iter().take(self.count - selected) {
            *label = self.seed;
        }
    }
}

/// The labels of the window at their place in the frame. Outside the window nothing is known.
fn place(saliency: &Saliency, labels: &[Seed]) -> Array2<Seed> {
    let [rows, columns] = saliency.window.ranges();
    let mut frame = Array2::from_elem(saliency.map.dim(), Seed::Undecided);
    let mut window = frame.slice_mut(s![rows, columns]);
    for (to, &from) in window.iter_mut().zip(labels) {
        *to = from;
    }
    frame
}

/// Seeds as text, one line for each row: `#` for foreground, `.` for background, `?` for undecided.
#[must_use]
pub fn format_seeds(seeds: &Array2<Seed>) -> String {
    let sign = |seed: &Seed| match seed {
        Seed::Foreground => '#',
        Seed::Background => '.',
        Seed::Undecided => '?',
    };
    let lines: Vec<String> = seeds
        .outer_iter()
        .map(|row| row.iter().map(sign).collect())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::segment::quantile;

    /// The seeds as text: the hard ones if there is a quantile for them, otherwise those for
    /// colours.
    fn seeds_as_text(
        map: Array2<f32>,
        rule: SeedRule,
        hard_foreground: Option<f64>,
    ) -> Result<String, Flag> {
        let options = SeedOptions {
            rule,
            foreground: 0.75,
            background: 0.5,
            hard_foreground,
            hard_background: None,
        };
        let found = seeds(&Saliency::whole(map), &options)?;
        let shown = if hard_foreground.is_some() {
            found.hard
        } else {
            found.colour
        };
        Ok(format_seeds(&shown))
    }

    #[test]
    fn equal_values_are_background() {
        assert_eq!(
            seeds_as_text(array![[5., 0., 0., 0.]], SeedRule::Quantile, None).as_deref(),
            Ok("#...")
        );
        // Three of four pixels have the largest value. It is also the median, so nothing is left
        // for the foreground.
        assert_eq!(
            seeds_as_text(array![[5., 5., 5., 0.]], SeedRule::Quantile, None),
            Err(Flag::NoSeeds)
        );
    }

    #[test]
    fn ranks_give_exact_numbers() {
        assert_eq!(
            seeds_as_text(array![[5., 5., 5., 0.]], SeedRule::Rank, None).as_deref(),
            Ok(".?#.")
        );
        assert_eq!(
            seeds_as_text(array![[5., 6., 5., 0.]], SeedRule::Rank, Some(0.75)).as_deref(),
            Ok("?#??")
        );
    }

    /// Compared with a stable sort of all pixels. Many of them are equal, and some are −0.
    #[test]
    fn selecting_gives_the_labels_of_sorting() {
        let noise = |i: u64| ((i * i * 7919 + i) % 13) as f32 - 6.0;
        let values: Vec<f32> = (0..997)
            .map(|i| if i % 5 == 0 { -noise(i) } else { noise(i) })
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
            let quantiles = Quantiles {
                foreground: Some(foreground),
                background: Some(background),
            };
            let [first, last] =
                [background, 1.0 - foreground].map(|share| (share * n as f64 + 1e-6) as usize);
            let mut expected = vec![Seed::Undecided; n];
            for &i in &order[..first] {
                expected[i] = Seed::Background;
            }
            for &i in &order[n - last.max(1)..] {
                expected[i] = Seed::Foreground;
            }
            assert!(
                label_by_rank(&values, quantiles) == expected,
                "{foreground}"
            );
            let sorted: Vec<f64> = order.iter().map(|&i| f64::from(values[i])).collect();
            let [high, low] = [foreground, background].map(|share| quantile(&sorted, share));
            let found = label_by_value(&values, quantiles);
            for (label, value) in found.iter().zip(&values) {
                let value = f64::from(*value);
                let by_definition = if value <= low {
                    Seed::Background
                } else if value >= high {
                    Seed::Foreground
                } else {
                    Seed::Undecided
                };
                assert_eq!(*label, by_definition);
            }
        }
    }

    #[test]
    fn a_constant_map_has_no_seeds() {
        for value in [0.0, 3.0] {
            assert_eq!(
                seeds_as_text(Array2::from_elem((3, 3), value), SeedRule::Rank, None),
                Err(Flag::ConstantMap)
            );
        }
        assert_eq!(
            seeds_as_text(array![[1.0]], SeedRule::Quantile, None),
            Err(Flag::ConstantMap)
        );
    }
}
