//! Cuts to measure, made from photos of this repository's sample: a photo and an artificial
//! saliency map, with the seeds, colour models and energy that the library makes from them.

use std::path::Path;

use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};
use localise::dataset::{self, Dataset, Jpeg, Photo, Request};
use localise::geometry::Size;
use localise::saliency::Saliency;
use localise::segment::{
    ColourFit, ColourOptions, ColourTraining, CutOptions, Energy, Form, SeedOptions, SeedRule,
    Seeds, seeds,
};
use ndarray::Array2;

/// The kind of an artificial saliency map.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MapKind {
    /// Blobs, like those of a class activation map.
    Smooth,
    /// Grains, like those of a gradient.
    Speckle,
}

/// A class of cuts: what [`Class::energy`] makes of any photo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    /// Size, map and gamma.
    pub(crate) name: &'static str,
    size: Size,
    map: MapKind,
    form: Form,
    gamma: f64,
}

const fn class(name: &'static str, size: Size, map: MapKind, form: Form, gamma: f64) -> Class {
    Class {
        name,
        size,
        map,
        form,
        gamma,
    }
}

/// The classes that are measured.
pub(crate) const CLASSES: [Class; 10] = [
    class(
        "224.smooth.g50",
        Size::new(224, 224),
        MapKind::Smooth,
        Form::Grabcut8,
        50.0,
    ),
    class(
        "224.smooth.g5",
        Size::new(224, 224),
        MapKind::Smooth,
        Form::Grabcut8,
        5.0,
    ),
    class(
        "224.speckle.g50",
        Size::new(224, 224),
        MapKind::Speckle,
        Form::Grabcut8,
        50.0,
    ),
    class(
        "224.speckle.g5",
        Size::new(224, 224),
        MapKind::Speckle,
        Form::Grabcut8,
        5.0,
    ),
    class(
        "500.smooth.g50",
        Size::new(500, 375),
        MapKind::Smooth,
        Form::Grabcut8,
        50.0,
    ),
    class(
        "500.smooth.g5",
        Size::new(500, 375),
        MapKind::Smooth,
        Form::Grabcut8,
        5.0,
    ),
    class(
        "500.speckle.g50",
        Size::new(500, 375),
        MapKind::Speckle,
        Form::Grabcut8,
        50.0,
    ),
    class(
        "500.speckle.g5",
        Size::new(500, 375),
        MapKind::Speckle,
        Form::Grabcut8,
        5.0,
    ),
    class(
        "256.gsc-smooth.g150",
        Size::new(256, 256),
        MapKind::Smooth,
        Form::Gsc,
        150.0,
    ),
    class(
        "256.gsc-speckle.g150",
        Size::new(256, 256),
        MapKind::Speckle,
        Form::Gsc,
        150.0,
    ),
];

/// The photos of `tests/seven` with their names, sorted. The sample's other photos are too small.
///
/// # Panics
/// If they cannot be read.
pub(crate) fn photos() -> Vec<(String, RgbImage)> {
    let seven = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seven");
    let request = Request {
        dataset: Some(&seven),
        ..Request::default()
    };
    let mut photos = Dataset::open(&request)
        .expect("tests/seven can be read")
        .photos;
    photos.sort_by(|a, b| a.id.cmp(&b.id));
    let read = |photo: Photo| {
        let pixels = dataset::read(&photo.path, Jpeg::Strict).expect("a photo can be read");
        (photo.id, pixels)
    };
    photos.into_iter().map(read).collect()
}

impl Class {
    /// The photo, cropped about its centre to the class's aspect and resized.
    pub(crate) fn frame(&self, photo: &RgbImage) -> RgbImage {
        let Size { width, height } = self.size;
        let (full_width, full_height) = photo.dimensions();
        let crop_width = full_width.min(full_height * width / height);
        let crop_height = full_height.min(full_width * height / width);
        let (left, top) = (
            (full_width - crop_width) / 2,
            (full_height - crop_height) / 2,
        );
        let crop = crop_imm(photo, left, top, crop_width, crop_height).to_image();
        resize(&crop, width, height, FilterType::Triangle)
    }

    /// A map that is high near the centre and where the frame has edges.
    pub(crate) fn saliency(&self, frame: &RgbImage) -> Saliency {
        const CELLS: usize = 14;
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let grey = |x: usize, y: usize| {
            let [r, g, b] = frame
                .get_pixel(x.min(width - 1) as u32, y.min(height - 1) as u32)
                .0
                .map(f32::from);
            0.299 * r + 0.587 * g + 0.114 * b
        };
        let edges = Array2::from_shape_fn((height, width), |(y, x)| {
            (grey(x + 1, y) - grey(x, y)).hypot(grey(x, y + 1) - grey(x, y))
        });
        // The mean of the edges in each of 14 x 14 cells, times a Gaussian about the centre.
        let mut cells = Array2::<f32>::zeros((CELLS, CELLS));
        for ((y, x), edge) in edges.indexed_iter() {
            cells[[y * CELLS / height, x * CELLS / width]] += edge;
        }
        let maximum = cells.iter().copied().fold(1e-6, f32::max);
        let centred = |i: usize| ((i as f32 + 0.5) / CELLS as f32 - 0.5) / 0.3;
        for ((y, x), cell) in cells.indexed_iter_mut() {
            let distance = centred(x).powi(2) + centred(y).powi(2);
            *cell = (0.2 + *cell / maximum) * (-distance / 2.0).exp();
        }
        // The cells before and after a pixel, and the weight of the latter.
        let between = |i: usize, n: usize| {
            let at =
                ((i as f32 + 0.5) * CELLS as f32 / n as f32 - 0.5).clamp(0.0, (CELLS - 1) as f32);
            (at as usize, (at as usize + 1).min(CELLS - 1), at.fract())
        };
        let blobs = Array2::from_shape_fn((height, width), |(y, x)| {
            let ((top, bottom, v), (left, right, u)) = (between(y, height), between(x, width));
            let across = |row: usize| cells[[row, left]] * (1.0 - u) + cells[[row, right]] * u;
            across(top) * (1.0 - v) + across(bottom) * v
        });
        let map = match self.map {
            MapKind::Smooth => blobs,
            MapKind::Speckle => {
                let mean = edges.sum() / edges.len() as f32;
                let mut noise = 0u32;
                let mut map = blobs;
                for (value, edge) in map.iter_mut().zip(&edges) {
                    // The upper bits of a linear congruential generator make a number with a
                    // Rayleigh distribution.
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let uniform = ((noise >> 8) as f32 + 0.5) / (1 << 24) as f32;
                    *value *=
                        (-2.0 * uniform.ln()).sqrt() * (0.3 + (edge / (mean + 1e-6)).min(3.0));
                }
                map
            }
        };
        Saliency::whole(map)
    }

    /// The seeds, chosen as the pipelines `single-warp` and `paper2013` do.
    ///
    /// # Panics
    /// If the map gives no seeds.
    pub(crate) fn seeds(&self, saliency: &Saliency) -> Seeds {
        let options = match self.form {
            Form::Grabcut8 => SeedOptions {
                rule: SeedRule::Rank,
                foreground: 0.95,
                background: 0.30,
                hard_foreground: Some(0.95),
                hard_background: Some(0.30),
            },
            Form::Gsc => SeedOptions {
                rule: SeedRule::Quantile,
                foreground: 0.95,
                background: 0.30,
                hard_foreground: Some(0.995),
                hard_background: Some(0.005),
            },
        };
        seeds(saliency, &options).expect("the map gives seeds")
    }

    /// How the colour models are learnt.
    pub(crate) fn colours(&self) -> ColourOptions {
        let fit = match self.form {
            Form::Grabcut8 => ColourFit::Em,
            Form::Gsc => ColourFit::Splitting,
        };
        ColourOptions {
            fit,
            components: 5,
            sample: None,
        }
    }

    /// The energy of a photo.
    pub(crate) fn energy(&self, photo: &RgbImage) -> Energy {
        let frame = self.frame(photo);
        let mut energy = Energy::new(&CutOptions {
            form: self.form,
            gamma: self.gamma,
            map: 0.0,
            level: 1.0,
        });
        energy.set_photo(&frame);
        let seeds = self.seeds(&self.saliency(&frame));
        let training = ColourTraining {
            seeds: &seeds,
            options: &self.colours(),
            rng_seed: 0,
        };
        energy.set_class(&frame, None, None, Some(training), &mut |_| {});
        energy
    }
}
