//! Which tensor is taken to be the class scores where a model ends in probabilities.

use onnx_grad::gradient::{GradientModel, Options, SEED};
use onnx_grad::onnx::proto::ModelProto;

use crate::support::models::{compile, compile_with, golden_model, run};
use crate::support::notation::{tensor, weights, written};

/// Six scores `s` [1, 6], and the given nodes after them.
fn network(opset: i64, tail: &str) -> ModelProto {
    let graph = format!("c = Conv(x, w); g = GlobalAveragePool(c); s = Flatten(g); {tail}");
    let mut constants = weights(
        "w: 6x2x3x3; lo = 0.01; hi = 0.99; one = 1.0; two = 2.0; minus = -1.0; half = 0.5; \
         hundred = 100.0; column = [6, 1]; row = [1, 6]; split = [1, 2, 3]; last = [-1]; v: 6; \
         ones = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]",
    );
    // Scores so large that a sigmoid or softmax of them saturates.
    let wide: Vec<_> = constants[0]
        .floats()
        .unwrap()
        .iter()
        .map(|w| w * 40.0)
        .collect();
    constants[0] = onnx_grad::onnx::proto::TensorProto::from_floats("w", &[6, 2, 3, 3], &wide);
    let mut model = written(opset, &[1, 2, 4, 4], &graph, "");
    model.graph.as_mut().unwrap().initializer = constants;
    model
}

/// Scores and gradients for the same image.
fn results(compiled: &GradientModel) -> (Vec<f32>, Vec<f32>) {
    let image = tensor("x", &[1, 2, 4, 4], 5);
    run(compiled, &image, &tensor(SEED, &[2, 6], 6))
}

/// Endings that keep the order of the classes: the opset, the nodes after the scores `s`, and the
/// tensor that is taken to be the scores.
const ORDERED_ENDINGS: [(i64, &str, &str); 28] = [
    (17, "y = Identity(s)", "y"),
    (17, "y = Sigmoid(s)", "s"),
    (17, "y = Softmax(s)", "s"),
    (11, "y = Softmax(s)", "s"),
    (17, "y = LogSoftmax(s)", "s"),
    (17, "y = Exp(s)", "s"),
    (17, "y = HardSigmoid(s) alpha=0.3", "s"),
    (17, "y = Clip(s, lo, hi)", "s"),
    (7, "y = Clip(s) min=-1.0 max=1.0", "s"),
    (17, "p = Softmax(s); y = Log(p)", "s"),
    (17, "p = Sigmoid(s); y = Log(p)", "s"),
    (17, "p = Softmax(s); q = Clip(p, lo, hi); y = Log(q)", "s"),
    (17, "p = Softmax(s); y = Mul(p, hundred)", "s"),
    (17, "t = Div(s, two); y = Softmax(t)", "t"),
    (17, "t = Mul(half, s); y = Sigmoid(t)", "t"),
    (17, "e = Exp(s); n = ReduceSum(e, last); y = Div(e, n)", "s"),
    (
        17,
        "e = Exp(s); n = ReduceSum(e, last); r = Reciprocal(n); y = Mul(e, r)",
        "s",
    ),
    (
        17,
        "m = ReduceMax(s) axes=[1]; d = Sub(s, m); e = Exp(d); n = ReduceSum(e, last); y = Div(e, n)",
        "s",
    ),
    (17, "n = ReduceLogSumExp(s) axes=[-1]; y = Sub(s, n)", "s"),
    (
        18,
        "n = ReduceLogSumExp(s, last); d = Sub(s, n); y = Exp(d)",
        "s",
    ),
    (
        17,
        "m = ReduceMax(s) axes=[1]; d = Sub(s, m); e = Exp(d); n = ReduceSum(e, last); l = Log(n); y = Sub(d, l)",
        "s",
    ),
    (
        17,
        "n = Neg(s); e = Exp(n); a = Add(e, one); y = Reciprocal(a)",
        "s",
    ),
    (
        17,
        "n = Mul(s, minus); e = Exp(n); a = Add(one, e); y = Div(one, a)",
        "s",
    ),
    (
        17,
        "h = Mul(s, half); t = Tanh(h); u = Add(t, one); y = Mul(u, half)",
        "h",
    ),
    (17, "n = Neg(s); p = Softplus(n); y = Neg(p)", "s"),
    (
        17,
        "p = Sigmoid(s); r = Reshape(p, column); y = Transpose(r)",
        "s",
    ),
    (
        17,
        "u = Unsqueeze(s, last); p = Softmax(u) axis=1; k = Cast(p) to=1; y = Squeeze(k, last)",
        "u",
    ),
    (12, "d = Dropout(s); p = Softmax(d); y = Flatten(p)", "d"),
];

/// The gradients are those of the scores before the ending, which do not saturate, and there is no
/// warning.
#[test]
fn the_score_before_probabilities_is_found() {
    for (opset, tail, score) in ORDERED_ENDINGS {
        let model = network(opset, tail);
        let compiled = compile(&model);
        assert_eq!(compiled.scores, score, "{tail}");
        assert_eq!(compiled.warnings, [""; 0], "{tail}");
        let options = Options {
            target: Some(score.into()),
            ..Options::default()
        };
        let found = results(&compiled);
        let expected = results(&compile_with(&model, &options));
        assert_eq!(found, expected, "{tail}");
        assert!(
            found.1.iter().any(|g| g.abs() > 1.0),
            "{tail}: a dead gradient"
        );
    }
}

/// Endings that are no function of the score of each class, or that hide what they are: the
/// gradients are those of the output, and a warning says so.
#[test]
fn an_unclear_score_is_warned_of() {
    let cases = [
        // The softmax is over pairs, whose order the transpose changes.
        (
            "r = Reshape(s, pairs); p = Softmax(r) axis=2; t = Transpose(p) perm=[0,2,1]; \
             y = Flatten(t)",
            "y",
            "which do not keep the order of the classes",
        ),
        // Each pair has a softmax of its own, so probabilities of different pairs do not compare.
        (
            "r = Reshape(s, pairs); p = Softmax(r) axis=2; y = Flatten(p)",
            "y",
            "which do not keep the order of the classes",
        ),
        (
            "p = Sigmoid(s); y = Sub(one, p)",
            "y",
            "come from Sigmoid `p`",
        ),
        (
            "p = Sigmoid(s); q = Sub(one, p); y = Concat(q, p) axis=1",
            "y",
            "come from Sigmoid `p`",
        ),
        (
            "p = Softmax(s); y = Mul(p, ones)",
            "y",
            "come from Softmax `p`",
        ),
        ("y = Relu(s)", "y", "`Relu` cuts the scores `y` off at 0"),
    ];
    for (tail, score, warning) in cases {
        let mut model = network(17, tail);
        let constants = weights("pairs = [1, 3, 2]");
        model.graph.as_mut().unwrap().initializer.extend(constants);
        let compiled = compile(&model);
        assert_eq!(compiled.scores, score, "{tail}");
        let [found] = &compiled.warnings[..] else {
            panic!("{tail}: {:?}", compiled.warnings);
        };
        assert!(found.contains(warning), "{tail}: {found}");
    }
}

/// A target that the user names is not replaced, but its kind is named.
#[test]
fn a_chosen_probability_is_warned_of() {
    let options = Options {
        target: Some("p".into()),
        ..Options::default()
    };
    let compiled = compile_with(&network(17, "p = Sigmoid(s); y = Log(p)"), &options);
    assert_eq!(compiled.scores, "p");
    assert!(
        compiled.warnings[0].contains("come from Sigmoid `p`"),
        "{:?}",
        compiled.warnings
    );
}

/// A softmax before a layer with weights is no ending of this kind.
#[test]
fn scores_of_a_layer_have_no_warning() {
    let mut model = network(17, "t = Softmax(s); y = Gemm(t, m)");
    let constants = weights("m: 6x6");
    model.graph.as_mut().unwrap().initializer.extend(constants);
    let compiled = compile(&model);
    assert_eq!(
        (compiled.scores.as_str(), compiled.warnings.len()),
        ("y", 0)
    );
}

/// Public reports: the same classifier of 20 classes, with a sigmoid at its end and without.
#[test]
fn a_sigmoid_at_the_end_changes_nothing() {
    let [sigmoid, logit] = ["reports/voc20-sigmoid.onnx", "reports/voc20-logit.onnx"].map(|file| {
        let compiled = compile_with(
            &golden_model(file),
            &Options {
                size: Some(onnx_grad::gradient::ImageSize {
                    width: 32,
                    height: 32,
                }),
                ..Options::default()
            },
        );
        assert_eq!(compiled.warnings, [""; 0]);
        let image = tensor("x", &[1, 3, 32, 32], 5);
        run(&compiled, &image, &tensor(SEED, &[2, 20], 6))
    });
    assert_eq!(sigmoid, logit);
}
