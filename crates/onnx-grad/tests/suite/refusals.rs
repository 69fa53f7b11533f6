//! Models that cannot be differentiated: each is refused, in an error that names the fault.

use std::path::Path;

use onnx_grad::gradient::{Options, OutputGradient};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType,
};

use crate::support::models::refusal;
use crate::support::notation::{endless, nodes, written};

/// Checks that the compiler refuses each model, with an error that contains the words beside it.
fn assert_refused(cases: &[(ModelProto, &str)]) {
    for (model, expected) in cases {
        let error = refusal(model, &Options::default(), expected);
        assert!(error.contains(expected), "{error}");
    }
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn what_cannot_be_differentiated_is_named() {
    let x = &[1, 2, 3, 3];
    let cases = [
        (
            written(
                17,
                x,
                "a = GridSample(x, k); b = Relu(a); y = GridSample(b, k)",
                "k: 1x3x3x2",
            ),
            "GridSample           y, a",
        ),
        (
            written(17, x, "a = shop.example:Relu(x); y = Relu(a)", ""),
            "shop.example:Relu    a",
        ),
        (written(99, x, "y = Relu(x)", ""), "opset 99; opsets 1 to"),
        (
            written(17, x, "y = Identity(c)", "c: 1x3"),
            "does not depend on `x`",
        ),
        (
            written(17, x, "y = Floor(x)", ""),
            "does not depend on `x`, or only in steps",
        ),
        (written(17, x, "y = Det(x)", ""), "Det"),
        (
            written(
                17,
                x,
                "a, i = MaxPool(x) kernel_shape=[2,2] storage_order=1; y = Relu(a)",
                "",
            ),
            "storage_order 1",
        ),
        (
            written(17, x, "y = Pad(x, n) mode=constant", "n = [0, 0]"),
            "does not run",
        ),
        (
            written(17, x, "y = Add(x, n)", "n = [nan, 1.0, inf]"),
            "not finite for a sample image",
        ),
    ];
    assert_refused(&cases);
    let refused = |options: Options| {
        let model = written(17, x, "features = Relu(x); y = Sigmoid(features)", "");
        refusal(&model, &options, "a wrong option")
    };
    let wrt = refused(Options {
        wrt: vec!["feature".into()],
        ..Options::default()
    });
    assert!(
        wrt.contains("`feature`; the nearest is `features`"),
        "{wrt}"
    );
    let top = refused(Options {
        seed: OutputGradient::Top(19),
        ..Options::default()
    });
    assert!(
        top.contains("19 classes are asked for, but the model has 18"),
        "{top}"
    );
}

/// Forms of attention that its rule does not cover.
#[test]
fn what_the_rule_of_attention_does_not_cover_is_named() {
    let x = &[1, 2, 3, 4];
    let cases = [
        (
            written(23, x, "y, k, v = Attention(x, x, x, , p, p)", "p: 1x2x5x4"),
            "Attention node `y`: past keys and values have no rule",
        ),
        (
            written(
                23,
                x,
                "a, , , s = Attention(x, x, x); t = Round(s); y = Concat(a, t) axis=3",
                "",
            ),
            "Attention node `a`: `s` is used, and does not hold the probabilities",
        ),
        (
            written(
                23,
                x,
                "a, , , s = Attention(x, x, x); y = Concat(a, s) axis=3",
                "",
            ),
            "only its first output has a gradient rule",
        ),
    ];
    assert_refused(&cases);
}

/// Forms of other operators that their rules do not cover.
#[test]
fn what_a_rule_does_not_cover_is_named() {
    let x = &[1, 2, 3, 4];
    let cases = [
        (
            written(
                18,
                &[3, 4],
                "i = Reshape(j, s); y = ScatterND(x, i, u) reduction=mul",
                "j = [1, 0]; s = [2, 1]; u: 2x4",
            ),
            "ScatterND node `y`: reduction 'mul' has no rule",
        ),
        (
            written(
                18,
                &[3, 4],
                "i = Reshape(j, s); y = ScatterElements(x, i, u) reduction=max",
                "j = [1, 0]; s = [1, 2]; u: 1x2",
            ),
            "ScatterElements node `y`: reduction 'max' has no rule",
        ),
        (
            written(
                13,
                x,
                "i = Reshape(j, s); y = GatherND(x, i) batch_dims=-7",
                "j = [0]; s = [1, 1]",
            ),
            "GatherND node `y`: its `batch_dims` is negative",
        ),
        (
            written(
                13,
                &[1, 3, 4],
                "y = MeanVarianceNormalization(x) axes=[99,2]",
                "",
            ),
            "MeanVarianceNormalization node `y`: axis 99 of 3 axes",
        ),
        (written(13, x, "y = Mod(x, c)", "c = 0.3"), "does not run"),
        (
            written(17, x, "y = Einsum(x) equation=ijkl->ijklm", ""),
            "does not run",
        ),
    ];
    assert_refused(&cases);
}

/// ONNX Runtime 1.32 never returns from this one (found by `scripts/fuzz gradient`).
#[test]
fn an_equation_that_hangs_the_runtime_is_refused() {
    for equation in [
        &b"...i0->...i"[..],
        b"...\xffi ->\x0e..i",
        b"U..ii ->...i",
        b"ij->i->j",
    ] {
        let mut model = written(17, &[3, 5, 5], "y = Einsum(x) equation=text", "");
        model.graph.as_mut().unwrap().node[0].attribute[0].s = Some(equation.into());
        let error = refusal(&model, &Options::default(), "an invalid equation");
        assert!(
            error.contains("Einsum node `y`: its equation '") && error.contains("is invalid"),
            "{error}"
        );
    }
}

/// An operator of an old opset without its input (found by `scripts/fuzz gradient`).
#[test]
fn an_old_operator_without_inputs_is_refused() {
    let model = written(18, &[3], "u = Upsample(); y = Add(x, u)", "");
    let error = refusal(&model, &Options::default(), "no input");
    assert!(
        error.contains("Upsample node `u`: it has no input"),
        "{error}"
    );
}

/// Graphs that no exporter should write: none leads to a panic, a hang or a wrong gradient.
#[test]
fn odd_graphs_end_in_an_error() {
    let cases = [
        (
            written(
                17,
                &[1, 4],
                "b = Identity(x); y = Identity(b); y = Tanh(b)",
                "",
            ),
            "two nodes make the tensor 'y'",
        ),
        (
            written(
                17,
                &[1, 2, 4],
                "e = Slice(x, a, a, two); y = Concat(x, e) axis=2",
                "a = [1]; two = [2]",
            ),
            "holds no values",
        ),
        (
            written(17, &[1, 4], "a, = Split(x) axis=1; y = Tanh(a)", ""),
            "leaves an output out",
        ),
        (
            written(
                18,
                &[6],
                "a, b = Split(x) axis=0 num_outputs=3; y = Mul(a, b)",
                "",
            ),
            "its number of outputs differs from `num_outputs`",
        ),
        (
            written(
                17,
                &[1, 4],
                "n = NonZero(x); s = Size(n); f = Cast(s) to=1; y = Add(x, f)",
                "",
            ),
            "NonZero",
        ),
    ];
    assert_refused(&cases);
    let two = written(
        17,
        &[1, 2, 3],
        "m, mean = LayerNormalization(x, s); y = Tanh(m)",
        "s: 3",
    );
    let options = Options {
        target: Some("mean".into()),
        ..Options::default()
    };
    let error = refusal(&two, &options, "a second output");
    assert!(error.contains("only its first output"), "{error}");
}

/// A loop that decides which branch of an `If` is taken, and never ends: it is refused before
/// anything runs.
#[test]
fn a_loop_behind_a_condition_is_not_run() {
    let mut model = onnx::decode(endless(), Path::new("endless")).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let body = graph.node[0].attribute.clone();
    graph.node = nodes("c = Loop(, yes) ; b = Cast(c) to=9; t = If(b); y = Add(x, t)");
    graph.node[0].attribute = body;
    let branch = |name: &str| AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(GraphProto {
            node: nodes("r = Tanh(x)"),
            output: vec![ValueInfoProto {
                name: Some("r".into()),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    };
    graph.node[2].attribute = vec![branch("then_branch"), branch("else_branch")];
    let error = refusal(&model, &Options::default(), "a loop");
    assert!(
        error.contains("Loop node `c`: it decides which branch of an `If` is taken"),
        "{error}"
    );
    // The same loop inside a branch of another condition.
    let outer = model.graph.as_mut().unwrap();
    let inner: Vec<_> = outer.node.drain(..1).collect();
    outer.node.insert(0, nodes("c = If(yes)").remove(0));
    let mut looping = branch("then_branch");
    looping.g.as_mut().unwrap().node = inner;
    looping.g.as_mut().unwrap().output[0].name = Some("c".into());
    let mut plain = branch("else_branch");
    plain.g.as_mut().unwrap().node = nodes("r = Exp(one)");
    outer
        .initializer
        .push(TensorProto::from_floats("one", &[], &[1.0]));
    outer.node[0].attribute = vec![looping, plain];
    let nested = refusal(&model, &Options::default(), "a nested loop");
    assert!(nested.contains("Loop"), "{nested}");
}
