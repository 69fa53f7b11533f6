//! Names of layers that neither the model nor its description knows, found from the shapes of the
//! network's tensors.

use onnx_grad::gradient::{ImageSize, Options};
use onnx_grad::onnx::proto::ModelProto;
use onnx_grad::onnx::{self, Graph};

use super::any_model::OnnxRuntime;
use super::description::ModelDescription;
use super::error::ClassifierError;
use super::input_form;
use super::layers::{FeatureMaps, LayerName};
use crate::remedy::Refused;

/// The tensors that names of layers stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedTensors {
    /// The tensors, in the order of the names.
    pub tensors: Vec<String>,
    /// For each name that was found from shapes: the tensors that it stands for.
    pub notes: Vec<String>,
}

/// The tensors of these layers: those that the description defines, tensors of the model, and
/// automatic names ([`AUTOMATIC_NAMES`](super::AUTOMATIC_NAMES)).
///
/// # Errors
/// [`ClassifierError`] if the model cannot be read, or has no feature map of this name. A name that
/// is neither automatic nor defined is returned as it is.
pub fn named_tensors(
    description: &ModelDescription,
    layers: &[String],
) -> Result<NamedTensors, ClassifierError> {
    let tensors = description.tensors(layers);
    if tensors.iter().all(|name| LayerName::find(name).is_none()) {
        let notes = vec![];
        return Ok(NamedTensors { tensors, notes });
    }
    let mut model = onnx::load(description.file()?)?;
    input_form::standardise(&mut model, description).map_err(ClassifierError::Description)?;
    named_layers(&model, description, &tensors)
}

/// The same for names that the description does not define. `model` is in the standard form.
pub(super) fn named_layers(
    model: &ModelProto,
    description: &ModelDescription,
    names: &[String],
) -> Result<NamedTensors, ClassifierError> {
    let graph = model.graph.as_ref().map(Graph::new);
    let is_tensor = |name: &str| {
        let producer = graph.as_ref().and_then(|graph| graph.producer(name));
        producer.is_some()
    };
    let mut named = NamedTensors::default();
    let mut found = None;
    for name in names {
        let automatic = LayerName::find(name).filter(|_| !is_tensor(name));
        let Some(automatic) = automatic else {
            named.tensors.push(name.clone());
            continue;
        };
        let maps = match &found {
            Some(maps) => maps,
            None => found.insert(feature_maps(model, description)?),
        };
        let chosen = maps
            .named(automatic)
            .map_err(|fault| refused(description, &format!("layer {name}: {fault}")))?;
        let texts: Vec<_> = chosen.iter().map(|layer| maps.described(layer)).collect();
        named.notes.push(format!(
            "layer {name} is not in its description; found from shapes: {}",
            texts.join(" and ")
        ));
        for layer in chosen {
            add(&mut named.tensors, &layer.tensor);
        }
    }
    Ok(named)
}

/// Adds a tensor, unless it is there already because two automatic names stand for it.
fn add(tensors: &mut Vec<String>, name: &str) {
    if !tensors.iter().any(|known| known == name) {
        tensors.push(name.to_owned());
    }
}

/// The feature maps of a model, which is in the standard form, at its own image size.
fn feature_maps(
    model: &ModelProto,
    description: &ModelDescription,
) -> Result<FeatureMaps, ClassifierError> {
    let (height, width) = description.size.shape();
    let options = Options {
        target: description.target.clone(),
        size: Some(ImageSize { width, height }),
        classes: Some(description.classes.len()),
        background: description.background,
        ..Options::default()
    };
    let maps = FeatureMaps::find(model, &options, &OnnxRuntime).map_err(|source| {
        let path = description.model.display().to_string();
        ClassifierError::Gradient { path, source }
    })?;
    maps.ok_or_else(|| {
        let fault = "the network has no feature map that its scores depend on at several positions";
        refused(description, fault)
    })
}

fn refused(description: &ModelDescription, fault: &str) -> ClassifierError {
    ClassifierError::Description(Refused::with_advice(
        format!("{}: {fault}", description.model.display()),
        "`localise layers` lists the feature maps of a model; saliency.layers takes the names of \
         tensors, and [layers] in the model's description gives them names",
    ))
}
