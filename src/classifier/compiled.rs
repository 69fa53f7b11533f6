//! A model compiled for gradients at one image size.

use onnx_grad::gradient::{self, GradientModel, ImageSize, Options, OutputGradient};
use onnx_grad::onnx::{Graph, proto::ModelProto};

use super::any_model::OnnxRuntime;
use super::description::ModelDescription;
use super::error::ClassifierError;
use super::layers::{AxisOrder, FeatureLayout, ShapedGraph};
use super::options::{ProbeOptions, VariantsOf};
use super::session::SharedModel;
use super::variants::{VariantInterface, VariantModel};
use crate::geometry::Size;
use crate::remedy::Refused;

/// A gradient model and its forward half, for one image size.
#[derive(Debug)]
pub(super) struct CompiledModel {
    /// The name of the image input.
    pub(super) input: String,
    /// The names of the gradient model's outputs: first the scores, then the gradients, then the
    /// layers. The forward half has the scores only.
    pub(super) outputs: Vec<String>,
    /// How the numbers of each layer are laid out.
    pub(super) layouts: Vec<FeatureLayout>,
    /// The number of class scores.
    pub(super) classes: usize,
    /// What a user of the gradients should know, in full sentences.
    pub(super) warnings: Vec<String>,
    pub(super) gradient: SharedModel,
    pub(super) forward: SharedModel,
    /// The parts of the forward half that take variants: of the picture, or of each layer.
    pub(super) variants: Vec<VariantModel>,
}

impl CompiledModel {
    /// Compiles `model`, which is in the standard form, for images of this size.
    pub(super) fn new(
        model: &ModelProto,
        description: &ModelDescription,
        probe: &ProbeOptions,
        size: Size,
    ) -> Result<Self, ClassifierError> {
        let path = description.model.display();
        let (width, height) = (size.width as usize, size.height as usize);
        let options = Options {
            wrt: differentiated_tensors(model, description, probe)?,
            target: description.target.clone(),
            size: Some(ImageSize { width, height }),
            dense: probe.dense,
            relu: probe.relu,
            relevance: probe.relevance,
            classes: Some(description.classes.len()),
            background: description.background,
            seed: OutputGradient::Asked,
        };
        let compiled = gradient::compile(model, &options, &OnnxRuntime).map_err(|source| {
            let path = format!("{path}{}", requested_layers(description, probe));
            ClassifierError::Gradient { path, source }
        })?;
        let expected = [1, description.channels.count(), height, width];
        if compiled.input_shape != expected {
            let shape = &compiled.input_shape;
            let message = format!(
                "{path}: the shape of its input is {shape:?}, but its description says {expected:?}"
            );
            return Err(ClassifierError::Description(message.into()));
        }
        let layouts = layouts(&compiled, probe, size).map_err(|fault| {
            let advice = "`localise layers` lists the feature maps of a model";
            let message = format!("{path}: {fault}");
            ClassifierError::Description(Refused::with_advice(message, advice))
        })?;
        let (parts, interfaces): (Vec<_>, Vec<_>) = VariantInterface::parts(&compiled, probe)
            .into_iter()
            .unzip();
        let mut models = vec![compiled.model, compiled.forward];
        models.extend(parts);
        let mut shared = SharedModel::several(models)?.into_iter();
        let [gradient, forward] = [shared.next(), shared.next()].map(|m| m.expect("two models"));
        let variants = shared.zip(interfaces);
        Ok(Self {
            input: compiled.input,
            outputs: [
                &[compiled.scores][..],
                &compiled.gradients,
                &compiled.layers,
            ]
            .concat(),
            layouts,
            classes: compiled.classes,
            warnings: compiled.warnings,
            gradient,
            forward,
            variants: variants
                .map(|(part, interface)| VariantModel::new(part, interface))
                .collect(),
        })
    }
}

/// How the numbers of each layer are laid out, for images of this size; an error names the layer.
fn layouts(
    compiled: &GradientModel,
    probe: &ProbeOptions,
    size: Size,
) -> Result<Vec<FeatureLayout>, String> {
    let Some(graph) = &compiled.forward.graph else {
        return Ok(vec![]);
    };
    let graph = ShapedGraph::new(graph, &compiled.shapes, size);
    let layout = |(i, layer): (usize, &String)| {
        let is_own = i < probe.layers.len();
        if probe.attention && is_own {
            return FeatureLayout::attention(layer, &compiled.shapes[layer]);
        }
        let layout = graph.layout(layer);
        let layout =
            layout.map_err(|fault| format!("layer `{layer}` is not a feature map: it {fault}"))?;
        if is_own
            && probe.variants == Some(VariantsOf::Layers)
            && layout.form != AxisOrder::ChannelsFirst
        {
            return Err(format!(
                "layer `{layer}` is {}: channels can be hidden only in one of shape [1, C, H, W]",
                layout.form
            ));
        }
        Ok(layout)
    };
    compiled.layers.iter().enumerate().map(layout).collect()
}

/// The names of the tensors that gradients are taken with respect to. An empty list stands for the
/// picture alone.
fn differentiated_tensors(
    model: &ModelProto,
    description: &ModelDescription,
    probe: &ProbeOptions,
) -> Result<Vec<String>, ClassifierError> {
    let mut tensors = probe.feature_maps();
    if tensors.is_empty() {
        return Ok(tensors);
    }
    if let Some(graph) = &model.graph
        && let Some(input) = Graph::new(graph).inputs().next()
    {
        if tensors.iter().any(|layer| layer == input) {
            let path = description.model.display();
            return Err(ClassifierError::Description(Refused::with_advice(
                format!("{path}: layer `{input}` is the picture, not a feature map"),
                "remove it from saliency.layers",
            )));
        }
        if probe.includes_picture() {
            tensors.insert(0, input.to_owned());
        }
    }
    Ok(tensors)
}

/// For an error message: the layers that were asked for, and those that the description names.
fn requested_layers(description: &ModelDescription, probe: &ProbeOptions) -> String {
    if probe.layers.is_empty() {
        return String::new();
    }
    let layers = probe.layers.join(", ");
    let names: Vec<_> = description.layers.keys().map(String::as_str).collect();
    if names.is_empty() {
        format!(", layers {layers} (its description has no table [layers] with names for layers)")
    } else {
        format!(
            ", layers {layers} (its description names {})",
            names.join(", ")
        )
    }
}
