//! The rules of relevance: by hand, what they preserve, and what they refuse. `localise` compares
//! them with TorchRay and Captum.

use onnx_grad::gradient::{Options, RelevanceRule, SEED};
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use crate::support::models::{assert_close, compile_with, golden, golden_model, refusal, run};
use crate::support::notation::written;

fn options(rule: RelevanceRule) -> Options {
    Options {
        relevance: Some(rule),
        ..Options::default()
    }
}

/// The relevance of the image for each class, one row for each.
fn relevance(model: &ModelProto, rule: RelevanceRule, image: &TensorProto) -> Vec<f32> {
    let compiled = compile_with(model, &options(rule));
    let count = compiled.classes;
    let one_hot: Vec<_> = (0..count * count)
        .map(|i| f32::from(u8::from(i % (count + 1) == 0)))
        .collect();
    let seed = TensorProto::from_floats(SEED, &[count, count], &one_hot);
    run(&compiled, image, &seed).1
}

/// x = (1, 2), W = (3 −1; 1 2), b = (1, 0), so the scores are 3 + 2 + 1 = 6 and −1 + 4 = 3.
#[test]
fn shares_are_those_of_their_papers() {
    let graph = "w = Reshape(v, shape); f = Flatten(x); y = Gemm(f, w, b)";
    let weights = "v = [3.0, -1.0, 1.0, 2.0]; shape = [2, 2]; b = [1.0, 0.0]";
    let model = written(17, &[1, 2, 1, 1], graph, weights);
    let image = TensorProto::from_floats("x", &[1, 2, 1, 1], &[1.0, 2.0]);
    for (rule, expected) in [
        (RelevanceRule::Epsilon, [3.0, 2.0, -1.0, 4.0]),
        (RelevanceRule::Excitation, [0.6, 0.4, 0.0, 1.0]),
        (RelevanceRule::ContrastiveExcitation, [0.6, 0.4, -1.0, 1.0]),
        (RelevanceRule::OneAgainstOthers, [0.6, -0.6, -0.6, 0.6]),
    ] {
        let found = relevance(&model, rule, &image);
        assert_close(&found, &expected, 1e-5, &format!("{rule:?}"));
    }
}

/// A sum shares relevance in proportion to its terms, a maximum gives it to the largest value, and
/// activations and constant factors leave it as it is.
#[test]
fn relevance_passes_sums_maxima_and_activations() {
    let image = TensorProto::from_floats("x", &[1, 4, 1, 1], &[1.0, 3.0, -2.0, 4.0]);
    let sum = "a, c = Split(x) axis=1 num_outputs=2; s = Add(a, c); y = Flatten(s)";
    let factor =
        "r = Relu(x); t = Mul(two, r); a, c = Split(t) axis=1 num_outputs=2; y = Flatten(c)";
    let maximum = "t = Reshape(x, shape); m = GlobalMaxPool(t); y = Flatten(m)";
    for (graph, rule, expected) in [
        // The scores 1 − 2 and 3 + 4.
        (
            sum,
            RelevanceRule::Epsilon,
            vec![1.0, 0.0, -2.0, 0.0, 0.0, 3.0, 0.0, 4.0],
        ),
        (
            sum,
            RelevanceRule::Excitation,
            vec![1.0, 0.0, 0.0, 0.0, 0.0, 3.0 / 7.0, 0.0, 4.0 / 7.0],
        ),
        (
            factor,
            RelevanceRule::Excitation,
            vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        ),
        (
            factor,
            RelevanceRule::Epsilon,
            vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0],
        ),
        (
            maximum,
            RelevanceRule::Excitation,
            vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        ),
    ] {
        let model = written(18, &[1, 4, 1, 1], graph, "two = 2.0; shape = [1, 2, 2, 1]");
        let found = relevance(&model, rule, &image);
        assert_close(&found, &expected, 1e-5, &format!("{rule:?} of {graph}"));
    }
}

/// Excitation is a probability: over the image it adds up to 1, whatever the layers between are. A
/// unit that is active by its bias alone, or a class that no active unit excites, passes none on.
#[test]
fn excitation_adds_up_to_one() {
    for name in ["plain", "alexnet", "inception", "residual"] {
        let model = golden_model(&format!("relu_rules/{name}/model.onnx"));
        let image = golden(&format!("relu_rules/{name}/image.pb"));
        let found = relevance(&model, RelevanceRule::Excitation, &image);
        let of_classes = found.chunks(image.floats().unwrap().len());
        let sums: Vec<f32> = of_classes.map(|of_class| of_class.iter().sum()).collect();
        println!("{name}: {sums:?}");
        let largest = sums.iter().copied().fold(0.0, f32::max);
        assert!((0.98..1.0001).contains(&largest), "{name}: {sums:?}");
        assert!(found.iter().all(|&share| share >= 0.0), "{name}");
    }
}

/// Operators without a rule are named.
#[test]
fn other_operators_are_refused() {
    for (graph, node) in [
        (
            "f = Flatten(x); s = Softmax(f) axis=1; y = Gemm(s, w)",
            "Softmax node `s`",
        ),
        (
            "f = Flatten(x); g = Sigmoid(f); m = Mul(f, g); n = Relu(g); k = Add(m, n); y = Gemm(k, w)",
            "Mul node `m`",
        ),
        (
            "f = Flatten(x); g = Add(f, f); m = Exp(g); y = Gemm(m, w)",
            "Exp node `m`",
        ),
    ] {
        let model = written(17, &[1, 4, 1, 1], graph, "w: 4x2");
        for rule in [RelevanceRule::Epsilon, RelevanceRule::Excitation] {
            let error = refusal(&model, &options(rule), node);
            assert!(error.contains(node), "{error}");
            assert!(error.contains("relevance rules are not defined"), "{error}");
        }
    }
}
