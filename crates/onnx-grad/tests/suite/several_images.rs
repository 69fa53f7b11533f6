//! Models that take a fixed number of images: rewritten to take one, or refused.

use onnx_grad::gradient::{Options, SEED};
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use crate::support::models::{assert_close, compile, golden_model, refusal, run};
use crate::support::notation::{numbers, tensor, written};
use crate::support::runtime::OrtModel;

/// A model for `n` images, which is written `{n}`, and its multiples `{2n}`, `{3n}` and `{4n}`.
fn network(n: usize, graph: &str, constants: &str) -> ModelProto {
    let fill = |text: &str| {
        let text = text.replace("{n}", &n.to_string());
        [2, 3, 4].iter().fold(text, |text, k| {
            text.replace(&format!("{{{k}n}}"), &(k * n).to_string())
        })
    };
    written(17, &[n, 2, 4, 4], &fill(graph), &fill(constants))
}

/// Forms in which exporters write the number of images into a graph.
const REWRITTEN: &[(&str, &str)] = &[
    (
        "c = Conv(x, w); f = Flatten(c); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 27x5",
    ),
    (
        "c = Conv(x, w); f = Reshape(c, s); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 27x5; s = [{n}, -1]",
    ),
    (
        "c = Conv(x, w); f = Reshape(c, s); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 27x5; s = [{n}, 27]",
    ),
    (
        "c = Conv(x, w); f = Reshape(c, s); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 27x5; s = [-1, 27]",
    ),
    (
        "c = Conv(x, w); f = Reshape(c, s); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 27x5; s = [0, -1]",
    ),
    // Tokens, with a class token for each image.
    (
        "c = Conv(x, w); r = Reshape(c, s); t = Transpose(r) perm=[0,2,1]; k = Expand(token, e); \
         a = Concat(k, t) axis=1; b = Softmax(a) axis=1; q = Mul(a, b); o = ReduceSum(q, one); \
         f = Reshape(o, l); y = Gemm(f, m)",
        "w: 3x2x2x2; token: 1x1x3; m: 3x5; s = [{n}, 3, 9]; e = [{n}, 1, 3]; one = [1]; l = [{n}, 3]",
    ),
    // Attention of two heads with the images on the second axis, as in PyTorch.
    (
        "c = Conv(x, w); r = Reshape(c, s); t = Transpose(r) perm=[2,0,1]; h = Reshape(t, u); \
         q = Transpose(h) perm=[1,0,2]; k = Transpose(h) perm=[1,2,0]; a = MatMul(q, k); \
         b = Softmax(a) axis=2; o = MatMul(b, q); p = Transpose(o) perm=[1,0,2]; \
         v = Reshape(p, g); z = ReduceMean(v) axes=[0] keepdims=0; y = Gemm(z, m)",
        "w: 4x2x2x2; m: 4x5; s = [{n}, 4, 9]; u = [9, {2n}, 2]; g = [9, {n}, 4]",
    ),
    // Windows of a feature map, which are merged with the images.
    (
        "r = Reshape(x, s); t = Transpose(r) perm=[0,2,4,1,3,5]; v = Reshape(t, u); \
         g = Softmax(v) axis=2; z = Mul(v, g); o = Reshape(z, l); y = Gemm(o, m)",
        "m: 32x5; s = [{n}, 2, 2, 2, 2, 2]; u = [{4n}, 2, 4]; l = [{n}, 32]",
    ),
    // A softmax at the end, with a shape of its own.
    (
        "c = Conv(x, w); f = Flatten(c); s = Gemm(f, m); r = Reshape(s, l); p = Softmax(r) axis=2; \
         y = Reshape(p, k)",
        "w: 3x2x2x2; m: 27x5; l = [{n}, 1, 5]; k = [{n}, 5]",
    ),
    (
        "c = Conv(x, w); z = Resize(c, , , s) mode=linear; f = Flatten(z); y = Gemm(f, m)",
        "w: 3x2x2x2; m: 75x5; s = [{n}, 3, 5, 5]",
    ),
];

#[test]
fn a_model_for_several_images_is_rewritten_for_one() {
    for &(graph, constants) in REWRITTEN {
        let [image, seed] = [tensor("x", &[1, 2, 4, 4], 3), tensor(SEED, &[2, 5], 4)];
        let (scores, gradients) = run(&compile(&network(1, graph, constants)), &image, &seed);
        for n in [2, 3, 8] {
            let compiled = compile(&network(n, graph, constants));
            assert_eq!(compiled.input_shape, [1, 2, 4, 4], "{n}: {graph}");
            assert_eq!(compiled.classes, 5, "{n}: {graph}");
            assert_eq!(compiled.warnings, [""; 0]);
            let found = run(&compiled, &image, &seed);
            assert_close(&found.0, &scores, 1e-6, graph);
            assert_close(&found.1, &gradients, 1e-5, graph);
        }
    }
}

/// Graphs whose scores are not those of each image alone.
#[test]
fn a_model_that_mixes_images_is_refused() {
    let head = "f = Flatten(t); y = Gemm(f, m)";
    let cases = [
        "c = Conv(x, w); t = Softmax(c) axis=0; {head}",
        "c = Conv(x, w); a = ReduceMean(c) axes=[0]; t = Sub(c, a); {head}",
        "c = Conv(x, w); t = ReduceMean(c) axes=[0]; {head}",
        "c = Conv(x, w); t = Slice(c, zero, one, zero); {head}",
        "c = Conv(x, w); t = Mul(c, each); {head}",
        "c = Conv(x, w); t = Mul(c, none); {head}",
    ];
    for graph in cases {
        let graph = graph.replace("{head}", head);
        let constants = "w: 3x2x2x2; m: 27x5; zero = [0]; one = [1]; each: 2x1x1x1; none = 0.0";
        let model = network(2, &graph, constants);
        let error = refusal(&model, &Options::default(), &graph);
        assert!(
            error.contains("input `x` takes 2 images at once, and"),
            "{graph}: {error}"
        );
    }
}

/// Rows of numbers are no images: whether they are one example or several is not known.
#[test]
fn several_examples_that_are_no_images_are_warned_of() {
    let compiled = compile(&written(17, &[8, 6], "y = Gemm(x, m)", "m: 6x4"));
    assert!(
        compiled.warnings[0].contains("if 8 is a number of examples"),
        "{:?}",
        compiled.warnings
    );
}

/// A public report: two images. Only the first had a gradient. The slopes of the original model
/// are those of one of its images.
#[test]
fn the_reported_model_has_the_slopes_of_each_image() {
    let model = golden_model("reports/batch-fixed-at-2.onnx");
    let compiled = compile(&model);
    assert_eq!(
        (&compiled.input_shape[..], compiled.classes),
        (&[1, 3, 32, 32][..], 5)
    );
    let mut original = OrtModel::new(&model).unwrap();
    let (x, v) = (numbers(2 * 3 * 32 * 32, 1), numbers(3 * 32 * 32, 2));
    for image in 0..2 {
        let at = image * v.len();
        let mut scores = |t: f32| {
            let mut moved = x.clone();
            for (value, step) in moved[at..].iter_mut().zip(&v) {
                *value += t * step;
            }
            let batch = TensorProto::from_floats("x", &[2, 3, 32, 32], &moved);
            original.run(&[batch]).unwrap()[0].floats().unwrap()[image * 5..][..5].to_vec()
        };
        let (low, high) = (scores(-2e-4), scores(2e-4));
        let one = TensorProto::from_floats("x", &[1, 3, 32, 32], &x[at..][..v.len()]);
        for class in 0..5 {
            let mut row = [0.0; 5];
            row[class] = 1.0;
            let (_, gradient) = run(
                &compiled,
                &one,
                &TensorProto::from_floats(SEED, &[1, 5], &row),
            );
            let slope: f32 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
            // Kinks of the ReLUs are within the step; another image's slope would be off by more.
            let expected = (high[class] - low[class]) / 4e-4;
            assert!((slope - expected).abs() < 0.02, "{slope} {expected}");
        }
    }
}
