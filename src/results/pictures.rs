//! `pictures.jsonl`: pictures of some photos of a run, kept as long as its boxes and the program
//! are the same.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::files;
use super::finished::FinishedRun;
use crate::fs::write_atomically;

/// A photo and its layers, each a `data:` URL.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Picture {
    /// The photo, reduced.
    pub photo: String,
    /// What the pipeline made of it; `None` where it was not run again.
    pub layers: Option<Layers>,
}

/// The intermediate results of a photo, each a picture of the whole photo.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Layers {
    /// The saliency map in colours; `None` also where it is constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saliency: Option<String>,
    /// Seeds: foreground amber, background blue, the rest transparent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds: Option<String>,
    /// The cut: its background darkens the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// The largest connected component, drawn as the cut is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The most probable classes with their probabilities.
    pub classes: Vec<(usize, f32)>,
}

/// The version of the program that draws pictures.
const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("LOCALISE_COMMIT"));

/// A line of the file.
#[derive(Deserialize, Serialize)]
struct PictureLine {
    id: String,
    boxes_sha256: String,
    program: String,
    picture: Picture,
}

/// The pictures stored in a run's folder, by the photo's name.
#[derive(Debug)]
pub struct StoredPictures<'a> {
    run: &'a FinishedRun,
    path: PathBuf,
    by_id: HashMap<String, Picture>,
}

impl<'a> StoredPictures<'a> {
    /// Reads the pictures of this run's boxes; there are none where the file belongs to other
    /// boxes, was made by another version of the program, or is damaged.
    #[must_use]
    pub fn open(run: &'a FinishedRun) -> Self {
        let path = run.folder.join(files::PICTURES);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut by_id = HashMap::new();
        for line in text.lines() {
            if let Ok(line) = serde_json::from_str::<PictureLine>(line)
                && line.boxes_sha256 == run.boxes_sha256
                && line.program == PROGRAM
            {
                by_id.insert(line.id, line.picture);
            }
        }
        Self { run, path, by_id }
    }

    /// The picture of a photo.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Picture> {
        self.by_id.get(id)
    }

    /// Adds a picture. It is kept once [`Self::save`] is called.
    pub fn insert(&mut self, id: String, picture: Picture) {
        self.by_id.insert(id, picture);
    }

    /// Writes all pictures, in the dataset's order.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> Result<()> {
        let mut lines = String::new();
        for photo in &self.run.dataset.photos {
            if let Some(picture) = self.by_id.get(&photo.id) {
                let line = PictureLine {
                    id: photo.id.clone(),
                    boxes_sha256: self.run.boxes_sha256.clone(),
                    program: PROGRAM.into(),
                    picture: picture.clone(),
                };
                lines += &serde_json::to_string(&line)?;
                lines.push('\n');
            }
        }
        Ok(write_atomically(&self.path, lines.as_bytes())?)
    }
}
