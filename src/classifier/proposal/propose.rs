//! From an ONNX file without a description to a description.

use std::collections::BTreeMap;

use onnx_grad::gradient::{self, ImageSize, Options};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::ModelProto;

use super::super::any_model::OnnxRuntime;
use super::super::channels::Channels;
use super::super::description::ModelDescription;
use super::super::double_scaling::scales_its_input;
use super::super::error::ClassifierError;
use super::super::input_form;
use super::super::layout::Layout;
use super::super::model_file::ModelFile;
use super::super::origin::DescriptionOrigin;
use super::super::preset::Preset;
use super::classes::{self, ScoreClasses};
use super::configuration::Configuration;
use super::input::PictureInput;
use super::known;
use super::preprocessing::Preprocessing;
use crate::classes::ClassList;
use crate::geometry::Size;
use crate::remedy::{Refused, Remedy};

/// The side of an input whose size nothing says, in pixels: that of most networks for ImageNet.
const USUAL_SIDE: u32 = 224;

/// What a user says about a model without a description.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints<'a> {
    /// The preset to use.
    pub(crate) like: Option<Preset>,
    /// The classes, in the order of the scores.
    pub(crate) classes: Option<&'a ClassList>,
}

/// The description of a model that has none.
///
/// # Errors
/// [`ClassifierError`], where the file cannot be read, where it contradicts what is known of it, or
/// where nothing says how its pixels are scaled ([`Remedy::DescribeModel`]) or what its classes are.
pub(crate) fn propose(
    file: &ModelFile,
    hints: Hints<'_>,
) -> Result<ModelDescription, ClassifierError> {
    let refused = ClassifierError::Description;
    if !file.path.is_file() {
        let message = format!("{}: no such model file", file.path.display());
        return Err(refused(message.into()));
    }
    let mut model = onnx::load(&file.path)?;
    let graph = model.graph.clone().unwrap_or_default();
    let input = PictureInput::read(&graph, &file.path).map_err(refused)?;
    let configuration = match &file.configuration {
        Some(folder) => Configuration::read(folder).map_err(refused)?,
        None => Configuration::default(),
    };
    let mut notes = Vec::new();
    let preprocessing = Subject {
        file,
        input: &input,
        model: &model,
    }
    .preprocessing(hints.like, configuration.preprocessing, &mut notes)
    .map_err(refused)?;
    let mut description = describe_input(file, &input, &preprocessing).map_err(refused)?;
    let ScoreClasses {
        list,
        background,
        note,
    } = match hints.classes {
        Some(list) => ScoreClasses {
            list: list.clone(),
            background: None,
            note: None,
        },
        None => {
            let mut counts = classes::declared_counts(&graph);
            if counts.is_empty() {
                counts.push(count_scores(&mut model, &description)?);
            }
            classes::find(&counts, configuration.labels.as_ref(), &file.path).map_err(refused)?
        }
    };
    if hints.like.is_none() {
        notes.extend(note);
    }
    description.classes = list;
    description.background = background;
    description.notes = notes;
    Ok(description)
}

/// What the preprocessing is found from.
struct Subject<'a> {
    file: &'a ModelFile,
    input: &'a PictureInput,
    model: &'a ModelProto,
}

impl Subject<'_> {
    /// That of the preset, or else of the configuration, or else of the file's name.
    fn preprocessing(
        &self,
        like: Option<Preset>,
        configured: Option<Preprocessing>,
        notes: &mut Vec<String>,
    ) -> Result<Preprocessing, Refused> {
        let Self { file, input, .. } = self;
        if let Some(preset) = like {
            let mut preprocessing = self.of_preset(preset)?;
            // Where the model leaves its size open, its configuration or its name may say it.
            let known = match configured {
                Some(configured) => Some(configured),
                None => known::find(&file.name, input.layout, None)?,
            };
            if let Some(known) = known.filter(|known| known.size.is_some()) {
                (preprocessing.size, preprocessing.canvas) = (known.size, known.canvas);
                preprocessing.is_size_binding = known.is_size_binding;
            }
            return Ok(preprocessing);
        }
        if let Some(configured) = configured {
            return Ok(configured);
        }
        if let Some(whole) = self.of_integers() {
            return Ok(whole);
        }
        let known = known::find(&file.name, input.layout, None)?;
        let Some(known) = known.filter(|known| known.channels.count() == input.channels) else {
            return Err(Refused::new(
                format!("{}: the model has no description", file.path.display()),
                Remedy::DescribeModel(file.path.clone()),
            ));
        };
        notes.push(format!(
            "it has no description; the scaling of its pixels is a guess from {}",
            known.origin
        ));
        Ok(known)
    }

    fn of_preset(&self, preset: Preset) -> Result<Preprocessing, Refused> {
        let Self { file, input, model } = self;
        if let Some(preprocessing) = Preprocessing::from_preset(preset) {
            return Ok(preprocessing);
        }
        let origin = |family: &str| format!("the preset {preset}, {family}");
        if let Some(known) = known::find(&file.name, input.layout, Some(preset))? {
            let origin = origin("by the family in the file's name");
            return Ok(Preprocessing { origin, ..known });
        }
        match Preprocessing::from_preset(Preset::Raw).filter(|_| scales_its_input(model)) {
            Some(raw) => Ok(Preprocessing {
                origin: origin("a network that scales the pixels itself"),
                ..raw
            }),
            None => Err(Refused::with_advice(
                format!(
                    "{}: the preset keras depends on the family, which the name of the file does not \
                     say",
                    file.path.display()
                ),
                "name the preset of the family: caffe (ResNet, VGG), tf (ResNetV2, MobileNet, \
                 MobileNetV2, Inception, Xception, NASNet), torchvision (DenseNet) or raw \
                 (EfficientNet, MobileNetV3, ConvNeXt, RegNet)",
            )),
        }
    }

    /// An input of integers can only be given the pixels as they are.
    fn of_integers(&self) -> Option<Preprocessing> {
        let dtype = self.input.dtype;
        let raw = Preprocessing::from_preset(Preset::Raw).filter(|_| dtype.is_integer())?;
        Some(Preprocessing {
            scaling: dtype.whole_pixels(),
            origin: format!("the type of its input, {dtype}"),
            ..raw
        })
    }
}

/// The description without its classes.
fn describe_input(
    file: &ModelFile,
    input: &PictureInput,
    preprocessing: &Preprocessing,
) -> Result<ModelDescription, Refused> {
    let path = file.path.display();
    let (scaling, origin) = (preprocessing.scaling, &preprocessing.origin);
    if let (Some(stated), Some(declared)) = (preprocessing.size, input.size)
        && preprocessing.is_size_binding
        && stated != declared
    {
        return Err(Refused::with_advice(
            format!(
                "{path}: the input is {}, but {origin} says {stated} (width x height)",
                input.declared
            ),
            "correct the configuration, or write the description by hand (docs/models.md)",
        ));
    }
    let is_grey = input.channels == 1;
    if is_grey && !scaling.is_uniform() {
        return Err(Refused::with_advice(
            format!(
                "{path}: the input is {}, of one channel, but {origin} is for colours",
                input.declared
            ),
            "use the preset unit, tf or raw, or write the description by hand (docs/models.md)",
        ));
    }
    let size = input
        .size
        .or(preprocessing.size)
        .unwrap_or(Size::square(USUAL_SIDE));
    Ok(ModelDescription {
        name: file.name.clone(),
        title: file.name.clone(),
        model: file.path.clone(),
        classes: ClassList::default(),
        background: None,
        size,
        canvas: preprocessing.canvas_for(size),
        channels: if is_grey {
            Channels::Grey
        } else {
            preprocessing.channels
        },
        layout: Some(layout(input, preprocessing)),
        dtype: Some(input.dtype).filter(|dtype| dtype.is_integer()),
        range: scaling.range,
        mean: scaling.mean,
        std: scaling.std,
        target: None,
        fetch: None,
        accuracy: None,
        layers: BTreeMap::new(),
        origin: DescriptionOrigin::Concluded(origin.clone()),
        notes: Vec::new(),
    })
}

/// The layout that the file declares or, where it leaves all axes open, that of the library.
fn layout(input: &PictureInput, preprocessing: &Preprocessing) -> Layout {
    let of_library = preprocessing.layout;
    if !input.is_layout_declared && input.layout.axes().rank == of_library.axes().rank {
        of_library
    } else {
        input.layout
    }
}

/// The number of scores of a model that does not declare it, from a run.
fn count_scores(
    model: &mut ModelProto,
    description: &ModelDescription,
) -> Result<usize, ClassifierError> {
    input_form::standardise(model, description).map_err(ClassifierError::Description)?;
    let (height, width) = description.size.shape();
    let options = Options {
        size: Some(ImageSize { width, height }),
        ..Options::default()
    };
    let compiled = gradient::compile(model, &options, &OnnxRuntime);
    let compiled = compiled.map_err(|source| ClassifierError::Gradient {
        path: description.model.display().to_string(),
        source,
    })?;
    Ok(compiled.classes)
}
