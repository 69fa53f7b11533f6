//! Pictures of chosen photos of a finished run, made by running these photos again.

use std::collections::BTreeMap;

use anyhow::{Error, Result, ensure};
use rayon::prelude::*;

use super::layers::{draw_layers, reduced};
use crate::classifier::{self, describe_like};
use crate::geometry::BBox;
use crate::localiser::{Classes, Localiser, Member, read_photo};
use crate::progress::Progress;
use crate::results::{FinishedRun, Picture, StoredPictures};

/// New pictures are stored after this many, so that an interruption loses no more than these.
const BATCH: usize = 64;

/// Pictures of the photos at these places of a run, by place, as many as can be made. If the run
/// cannot be repeated (no ONNX Runtime, another model), photos come without layers, and the reason is
/// returned; a photo that cannot be read has no picture, and a warning says so. Pictures that were
/// stored before are reused.
pub(super) fn pictures(
    run: &FinishedRun,
    places: &[usize],
    progress: &dyn Progress,
) -> (BTreeMap<usize, Picture>, Option<Error>) {
    let mut gallery = Gallery {
        run,
        stored: StoredPictures::open(run),
        found: BTreeMap::new(),
    };
    gallery.take_stored(places);
    let with_box = |place: &usize| shown_box(run, *place).is_some();
    let to_run: Vec<usize> = gallery
        .missing(places)
        .into_iter()
        .filter(with_box)
        .collect();
    let mut reason = None;
    if !to_run.is_empty()
        && let Err(error) = gallery.run_again(&to_run, progress)
    {
        let (folder, count) = (run.folder.display(), gallery.missing(&to_run).len());
        reason = Some(error.context(format!("{folder}: {count} photos have no layers")));
    }
    gallery.add_plain_photos(places);
    gallery.warn_of_unread(places);
    (gallery.found, reason)
}

/// The pictures of a run that are known so far.
struct Gallery<'a> {
    run: &'a FinishedRun,
    stored: StoredPictures<'a>,
    found: BTreeMap<usize, Picture>,
}

impl Gallery<'_> {
    fn take_stored(&mut self, places: &[usize]) {
        for &place in places {
            if let Some(picture) = self.stored.get(&self.run.dataset.photos[place].id) {
                self.found.insert(place, picture.clone());
            }
        }
    }

    fn missing(&self, places: &[usize]) -> Vec<usize> {
        places
            .iter()
            .copied()
            .filter(|place| !self.found.contains_key(place))
            .collect()
    }

    /// Takes photos through the run's pipeline again, and draws their layers.
    fn run_again(&mut self, places: &[usize], progress: &dyn Progress) -> Result<()> {
        let run = self.run;
        let pipeline = &run.options.pipeline;
        let description = describe_like(&run.options.model, run.options.like, None)?;
        let then = run.manifest["model_sha256"].as_str().unwrap_or_default();
        ensure!(
            classifier::sha256(description.file()?)? == then,
            "the model {} has changed since the run",
            description.name
        );
        let members = Member::load_all(pipeline, &description)?;
        let new_localiser = || Localiser::new(&members, pipeline, Classes::Gt, run.options.seed);
        let display = progress.begin("pictures", places.len(), 0);
        let mut moved = 0;
        for batch in places.chunks(BATCH) {
            let draw = |localiser: &mut Localiser<'_>, &place: &usize| {
                let drawn = draw_picture(localiser, run, place);
                display.advance(drawn.is_none());
                drawn
            };
            let drawn: Vec<Drawn> = batch
                .par_iter()
                .map_init(new_localiser, draw)
                .flatten()
                .collect();
            moved += drawn.iter().filter(|drawn| !drawn.same_box).count();
            self.store(drawn);
        }
        if moved > 0 {
            tracing::warn!(
                "{moved} photos now have other boxes than the run found: the layers are the new ones"
            );
        }
        Ok(())
    }

    fn store(&mut self, drawn: Vec<Drawn>) {
        for Drawn { place, picture, .. } in drawn {
            self.stored
                .insert(self.run.dataset.photos[place].id.clone(), picture.clone());
            self.found.insert(place, picture);
        }
        if let Err(error) = self.stored.save() {
            tracing::warn!("the pictures cannot be stored for the next report: {error:#}");
        }
    }

    /// Adds the photos that still have no picture, without layers.
    fn add_plain_photos(&mut self, places: &[usize]) {
        let run = self.run;
        let plain = |place: usize| {
            let pixels = read_photo(&run.dataset.photos[place], run.options.jpeg).ok()?;
            let photo = reduced(&pixels);
            Some((
                place,
                Picture {
                    photo,
                    layers: None,
                },
            ))
        };
        let added: Vec<_> = self
            .missing(places)
            .into_par_iter()
            .filter_map(plain)
            .collect();
        self.found.extend(added);
    }

    fn warn_of_unread(&self, places: &[usize]) {
        let unread = self.missing(places);
        if let Some(&first) = unread.first() {
            let path = self.run.dataset.photos[first].path.display();
            tracing::warn!(
                "{} photos cannot be read, for example {path}; name the folder that holds the data now",
                unread.len()
            );
        }
    }
}

/// The class whose box is shown for a photo, and the box.
fn shown_box(run: &FinishedRun, place: usize) -> Option<(usize, BBox)> {
    let photo = &run.dataset.photos[place];
    let guess = run.predictions.photos[place].guess_to_draw(photo)?;
    Some((guess.class().or(photo.class)?, guess.bbox?))
}

/// A picture, and whether the photo still has the box that the run found.
struct Drawn {
    place: usize,
    picture: Picture,
    same_box: bool,
}

/// Draws a photo with its layers for the class whose box is shown.
fn draw_picture(localiser: &mut Localiser<'_>, run: &FinishedRun, place: usize) -> Option<Drawn> {
    let photo = &run.dataset.photos[place];
    let (class, bbox) = shown_box(run, place)?;
    let pixels = read_photo(photo, run.options.jpeg).ok()?;
    let result = localiser
        .locate(&pixels, &photo.id, Some(class), &mut |_| {})
        .ok()?;
    let found = result.classes.first()?;
    let likely = result.ranking.iter().take(5);
    let likely = likely
        .map(|&guess| (guess, result.probabilities[guess]))
        .collect();
    Some(Drawn {
        place,
        picture: Picture {
            photo: reduced(&pixels),
            layers: Some(draw_layers(found.saliency.as_ref(), &found.stages, likely)),
        },
        same_box: found.localisation.bbox == bbox,
    })
}
