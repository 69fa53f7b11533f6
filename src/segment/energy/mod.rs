//! The energy whose minimum is the cut.
//!
//! E(L) = Σₚ Dₚ(Lₚ) + Σ wₚ_q over neighbours with different labels. Dₚ comes from the colour
//! models, from the map, or from both, wₚ_q from the colour difference. Two labels and wₚ_q ≥ 0:
//! the minimum is exact. Two forms are known; they differ in nearly every constant, so every record
//! names its form and gamma.

pub(in crate::segment) mod pairwise;
pub(in crate::segment) mod unaries;

use image::RgbImage;
use nalgebra::Vector3;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use pairwise::pairwise;
pub use unaries::unaries;

use super::colours::{ColourOptions, Gmm, fit};
use super::seeds::{Seed, Seeds};
use grid_maxflow::{EdgeCapacities, Edges, Grid, Instance, Neighbours};
use crate::saliency::Saliency;
use crate::stage::{Stage, StageObserver};

/// The energy: the table `[cut]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CutOptions {
    /// The form.
    #[serde(rename = "energy")]
    pub form: Form,
    /// The strength of smoothing, 0 to 10,000: what two neighbours of one colour pay for different
    /// labels.
    pub gamma: f64,
    /// The weight k of the map itself beside the colours, 0 to 1000: a pixel of saliency h pays k ·
    /// ln(h / (level · mean h)) less as foreground. Without colour models the map decides alone.
    #[serde(default)]
    pub map: f64,
    /// The saliency that speaks for neither side, as a multiple of the mean, above 0.
    #[serde(default = "one")]
    pub level: f64,
}

const fn one() -> f64 {
    1.0
}

impl CutOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        match (self.gamma, self.map) {
            (gamma, _) if !(0.0..=10_000.0).contains(&gamma) => {
                Err(format!("cut.gamma {gamma} is not in 0..10000"))
            }
            (_, map) if !(0.0..=1000.0).contains(&map) => {
                Err(format!("cut.map {map} is not in 0..1000"))
            }
            _ if !(self.level > 0.0 && self.level.is_finite()) => {
                Err(format!("cut.level {} is not above 0", self.level))
            }
            _ => Ok(()),
        }
    }
}

/// The form of the energy.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Boykov and Jolly's energy as in Oxford's `gsc-1.2`: RGB in 0..=1, posteriors, 4 neighbours.
    /// In integers it is 50 times as large.
    Gsc,
    /// GrabCut's: RGB in 0..=255, likelihoods, 8 neighbours (Rother, Kolmogorov and Blake 2004). In
    /// integers it is 1000 times as large.
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

/// A map's value counts as this part of the level at least: the logarithm of 0 has no end.
const MIN_PART: f64 = 1e-6;

/// The energy of a photo in integers, and the memory to minimise it. Keep one per thread: the
/// solver keeps its memory from cut to cut.
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
        let edges: Vec<_> = self
            .pairwise
            .iter()
            .map(|costs| Edges::symmetric(costs))
            .collect();
        self.grid
            .set_edges(self.size[0], self.size[1], neighbours, &edges);
    }

    /// What the photo's pixels pay for one class: by its colours, where there are seeds to learn
    /// them from, and by its map, where that has a weight. `frame` is the photo that
    /// [`Self::set_photo`] took; map and seeds have its size. `seed` is that of the colour models,
    /// and `observe` is told when colours and energy are done.
    pub fn set_class(
        &mut self,
        frame: &RgbImage,
        map: Option<&Saliency>,
        learnt: Option<(&Seeds, &ColourOptions)>,
        seed: u64,
        observe: StageObserver<'_>,
    ) {
        match learnt {
            Some((seeds, colours)) => self.set_colours(frame, seeds, colours, seed, observe),
            None => self.unaries = [(); 2].map(|()| vec![0; self.size[0] * self.size[1]]),
        }
        if let Some(map) = map.filter(|_| self.options.map > 0.0) {
            self.add_map(map);
        }
        if let Some((seeds, _)) = learnt {
            self.set_hard(seeds);
        }
        observe(Stage::Energy);
    }

    /// Learns the colours of foreground and background from the seeds, and from them what pixels
    /// pay.
    fn set_colours(
        &mut self,
        frame: &RgbImage,
        seeds: &Seeds,
        colours: &ColourOptions,
        seed: u64,
        observe: StageObserver<'_>,
    ) {
        let form = self.options.form;
        let unit = (form.range() / 255.0) as f32;
        let learn = |label, salt| {
            let pixels = frame
                .pixels()
                .zip(&seeds.colour)
                .filter(|(_, seed)| **seed == label);
            let colours_of: Vec<_> = pixels
                .map(|(p, _)| p.0.map(|v| f32::from(v) * unit))
                .collect();
            fit(&colours_of, colours, form.range(), seed ^ salt)
        };
        let (foreground, background) = (learn(Seed::Foreground, 0), learn(Seed::Background, 1));
        observe(Stage::Colours);

        self.unaries = unaries(&foreground, &background, frame.as_raw(), form);
    }

    /// u = k · ln(h / (level · mean h)), which a pixel pays as background, or −u as foreground;
    /// nothing outside the map's window.
    fn add_map(&mut self, saliency: &Saliency) {
        let values = saliency.values();
        let mean = values.iter().map(|&h| f64::from(h)).sum::<f64>() / values.len() as f64;
        let (scale, width) = (self.options.form.scale() * self.options.map, self.size[0]);
        let neither = self.options.level * mean;
        let [as_foreground, as_background] = &mut self.unaries;
        for ((x, y), h) in saliency.window.pixels().zip(values) {
            let cost = (scale * (f64::from(h) / neither).max(MIN_PART).ln()).round() as i32;
            let pixel = y as usize * width + x as usize;
            as_foreground[pixel] += (-cost).max(0);
            as_background[pixel] += cost.max(0);
        }
    }

    /// Pixels that the cut must not change.
    fn set_hard(&mut self, seeds: &Seeds) {
        let form = self.options.form;
        // What no sum of a pixel's edges can outweigh; for GrabCut its own, somewhat smaller,
        // constant. Never 0.
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
    }

    /// The labelling of least energy, [height, width], `true` for foreground; of several the one
    /// with the smallest foreground.
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
            width: self.size[0],
            height: self.size[1],
            neighbours: self.options.form.neighbours(),
            source: as_background,
            sink: as_foreground,
            edges: self
                .pairwise
                .iter()
                .map(|costs| EdgeCapacities { forward: costs.clone(), backward: costs.clone() })
                .collect(),
        }
    }
}

/// What a pixel pays as foreground and as background: the formula that [`unaries()`] evaluates for
/// all pixels.
///
/// In integers, as [`Form`] says, and in the form's range of colours.
///
/// `gsc`: p = L'_fg / (L'_fg + L'_bg) with L' = 0.05 + 0.95 · L, and −ln p, −ln(1 − p), each at
/// most 100. `grabcut8`: −ln L_fg and −ln L_bg, both moved up where one is negative, which leaves
/// the minimum where it is.
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

    /// k = 2, level 1/2: the mean is 2, so that a saliency of 1 speaks for neither side.
    #[test]
    fn the_map_alone_decides_without_colours() {
        let options = CutOptions {
            form: Form::Grabcut8,
            gamma: 0.0,
            map: 2.0,
            level: 0.5,
        };
        let mut energy = Energy::new(&options);
        let map = Saliency::whole(ndarray::array![[1.0, 3.0, 0.5, 3.5]]);
        let frame = RgbImage::new(4, 1);
        energy.set_photo(&frame);
        energy.set_class(&frame, Some(&map), None, 0, &mut |_| {});
        let cost = |part: f64| (2000.0 * part.ln()).round() as i32;
        assert_eq!(energy.instance().source, [0, cost(3.0), 0, cost(3.5)]);
        assert_eq!(energy.instance().sink, [0, 0, -cost(0.5), 0]);
        assert_eq!(
            energy.minimise(),
            ndarray::array![[false, true, false, true]]
        );
        // Nothing is known outside the window.
        let narrow = Saliency {
            window: crate::saliency::Rect::whole(2, 1),
            ..map
        };
        energy.set_class(&frame, Some(&narrow), None, 0, &mut |_| {});
        assert_eq!(energy.instance().sink[2..], [0, 0]);
    }

    #[test]
    fn gsc_unaries_by_hand() {
        let nothing = Gmm { components: vec![] };
        assert_eq!(
            unary(&nothing, &nothing, &Vector3::zeros(), Form::Gsc),
            [35, 35]
        );
        // Far from both models only the uniform density is left.
        let one = |at| Gmm {
            components: vec![crate::segment::Gaussian::new(
                1.0,
                Vector3::repeat(at),
                nalgebra::Matrix3::identity() * 1e-4,
            )],
        };
        assert_eq!(
            unary(&one(0.0), &one(0.1), &Vector3::repeat(0.9), Form::Gsc),
            [35, 35]
        );
        let [fg, bg] = unary(&one(0.0), &one(1.0), &Vector3::zeros(), Form::Gsc);
        assert!(fg == 0 && bg > 600 && bg <= 5000, "{fg} {bg}");
    }
}
