//! Gradient models of small networks, what they compute, and the stored reference results.

use std::path::{Path, PathBuf};

use onnx_grad::gradient::{self, GradientModel, Options, SEED};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use prost::Message;
use serde_json::Value;

use super::notation::declared;
use super::runtime::{self, OrtRuntime};

/// The model's gradient with these options.
pub(crate) fn compile_with(model: &ModelProto, options: &Options) -> GradientModel {
    gradient::compile(model, options, &OrtRuntime).unwrap_or_else(|e| panic!("{e}"))
}

/// The model's gradient with the default options.
pub(crate) fn compile(model: &ModelProto) -> GradientModel {
    compile_with(model, &Options::default())
}

/// Why the compiler refuses a model.
///
/// # Panics
/// When it does not.
pub(crate) fn refusal(model: &ModelProto, options: &Options, expected: &str) -> String {
    gradient::compile(model, options, &OrtRuntime)
        .expect_err(expected)
        .to_string()
}

/// The values of a named output.
pub(crate) fn values(outputs: &[TensorProto], name: &str) -> Vec<f32> {
    output(outputs, name).floats().unwrap()
}

/// A named output.
pub(crate) fn output<'a>(outputs: &'a [TensorProto], name: &str) -> &'a TensorProto {
    outputs
        .iter()
        .find(|tensor| tensor.name() == name)
        .unwrap_or_else(|| panic!("there is no output {name}"))
}

/// Scores and gradients of a compiled model.
pub(crate) fn run(
    compiled: &GradientModel,
    image: &TensorProto,
    seed: &TensorProto,
) -> (Vec<f32>, Vec<f32>) {
    let inputs = [renamed(image, &compiled.input), renamed(seed, SEED)];
    let outputs = runtime::run(&compiled.model, &inputs).unwrap_or_else(|e| panic!("{e}"));
    (
        values(&outputs, &compiled.scores),
        values(&outputs, &compiled.gradients[0]),
    )
}

/// Lets a graph take one image of more channels in place of several images, which a `Reshape` makes
/// of it: the compiler takes the first of four axes to be that of images, and would leave only one.
/// Returns the shape of the input.
pub(crate) fn merge_images(graph: &mut GraphProto, shape: &[usize]) -> Vec<usize> {
    let &[images, channels, height, width] = shape else {
        return shape.to_vec();
    };
    if images == 1 {
        return shape.to_vec();
    }
    let dims = [1, images * channels, height, width];
    let target: Vec<_> = shape.iter().map(|&n| n as i64).collect();
    let target = TensorProto::from_integers("test/shape", &[4], &target);
    graph.initializer.push(target);
    let inputs = ["test/image", "test/shape"];
    let reshape = NodeProto::new("Reshape", &inputs, graph.input[0].name(), &[]);
    graph.node.insert(0, reshape);
    graph.input = vec![declared("test/image", &dims)];
    dims.to_vec()
}

/// The tensor under another name.
pub(crate) fn renamed(tensor: &TensorProto, name: &str) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        ..tensor.clone()
    }
}

/// The path of a file in `tests/golden`.
pub(crate) fn golden_path(file: &str) -> PathBuf {
    Path::new("tests/golden").join(file)
}

/// A tensor of `tests/golden`.
pub(crate) fn golden(file: &str) -> TensorProto {
    let bytes = std::fs::read(golden_path(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    TensorProto::decode(bytes.as_slice()).unwrap()
}

/// A model of `tests/golden`.
pub(crate) fn golden_model(file: &str) -> ModelProto {
    onnx::load(&golden_path(file)).unwrap()
}

/// A JSON file of `tests/golden`.
pub(crate) fn golden_json(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden_path(file)).unwrap()).unwrap()
}

/// Asserts that no number is off by more than `tolerance` of the greatest magnitude.
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0f32, |m, e| m.max(e.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    // The maximum leaves NaN out.
    let numbers = found.iter().all(|value| !value.is_nan());
    assert!(
        numbers && worst <= tolerance * scale,
        "{what} off by {worst:e} of {scale:e}"
    );
}
