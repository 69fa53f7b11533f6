//! The energy whose minimum is the cut.
//!
//! E(L) = Σₚ Dₚ(Lₚ) + Σ wₚ_q over neighbours with different labels. Dₚ comes from the colour models, wₚ_q from the
//! colour difference. Two labels and wₚ_q ≥ 0: the minimum is exact. Two forms are known; they differ in nearly
//! every constant, so every record names its form and gamma.

use image::RgbImage;
use nalgebra::Vector3;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Tick;
use super::colours::Gmm;
use super::fit::{ColourOptions, fit};
use super::seeds::{Seed, Seeds};
use crate::maxflow::{Grid, Neighbours};

/// The energy: the table `[cut]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CutOptions {
    /// The form.
    #[serde(rename = "energy")]
    pub form: Form,
    /// The strength of smoothing, ≥ 0.
    pub gamma: f64,
}

impl CutOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let fits = (0.0..=10_000.0).contains(&self.gamma);
        if fits { Ok(()) } else { Err(format!("cut.gamma {} is not in 0..10000", self.gamma)) }
    }
}

/// The form of the energy.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Boykov and Jolly's energy as in Oxford's `gsc-1.2`: RGB in 0..=1, posteriors, 4 neighbours.
    Gsc,
    /// GrabCut's: RGB in 0..=255, likelihoods, 8 neighbours (Rother, Kolmogorov and Blake 2004).
    Grabcut8,
}

impl Form {
    /// Colour channels run from 0 to this.
    const fn range(self) -> f64 {
        match self {
            Self::Gsc => 1.0,
            Self::Grabcut8 => 255.0,
        }
    }

    /// Costs are multiplied by this and rounded to integers.
    const fn scale(self) -> f64 {
        match self {
            Self::Gsc => 50.0,
            Self::Grabcut8 => 1000.0,
        }
    }

    const fn neighbours(self) -> Neighbours {
        match self {
            Self::Gsc => Neighbours::Four,
            Self::Grabcut8 => Neighbours::Eight,
        }
    }
}

/// An energy in integers, ready to be minimised.
#[derive(Clone, Debug)]
pub struct Energy {
    grid: Grid,
    size: (usize, usize),
}

impl Energy {
    /// The energy of a frame with seeds.
    pub fn new(
        frame: &RgbImage,
        seeds: &Seeds,
        colours: &ColourOptions,
        options: &CutOptions,
        seed: u64,
        tick: Tick<'_>,
    ) -> Self {
        let form = options.form;
        let unit = form.range() / 255.0;
        let pixels: Vec<_> = frame.pixels().map(|p| Vector3::from(p.0.map(|v| f64::from(v) * unit))).collect();
        let of = |seed| pixels.iter().zip(&seeds.colour).filter(move |(_, s)| **s == seed).map(|(p, _)| *p);
        let learn = |label, salt| fit(&of(label).collect::<Vec<_>>(), colours, form.range(), seed ^ salt);
        let (foreground, background) = (learn(Seed::Foreground, 0), learn(Seed::Background, 1));
        tick("colours");

        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let mut grid = Grid::new(width, height, form.neighbours());
        // What no sum of a pixel's edges can outweigh; for GrabCut its own, somewhat smaller, constant. Never 0.
        let hard = match form {
            Form::Gsc => 4.0 * options.gamma + 101.0,
            Form::Grabcut8 => 90.0 * options.gamma + 1.0,
        };
        let hard = (form.scale() * hard).round() as i32;
        for (i, (pixel, label)) in pixels.iter().zip(&seeds.hard).enumerate() {
            let [fg, bg] = match label {
                Seed::Foreground => [0, hard],
                Seed::Background => [hard, 0],
                Seed::Undecided => unary(&foreground, &background, pixel, form),
            };
            grid.set_terminal(i % width, i / width, bg, fg);
        }
        for (x, y, step, weight) in pairwise(&pixels, width, options) {
            grid.set_edge(x, y, step, weight, weight);
        }
        tick("energy");
        Self { grid, size: (height, width) }
    }

    /// The labelling of least energy, `true` for foreground; of several the one with the smallest foreground.
    ///
    /// # Panics
    /// Never, but for a bug in the solver.
    #[must_use]
    pub fn minimise(self) -> Array2<bool> {
        Array2::from_shape_vec(self.size, self.grid.cut().source).expect("one label per pixel")
    }
}

/// What a pixel pays as foreground and as background.
///
/// `gsc`: p = L'_fg / (L'_fg + L'_bg) with L' = 0.05 + 0.95 · L, and −ln p, −ln(1 − p), each at most 100.
/// `grabcut8`: −ln L_fg and −ln L_bg, both moved up where one is negative, which leaves the minimum where it is.
#[must_use]
pub fn unary(foreground: &Gmm, background: &Gmm, pixel: &Vector3<f64>, form: Form) -> [i32; 2] {
    let logs = [foreground.log_density(pixel), background.log_density(pixel)];
    let costs = match form {
        Form::Gsc => {
            let [fg, bg] = logs.map(|log| 0.05 + 0.95 * log.exp());
            [fg, bg].map(|likelihood| (-(likelihood / (fg + bg)).ln()).min(100.0))
        }
        Form::Grabcut8 => {
            let costs = logs.map(|log| (-log).min(1e6));
            let least = costs[0].min(costs[1]).min(0.0);
            costs.map(|cost| cost - least)
        }
    };
    costs.map(|cost| (cost * form.scale()).round() as i32)
}

/// The weights of neighbouring pairs as (x, y, step, weight).
///
/// w = gamma · exp(−beta · d²) / distance, with d² the squared colour difference. `gsc`: beta = 1 / (mean d² / 2) and no
/// distance; `grabcut8`: beta = 1 / (2 · mean d²). In a picture of one colour beta is 0.
#[must_use]
pub fn pairwise(pixels: &[Vector3<f64>], width: usize, options: &CutOptions) -> Vec<(usize, usize, usize, i32)> {
    let height = pixels.len() / width;
    let steps = options.form.neighbours().steps();
    let mut pairs = Vec::with_capacity(pixels.len() * steps.len());
    let mut total = 0.0;
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i % width, i / width);
        for (step, &(dx, dy)) in steps.iter().enumerate() {
            let (qx, qy) = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
            if qx < width && qy < height {
                let difference = (pixel - pixels[qy * width + qx]).norm_squared();
                total += difference;
                pairs.push((x, y, step, difference));
            }
        }
    }
    let mean = total / pairs.len().max(1) as f64;
    let spread = match options.form {
        Form::Gsc => 0.5 * mean,
        Form::Grabcut8 => 2.0 * mean,
    };
    let beta = if spread > 0.0 { 1.0 / spread } else { 0.0 };
    let weight = |(x, y, step, difference): (usize, usize, usize, f64)| {
        let distance = match options.form {
            Form::Gsc => 1.0,
            Form::Grabcut8 if step < 2 => 1.0,
            Form::Grabcut8 => std::f64::consts::SQRT_2,
        };
        let weight = options.gamma * (-beta * difference).exp() / distance;
        (x, y, step, (options.form.scale() * weight).round() as i32)
    };
    pairs.into_iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(reds: &[f64], width: usize) -> Vec<i32> {
        let pixels: Vec<_> = reds.iter().map(|&r| Vector3::new(r, 0.0, 0.0)).collect();
        let options = CutOptions { form: Form::Gsc, gamma: 150.0 };
        pairwise(&pixels, width, &options).into_iter().map(|(_, _, _, weight)| weight).collect()
    }

    /// protocol.md, section 8, "Energy".
    #[test]
    fn gsc_pairs_by_hand() {
        assert_eq!(weights(&[0.0, 1.0], 2), [1015]);
        assert_eq!(weights(&[0.0, 0.0, 1.0], 3), [7500, 137]);
        assert_eq!(weights(&[0.3, 0.3], 1), [7500], "a picture of one colour");
        assert!(weights(&[0.3], 1).is_empty());
    }

    #[test]
    fn gsc_unaries_by_hand() {
        let nothing = Gmm { components: vec![] };
        assert_eq!(unary(&nothing, &nothing, &Vector3::zeros(), Form::Gsc), [35, 35]);
        // Far from both models only the uniform density is left.
        let one = |at| Gmm {
            components: vec![super::super::Component::new(
                1.0,
                Vector3::repeat(at),
                nalgebra::Matrix3::identity() * 1e-4,
            )],
        };
        assert_eq!(unary(&one(0.0), &one(0.1), &Vector3::repeat(0.9), Form::Gsc), [35, 35]);
        let [fg, bg] = unary(&one(0.0), &one(1.0), &Vector3::zeros(), Form::Gsc);
        assert!(fg == 0 && bg > 600 && bg <= 5000, "{fg} {bg}");
    }
}
