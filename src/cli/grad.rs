//! `localise grad`

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Exit, print};
use onnx_grad::gradient::{self, GradientModel, Options, ReluRule, OutputGradient};
use onnx_grad::onnx::proto::{StringStringEntryProto, ValueInfoProto};
use crate::fs::{OutputError, ensure_writable};
use crate::classifier;
use onnx_grad::onnx;

const EXAMPLES: &str = "Examples:
  localise grad data/models/squeezenet1.1.onnx -o grad.onnx                of the highest score
  localise grad data/models/squeezenet1.1.onnx -o grad.onnx --classes 5    of the five highest
  localise grad data/models/squeezenet1.1.onnx -o grad.onnx --relu guided  guided gradients
  localise grad data/models/squeezenet1.1.onnx -o grad.onnx --seed-input   of any combination";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct GradArgs {
    /// The classifier, an ONNX file.
    model: PathBuf,
    /// Where to write the model with its backward pass.
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// A tensor that the gradient is taken with respect to, in place of the input. It becomes an
    /// output too: with feature maps, what the CAM family needs. May be given several times.
    #[arg(long, value_name = "TENSOR")]
    wrt: Vec<String>,
    /// The class scores, in place of the model's first output or what enters its softmax.
    #[arg(long, value_name = "TENSOR")]
    target: Option<String>,
    /// Differentiate the K highest scores; the output `classes` names them.
    #[arg(
        long,
        value_name = "K",
        default_value_t = 1,
        conflicts_with = "seed_input"
    )]
    classes: usize,
    /// Let the user give the seed: an input `seed` [M, classes], one row per wanted gradient.
    #[arg(long)]
    seed_input: bool,
    /// How a gradient passes a ReLU.
    #[arg(long, value_enum, default_value_t)]
    relu: Relu,
    /// Width and height of the image where the model leaves them open.
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[usize; 2]>,
    /// Print one JSON object: inputs and outputs with their shapes, and warnings.
    #[arg(long)]
    json: bool,
}

/// The methods of the paper's section 4.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Relu {
    /// The derivative (Simonyan et al. 2013).
    #[default]
    Gradient,
    /// Guided backpropagation: of the derivative, what is positive (Springenberg et al. 2014).
    Guided,
    /// The deconvolutional network: what is positive, whatever the photo (Zeiler and Fergus 2013).
    Deconvnet,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let parts = text
        .split_once('x')
        .and_then(|(w, h)| Some([h.parse().ok()?, w.parse().ok()?]));
    parts.ok_or_else(|| "a size is written as WIDTHxHEIGHT, like 224x224".into())
}

impl GradArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let Self {
            model: path,
            output,
            wrt,
            target,
            classes,
            seed_input,
            relu,
            size,
            json,
        } = self;
        let relu = match relu {
            Relu::Gradient => ReluRule::Gradient,
            Relu::Guided => ReluRule::Guided,
            Relu::Deconvnet => ReluRule::Deconvnet,
        };
        let seed = if seed_input {
            OutputGradient::Input
        } else {
            OutputGradient::Top(classes)
        };
        let options = Options {
            wrt,
            target,
            seed,
            relu,
            size: size.map(|[height, width]| gradient::ImageSize { width, height }),
            dense: None,
        };
        if !path.exists() {
            bail!(
                "{}: there is no such file\nhelp: an ONNX file is wanted, such as data/models/squeezenet1.1.onnx; \
                 `localise list models` says which are here",
                path.display()
            );
        }
        ensure_writable(&output)?;
        let model = onnx::load(&path)?;
        let compiled = gradient::compile(&model, &options, &classifier::runtime());
        let GradientModel {
            mut model,
            warnings,
            ..
        } = compiled.with_context(|| path.display().to_string())?;
        warnings
            .iter()
            .for_each(|warning| tracing::warn!("{warning}"));
        let facts = [
            ("source_sha256", classifier::sha256(&path)?),
            ("options", format!("{options:?}")),
        ];
        model.metadata_props = facts
            .into_iter()
            .map(|(key, value)| StringStringEntryProto {
                key: Some(format!("localise.{key}")),
                value: Some(value),
            })
            .collect();
        let graph = model.graph.as_ref();
        let (inputs, outputs) = graph.map_or((&[][..], &[][..]), |graph| {
            (&graph.input[..], &graph.output[..])
        });
        let text = if json {
            in_json(inputs, outputs, &warnings)
        } else {
            lines(inputs, outputs)
        };
        onnx::save(model, &output).map_err(OutputError::at(&output))?;
        print(&text)?;
        Ok(Exit::Done)
    }
}

/// A line for each input and output.
fn lines(inputs: &[ValueInfoProto], outputs: &[ValueInfoProto]) -> String {
    let inputs = inputs.iter().map(|input| ("input", input));
    let all = inputs.chain(outputs.iter().map(|output| ("output", output)));
    all.map(|(what, value)| format!("{what:<7} {}\n", onnx::declared(value)))
        .collect()
}

/// The same for scripts. A side that is left open is a name, such as `M`.
fn in_json(inputs: &[ValueInfoProto], outputs: &[ValueInfoProto], warnings: &[String]) -> String {
    let side = |side: &str| {
        side.parse::<u64>()
            .map_or_else(|_| Value::from(side), Value::from)
    };
    let tensor = |value: &ValueInfoProto| {
        let shape: Vec<Value> = onnx::sides(value).iter().map(|text| side(text)).collect();
        json!({ "name": value.name(), "shape": shape })
    };
    let [inputs, outputs] =
        [inputs, outputs].map(|side| side.iter().map(tensor).collect::<Vec<_>>());
    format!(
        "{}\n",
        json!({ "schema": 1, "inputs": inputs, "outputs": outputs, "warnings": warnings })
    )
}
