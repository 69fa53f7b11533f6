//! `localise grad`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use onnx_grad::gradient::{self, GradientModel, ImageSize, Options, OutputGradient, ReluRule};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{
    ModelProto, StringStringEntryProto, ValueInfoProto, tensor_proto::DataType, type_proto,
};
use serde_json::{Value, json};

use super::exit::Exit;
use super::output::print;
use super::values::image_size;
use crate::assets::MODELS;
use crate::classifier::{self, ModelDescription};
use crate::fs::{OutputError, ensure_writable};
use crate::remedy::Refused;

const EXAMPLES: &str = "Examples:
  localise grad squeezenet1.1 -o grad.onnx                the highest score
  localise grad squeezenet1.1 -o grad.onnx --classes 5    the five highest scores
  localise grad squeezenet1.1 -o grad.onnx --relu guided  guided backpropagation
  localise grad squeezenet1.1 -o grad.onnx --seed-input   any combination";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct GradArgs {
    /// The classifier: an ONNX file or its folder, or a name (`localise list models`) or description.
    model: PathBuf,
    /// Where to write the model with its backward pass.
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// A tensor to take the gradient with respect to, in place of the input. It also becomes an
    /// output: with a feature map, that is what the methods of the CAM family need. May be given
    /// several times.
    #[arg(long, value_name = "TENSOR")]
    wrt: Vec<String>,
    /// The tensor of class scores [default: the output that holds them or, if that comes from a
    /// softmax, a sigmoid or the like, the tensor before it]
    #[arg(long, value_name = "TENSOR")]
    target: Option<String>,
    /// Differentiate the K highest scores. The output `classes` says which classes they are.
    #[arg(
        long,
        value_name = "K",
        default_value_t = 1,
        conflicts_with = "seed_input"
    )]
    classes: usize,
    /// Add an input `seed` [M, classes]: each of its rows is a combination of scores to
    /// differentiate.
    #[arg(long)]
    seed_input: bool,
    /// How a gradient passes a ReLU.
    #[arg(long, value_enum, default_value_t)]
    relu: Relu,
    /// The width and height of the image, if the model leaves them open.
    #[arg(long, value_name = "WxH", value_parser = image_size)]
    size: Option<ImageSize>,
    /// Print one JSON object: inputs and outputs with their shapes, and warnings.
    #[arg(long)]
    json: bool,
}

/// How a gradient passes a ReLU: the methods that section 4 of the paper compares.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Relu {
    /// The derivative (Simonyan et al. 2013).
    #[default]
    Gradient,
    /// Guided backpropagation: the positive part of the derivative (Springenberg et al. 2014).
    Guided,
    /// The deconvolutional network: the positive part of the gradient, whatever the sign of the
    /// ReLU's input (Zeiler and Fergus 2013).
    Deconvnet,
}

impl From<Relu> for ReluRule {
    fn from(relu: Relu) -> Self {
        match relu {
            Relu::Gradient => Self::Gradient,
            Relu::Guided => Self::Guided,
            Relu::Deconvnet => Self::Deconvnet,
        }
    }
}

impl GradArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let description = self.description()?;
        let given;
        let path = match &description {
            Some(description) => description.file()?,
            None => {
                given = classifier::onnx_file(&self.model)?;
                &given
            }
        };
        if !path.exists() {
            bail!(Refused::with_advice(
                format!("{}: there is no such file", path.display()),
                "name an ONNX file, such as data/models/squeezenet1.1.onnx; `localise list models` \
                 says which ones are here",
            ));
        }
        ensure_writable(&self.output)?;
        let options = self.options(description.as_ref());
        let source = onnx::load(path)?;
        let compiled = gradient::compile(&source, &options, &classifier::runtime());
        let GradientModel {
            mut model,
            warnings,
            input,
            classes,
            ..
        } = compiled.with_context(|| path.display().to_string())?;
        let mut warnings = warnings;
        warnings.extend(unusual(&source, &input, classes));
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        model.metadata_props = vec![
            metadata("source_sha256", classifier::sha256(path)?),
            metadata("options", format!("{options:?}")),
        ];
        let graph = model.graph.as_ref();
        let (inputs, outputs) = graph.map_or((&[][..], &[][..]), |graph| {
            (&graph.input[..], &graph.output[..])
        });
        let text = if self.json {
            json_object(inputs, outputs, &warnings)
        } else {
            table(inputs, outputs)
        };
        onnx::save(model, &self.output).map_err(OutputError::at(&self.output))?;
        print(&text)?;
        Ok(Exit::Done)
    }

    /// The description of the model, if the model is given by its name or its description.
    fn description(&self) -> Result<Option<ModelDescription>> {
        let is_description = self.model.extension().is_some_and(|e| e == "toml");
        if is_description || MODELS.origin(&self.model).is_some() {
            Ok(Some(classifier::describe(&self.model)?))
        } else {
            Ok(None)
        }
    }

    /// What is asked for; a description says what the scores are, unless `--target` does.
    fn options(&self, description: Option<&ModelDescription>) -> Options {
        let target_of_description = description.and_then(|known| known.target.clone());
        let seed = if self.seed_input {
            OutputGradient::Input
        } else {
            OutputGradient::Top(self.classes)
        };
        Options {
            wrt: self.wrt.clone(),
            target: self.target.clone().or(target_of_description),
            seed,
            relu: self.relu.into(),
            relevance: None,
            size: self.size,
            dense: None,
            classes: None,
            background: description.and_then(|known| known.background),
        }
    }
}

/// What a user of the file should know of its input, called `input`, and of its scores.
fn unusual(source: &ModelProto, input: &str, classes: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    let declared = source.graph.iter().flat_map(|graph| &graph.input);
    let kind = declared
        .filter(|declared| declared.name() == input)
        .find_map(|declared| match declared.r#type.as_ref()?.value.as_ref()? {
            type_proto::Value::TensorType(tensor) => DataType::try_from(tensor.elem_type()).ok(),
            _ => None,
        });
    if let Some(kind) = kind.filter(|kind| *kind != DataType::Float) {
        let kind = kind.as_str_name().to_lowercase();
        warnings.push(format!(
            "input `{input}` is of type {kind} in the model, and float32 here; it takes the same \
             numbers"
        ));
    }
    if classes == 1 {
        warnings.push("the model has one score; if it is a loss, name the class scores".into());
    }
    warnings
}

/// An entry of a model's metadata.
fn metadata(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto {
        key: Some(format!("localise.{key}")),
        value: Some(value),
    }
}

/// A line for each input and output.
fn table(inputs: &[ValueInfoProto], outputs: &[ValueInfoProto]) -> String {
    let inputs = inputs.iter().map(|input| ("input", input));
    let outputs = outputs.iter().map(|output| ("output", output));
    inputs
        .chain(outputs)
        .map(|(side, value)| format!("{side:<7} {}\n", onnx::declared(value)))
        .collect()
}

/// The same as an object for scripts. A dimension that is left open is a name, such as `M`.
fn json_object(
    inputs: &[ValueInfoProto],
    outputs: &[ValueInfoProto],
    warnings: &[String],
) -> String {
    let dimension = |text: &String| match text.parse::<u64>() {
        Ok(number) => Value::from(number),
        Err(_) => Value::from(text.as_str()),
    };
    let tensor = |value: &ValueInfoProto| {
        let shape: Vec<Value> = onnx::sides(value).iter().map(dimension).collect();
        json!({ "name": value.name(), "shape": shape })
    };
    let [inputs, outputs] =
        [inputs, outputs].map(|values| values.iter().map(tensor).collect::<Vec<_>>());
    format!(
        "{}\n",
        json!({ "schema": 1, "inputs": inputs, "outputs": outputs, "warnings": warnings })
    )
}
