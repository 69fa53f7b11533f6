//! The file of a head.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::logits::HeadLayer;
use super::options::HeadOptions;
use crate::assets::HEADS;
use crate::dataset::Photo;
use crate::digest;
use crate::remedy::Refused;

/// A foreground head, as it is written in a TOML file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Head {
    /// The logit where all activations are 0.
    pub bias: f32,
    /// Where the head comes from.
    pub learned_on: LearnedOn,
    /// The layers, each with its weights.
    pub layers: Vec<HeadLayer>,
}

/// Where a head comes from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LearnedOn {
    /// The program and its version.
    pub program: String,
    /// The model.
    pub model: String,
    /// The hash of the model's file: to other weights, the head means nothing.
    pub model_sha256: String,
    /// The pipeline whose masks it learned from.
    pub pipeline: String,
    /// The hash of that pipeline with all its values.
    pub pipeline_sha256: String,
    /// The dataset of the photos.
    pub dataset: String,
    /// The first 8 hexadecimal digits of the SHA-256 of each photo's name, so that one can tell
    /// whether the head is scored on photos that it learned from.
    pub photos: Vec<String>,
}

impl Head {
    /// A head without weights, which asks a model for the activations of these tensors.
    #[must_use]
    pub fn untrained(tensors: Vec<String>) -> Self {
        let layer = |tensor| HeadLayer {
            tensor,
            transform: Default::default(),
            weights: vec![],
        };
        Self {
            bias: 0.0,
            learned_on: LearnedOn::default(),
            layers: tensors.into_iter().map(layer).collect(),
        }
    }

    /// Reads a head, whatever model it is for: a name in `data/heads`, or a file. Returns its path too.
    ///
    /// # Errors
    /// [`Refused`] if there is none, or if the file is not a head.
    pub(crate) fn read(given: &Path) -> Result<(Self, String), Refused> {
        let (path, text) = HEADS.read(given)?;
        let path = path.display().to_string();
        let head: Self = HEADS.parse(&text, &path)?;
        head.check()
            .map_err(|fault| Refused::from(fault).context(&path))?;
        Ok((head, path))
    }

    /// The head of a pipeline: the one that it names or, if it names none, the one that has the model's
    /// name and was learned with these weights; `None` if there is no such head.
    ///
    /// # Errors
    /// [`Refused`] if the file is not a head, or if the head that is named is missing or was learned for
    /// another model.
    pub fn find(
        options: &HeadOptions,
        model: &str,
        model_sha256: &str,
    ) -> Result<Option<Self>, Refused> {
        let Some(given) = &options.file else {
            if !HEADS.names().iter().any(|name| name == model) {
                return Ok(None);
            }
            let (head, _) = Self::read(Path::new(model))?;
            let is_own = head.learned_on.model_sha256 == model_sha256;
            return Ok(is_own.then_some(head));
        };
        let (head, path) = Self::read(given)?;
        let LearnedOn {
            model: own,
            model_sha256: own_sha256,
            ..
        } = &head.learned_on;
        if own_sha256 != model_sha256 {
            let [own_hash, hash] =
                [own_sha256, model_sha256].map(|hash| hash.get(..12).unwrap_or(hash));
            let message = format!(
                "{path}: the head was learned for the model {own} {own_hash}..., but this model is \
                 {model} {hash}..."
            );
            let advice = "to other weights it means nothing: learn one for this model with \
                          `localise learn`";
            return Err(Refused::with_advice(message, advice));
        }
        Ok(Some(head))
    }

    /// The head as TOML.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(self).expect("a head has a TOML form")
    }

    fn check(&self) -> Result<(), String> {
        if self.layers.is_empty() {
            return Err("the head has no layers".into());
        }
        let numbers = self.layers.iter().flat_map(|layer| &layer.weights);
        if !numbers.chain([&self.bias]).all(|w| w.is_finite()) {
            return Err("a weight is not finite".into());
        }
        Ok(())
    }

    /// The names of the layers' tensors.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &String> {
        self.layers.iter().map(|layer| &layer.tensor)
    }

    /// How many of these photos the head was learned from.
    #[must_use]
    pub fn seen(&self, photos: &[Photo]) -> usize {
        let known: HashSet<&String> = self.learned_on.photos.iter().collect();
        let seen = |photo: &&Photo| known.contains(&short_hash(&photo.id));
        photos.iter().filter(seen).count()
    }

    /// What the head is, in one line.
    #[must_use]
    pub fn title(&self) -> String {
        let LearnedOn {
            model,
            dataset,
            photos,
            ..
        } = &self.learned_on;
        format!(
            "for {model}, learned from {} photos of {dataset}",
            photos.len()
        )
    }

    /// What the head was learned from, as a report on these photos must tell it.
    #[must_use]
    pub fn provenance(&self, photos: &[Photo]) -> String {
        let LearnedOn {
            model,
            dataset,
            photos: own,
            ..
        } = &self.learned_on;
        let learned = format!(
            "the head of {model} was learned without boxes from {} photos of {dataset}",
            own.len()
        );
        match self.seen(photos) {
            0 => format!("{learned}, none of which is scored here"),
            seen => format!("{learned}, {seen} of which are scored here (transductive)"),
        }
    }
}

/// What [`LearnedOn::photos`] has of a photo.
pub(crate) fn short_hash(id: &str) -> String {
    digest::sha256(id)[..8].to_owned()
}

impl Eq for Head {}

impl Hash for Head {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_text().hash(state);
    }
}
