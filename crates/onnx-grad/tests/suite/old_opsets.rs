//! Models of opset 1 to 6, which ONNX Runtime does not run: upgraded to the same network of a later
//! opset, or refused.

use onnx_grad::gradient::{Options, SEED};
use onnx_grad::onnx::proto::ModelProto;

use crate::support::models::{assert_close, compile, refusal, run};
use crate::support::notation::{tensor, written};

/// A network of five scores around the nodes that make `t` from `c`, both [1, 3, 3, 3].
fn network(opset: i64, nodes: &str, constants: &str) -> ModelProto {
    let graph = format!("c = Conv(x, w); {nodes}; f = Flatten(t); y = MatMul(f, m)");
    let constants = format!("w: 3x2x2x2; m: 27x5; {constants}");
    let mut model = written(opset, &[1, 2, 4, 4], &graph, &constants);
    // The constant `d` has the values of `k` in another shape.
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let k = weights.iter().find(|w| w.name() == "k").cloned();
    if let (Some(k), Some(d)) = (k, weights.iter_mut().find(|w| w.name() == "d")) {
        d.raw_data = k.raw_data;
    }
    model
}

/// Opset, nodes of this opset, the same nodes at opset 17, and their weights.
const UPGRADED: &[(i64, &str, &str, &str)] = &[
    (6, "t = Relu(c)", "t = Relu(c)", ""),
    (1, "t = Tanh(c) consumed_inputs=[0]", "t = Tanh(c)", ""),
    (
        6,
        "t = Add(c, k) broadcast=1 axis=1",
        "t = Add(c, d)",
        "k: 3; d: 3x1x1",
    ),
    (
        3,
        "t = Mul(c, k) broadcast=1 axis=1 consumed_inputs=[0,0]",
        "t = Mul(c, d)",
        "k: 3; d: 3x1x1",
    ),
    (
        6,
        "t = Sub(c, k) broadcast=1 axis=1",
        "t = Sub(c, d)",
        "k: 3x3; d: 3x3x1",
    ),
    (
        6,
        "t = Div(c, k) broadcast=1 axis=0",
        "t = Div(c, d)",
        "k: 1x3; d: 1x3x1x1",
    ),
    (6, "t = Sub(c, k) broadcast=1", "t = Sub(c, k)", "k: 3x3"),
    (6, "t = Add(c, k) broadcast=1", "t = Add(c, k)", "k = 0.5"),
    (
        6,
        "s = Abs(c); t = Pow(s, k) broadcast=1",
        "s = Abs(c); t = Pow(s, k)",
        "k = 2.5",
    ),
    (
        6,
        "a = GlobalAveragePool(c); b = Reshape(a, n); t = Mul(c, b) broadcast=1 axis=1",
        "a = GlobalAveragePool(c); t = Mul(c, a)",
        "n = [3]",
    ),
    (6, "t = PRelu(c, k)", "t = PRelu(c, d)", "k: 3; d: 3x1x1"),
    (6, "t = PRelu(c, k)", "t = PRelu(c, k)", "k: 1"),
    (
        6,
        "t = BatchNormalization(c, k, k, k, v) is_test=1 epsilon=0.01",
        "t = BatchNormalization(c, k, k, k, v) epsilon=0.01",
        "k: 3; v = [0.3, 2.0, 0.7]",
    ),
    (
        3,
        "t = BatchNormalization(c, k, k, k, v) is_test=1 consumed_inputs=[0,0,0,1,1]",
        "t = BatchNormalization(c, k, k, k, v)",
        "k: 3; v = [0.3, 2.0, 0.7]",
    ),
    (
        6,
        "t, mask = Dropout(c) is_test=1 ratio=0.5",
        "t = Identity(c)",
        "",
    ),
    (
        4,
        "r = Reshape(c) shape=[0,-1] consumed_inputs=[0]; e = Exp(r); t = Reshape(e) shape=[1,3,3,3]",
        "t = Exp(c)",
        "",
    ),
    (
        1,
        "p = Pad(c) paddings=[0,0,1,0,0,0,0,2] value=0.5; t = MaxPool(p) kernel_shape=[2,3]",
        "p = Pad(c, n, h); t = MaxPool(p) kernel_shape=[2,3]",
        "n = [0, 0, 1, 0, 0, 0, 0, 2]; h = 0.5",
    ),
    (
        2,
        "p = Pad(c) pads=[0,0,1,0,0,0,0,2] value=0.5; t = MaxPool(p) kernel_shape=[2,3]",
        "p = Pad(c, n, h); t = MaxPool(p) kernel_shape=[2,3]",
        "n = [0, 0, 1, 0, 0, 0, 0, 2]; h = 0.5",
    ),
    (
        3,
        "a, b = Split(c) axis=2 split=[1,2]; t = Concat(b, a) axis=2",
        "a, b = Split(c, n) axis=2; t = Concat(b, a) axis=2",
        "n = [1, 2]",
    ),
    (
        3,
        "a, b = Split(c) axis=1 split=[1,2]; t = Concat(b, a)",
        "a, b = Split(c, n) axis=1; t = Concat(b, a) axis=1",
        "n = [1, 2]",
    ),
    (
        5,
        "b = Cast(c) to=BOOL; i = Cast(b) to=FLOAT; t = Mul(c, i)",
        "b = Cast(c) to=9; i = Cast(b) to=1; t = Mul(c, i)",
        "",
    ),
    (
        5,
        "d = Cast(c) to=DOUBLE; t = Cast(d) to=FLOAT",
        "d = Identity(c); t = Identity(d)",
        "",
    ),
    (
        5,
        "a, b, d = Split(c) axis=2; t = Tile(b, n, z)",
        "a, b, d = Split(c) axis=2; t = Tile(b, q)",
        "n = 3; z = 2; q = [1, 1, 3, 1]",
    ),
    (
        3,
        "t = Selu(c)",
        "t = Selu(c) alpha=1.6732 gamma=1.0507",
        "",
    ),
    (
        6,
        "u = Upsample(c) height_scale=2.0 width_scale=1.0; t = AveragePool(u) kernel_shape=[2,1] strides=[2,1]",
        "t = Identity(c)",
        "",
    ),
    (
        6,
        "n = LRN(c) size=3; s = Softmax(n) axis=1; t = Sum(n, s)",
        "n = LRN(c) size=3; f2 = Flatten(n); p = Softmax(f2); s = Reshape(p, q); t = Sum(n, s)",
        "q = [1, 3, 3, 3]",
    ),
    (
        6,
        "a = ReduceMean(c) axes=[2,3] keepdims=1; t = Sub(c, a) broadcast=1 axis=0",
        "a = ReduceMean(c) axes=[2,3]; t = Sub(c, a)",
        "",
    ),
];

#[test]
fn old_forms_are_upgraded() {
    let [image, seed] = [tensor("x", &[1, 2, 4, 4], 3), tensor(SEED, &[2, 5], 4)];
    for &(opset, old, new, constants) in UPGRADED {
        let old_model = network(opset, old, constants);
        let (scores, gradients) = run(&compile(&network(17, new, constants)), &image, &seed);
        let found = run(&compile(&old_model), &image, &seed);
        let what = format!("opset {opset}, {old}");
        assert_close(&found.0, &scores, 1e-6, &what);
        assert_close(&found.1, &gradients, 1e-6, &what);
    }
}

/// The bias of an old `Gemm`, and a file of the time before opsets.
#[test]
fn a_file_without_opsets_is_of_opset_1() {
    let graph = "c = Conv(x, w) ; f = Reshape(c) shape=[1,-1]; y = Gemm(f, m, b) broadcast=1";
    let mut old = written(1, &[1, 2, 4, 4], graph, "w: 3x2x2x2; m: 27x5; b: 5");
    old.opset_import.clear();
    let error = refusal(&old, &Options::default(), "an IR version with opsets");
    assert!(error.contains("does not say which opset"), "{error}");
    old.ir_version = Some(2);
    let new = "c = Conv(x, w) ; f = Flatten(c); y = Gemm(f, m, b)";
    let new = written(17, &[1, 2, 4, 4], new, "w: 3x2x2x2; m: 27x5; b: 5");
    let [image, seed] = [tensor("x", &[1, 2, 4, 4], 3), tensor(SEED, &[2, 5], 4)];
    let (expected, found) = (
        run(&compile(&new), &image, &seed),
        run(&compile(&old), &image, &seed),
    );
    assert_close(&found.0, &expected.0, 1e-6, "scores");
    assert_close(&found.1, &expected.1, 1e-6, "gradients");
}

/// What has no upgrade is refused, with the tool that may have one.
#[test]
fn an_old_form_without_an_upgrade_is_refused() {
    use crate::support::runtime::OrtRuntime;
    let cases = [
        (6, "t = Scale(c) scale=2.0", "Scale node `t` is of opset 6"),
        (
            1,
            "t = LpPool(c) p=2.0 kernel_shape=[1,1]",
            "LpPool node `t` is of opset 1",
        ),
        (
            6,
            "t = Add(c, k) broadcast=1 axis=-2",
            "Add node `t` is of opset 6",
        ),
    ];
    for (opset, nodes, expected) in cases {
        let model = network(opset, nodes, "k: 3");
        let error = onnx_grad::gradient::compile(&model, &Options::default(), &OrtRuntime)
            .expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.advice().unwrap().contains("onnx.version_converter"));
    }
    let model = network(28, "t = Relu(c)", "");
    let error = onnx_grad::gradient::compile(&model, &Options::default(), &OrtRuntime)
        .expect_err("a newer opset");
    assert!(error.advice().unwrap().contains("onnx.version_converter"));
}
