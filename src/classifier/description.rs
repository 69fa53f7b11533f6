//! A model's description: the small TOML beside it that says how it wants its input. ONNX files do
//! not carry this.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ClassifierError;
use crate::classes::ClassList;
use crate::digest;
use crate::assets::MODELS;

/// The order of the colour channels.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, as Caffe's networks want it.
    Bgr,
}

/// The file as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DescriptionFile {
    title: String,
    model: PathBuf,
    classes: String,
    size: usize,
    canvas: usize,
    channels: Channels,
    range: f32,
    mean: [f32; 3],
    std: [f32; 3],
    target: Option<String>,
    fetch: Option<String>,
    accuracy: Option<f64>,
    #[serde(default)]
    layers: BTreeMap<String, Vec<String>>,
}

/// How a model wants its input, and what its scores mean.
#[derive(Clone, Debug)]
pub struct ModelDescription {
    /// The model's name, that of its description file.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The ONNX file.
    pub model: PathBuf,
    /// The classes in the order of the scores.
    pub classes: ClassList,
    /// Height and width of the network's input, pixels.
    pub size: usize,
    /// The shorter side to which a photo is brought before crops of [`ModelDescription::size`] are cut
    /// out of it, pixels.
    pub canvas: usize,
    /// The order of colour channels in the input.
    pub channels: Channels,
    /// Pixel values are brought from 0..=255 to 0..=range first; 255 leaves them as they are.
    pub range: f32,
    /// Subtracted next, in units of the range and in RGB order.
    pub mean: [f32; 3],
    /// Divided by last, in units of the range and in RGB order, whatever the order of channels.
    pub std: [f32; 3],
    /// The score tensor, where it is not the model's first output or what enters its softmax.
    pub target: Option<String>,
    /// The command that fetches the model.
    pub fetch: Option<String>,
    /// The share of ILSVRC's validation photos whose class it finds first, as published, in 0..=1:
    /// what `doctor` expects.
    pub accuracy: Option<f64>,
    /// Feature maps that pipelines may ask for by these names instead of those of their tensors.
    pub layers: BTreeMap<String, Vec<String>>,
}

/// The largest input of a network, pixels a side.
const MAX_SIDE: usize = 4096;

impl ModelDescription {
    /// The tensors of these layers: those of a name in [`ModelDescription::layers`]; any other name is a
    /// tensor's.
    #[must_use]
    pub fn tensors(&self, layers: &[String]) -> Vec<String> {
        layers
            .iter()
            .flat_map(|name| {
                self.layers
                    .get(name)
                    .cloned()
                    .unwrap_or_else(|| vec![name.clone()])
            })
            .collect()
    }

    /// The model file, which must be there.
    ///
    /// # Errors
    /// [`ClassifierError::ModelDescription`] with the command that fetches it.
    pub fn file(&self) -> Result<&Path, ClassifierError> {
        if self.model.is_file() {
            return Ok(&self.model);
        }
        let help = self
            .fetch
            .as_ref()
            .map_or(String::new(), |f| format!("\nhelp: fetch it with {f}"));
        Err(ClassifierError::ModelDescription(format!(
            "{}: no such model file{help}",
            self.model.display()
        )))
    }

    /// Refuses the classes of a dataset where the scores are for others.
    ///
    /// # Errors
    /// A text that names both lists.
    pub fn ensure_has_classes(&self, classes: &ClassList, dataset: &str) -> Result<(), String> {
        if *classes == self.classes {
            return Ok(());
        }
        Err(format!(
            "the classes of {dataset} are those of the list {}, the scores of {} are for {}\nhelp: bring a model for \
             these classes, and name their list in its description",
            classes.name, self.name, self.classes.name
        ))
    }

    /// The SHA-256 of all that the description says of the network's input, classes and layers, in
    /// hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        let Self {
            classes,
            size,
            canvas,
            channels,
            range,
            mean,
            std,
            target,
            layers,
            ..
        } = self;
        let said = format!(
            "{:?} {size} {canvas} {channels:?} {range} {mean:?} {std:?} {target:?} {layers:?}",
            classes.to_csv()
        );
        digest::sha256(said)
    }

    /// The description of `model`: a name (`data/models/NAME.toml`), a description, or an ONNX file
    /// with its description beside it or, by its name, in `data/models`.
    pub(super) fn find(model: &Path) -> Result<Self, String> {
        if model.extension().is_none_or(|e| e != "onnx") {
            return Self::read(model, None);
        }
        let beside = model.with_extension("toml");
        let name = Path::new(model.file_stem().unwrap_or_default());
        if beside.is_file() {
            Self::read(&beside, Some(model))
        } else if MODELS.origin(name).is_some() {
            Self::read(name, Some(model))
        } else {
            Err(format!(
                "{}: the model has no description\nhelp: write {} after the example of {}",
                model.display(),
                beside.display(),
                MODELS.path(Path::new("squeezenet1.1")).display()
            ))
        }
    }

    /// Reads the description in `given`, a name or a path, of the ONNX file `model` in place of its
    /// own.
    fn read(given: &Path, model: Option<&Path>) -> Result<Self, String> {
        let (path, text) = MODELS.read(given)?;
        let file: DescriptionFile = MODELS.parse(&text, &path.display().to_string())?;
        let DescriptionFile { size, canvas, .. } = file;
        if !(1..=MAX_SIDE).contains(&size) || !(size..=MAX_SIDE).contains(&canvas) {
            let path = path.display();
            return Err(format!(
                "{path}: size {size} and canvas {canvas}\nhelp: wanted are 1 <= size <= canvas <= {MAX_SIDE}"
            ));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            title: file.title,
            model: model.map_or_else(|| folder.join(&file.model), Path::to_owned),
            classes: ClassList::read(&file.classes)?,
            size: file.size,
            canvas: file.canvas,
            channels: file.channels,
            range: file.range,
            mean: file.mean,
            std: file.std,
            target: file.target,
            fetch: file.fetch,
            accuracy: file.accuracy,
            layers: file.layers,
        })
    }
}
