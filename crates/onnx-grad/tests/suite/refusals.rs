//! Models that cannot be differentiated: each is refused, in an error that names the fault.

use onnx_grad::gradient::{Options, OutputGradient};
use onnx_grad::onnx::proto::ModelProto;

use crate::support::models::refusal;
use crate::support::notation::written;

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
                "a = CumSum(x, k); b = Relu(a); y = CumSum(b, k)",
                "k = 1",
            ),
            "CumSum               y, a",
        ),
        (
            written(17, x, "a = shop.example:Relu(x); y = Relu(a)", ""),
            "shop.example:Relu    a",
        ),
        (written(5, x, "y = Relu(x)", ""), "opset 5; opsets 7 to"),
        (written(99, x, "y = Relu(x)", ""), "opset 99; opsets 7 to"),
        (
            written(17, x, "y = Identity(c)", "c: 1x3"),
            "does not depend on `x`",
        ),
        (
            written(17, x, "y = Floor(x)", ""),
            "does not depend on `x`, or only in steps",
        ),
        (
            written(17, x, "f = Flatten(x); y, i = TopK(f, k)", "k = [2]"),
            "TopK",
        ),
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
            written(
                8,
                x,
                "y = BatchNormalization(x, s, s, s, s) spatial=0",
                "s: 2",
            ),
            "BatchNormalization node `y`",
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
