//! Pictures of some photos of a finished run, made by running these again. They are made once: `pictures.jsonl` in the
//! run's folder keeps them as long as its boxes are the same.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Classes, Finished, Localiser, Progress, files, open, photo, probe};
use crate::classifier::{Classifier, describe};
use crate::dataset::{Dataset, Jpeg, Photo};
use crate::publish::publish;
use crate::report::{Layers, Picture, small};

/// A line of the file.
#[derive(Deserialize, Serialize)]
struct Line {
    id: String,
    boxes_sha256: String,
    picture: Picture,
}

/// Pictures of the photos at these places of a run. `data_dir` says where the data lie on this machine, in place of where
/// they lay for the run. Where the run cannot be looked into (no ONNX Runtime, another model), a warning says so and
/// photos come without layers; a photo that cannot be read has no picture.
///
/// # Errors
/// When `data_dir` holds another dataset, or the folder cannot be written.
pub fn pictures(
    run: &Finished,
    places: &[usize],
    data_dir: Option<&Path>,
    quiet: bool,
) -> Result<BTreeMap<usize, Picture>> {
    let path = run.folder.join(files::PICTURES);
    let mut kept = kept(&path, &run.boxes_sha256);
    let photos = &run.dataset.photos;
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for &place in places {
        match kept.get(&photos[place].id) {
            Some(picture) => drop(found.insert(place, picture.clone())),
            None => missing.push(place),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let elsewhere = data_dir.map(|folder| reopened(run, folder)).transpose()?;
    let photo = |place: usize| elsewhere.as_ref().map_or(&photos[place], |dataset| &dataset.photos[place]);
    let missing: Vec<(usize, &Photo)> = missing.into_iter().map(|place| (place, photo(place))).collect();
    let new = look_again(run, &missing, quiet).unwrap_or_else(|error| {
        tracing::warn!("{}: pictures have no layers: {error:#}", run.folder.display());
        missing.par_iter().filter_map(|&(place, photo)| Some((place, plain(photo, run.options.jpeg)?))).collect()
    });
    for (place, picture) in new {
        if picture.layers.is_some() {
            kept.insert(photos[place].id.clone(), picture.clone());
        }
        found.insert(place, picture);
    }
    let mut lines: Vec<String> = Vec::new();
    for photo in photos {
        if let Some(picture) = kept.remove(&photo.id) {
            let (id, boxes_sha256) = (photo.id.clone(), run.boxes_sha256.clone());
            lines.push(serde_json::to_string(&Line { id, boxes_sha256, picture })? + "\n");
        }
    }
    if !lines.is_empty() {
        publish(&path, lines.concat().as_bytes())?;
    }
    Ok(found)
}

/// The pictures that are kept of these boxes; none where the file is of others, or damaged.
fn kept(path: &Path, boxes_sha256: &str) -> HashMap<String, Picture> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let of_these = lines.filter(|line| line.boxes_sha256 == boxes_sha256);
    of_these.map(|line| (line.id, line.picture)).collect()
}

/// The run's dataset with its data in another folder.
fn reopened(run: &Finished, data_dir: &Path) -> Result<Dataset> {
    let mut options = run.options.clone();
    options.data_dir = Some(data_dir.to_owned());
    let dataset = open(&options, &describe(&options.model)?)?;
    ensure!(
        dataset.sha256() == run.dataset.sha256(),
        "--data-dir: {} has other photos or another truth than {} was scored against",
        data_dir.display(),
        run.folder.display()
    );
    Ok(dataset)
}

/// Photos through the run's pipeline once more.
fn look_again(run: &Finished, photos: &[(usize, &Photo)], quiet: bool) -> Result<Vec<(usize, Picture)>> {
    let pipeline = &run.options.pipeline;
    let description = describe(&run.options.model)?;
    let then = run.manifest["model_sha256"].as_str().unwrap_or_default();
    let now = crate::classifier::sha256(description.file()?)?;
    ensure!(now == then, "the model {} is another than the run's", description.name);
    let classifier = Classifier::load(description.clone(), probe(pipeline, &description))?;
    let classes = if photos.iter().all(|(_, photo)| photo.class.is_some()) { Classes::Gt } else { run.options.classes };
    let progress = Progress::new("pictures", photos.len(), 0, quiet);
    let new_localiser = || Localiser::new(&classifier, pipeline, classes, run.options.seed);
    let made = photos.par_iter().map_init(new_localiser, |localiser, &(place, photo)| {
        let picture = picture(localiser, photo, run.options.jpeg);
        progress.advance(picture.is_none());
        Some((place, picture?))
    });
    let made = made.flatten().collect();
    progress.finish();
    Ok(made)
}

/// A photo with its layers, or without where the network fails on it.
fn picture(localiser: &mut Localiser<'_>, photo: &Photo, jpeg: Jpeg) -> Option<Picture> {
    let pixels = photo::read(photo, jpeg).ok()?;
    let layers = localiser.locate(&pixels, &photo.id, photo.class, &mut |_| {}).ok().and_then(|seen| {
        let found = seen.found.first()?;
        let likely = seen.ranking.iter().take(5).map(|&class| (class, seen.probabilities[class])).collect();
        Some(Layers::of(found.saliency.as_ref(), &found.stages, likely))
    });
    Some(Picture { photo: small(&pixels), layers })
}

/// A photo alone.
fn plain(photo: &Photo, jpeg: Jpeg) -> Option<Picture> {
    let pixels = photo::read(photo, jpeg).ok()?;
    Some(Picture { photo: small(&pixels), layers: None })
}
