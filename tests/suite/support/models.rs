//! Models that tests make, and what is computed with them.

use std::fs;
use std::path::{Path, PathBuf};

use localise::classifier::{AnyModel, runtime};
use onnx_grad::gradient::{self, GradientModel, Options, SEED};
use onnx_grad::onnx::encode;
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use super::notation::written;

/// A model of two classes for pictures of 16 x 16, with its description, whose file is given.
/// `graph` leads from `x` to `y`; the scale of `x` is 0..=1, divided by `std`.
pub(crate) fn small_model(folder: &Path, graph: &str, weights: &str, std: f64) -> PathBuf {
    // A list of classes that is not one of the program's own is named by its path.
    let classes = folder.join("two");
    fs::write(
        classes.with_extension("csv"),
        "class_index,wnid,name\n0,cat,cat\n1,dog,dog\n",
    )
    .unwrap();
    described(folder, classes.to_str().unwrap(), graph, weights, std)
}

/// The same for the classes of a list.
pub(crate) fn described(
    folder: &Path,
    classes: &str,
    graph: &str,
    weights: &str,
    std: f64,
) -> PathBuf {
    fs::write(
        folder.join("small.onnx"),
        encode(&written(17, &[1, 3, 16, 16], graph, weights)),
    )
    .unwrap();
    let description = folder.join("small.toml");
    let text = format!(
        "title = \"small\"\nmodel = \"small.onnx\"\nclasses = {classes:?}\nsize = 16\ncanvas = 16\nchannels = \"rgb\"\n\
         range = 1.0\nmean = [0.0, 0.0, 0.0]\nstd = [{std:?}, {std:?}, {std:?}]\n"
    );
    fs::write(&description, text).unwrap();
    description
}

/// A convolution, a ReLU, a mean: its gradient differs from photo to photo.
pub(crate) const CONVOLUTION: [&str; 2] = [
    "c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); y = Gemm(f, w)",
    "k: 4x3x3x3; w: 4x2",
];

/// As [`CONVOLUTION`], and besides a product of twenty matrices whose size grows with the least or
/// the mean value of the photo.
macro_rules! products {
    ($value:literal) => {
        concat!("c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); \
     y0 = Gemm(f, w); h = ", $value, "(x) keepdims=0; d = Sub(h, limit); s = Mul(d, scale); p = Relu(s); \
     n = Cast(p) to=7; m = Add(n, one); v = Reshape(m, vector); shape = Concat(v, v) axis=0; a = ConstantOfShape(shape); \
     b = MatMul(a, a); b1 = MatMul(b, a); b2 = MatMul(b1, a); b3 = MatMul(b2, a); b4 = MatMul(b3, a); \
     b5 = MatMul(b4, a); b6 = MatMul(b5, a); b7 = MatMul(b6, a); b8 = MatMul(b7, a); b9 = MatMul(b8, a); \
     c1 = MatMul(b9, a); c2 = MatMul(c1, a); c3 = MatMul(c2, a); c4 = MatMul(c3, a); c5 = MatMul(c4, a); \
     c6 = MatMul(c5, a); c7 = MatMul(c6, a); c8 = MatMul(c7, a); c9 = MatMul(c8, a); t = ReduceSum(c9) keepdims=0; \
     y = Add(y0, t)")
    };
}

/// A white photo makes matrices of 3,000 x 3,000, and takes half a minute; others are done at once.
pub(crate) const SLOW: [&str; 2] = [
    products!("ReduceMin"),
    "k: 4x3x3x3; w: 4x2; limit = 0.95; scale = 60000.0; one = 1; vector = [1]",
];

/// Every photo makes matrices of some 550 x 550, and takes about a tenth of a second.
pub(crate) const STEADY: [&str; 2] = [
    products!("ReduceMean"),
    "k: 4x3x3x3; w: 4x2; limit = 0.0; scale = 1500.0; one = 1; vector = [1]",
];

/// The model's gradient with the default options.
pub(crate) fn compile(model: &ModelProto) -> GradientModel {
    gradient::compile(model, &Options::default(), &runtime()).unwrap_or_else(|e| panic!("{e}"))
}

/// Scores and gradients of a compiled model.
pub(crate) fn run(
    compiled: &GradientModel,
    image: &TensorProto,
    seed: &TensorProto,
) -> (Vec<f32>, Vec<f32>) {
    let image = TensorProto {
        name: Some(compiled.input.clone()),
        ..image.clone()
    };
    let seed = TensorProto {
        name: Some(SEED.into()),
        ..seed.clone()
    };
    let outputs = AnyModel::new(&compiled.model)
        .and_then(|mut m| m.run(&[image, seed]))
        .unwrap_or_else(|e| panic!("{e}"));
    let find = |name: &str| {
        outputs
            .iter()
            .find(|t| t.name() == name)
            .unwrap()
            .floats()
            .unwrap()
    };
    (find(&compiled.scores), find(&compiled.gradients[0]))
}

/// Asserts that no number is off by more than `tolerance` of the greatest magnitude.
pub(crate) fn agree(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    let scale = expected.iter().fold(0f32, |m, e| m.max(e.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(
        worst <= tolerance * scale,
        "{what} off by {worst:e} of {scale:e}"
    );
}
