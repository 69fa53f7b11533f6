//! Saliency methods: the rules of a ReLU, the formulas of maps.

use std::path::Path;

use localise::classifier::runtime;
use localise::gradient::{self, GradientModel, Options, ReluRule, SEED};
use localise::onnx::proto::{ModelProto, NodeProto, TensorProto};
use localise::saliency::{Method, Tensor, saliency};
use ndarray::Array3;
use serde_json::Value;

use crate::support::models::{agree, golden, run};
use crate::support::notation::written;
use crate::support::program::json;

const RULES: [(ReluRule, &str); 3] = [
    (ReluRule::Gradient, "gradient"),
    (ReluRule::Guided, "guided"),
    (ReluRule::Deconvnet, "deconvnet"),
];

/// The networks with ReLUs and max pools (`tests/golden/make_relu_rules.py`).
const NETS: [&str; 4] = ["plain", "alexnet", "inception", "residual"];

fn compiled(model: &ModelProto, relu: ReluRule) -> GradientModel {
    let options = Options {
        relu,
        ..Options::default()
    };
    gradient::compile(model, &options, &runtime()).unwrap_or_else(|e| panic!("{e}"))
}

fn net(name: &str) -> ModelProto {
    localise::onnx::load(
        &Path::new("tests/golden/relu_rules")
            .join(name)
            .join("model.onnx"),
    )
    .unwrap()
}

/// The paper's section 4 and its successors: only the rule of the ReLU differs.
#[test]
fn the_relu_rules_are_those_of_their_papers() {
    let values = [-1.0, 2.0, 3.0, -4.0];
    let seed = [10.0, 20.0, -30.0, -40.0];
    let expected = [
        (ReluRule::Gradient, [0.0, 20.0, -30.0, 0.0]),
        (ReluRule::Guided, [0.0, 20.0, 0.0, 0.0]),
        (ReluRule::Deconvnet, [10.0, 20.0, 0.0, 0.0]),
    ];
    for graph in ["y = Relu(x)", "y = Clip(x, zero, six)"] {
        let model = written(17, &[1, 4, 1, 1], graph, "zero = 0.0; six = 6.0");
        for (relu, expected) in expected {
            let compiled = gradient::compile(
                &model,
                &Options {
                    relu,
                    ..Options::default()
                },
                &runtime(),
            )
            .unwrap();
            let image = TensorProto::from_floats("x", &[1, 4, 1, 1], &values);
            let (_, gradient) = run(
                &compiled,
                &image,
                &TensorProto::from_floats(SEED, &[1, 4], &seed),
            );
            assert_eq!(gradient, expected, "{relu:?} of {graph}");
        }
    }
    for without in ["y = Sigmoid(x)", "y = Clip(x, low, six)"] {
        let model = written(17, &[1, 4, 1, 1], without, "low = -1.0; six = 6.0");
        let guided = Options {
            relu: ReluRule::Guided,
            ..Options::default()
        };
        let error = gradient::compile(&model, &guided, &runtime())
            .expect_err("no ReLU")
            .to_string();
        assert!(error.contains("no ReLU"), "{error}");
    }
}

/// Guided backpropagation and the deconvolutional network against PyTorch in double precision, far
/// from kinks.
#[test]
fn relu_rules_agree_with_pytorch() {
    for name in NETS {
        let read = |file: &str| golden(&format!("relu_rules/{name}/{file}.pb"));
        for (relu, file) in RULES {
            let (_, found) = run(&compiled(&net(name), relu), &read("image"), &read("seed"));
            agree(
                &found,
                &read(file).floats().unwrap(),
                1e-5,
                &format!("{name}: {file}"),
            );
        }
    }
}

/// The paper's section 4: in the backward pass of a convolution, a pool or a product the three
/// methods are the same, node for node. A gradient's nodes are called after the tensor that it
/// belongs to.
#[test]
fn convolutions_and_pools_are_the_same_in_all_three_methods() {
    for name in NETS {
        let model = net(name);
        let graph = model.graph.as_ref().unwrap();
        let relus: Vec<_> = graph
            .node
            .iter()
            .filter(|n| n.op_type() == "Relu")
            .map(|n| n.output[0].clone())
            .collect();
        let [gradient, guided, deconvnet] = RULES.map(|(relu, _)| {
            let backward = |node: &NodeProto| {
                let scope = node.name().strip_prefix("grad/")?;
                let of_relu = relus.iter().any(|y| scope.starts_with(&format!("{y}/")));
                // A gradient that is the same along an axis is written out only where somebody
                // needs it whole.
                let written_out = node.op_type() == "Expand";
                (!of_relu && !written_out).then(|| {
                    (
                        node.name().to_owned(),
                        node.op_type().to_owned(),
                        node.attribute.clone(),
                    )
                })
            };
            let nodes = compiled(&model, relu).model.graph.unwrap().node;
            nodes.iter().filter_map(backward).collect::<Vec<_>>()
        });
        let operators: Vec<_> = gradient
            .iter()
            .map(|(_, operator, _)| operator.as_str())
            .collect();
        assert!(
            operators.contains(&"Conv") || operators.contains(&"ConvTranspose"),
            "{name}: {operators:?}"
        );
        assert_eq!(gradient, guided, "{name}");
        assert_eq!(gradient, deconvnet, "{name}");
        assert!(relus.len() > 1, "{name}");
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap() as f32],
    }
}

/// The formulas against fractions computed by somebody who never saw ours
/// (`tests/golden/make_saliency.py`).
#[test]
fn maps_agree_with_the_papers_formulas() {
    let json = json(Path::new("tests/golden/saliency.json"));
    let array = |values: Vec<f32>, [height, width]: [usize; 2]| {
        Array3::from_shape_vec((values.len() / height / width, height, width), values).unwrap()
    };
    let layer = |name: &str| array(numbers(&json["layer"][name]), [3, 4]);
    let (values, gradients, constant) = (
        layer("activations"),
        layer("gradients"),
        layer("gradients_constant"),
    );
    let cam = layer("cam");
    let least = cam.iter().copied().fold(f32::INFINITY, f32::min);
    for (method, gradient, expected) in [
        ("grad-cam", &gradients, layer("grad_cam")),
        ("grad-cam++", &gradients, layer("grad_cam_plus_plus")),
        ("layer-cam", &gradients, layer("layer_cam")),
        ("full-grad", &gradients, layer("sum_of_magnitudes")),
        ("gradient-norm", &gradients, layer("gradient_norm")),
        ("cam", &constant, cam - least),
    ] {
        let tensor = Tensor {
            values: values.view(),
            gradient: gradient.view(),
        };
        let map = (Method::find(method).unwrap().map)(&[tensor]);
        agree(
            map.as_slice().unwrap(),
            expected.as_slice().unwrap(),
            1e-6,
            method,
        );
    }

    let of_input = |name: &str| numbers(&json["input"][name]);
    let pixels = array(of_input("pixels"), [2, 3]);
    let samples: Vec<_> = of_input("gradients")
        .chunks(18)
        .map(|w| array(w.to_vec(), [2, 3]))
        .collect();
    // On the way to the picture the network sees parts of it.
    let steps: Vec<_> = (0..4).map(|i| &pixels * ((i as f32 + 0.5) / 4.0)).collect();
    let tensors = |count: usize, on_the_way: bool| -> Vec<_> {
        let shown = |i: usize| {
            if on_the_way {
                steps[i].view()
            } else {
                pixels.view()
            }
        };
        (0..count)
            .map(|i| Tensor {
                values: shown(i),
                gradient: samples[i].view(),
            })
            .collect()
    };
    for (method, tensors, expected) in [
        ("gradient", tensors(1, false), "gradient"),
        (
            "gradient-input",
            tensors(1, false),
            "gradient_times_input_sum",
        ),
        ("smoothgrad", tensors(4, false), "smooth_grad"),
        ("vargrad", tensors(4, false), "var_grad"),
        (
            "integrated-gradients",
            tensors(4, true),
            "integrated_gradients_sum",
        ),
    ] {
        let map = saliency((Method::find(method).unwrap().map)(&tensors).view());
        agree(map.as_slice().unwrap(), &of_input(expected), 1e-6, method);
    }
}
