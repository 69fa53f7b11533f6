//! Pictures of some photos of a finished run, made by running these again. They are made once:
//! `pictures.jsonl` in the run's folder keeps them as long as its boxes and the program are the
//! same.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Classes, Finished, Localiser, Progress, files, photo, probe};
use crate::classifier::{self, Classifier, describe};
use crate::geometry::BBox;
use crate::publish::publish;
use crate::report::{Layers, Picture, small};

/// After so many the new ones are kept: whatever ends the program then takes no more than these.
const AT_ONCE: usize = 64;

/// A line of the file.
#[derive(Deserialize, Serialize)]
struct Line {
    id: String,
    boxes_sha256: String,
    program: String,
    picture: Picture,
}

/// What draws pictures.
const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("LOCALISE_COMMIT"));

/// Pictures of the photos at these places of a run, as many as can be made: where the run cannot be
/// looked into (no ONNX Runtime, another model), photos come without layers, and a photo that
/// cannot be read has no picture. Warnings say so.
#[must_use]
pub fn pictures(run: &Finished, places: &[usize], quiet: bool) -> BTreeMap<usize, Picture> {
    let path = run.folder.join(files::PICTURES);
    let mut kept = kept(&path, &run.boxes_sha256);
    let photos = &run.dataset.photos;
    let mut found: BTreeMap<usize, Picture> = places
        .iter()
        .filter_map(|&place| Some((place, kept.get(&photos[place].id)?.clone())))
        .collect();
    let missing = places
        .iter()
        .copied()
        .filter(|place| !found.contains_key(place));
    let (mut plain, missing): (Vec<usize>, Vec<usize>) =
        missing.partition(|&place| shown(run, place).is_none());
    let mut each = |new: Vec<(usize, Picture)>| {
        for (place, picture) in new {
            kept.insert(photos[place].id.clone(), picture.clone());
            found.insert(place, picture);
        }
        if let Err(error) = keep(run, &path, &kept) {
            tracing::warn!("pictures are not kept for the next time: {error:#}");
        }
    };
    let looked = if missing.is_empty() {
        Ok(())
    } else {
        look_again(run, &missing, quiet, &mut each)
    };
    if let Err(error) = looked {
        tracing::warn!(
            "{}: {} photos have no layers: {error:#}",
            run.folder.display(),
            missing.len()
        );
    }
    plain.extend(missing.iter().filter(|place| !found.contains_key(place)));
    let read = |&place: &usize| {
        let pixels = photo::read(&photos[place], run.options.jpeg).ok()?;
        Some((
            place,
            Picture {
                photo: small(&pixels),
                layers: None,
            },
        ))
    };
    found.extend(plain.par_iter().filter_map(read).collect::<Vec<_>>());
    let unread: Vec<_> = places
        .iter()
        .filter(|place| !found.contains_key(place))
        .collect();
    if let Some(&&place) = unread.first() {
        let (count, path) = (unread.len(), photos[place].path.display());
        tracing::warn!(
            "{count} photos cannot be read, such as {path}\nhelp: --data-dir says where they lie now"
        );
    }
    found
}

/// The pictures that are kept of these boxes; none where the file is of others, or damaged.
fn kept(path: &Path, boxes_sha256: &str) -> HashMap<String, Picture> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let of_these =
        lines.filter(|line| line.boxes_sha256 == boxes_sha256 && line.program == PROGRAM);
    of_these.map(|line| (line.id, line.picture)).collect()
}

/// Writes what is kept, in the dataset's order.
fn keep(run: &Finished, path: &Path, kept: &HashMap<String, Picture>) -> Result<()> {
    let mut lines = String::new();
    for photo in &run.dataset.photos {
        if let Some(picture) = kept.get(&photo.id) {
            let (id, boxes_sha256, program) =
                (photo.id.clone(), run.boxes_sha256.clone(), PROGRAM.into());
            lines += &serde_json::to_string(&Line {
                id,
                boxes_sha256,
                program,
                picture: picture.clone(),
            })?;
            lines.push('\n');
        }
    }
    Ok(publish(path, lines.as_bytes())?)
}

/// The class whose box stands for a photo, and the box.
fn shown(run: &Finished, place: usize) -> Option<(usize, BBox)> {
    let photo = &run.dataset.photos[place];
    let guess = run.predictions.photos[place].shown(photo)?;
    Some((guess.class().or(photo.class)?, guess.bbox?))
}

/// Takes photos through the run's pipeline once more, and gives their pictures to `each`, some at a
/// time.
fn look_again(
    run: &Finished,
    places: &[usize],
    quiet: bool,
    each: &mut dyn FnMut(Vec<(usize, Picture)>),
) -> Result<()> {
    let pipeline = &run.options.pipeline;
    let description = describe(&run.options.model)?;
    let then = run.manifest["model_sha256"].as_str().unwrap_or_default();
    ensure!(
        classifier::sha256(description.file()?)? == then,
        "the model {} is another now",
        description.name
    );
    let classifier = Classifier::load(description.clone(), probe(pipeline, &description))?;
    let progress = Progress::new("pictures", places.len(), 0, quiet);
    let new_localiser = || Localiser::new(&classifier, pipeline, Classes::Gt, run.options.seed);
    let mut others = 0;
    for places in places.chunks(AT_ONCE) {
        let look = |localiser: &mut Localiser<'_>, &place: &usize| {
            let picture = picture(localiser, run, place);
            progress.advance(picture.is_none());
            picture.map(|(picture, same)| (place, picture, same))
        };
        let made: Vec<_> = places
            .par_iter()
            .map_init(new_localiser, look)
            .flatten()
            .collect();
        others += made.iter().filter(|(.., same)| !same).count();
        each(
            made.into_iter()
                .map(|(place, picture, _)| (place, picture))
                .collect(),
        );
    }
    progress.finish();
    if others > 0 {
        tracing::warn!(
            "{others} photos have other boxes now than the run found: the layers are those of now"
        );
    }
    Ok(())
}

/// A photo with its layers for the class that is shown, and whether its box is the run's.
fn picture(localiser: &mut Localiser<'_>, run: &Finished, place: usize) -> Option<(Picture, bool)> {
    let photo = &run.dataset.photos[place];
    let (class, bbox) = shown(run, place)?;
    let pixels = photo::read(photo, run.options.jpeg).ok()?;
    let seen = localiser
        .locate(&pixels, &photo.id, Some(class), &mut |_| {})
        .ok()?;
    let found = seen.found.first()?;
    let likely = seen
        .ranking
        .iter()
        .take(5)
        .map(|&class| (class, seen.probabilities[class]))
        .collect();
    let layers = Some(Layers::of(found.saliency.as_ref(), &found.stages, likely));
    Some((
        Picture {
            photo: small(&pixels),
            layers,
        },
        found.located.bbox == bbox,
    ))
}
