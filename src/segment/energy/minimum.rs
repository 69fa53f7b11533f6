//! The energy of one photo and class, and its minimum.

use grid_maxflow::{EdgeCapacities, Edges, Grid, Instance};
use image::RgbImage;
use ndarray::Array2;

use super::options::{CutOptions, Form};
use super::pairwise::pairwise;
use super::unaries::unaries;
use crate::geometry::Size;
use crate::saliency::Saliency;
use crate::segment::colours::{ColourOptions, fit};
use crate::segment::seeds::{Seed, Seeds};
use crate::stage::{Stage, StageObserver};

/// The smallest ratio of a map's value to the neutral level, because the logarithm of 0 is
/// infinite.
const MIN_RATIO: f64 = 1e-6;

/// What the colour models of a class are learnt from.
#[derive(Clone, Copy, Debug)]
pub struct ColourTraining<'a> {
    /// The pixels of the two models, and those that the cut must not change.
    pub seeds: &'a Seeds,
    /// How a model is learnt.
    pub options: &'a ColourOptions,
    /// The seed of the two models.
    pub rng_seed: u64,
}

/// The energy of a photo in integers, and the memory to minimise it. Keep one for each thread: it
/// reuses its memory from cut to cut.
#[derive(Debug)]
pub struct Energy {
    options: CutOptions,
    /// The size of the photo's frame.
    size: Size,
    /// The costs of each pixel as foreground and as background.
    unaries: [Vec<i32>; 2],
    /// The costs of different labels for neighbouring pixels, one plane for each of
    /// [`Neighbours::steps`](grid_maxflow::Neighbours::steps).
    pairwise: Vec<Vec<i32>>,
    grid: Grid,
}

impl Energy {
    /// An energy of this form, without a photo.
    #[must_use]
    pub fn new(options: &CutOptions) -> Self {
        Self {
            options: options.clone(),
            size: Size::default(),
            unaries: Default::default(),
            pairwise: vec![],
            grid: Grid::default(),
        }
    }

    /// The form of the energy.
    #[must_use]
    pub fn form(&self) -> Form {
        self.options.form
    }

    /// Sets the photo, and with it the costs of neighbouring pixels, which are the same for all
    /// classes.
    pub fn set_photo(&mut self, frame: &RgbImage) {
        self.size = Size::from_picture(frame);
        let (height, width) = self.size.shape();
        self.pairwise = pairwise(frame.as_raw(), width, &self.options);
        let edges: Vec<_> = self
            .pairwise
            .iter()
            .map(|costs| Edges::symmetric(costs))
            .collect();
        self.grid
            .set_edges(width, height, self.options.form.neighbours(), &edges);
    }

    /// Sets the costs of the photo's pixels for one class: by its colours, if there is something to
    /// learn them from, by its map, if that has a weight, and by other evidence.
    ///
    /// `frame` is the photo that [`Self::set_photo`] was given; map, evidence and seeds have its size.
    /// The evidence is how much more each pixel costs as background than as foreground.
    /// `observe` is called when the colour models are learnt, and when the costs are computed.
    pub fn set_class(
        &mut self,
        frame: &RgbImage,
        map: Option<&Saliency>,
        evidence: Option<&Array2<f32>>,
        training: Option<ColourTraining<'_>>,
        observe: StageObserver<'_>,
    ) {
        match training {
            Some(training) => self.set_colour_costs(frame, training, observe),
            None => self.unaries = [(); 2].map(|()| vec![0; self.size.area()]),
        }
        if let Some(map) = map
            && self.options.map > 0.0
        {
            self.add_map_costs(map);
        }
        if let Some(evidence) = evidence {
            self.add_evidence(evidence);
        }
        if let Some(training) = training {
            self.set_hard_costs(training.seeds);
        }
        observe(Stage::Energy);
    }

    /// Learns the colours of foreground and background from the seeds, and computes the costs of
    /// all pixels from them.
    fn set_colour_costs(
        &mut self,
        frame: &RgbImage,
        training: ColourTraining<'_>,
        observe: StageObserver<'_>,
    ) {
        let ColourTraining {
            seeds,
            options,
            rng_seed,
        } = training;
        let form = self.options.form;
        let unit = (form.range() / 255.0) as f32;
        // The two models must not make the same random choices.
        let learn = |label: Seed, salt: u64| {
            let pixels = frame
                .pixels()
                .zip(&seeds.colour)
                .filter(|(_, seed)| **seed == label);
            let colours: Vec<_> = pixels
                .map(|(pixel, _)| pixel.0.map(|v| f32::from(v) * unit))
                .collect();
            fit(&colours, options, form.range(), rng_seed ^ salt)
        };
        let foreground = learn(Seed::Foreground, 0);
        let background = learn(Seed::Background, 1);
        observe(Stage::Colours);
        self.unaries = unaries(&foreground, &background, frame.as_raw(), form);
    }

    /// Adds the costs of the map, u = k · ln(h / (level · mean h)): a pixel costs u more as
    /// background if u is positive, and −u more as foreground if it is negative. Nothing is added
    /// outside the map's window.
    fn add_map_costs(&mut self, saliency: &Saliency) {
        let values = saliency.values();
        let mean = values.iter().map(|&h| f64::from(h)).sum::<f64>() / values.len() as f64;
        let scale = self.options.form.scale() * self.options.map;
        let neutral = self.options.level * mean;
        let (_, width) = self.size.shape();
        let [as_foreground, as_background] = &mut self.unaries;
        for ((x, y), h) in saliency.window.pixels().zip(values) {
            let cost = (scale * (f64::from(h) / neutral).max(MIN_RATIO).ln()).round() as i32;
            let pixel = y as usize * width + x as usize;
            as_foreground[pixel] += (-cost).max(0);
            as_background[pixel] += cost.max(0);
        }
    }

    /// Adds what each pixel costs more as background, or as foreground where that is negative.
    fn add_evidence(&mut self, evidence: &Array2<f32>) {
        let scale = self.options.form.scale() as f32;
        let [as_foreground, as_background] = &mut self.unaries;
        for ((fg, bg), more) in as_foreground.iter_mut().zip(as_background).zip(evidence) {
            let cost = (scale * more).round() as i32;
            *fg += (-cost).max(0);
            *bg += cost.max(0);
        }
    }

    /// Makes the labels of hard seeds so cheap that the cut does not change them.
    fn set_hard_costs(&mut self, seeds: &Seeds) {
        let form = self.options.form;
        // More than all edges of a pixel can cost together in `gsc`. For GrabCut it is the constant
        // of that energy, which is somewhat smaller. It is never 0.
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

    /// The labelling of least energy, [height, width], `true` for foreground. Of several it is the
    /// one with the smallest foreground.
    ///
    /// # Panics
    /// If [`Self::set_class`] has not been called after [`Self::set_photo`].
    #[must_use]
    pub fn minimise(&mut self) -> Array2<bool> {
        let mut foreground = Array2::from_elem(self.size.shape(), false);
        let labels = foreground
            .as_slice_mut()
            .expect("a new array is contiguous");
        // The source's side is the foreground. A pixel on the sink's side costs the capacity of its
        // edge from the source, which is its cost as background.
        let [as_foreground, as_background] = &self.unaries;
        self.grid.cut(as_background, as_foreground, labels);
        foreground
    }

    /// The minimisation as a maximum-flow problem, for other solvers.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let (height, width) = self.size.shape();
        let [as_foreground, as_background] = self.unaries.clone();
        let edges = self.pairwise.iter().map(|costs| EdgeCapacities {
            forward: costs.clone(),
            backward: costs.clone(),
        });
        Instance {
            width,
            height,
            neighbours: self.options.form.neighbours(),
            source: as_background,
            sink: as_foreground,
            edges: edges.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saliency::Rect;

    /// With k = 2, level 1/2 and a mean of 2, a saliency of 1 favours neither label.
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
        energy.set_class(&frame, Some(&map), None, None, &mut |_| {});
        let cost = |ratio: f64| (2000.0 * ratio.ln()).round() as i32;
        assert_eq!(energy.instance().source, [0, cost(3.0), 0, cost(3.5)]);
        assert_eq!(energy.instance().sink, [0, 0, -cost(0.5), 0]);
        assert_eq!(
            energy.minimise(),
            ndarray::array![[false, true, false, true]]
        );
        // Nothing is known outside the window.
        let narrow = Saliency {
            window: Rect::whole(Size::new(2, 1)),
            ..map.clone()
        };
        energy.set_class(&frame, Some(&narrow), None, None, &mut |_| {});
        assert_eq!(energy.instance().sink[2..], [0, 0]);
        // Evidence is added to what the map says.
        let evidence = ndarray::array![[0.5, -1.0, 0.0, 2.0]];
        energy.set_class(&frame, Some(&map), Some(&evidence), None, &mut |_| {});
        assert_eq!(
            energy.instance().source,
            [500, cost(3.0), 0, cost(3.5) + 2000]
        );
        assert_eq!(energy.instance().sink, [0, 1000, -cost(0.5), 0]);
    }
}
