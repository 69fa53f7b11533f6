//! What is computed once of each photo: its map and the features of its positions. They are kept in
//! files, so that an interrupted call goes on where it was.

use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use ndarray::{Array2, Array3, ArrayD};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use super::options::LearnOptions;
use crate::classifier::Worker;
use crate::dataset::Photo;
use crate::fs::{OutputError, write_atomically};
use crate::localiser::{Classes, Observation, PhotoError, Question, read_photo};
use crate::random::seed_of_class;
use crate::saliency::{Crop, Saliency, View};

/// A photo as it is learned from.
pub(super) struct LearnPhoto {
    pub(super) id: String,
    /// The photo as it was shown: its crops that are not mirrored, without their pictures.
    pub(super) view: View,
    /// The seed of the colour models.
    pub(super) rng_seed: u64,
    pub(super) saliency: Saliency,
    /// For each crop and layer, the activations, [channels, height, width].
    pub(super) activations: Vec<Vec<Array3<f32>>>,
}

/// Why a photo is not learned from.
pub(super) enum LearnPhotoError {
    /// The photo or the network's answer is bad: it is left out.
    Photo(PhotoError),
    /// Its files cannot be written.
    Output(OutputError),
}

impl From<PhotoError> for LearnPhotoError {
    fn from(error: PhotoError) -> Self {
        Self::Photo(error)
    }
}

impl From<OutputError> for LearnPhotoError {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

impl LearnPhoto {
    /// Reads what was computed of a photo, or computes and keeps it.
    pub(super) fn new(
        worker: &mut Worker<'_>,
        photo: &Photo,
        options: &LearnOptions,
    ) -> Result<Self, LearnPhotoError> {
        let picture = read_photo(photo, options.jpeg)?;
        let (size, canvas) = (worker.description().size, worker.description().canvas);
        let view =
            View::new(&picture, &options.pipeline.view, size, canvas).map_err(PhotoError::image)?;
        let files = PhotoFiles::new(&options.work, &photo.id);
        let crops = view.crops.iter().filter(|crop| !crop.mirrored);
        let crops: Vec<Crop> = crops.map(without_picture).collect();
        let frame = view.frame.clone();
        let window = view.window;
        let (map, activations) = match files.read(crops.len(), options.tensors.len()) {
            Some(found) => found,
            None => {
                let (map, activations) = observe(worker, view, photo, options)?;
                files.write(&map, &activations)?;
                (map, activations)
            }
        };
        Ok(Self {
            id: photo.id.clone(),
            view: View {
                frame,
                crops,
                window,
                is_squeezed: false,
            },
            rng_seed: seed_of_class(options.rng_seed, &photo.id, photo.class.unwrap_or(0)),
            saliency: Saliency { map, window },
            activations,
        })
    }
}

fn without_picture(crop: &Crop) -> Crop {
    Crop {
        picture: RgbImage::default(),
        ..crop.clone()
    }
}

/// The map of a photo, and for each crop that is not mirrored the activations of each layer.
type Observed = (Array2<f32>, Vec<Vec<Array3<f32>>>);

/// Shows a photo to the network.
fn observe(
    worker: &mut Worker<'_>,
    view: View,
    photo: &Photo,
    options: &LearnOptions,
) -> Result<Observed, PhotoError> {
    let saliency = options.pipeline.saliency.as_ref();
    let question = Question {
        saliency,
        truth: photo.class,
        classes: if photo.class.is_some() {
            Classes::Gt
        } else {
            Classes::Top5
        },
        asked: None,
        rng_seed: options.rng_seed,
        id: &photo.id,
    };
    let observation = Observation::new(worker, view, &question)?;
    let saliency = observation.saliency(0, saliency.expect("a cut has a map"))?;
    let crops = observation.view.crops.iter().zip(observation.activations());
    let plain = crops.filter(|(crop, _)| !crop.mirrored);
    let activations = plain.map(|(_, layers)| layers.to_vec());
    Ok((saliency.map, activations.collect()))
}

/// The files that keep what was computed of a photo.
struct PhotoFiles {
    folder: PathBuf,
    stem: String,
}

impl PhotoFiles {
    fn new(folder: &Path, id: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            stem: crate::digest::sha256(id)[..16].to_owned(),
        }
    }

    fn map(&self) -> PathBuf {
        self.folder.join(format!("{}-map.npy", self.stem))
    }

    fn layer(&self, crop: usize, layer: usize) -> PathBuf {
        self.folder
            .join(format!("{}-{crop}-{layer}.npy", self.stem))
    }

    /// What was kept, unless some of it is missing or damaged.
    fn read(&self, crops: usize, layers: usize) -> Option<Observed> {
        let read = |path: PathBuf| ArrayD::<f32>::read_npy(fs::File::open(path).ok()?).ok();
        let map = read(self.map())?.into_dimensionality().ok()?;
        let layer = |crop, layer| read(self.layer(crop, layer))?.into_dimensionality().ok();
        let of_crop = |crop| (0..layers).map(|number| layer(crop, number)).collect();
        let activations: Option<Vec<_>> = (0..crops).map(of_crop).collect();
        Some((map, activations?))
    }

    /// Keeps what was computed; each file appears complete, and the map last.
    fn write(&self, map: &Array2<f32>, crops: &[Vec<Array3<f32>>]) -> Result<(), OutputError> {
        for (crop, layers) in crops.iter().enumerate() {
            for (number, activations) in layers.iter().enumerate() {
                write_npy(&self.layer(crop, number), activations)?;
            }
        }
        write_npy(&self.map(), map)
    }
}

fn write_npy(path: &Path, array: &impl WriteNpyExt) -> Result<(), OutputError> {
    let mut bytes = Vec::new();
    array
        .write_npy(&mut bytes)
        .expect("memory takes everything");
    write_atomically(path, &bytes)
}
