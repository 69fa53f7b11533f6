//! The description of a model: the small TOML file beside it that says what input it expects. ONNX
//! files do not contain this.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onnx_grad::gradient::Background;

use super::channels::Channels;
use super::description_file::DescriptionFile;
use super::element_type::ElementType;
use super::error::ClassifierError;
use super::layout::Layout;
use super::model_file::ModelFile;
use super::origin::DescriptionOrigin;
use super::preset::Preset;
use super::proposal::{Hints, propose};
use super::scaling::Scaling;
use crate::assets::MODELS;
use crate::classes::ClassList;
use crate::digest;
use crate::geometry::Size;
use crate::path_text;
use crate::remedy::Refused;

/// The input that a model expects, and the meaning of its scores.
///
/// A pixel value v in 0..=255 becomes (v · range / 255 − mean) / std.
#[derive(Clone, Debug)]
pub struct ModelDescription {
    /// The model's name, which is that of its description file.
    pub name: String,
    /// The model's usual name, for people.
    pub title: String,
    /// The ONNX file.
    pub model: PathBuf,
    /// The classes, in the order of the scores.
    pub classes: ClassList,
    /// The position of a score that belongs to none of the classes, and is left out.
    pub background: Option<Background>,
    /// The size of the network's input, in pixels.
    pub size: Size,
    /// The length of a photo's shorter side, in pixels, before crops of [`ModelDescription::size`]
    /// are taken.
    pub canvas: usize,
    /// The colour channels of the input, and their order.
    pub channels: Channels,
    /// The order of the input's axes. By default it is the only one that fits the shape that the
    /// model declares.
    pub layout: Option<Layout>,
    /// The type of the input's numbers. By default it is the one that the model declares.
    pub dtype: Option<ElementType>,
    /// The largest pixel value: pixels are first scaled from 0..=255 to 0..=range.
    pub range: f32,
    /// The mean that is then subtracted, in units of the range and in RGB order.
    pub mean: [f32; 3],
    /// The standard deviation that is divided by last, in units of the range and in RGB order,
    /// whatever the order of the channels is. A grey input has one mean and one standard deviation,
    /// which `mean` and `std` hold three times.
    pub std: [f32; 3],
    /// The tensor of class scores. By default it is the model's one output that holds class scores
    /// or, if that is the result of a softmax, a sigmoid or the like, the tensor before it.
    pub target: Option<String>,
    /// The command that fetches the model.
    pub fetch: Option<String>,
    /// The published top-1 accuracy on ILSVRC's validation set, in 0..=1, which `doctor` compares
    /// with.
    pub accuracy: Option<f64>,
    /// Names for feature maps, which pipelines can use in place of the names of their tensors.
    pub layers: BTreeMap<String, Vec<String>>,
    /// Where the description comes from.
    pub origin: DescriptionOrigin,
    /// What was concluded about a model without a description, in full sentences.
    pub notes: Vec<String>,
}

impl ModelDescription {
    /// The tensors of these layers. A name that [`ModelDescription::layers`] does not define is the
    /// name of a tensor.
    #[must_use]
    pub fn tensors(&self, layers: &[String]) -> Vec<String> {
        let mut tensors = Vec::new();
        for name in layers {
            match self.layers.get(name) {
                Some(defined) => tensors.extend_from_slice(defined),
                None => tensors.push(name.clone()),
            }
        }
        tensors
    }

    /// The path of the model file, after a check that it exists.
    ///
    /// # Errors
    /// [`ClassifierError::Description`] with the command that fetches the file.
    pub fn file(&self) -> Result<&Path, ClassifierError> {
        if self.model.is_file() {
            return Ok(&self.model);
        }
        let message = format!("{}: no such model file", self.model.display());
        Err(ClassifierError::Description(match &self.fetch {
            Some(command) => Refused::with_advice(message, format!("fetch it with {command}")),
            None => message.into(),
        }))
    }

    /// Checks that the scores are for the classes of a dataset.
    ///
    /// # Errors
    /// [`Refused`], which names both class lists.
    pub fn ensure_has_classes(&self, classes: &ClassList, dataset: &str) -> Result<(), Refused> {
        if *classes == self.classes {
            return Ok(());
        }
        let message = format!(
            "the classes of {dataset} are those of the list {}, but the scores of {} are for {}",
            classes.name, self.name, self.classes.name
        );
        let background = [(0, "first"), (self.classes.len().saturating_sub(1), "last")];
        let of_background = background
            .iter()
            .find(|(extra, _)| self.classes.without(*extra).as_ref() == Some(classes));
        let advice = match of_background {
            Some((extra, place)) => format!(
                "if {} is the background, set `background = \"{place}\"` and `classes = \"{}\"` \
                 in the model's description",
                self.classes.key(*extra),
                classes.name
            ),
            None => "use a model for these classes, and name their list in its description".into(),
        };
        Err(Refused::with_advice(message, advice))
    }

    /// What to do about a class list that names a background as its first or last class, although
    /// it is not a class of any dataset.
    #[must_use]
    pub fn advice_on_background(&self) -> Option<String> {
        const NAMES: [&str; 4] = ["background", "__background__", "bg", "dummy"];
        let last = self.classes.len().checked_sub(1)?;
        [(0, "first"), (last, "last")]
            .into_iter()
            .find_map(|(class, place)| {
                let key = self.classes.key(class);
                NAMES.contains(&key.to_lowercase().as_str()).then(|| {
                    format!(
                        "if `{key}` is not a class, set `background = \"{place}\"` and `classes` to a list \
                         without it in the model's description"
                    )
                })
            })
    }

    /// The SHA-256, in hexadecimal, of everything that the description says about the network's
    /// input, classes and layers.
    #[must_use]
    pub fn sha256(&self) -> String {
        let Self {
            classes,
            background,
            size,
            canvas,
            channels,
            layout,
            dtype,
            range,
            mean,
            std,
            target,
            layers,
            ..
        } = self;
        let content = format!(
            "{:?} {background:?} {size:?} {canvas} {channels:?} {layout:?} {dtype:?} {range} \
             {mean:?} {std:?} {target:?} {layers:?}",
            classes.to_csv()
        );
        digest::sha256(content)
    }

    /// The same model with the channels and the scaling of a preset; `None` where the model cannot
    /// have them, or where they depend on its family.
    #[must_use]
    pub fn with_preset(&self, preset: Preset) -> Option<Self> {
        let (channels, scaling) = preset.pixels()?;
        let channels = match self.channels {
            Channels::Grey if scaling.is_uniform() => Channels::Grey,
            Channels::Grey => return None,
            Channels::Rgb | Channels::Bgr => channels,
        };
        if self.dtype.is_some_and(|dtype| !dtype.holds(&scaling)) {
            return None;
        }
        Some(Self {
            channels,
            range: scaling.range,
            mean: scaling.mean,
            std: scaling.std,
            origin: DescriptionOrigin::Concluded(format!("the preset {preset}")),
            notes: Vec::new(),
            ..self.clone()
        })
    }

    /// Whether the channels and the scaling are those of another description.
    #[must_use]
    pub fn has_pixels_of(&self, other: &Self) -> bool {
        self.channels == other.channels && self.scaling() == other.scaling()
    }

    /// How pixel values are scaled.
    pub(super) fn scaling(&self) -> Scaling {
        let Self {
            range, mean, std, ..
        } = *self;
        Scaling { range, mean, std }
    }

    /// The description of `model`: a name (`data/models/NAME.toml`), the path of a description, the
    /// path of an ONNX file, or a folder that has one. The description of an ONNX file is beside it
    /// or, under its name, in `data/models`; where there is none, or where there are hints, it is
    /// made from what is known of the model.
    fn find(model: &Path, hints: Hints<'_>) -> Result<Self, ClassifierError> {
        let refused = ClassifierError::Description;
        let is_onnx = model.extension().is_some_and(|e| e == "onnx");
        let is_folder = model.is_dir() && MODELS.origin(model).is_none();
        let has_hints = hints.like.is_some() || hints.classes.is_some();
        if !is_onnx && !is_folder {
            let description = Self::read(model, None).map_err(refused)?;
            if has_hints {
                return Err(refused(description.refuse_hints()));
            }
            return Ok(description);
        }
        let file = ModelFile::find(model).map_err(refused)?;
        let beside = file.path.with_extension("toml");
        let name = Path::new(file.path.file_stem().unwrap_or_default());
        let described = if beside.is_file() {
            Some(beside.as_path())
        } else {
            MODELS.origin(name).map(|_| name)
        };
        match described {
            Some(given) if !has_hints => Self::read(given, Some(&file.path)).map_err(refused),
            Some(given) => {
                let mut proposed = propose(&file, hints)?;
                proposed.notes.push(format!(
                    "{} takes the place of its description, {}",
                    proposed.origin,
                    MODELS.read(given).map_err(refused)?.0.display()
                ));
                Ok(proposed)
            }
            None => propose(&file, hints),
        }
    }

    /// The error for hints about a model whose description is named.
    fn refuse_hints(&self) -> Refused {
        Refused::with_advice(
            format!("{} has a description, so no preset is needed", self.name),
            format!(
                "name its ONNX file, {}, to use a preset in place of the description",
                self.model.display()
            ),
        )
    }

    /// Reads the description that `given` names or is the path of. If there is a `model`, it takes
    /// the place of the ONNX file that the description names.
    fn read(given: &Path, model: Option<&Path>) -> Result<Self, Refused> {
        let (path, text) = MODELS.read(given)?;
        let file: DescriptionFile = MODELS.parse(&text, &path.display().to_string())?;
        let invalid = |fault: String| Refused::from(format!("{}: {fault}", path.display()));
        let size = file.size().map_err(invalid)?;
        let scaling = file.scaling().map_err(invalid)?;
        let background = file.background();
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            name: path_text::encode(path.file_stem().unwrap_or_default()),
            title: file.title,
            model: model.map_or_else(|| folder.join(&file.model), Path::to_owned),
            classes: ClassList::named(&file.classes, &[folder])?,
            background,
            size,
            canvas: file.canvas,
            channels: file.channels,
            layout: file.layout,
            dtype: file.dtype,
            range: scaling.range,
            mean: scaling.mean,
            std: scaling.std,
            target: file.target,
            fetch: file.fetch,
            accuracy: file.accuracy,
            layers: file.layers,
            origin: DescriptionOrigin::File(path),
            notes: Vec::new(),
        })
    }
}

/// The description of a model that is given by its name, by the path of its description, by the path
/// of its ONNX file, or by the folder into which a library exported it.
///
/// # Errors
/// [`ClassifierError::Description`] if there is no description, or if it is invalid.
pub fn describe(model: &Path) -> Result<ModelDescription, ClassifierError> {
    describe_like(model, None, None)
}

/// Like [`describe`]. For an ONNX file or a folder, the preset `like` says how pixels are scaled, and
/// `classes` what the scores stand for.
///
/// # Errors
/// As for [`describe`], also if the preset contradicts the model.
pub fn describe_like(
    model: &Path,
    like: Option<Preset>,
    classes: Option<&ClassList>,
) -> Result<ModelDescription, ClassifierError> {
    ModelDescription::find(model, Hints { like, classes })
}

/// The path of the ONNX file that a path means: itself, or the one in a folder into which a library
/// exported it.
///
/// # Errors
/// [`ClassifierError::Description`] if the folder has none, or several and none called `model.onnx`.
pub fn onnx_file(given: &Path) -> Result<PathBuf, ClassifierError> {
    let file = ModelFile::find(given).map_err(ClassifierError::Description)?;
    Ok(file.path)
}
