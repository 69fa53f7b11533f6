//! No model is refused for the name of a tensor, whichever names the gradient model uses itself.

use onnx_grad::gradient::{ASKED, GradientModel, Options, OutputGradient, SEED};
use onnx_grad::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType, tensor_proto::DataType,
};

use crate::support::models::{compile_with, output, values};
use crate::support::notation::{nodes, tensor, written};
use crate::support::runtime;

/// A network of the tensors x, w, a, b, y under other names.
fn network(names: [&str; 5]) -> ModelProto {
    let text = "a = Conv(x, w); b = Tanh(a); y = GlobalAveragePool(b)";
    let mut model = written(17, &[1, 2, 4, 4], text, "w: 3x2x2x2");
    let rename = |name: &mut String| {
        let place = ["x", "w", "a", "b", "y"].iter().position(|old| old == name);
        *name = names[place.unwrap()].to_owned();
    };
    let graph = model.graph.as_mut().unwrap();
    for node in &mut graph.node {
        node.input
            .iter_mut()
            .chain(&mut node.output)
            .for_each(rename);
    }
    let declared = graph.input.iter_mut().chain(&mut graph.output);
    declared.filter_map(|d| d.name.as_mut()).for_each(rename);
    graph.initializer[0].name = Some(names[1].into());
    model
}

/// All outputs of a gradient model for the same image, whatever their names are.
fn outputs(compiled: &GradientModel, seed: OutputGradient) -> Vec<Vec<f32>> {
    let mut inputs = vec![tensor(&compiled.input, &[1, 2, 4, 4], 1)];
    match seed {
        OutputGradient::Input => inputs.push(tensor(SEED, &[2, 3], 2)),
        OutputGradient::Top(_) => {}
        OutputGradient::Asked => inputs.extend([
            TensorProto::from_integers(ASKED[0], &[1], &[1]),
            TensorProto::from_integers(ASKED[1], &[1], &[2]),
        ]),
    }
    let outputs = runtime::run(&compiled.model, &inputs).unwrap();
    if seed != OutputGradient::Input {
        assert!(!output(&outputs, "classes").integers().unwrap().is_empty());
    }
    [&compiled.scores]
        .into_iter()
        .chain(&compiled.gradients)
        .chain(&compiled.layers)
        .map(|name| values(&outputs, name))
        .collect()
}

/// The network under names that the compiler uses for its inputs, outputs and inner tensors.
#[test]
fn any_name_is_allowed() {
    let plain_names = ["x", "w", "a", "b", "y"];
    let cases = [
        ["seed", "w", "a", "b", "y"],
        ["top", "also", "classes", "seed", "scores"],
        ["x", "x_grad", "seed", "classes", "top"],
        ["seed", "own/seed", "seed_grad", "own/seed_grad", "classes"],
        ["x", "w", "x_grad", "x_grad_grad", "classes"],
        ["classes", "classes_grad", "top", "top_grad", "own/top_grad"],
        [
            "grad/y/Tanh",
            "lift/y/axes",
            "grad/top",
            "fold/b/w",
            "shape/0",
        ],
        [
            "shape/1",
            "batch/x",
            "dense/mean",
            "grad/asked",
            "grad/highest",
        ],
    ];
    for seed in [
        OutputGradient::Input,
        OutputGradient::Top(2),
        OutputGradient::Asked,
    ] {
        let compile = |names: [&str; 5]| {
            let options = Options {
                wrt: vec![names[0].into(), names[2].into()],
                target: Some(names[4].into()),
                seed,
                ..Options::default()
            };
            compile_with(&network(names), &options)
        };
        for names in cases {
            let found = outputs(&compile(names), seed);
            assert_eq!(found, outputs(&compile(plain_names), seed), "{names:?}");
        }
    }
}

/// Inner tensors and weights of branches are renamed together.
#[test]
fn names_inside_branches_are_allowed() {
    let graph = "n = Shape(x); k = Gather(n, zero); yes = Equal(k, one); y = If(yes)";
    let mut model = written(17, &[1, 3], graph, "zero = 0; one = 1");
    let branch = |name: &str, factor: f32| AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(GraphProto {
            node: nodes("classes = Mul(x, seed); top = Exp(classes)"),
            initializer: vec![TensorProto::from_floats("seed", &[], &[factor])],
            output: vec![ValueInfoProto {
                name: Some("top".into()),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    };
    let node = model.graph.as_mut().unwrap().node.last_mut().unwrap();
    node.attribute = vec![branch("then_branch", 0.5), branch("else_branch", 2.0)];
    let options = Options {
        target: Some("y".into()),
        ..Options::default()
    };
    let compiled = compile_with(&model, &options);
    let x = [0.2, -0.4, 1.0];
    let inputs = [
        TensorProto::from_floats("x", &[1, 3], &x),
        TensorProto::from_floats(SEED, &[1, 3], &[1.0; 3]),
    ];
    let outputs = runtime::run(&compiled.model, &inputs).unwrap();
    let gradient = values(&outputs, "x_grad");
    for (value, found) in x.iter().zip(gradient) {
        assert!((found - 0.5 * (0.5 * value).exp()).abs() < 1e-6);
    }
}

/// A function whose expanded tensor would be called like one of the model.
#[test]
fn names_of_expanded_functions_are_free() {
    use onnx_grad::onnx::proto::{FunctionProto, OperatorSetIdProto};
    let graph = "a = mine:Twice(x); y = Mul(a, taken)";
    let mut model = written(17, &[1, 3], graph, "taken = 3.0");
    let outer = model.graph.as_mut().unwrap();
    outer.initializer[0].name = Some("Twice/1/n".into());
    outer.node[1].input[1] = "Twice/1/n".into();
    model.functions = vec![FunctionProto {
        name: Some("Twice".into()),
        domain: Some("mine".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        node: nodes("n = Add(a, a); b = Tanh(n)"),
        ..Default::default()
    }];
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("mine".into()),
        version: Some(1),
    });
    let options = Options {
        target: Some("y".into()),
        ..Options::default()
    };
    let compiled = compile_with(&model, &options);
    let inputs = [
        TensorProto::from_raw("x", &[1, 3], DataType::Float, vec![0; 12]),
        TensorProto::from_floats(SEED, &[1, 3], &[1.0; 3]),
    ];
    let outputs = runtime::run(&compiled.model, &inputs).unwrap();
    assert_eq!(values(&outputs, "x_grad"), [6.0; 3]);
}
