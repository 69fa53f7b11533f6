//! The rules of a ReLU: by hand, against PyTorch, and what they leave alone.

use onnx_grad::gradient::{GradientModel, Options, ReluRule, SEED};
use onnx_grad::onnx::proto::{AttributeProto, ModelProto, TensorProto};

use crate::support::models::{assert_close, compile_with, golden, golden_model, refusal, run};
use crate::support::notation::written;

/// The rules, and their files.
const RULES: [(ReluRule, &str); 3] = [
    (ReluRule::Gradient, "gradient"),
    (ReluRule::Guided, "guided"),
    (ReluRule::Deconvnet, "deconvnet"),
];

/// The networks with ReLUs and max pools (`tests/golden/make_relu_rules.py`).
const NETWORKS: [&str; 4] = ["plain", "alexnet", "inception", "residual"];

fn with_rule(model: &ModelProto, relu: ReluRule) -> GradientModel {
    let options = Options {
        relu,
        ..Options::default()
    };
    compile_with(model, &options)
}

fn network(name: &str) -> ModelProto {
    golden_model(&format!("relu_rules/{name}/model.onnx"))
}

/// Section 4 of the paper and its successors: only the rule of the ReLU differs.
#[test]
fn the_relu_rules_are_those_of_their_papers() {
    let image = TensorProto::from_floats("x", &[1, 4, 1, 1], &[-1.0, 2.0, 3.0, -4.0]);
    let seed = TensorProto::from_floats(SEED, &[1, 4], &[10.0, 20.0, -30.0, -40.0]);
    let rules = [
        (ReluRule::Gradient, [0.0, 20.0, -30.0, 0.0]),
        (ReluRule::Guided, [0.0, 20.0, 0.0, 0.0]),
        (ReluRule::Deconvnet, [10.0, 20.0, 0.0, 0.0]),
    ];
    for graph in ["y = Relu(x)", "y = Clip(x, zero, six)"] {
        let model = written(17, &[1, 4, 1, 1], graph, "zero = 0.0; six = 6.0");
        for (relu, expected) in rules {
            let (_, gradient) = run(&with_rule(&model, relu), &image, &seed);
            assert_eq!(gradient, expected, "{relu:?} of {graph}");
        }
    }
    let guided = Options {
        relu: ReluRule::Guided,
        ..Options::default()
    };
    for without in ["y = Sigmoid(x)", "y = Clip(x, low, six)"] {
        let model = written(17, &[1, 4, 1, 1], without, "low = -1.0; six = 6.0");
        let error = refusal(&model, &guided, "no ReLU");
        assert!(error.contains("no ReLU"), "{error}");
    }
}

/// Guided backpropagation and the deconvolutional network against PyTorch in double precision, far
/// from kinks.
#[test]
fn relu_rules_agree_with_pytorch() {
    for name in NETWORKS {
        let read = |file: &str| golden(&format!("relu_rules/{name}/{file}.pb"));
        for (relu, file) in RULES {
            let compiled = with_rule(&network(name), relu);
            let (_, found) = run(&compiled, &read("image"), &read("seed"));
            let expected = read(file).floats().unwrap();
            assert_close(&found, &expected, 1e-5, &format!("{name}: {file}"));
        }
    }
}

/// What a node does: its name, operator and attributes.
type Operation = (String, String, Vec<AttributeProto>);

/// The backward pass without the nodes of the ReLUs. The nodes of a gradient are named after the
/// tensor that it belongs to.
fn backward_without_relus(compiled: GradientModel, relus: &[String]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for node in compiled.model.graph.unwrap().node {
        let Some(scope) = node.name().strip_prefix("grad/") else {
            continue;
        };
        let of_relu = relus.iter().any(|y| scope.starts_with(&format!("{y}/")));
        // A gradient that is the same along an axis is expanded only where it is needed whole.
        if !of_relu && node.op_type() != "Expand" {
            operations.push((
                node.name().to_owned(),
                node.op_type().to_owned(),
                node.attribute,
            ));
        }
    }
    operations
}

/// Section 4 of the paper: in the backward pass of a convolution, a pool or a product the three
/// methods are the same, node for node.
#[test]
fn convolutions_and_pools_are_the_same_in_all_three_methods() {
    let mut relu_counts = Vec::new();
    for name in NETWORKS {
        let model = network(name);
        let nodes = &model.graph.as_ref().unwrap().node;
        let relus: Vec<_> = nodes
            .iter()
            .filter(|n| n.op_type() == "Relu")
            .map(|n| n.output[0].clone())
            .collect();
        relu_counts.push(relus.len());
        let [gradient, guided, deconvnet] =
            RULES.map(|(relu, _)| backward_without_relus(with_rule(&model, relu), &relus));
        assert!(
            gradient
                .iter()
                .any(|(_, operator, _)| operator == "Conv" || operator == "ConvTranspose"),
            "{name}: {gradient:?}"
        );
        assert_eq!(gradient, guided, "{name}");
        assert_eq!(gradient, deconvnet, "{name}");
    }
    assert_eq!(relu_counts, [4, 3, 8, 5]);
}
