//! The energy whose minimum is the cut.
//!
//! E(L) = Σₚ Dₚ(Lₚ) + Σ wₚ_q over neighbours with different labels. Dₚ comes from the colour models, wₚ_q from the
//! colour difference. Two labels and wₚ_q ≥ 0: the minimum is exact. Two forms are known; they differ in nearly
//! every constant, so every record names its form and gamma.

pub(in crate::segment) mod pairwise;
pub(in crate::segment) mod unaries;

use image::RgbImage;
use nalgebra::Vector3;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use pairwise::pairwise;
pub use unaries::unaries;

use super::Tick;
use super::colours::{ColourOptions, Gmm, fit};
use super::seeds::{Seed, Seeds};
use crate::maxflow::{Edges, Grid, Instance, Neighbours};

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
    pub(super) const fn range(self) -> f64 {
        match self {
            Self::Gsc => 1.0,
            Self::Grabcut8 => 255.0,
        }
    }

    /// Costs are multiplied by this and rounded to integers.
    pub(super) const fn scale(self) -> f64 {
        match self {
            Self::Gsc => 50.0,
            Self::Grabcut8 => 1000.0,
        }
    }

    pub(super) const fn neighbours(self) -> Neighbours {
        match self {
            Self::Gsc => Neighbours::Four,
            Self::Grabcut8 => Neighbours::Eight,
        }
    }
}

/// The energy of a photo in integers, and the memory to minimise it. Keep one per thread: the solver keeps its memory
/// from cut to cut.
#[derive(Debug)]
pub struct Energy {
    options: CutOptions,
    size: [usize; 2],
    /// What each pixel pays as foreground and as background.
    unaries: [Vec<i32>; 2],
    /// What neighbouring pixels pay for different labels, for each of the steps.
    pairwise: Vec<Vec<i32>>,
    grid: Grid,
}

impl Energy {
    /// An energy of this form, of no photo yet.
    #[must_use]
    pub fn new(options: &CutOptions) -> Self {
        Self {
            options: options.clone(),
            size: [0; 2],
            unaries: Default::default(),
            pairwise: vec![],
            grid: Grid::default(),
        }
    }

    /// The form.
    #[must_use]
    pub fn form(&self) -> Form {
        self.options.form
    }

    /// Takes a photo. What its neighbouring pixels pay serves the cuts of all its classes.
    pub fn set_photo(&mut self, frame: &RgbImage) {
        let neighbours = self.options.form.neighbours();
        self.size = [frame.width() as usize, frame.height() as usize];
        self.pairwise = pairwise(frame.as_raw(), self.size[0], &self.options);
        let edges: Vec<_> = self.pairwise.iter().map(|costs| Edges::symmetric(costs)).collect();
        self.grid.set_edges(self.size[0], self.size[1], neighbours, &edges);
    }

    /// Learns the colours of foreground and background from the seeds of one class, and from them what the photo's
    /// pixels pay. `frame` is the photo that [`Self::set_photo`] took.
    pub fn set_class(&mut self, frame: &RgbImage, seeds: &Seeds, colours: &ColourOptions, seed: u64, tick: Tick<'_>) {
        let form = self.options.form;
        let unit = (form.range() / 255.0) as f32;
        let learn = |label, salt| {
            let pixels = frame.pixels().zip(&seeds.colour).filter(|(_, seed)| **seed == label);
            let colours_of: Vec<_> = pixels.map(|(p, _)| p.0.map(|v| f32::from(v) * unit)).collect();
            fit(&colours_of, colours, form.range(), seed ^ salt)
        };
        let (foreground, background) = (learn(Seed::Foreground, 0), learn(Seed::Background, 1));
        tick("colours");

        self.unaries = unaries(&foreground, &background, frame.as_raw(), form);
        // What no sum of a pixel's edges can outweigh; for GrabCut its own, somewhat smaller, constant. Never 0.
        let hard = match form {
            Form::Gsc => 4.0 * self.options.gamma + 101.0,
            Form::Grabcut8 => 90.0 * self.options.gamma + 1.0,
        };
        let hard = (form.scale() * hard).round() as i32;
        let [as_foreground, as_background] = &mut self.unaries;
        for ((fg, bg), seed) in as_foreground.iter_mut().zip(as_background).zip(&seeds.hard) {
            match seed {
                Seed::Foreground => (*fg, *bg) = (0, hard),
                Seed::Background => (*fg, *bg) = (hard, 0),
                Seed::Undecided => (),
            }
        }
        tick("energy");
    }

    /// The labelling of least energy, `true` for foreground; of several the one with the smallest foreground.
    ///
    /// # Panics
    /// Where [`Self::set_class`] has not followed [`Self::set_photo`].
    #[must_use]
    pub fn minimise(&mut self) -> Array2<bool> {
        let [width, height] = self.size;
        let mut foreground = Array2::from_elem((height, width), false);
        // The source's side is the foreground: a pixel on the sink's side pays as background.
        let [as_foreground, as_background] = &self.unaries;
        let labels = foreground.as_slice_mut().expect("a new array is in order");
        self.grid.cut(as_background, as_foreground, labels);
        foreground
    }

    /// The minimisation as a maximum-flow problem, for other solvers.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let [as_foreground, as_background] = self.unaries.clone();
        Instance {
            size: self.size,
            neighbours: self.options.form.neighbours(),
            source: as_background,
            sink: as_foreground,
            edges: self.pairwise.iter().map(|costs| [costs.clone(), costs.clone()]).collect(),
        }
    }
}

/// What a pixel pays as foreground and as background: the formula that [`unaries()`] evaluates for all pixels.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gsc_unaries_by_hand() {
        let nothing = Gmm { components: vec![] };
        assert_eq!(unary(&nothing, &nothing, &Vector3::zeros(), Form::Gsc), [35, 35]);
        // Far from both models only the uniform density is left.
        let one = |at| Gmm {
            components: vec![crate::segment::Component::new(
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
