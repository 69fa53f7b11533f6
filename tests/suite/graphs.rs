//! Whole graphs: the forms that exporters give a model, and random ones.

use std::fmt::Write;

use localise::classifier::{AnyModel, Classifier, Probe, Response, describe, pixels, runtime};
use localise::gradient::{self, GradientModel, Options, SEED};
use localise::onnx;
use localise::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType, tensor_proto::DataType, type_proto,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::models::compile;
use crate::support::notation::{declared, nodes, numbers, tensor, weights, written};

/// The gradient of one row of the seed at `x`.
fn gradient_at(compiled: &GradientModel, x: &TensorProto) -> Vec<f32> {
    let image = TensorProto {
        name: Some(compiled.input.clone()),
        ..x.clone()
    };
    let seed =
        TensorProto::from_floats(SEED, &[1, compiled.classes], &numbers(compiled.classes, 3));
    let outputs = AnyModel::new(&compiled.model)
        .and_then(|mut m| m.run(&[image, seed]))
        .unwrap_or_else(|e| panic!("{e}"));
    outputs
        .iter()
        .find(|t| t.name() == compiled.gradients[0])
        .unwrap()
        .floats()
        .unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

const NET: &str = "c = Conv(x, w); t = Tanh(c); f = Flatten(t); y = Gemm(f, m)";
const NET_WEIGHTS: &str = "w: 3x2x2x2; m: 27x4";

/// Half-precision weights and input: the gradient is that of the float32 model with the same,
/// rounded, weights.
#[test]
fn half_precision_is_lifted() {
    let mut half = written(17, &[1, 2, 4, 4], NET, NET_WEIGHTS);
    let mut plain = half.clone();
    let pairs = half
        .graph
        .as_mut()
        .unwrap()
        .initializer
        .iter_mut()
        .zip(&mut plain.graph.as_mut().unwrap().initializer);
    for (narrow, wide) in pairs {
        let halves: Vec<_> = wide
            .floats()
            .unwrap()
            .iter()
            .map(|&v| half::f16::from_f32(v))
            .collect();
        let rounded: Vec<_> = halves.iter().map(|h| h.to_f32()).collect();
        narrow.raw_data = Some(
            halves
                .iter()
                .flat_map(|h| h.to_le_bytes())
                .collect::<Vec<_>>()
                .into(),
        );
        narrow.data_type = Some(DataType::Float16 as i32);
        *wide = TensorProto::from_floats(wide.name(), &wide.shape(), &rounded);
    }
    let graph = half.graph.as_mut().unwrap();
    if let Some(type_proto::Value::TensorType(input)) =
        &mut graph.input[0].r#type.as_mut().unwrap().value
    {
        input.elem_type = Some(DataType::Float16 as i32);
    }
    let x = tensor("x", &[1, 2, 4, 4], 9);
    assert_eq!(
        gradient_at(&compile(&half), &x),
        gradient_at(&compile(&plain), &x)
    );
}

/// A model's own functions, one calling the other, with an attribute handed on.
#[test]
fn functions_are_unfolded() {
    let mut model = written(
        17,
        &[1, 2, 4, 4],
        "c = Conv(x, w); t = mine:Twice(c) slope=0.3; f = Flatten(t); y = Gemm(f, m)",
        NET_WEIGHTS,
    );
    let function = |name: &str, body: &str| FunctionProto {
        name: Some(name.into()),
        domain: Some("mine".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        attribute: vec!["slope".into()],
        node: nodes(body),
        ..Default::default()
    };
    let mut leaky = function("Leaky", "n = Neg(a); l = LeakyRelu(n); b = Neg(l)");
    let mut twice = function("Twice", "n = mine:Leaky(a); b = mine:Leaky(n)");
    // Names of nodes are optional.
    leaky.node.iter_mut().for_each(|node| node.name = None);
    let handed = |name: &str| AttributeProto {
        name: Some(name.into()),
        ref_attr_name: Some("slope".into()),
        r#type: Some(AttributeType::Float as i32),
        ..Default::default()
    };
    leaky.node[1].attribute = vec![handed("alpha")];
    twice
        .node
        .iter_mut()
        .for_each(|node| node.attribute = vec![handed("slope")]);
    model.functions = vec![leaky, twice];
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("mine".into()),
        version: Some(1),
    });
    let plain = "c = Conv(x, w); n = Neg(c); l = LeakyRelu(n) alpha=0.3; p = LeakyRelu(l) alpha=0.3; t = Neg(p); \
                 f = Flatten(t); y = Gemm(f, m)";
    let x = tensor("x", &[1, 2, 4, 4], 9);
    let expected = gradient_at(
        &compile(&written(17, &[1, 2, 4, 4], plain, NET_WEIGHTS)),
        &x,
    );
    assert!(largest_difference(&gradient_at(&compile(&model), &x), &expected) < 1e-6);

    model.functions[0].node[0].op_type = Some("Twice".into());
    model.functions[0].node[0].domain = Some("mine".into());
    let error = gradient::compile(&model, &Options::default(), &runtime())
        .expect_err("a circle")
        .to_string();
    assert!(error.contains("calls itself"), "{error}");
}

/// `If` on the image's size, as some exporters write a squeeze: the branch that is taken stands in
/// its place.
#[test]
fn a_known_branch_is_taken() {
    let graph = "s = Shape(x); n = Gather(s, two); big = Greater(n, three); c = Conv(x, w); t = If(big); f = Flatten(t); \
                 y = Gemm(f, m)";
    let mut model = written(
        17,
        &[1, 2, 4, 4],
        graph,
        &format!("{NET_WEIGHTS}; two = 2; three = 3"),
    );
    let branch = |name: &str, body: &str, constant: f32| {
        let graph = GraphProto {
            node: nodes(body),
            initializer: vec![TensorProto::from_floats("k", &[], &[constant])],
            output: vec![ValueInfoProto {
                name: Some("r".into()),
                ..Default::default()
            }],
            ..Default::default()
        };
        AttributeProto {
            name: Some(name.into()),
            r#type: Some(AttributeType::Graph as i32),
            g: Some(graph),
            ..Default::default()
        }
    };
    let taken = branch("then_branch", "p = Mul(c, k); r = Tanh(p)", 0.5);
    model.graph.as_mut().unwrap().node[4].attribute = vec![
        taken,
        branch("else_branch", "p = Mul(c, k); r = Exp(p)", 2.0),
    ];
    let plain = "c = Conv(x, w); p = Mul(c, k); t = Tanh(p); f = Flatten(t); y = Gemm(f, m)";
    let plain = written(17, &[1, 2, 4, 4], plain, &format!("{NET_WEIGHTS}; k = 0.5"));
    let x = tensor("x", &[1, 2, 4, 4], 9);
    assert!(
        largest_difference(
            &gradient_at(&compile(&model), &x),
            &gradient_at(&compile(&plain), &x)
        ) < 1e-6
    );
}

/// A classifier that takes [1, height, width, 3], as TensorFlow's do, gives the same as the one
/// inside it.
#[test]
fn a_channels_last_classifier_is_fed_channels_last() {
    let description = describe("squeezenet1.1".as_ref()).unwrap();
    let mut model = onnx::load(&description.model).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let name = graph.input[0].name().to_owned();
    let size = description.size;
    graph.input = vec![declared("image", &[1, size, size, 3])];
    let mut turn = nodes("t = Transpose(image) perm=[0,3,1,2]").remove(0);
    turn.output = vec![name];
    graph.node.insert(0, turn);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.onnx");
    onnx::save(model, &path).unwrap();
    let last = localise::classifier::Description {
        model: path,
        ..description.clone()
    };
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let crop = image::imageops::crop_imm(&photo, 16, 16, size as u32, size as u32).to_image();
    let [first, last] = [description, last].map(|d| {
        let classifier = Classifier::load(d, Probe::default()).unwrap();
        let Response {
            scores, gradients, ..
        } = classifier
            .worker()
            .gradients(pixels(&crop).view(), &[967])
            .unwrap();
        (
            scores,
            gradients[0][0]
                .as_standard_layout()
                .into_owned()
                .into_raw_vec_and_offset()
                .0,
        )
    });
    let norm = first.1.iter().map(|g| g * g).sum::<f32>().sqrt();
    let off = first
        .1
        .iter()
        .zip(&last.1)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f32>()
        .sqrt();
    assert!(
        largest_difference(&first.0, &last.0) < 1e-3 && off < 1e-2 * norm,
        "{off} of {norm}"
    );
}

/// Steps of a random graph, each from earlier tensors of shape [1, 4, 6, 6] to another. None has a
/// kink.
const STEPS: [&str; 22] = [
    "{y} = Tanh({a})",
    "{y} = Sigmoid({a})",
    "{y} = Softplus({a})",
    "{y} = Gelu({a})",
    "{y} = Mish({a})",
    "{y} = Erf({a})",
    "{y}s = Sigmoid({a}); {y} = Mul({a}, {y}s)",
    "{y} = Add({a}, {b})",
    "{y} = Sub({a}, {b})",
    "{y} = Mul({a}, {b})",
    "{y}m = GlobalAveragePool({a}); {y}g = Sigmoid({y}m); {y} = Mul({y}g, {b})",
    "{y} = Conv({a}, w3) pads=[1,1,1,1]",
    "{y} = Conv({a}, wd) pads=[1,1,1,1] group=4",
    "{y}p = AveragePool({a}) kernel_shape=[2,2] strides=[2,2]; {y} = Resize({y}p, , up) mode=linear",
    "{y} = AveragePool({a}) kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=0",
    "{y}c = Concat({a}, {b}) axis=1; {y} = Conv({y}c, w1)",
    "{y}s, {y}t = Split({a}) axis=1 num_outputs=2; {y} = Concat({y}t, {y}s) axis=1",
    "{y}t = Transpose({a}) perm=[0,2,3,1]; {y}n = LayerNormalization({y}t, ln) epsilon=0.1; {y} = Transpose({y}n) perm=[0,3,1,2]",
    "{y} = Softmax({a}) axis=1",
    "{y}w = Reshape({a}, windows); {y}t = Transpose({y}w) perm=[3,0,1,2,4]; {y}x = Mul({y}t, {y}t); \
     {y}u = Transpose({y}x) perm=[1,2,3,0,4]; {y} = Reshape({y}u, map)",
    "{y}r = Reshape({a}, rows); {y}t = Transpose({y}r) perm=[0,2,1]; {y}m = MatMul({y}r, {y}t); \
     {y}n = Softmax({y}m); {y}o = MatMul({y}n, {y}r); {y} = Reshape({y}o, map)",
    "{y}s = Slice({a}, one, end, axes); {y} = Pad({y}s, border)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]
    #[test]
    fn random_graphs_agree_with_differences(steps in prop::collection::vec((0..STEPS.len(), 0usize..64, 0usize..64), 3..12), salt in 0usize..1000) {
        let mut graph = "t0 = Conv(x, w0)".to_owned();
        for (i, (step, a, b)) in steps.iter().enumerate() {
            let tensor = |n: usize| format!("t{}", i - n % (i + 1).min(4));
            let step = STEPS[*step].replace("{y}", &format!("t{}", i + 1)).replace("{a}", &tensor(*a)).replace("{b}", &tensor(*b));
            write!(graph, "; {step}").unwrap();
        }
        write!(graph, "; f = Flatten(t{}); y = Gemm(f, m)", steps.len()).unwrap();
        let constants = "w0: 4x2x1x1; w3: 4x4x3x3; wd: 4x1x3x3; w1: 4x8x1x1; ln: 4; m: 144x3; up = [1.0, 1.0, 2.0, 2.0]; \
                         windows = [1, 4, 2, 3, 6]; map = [1, 4, 6, 6]; rows = [1, 4, 36]; one = [1, 2]; end = [6, 6]; \
                         axes = [2, 3]; border = [0, 0, 1, 2, 0, 0, 0, 0]";
        let mut model = written(20, &[1, 2, 6, 6], &graph, "");
        // Kernels of a size that keeps what they give near what they get.
        for mut weight in weights(constants) {
            if let (Ok(values), true) = (weight.floats(), weight.name() != "up") {
                let fan_in = weight.shape()[1..].iter().product::<usize>().max(1) as f32;
                let values: Vec<_> = values.iter().map(|v| v * (3.0 / fan_in).sqrt()).collect();
                weight = TensorProto::from_floats(weight.name(), &weight.shape(), &values);
            }
            model.graph.as_mut().unwrap().initializer.push(weight);
        }
        let compiled = compile(&model);
        let (x, v) = (numbers(72, salt), numbers(72, salt + 1));
        let seed = numbers(3, 3);
        let mut session = AnyModel::new(&model).unwrap();
        let mut score = |t: f64| {
            let values: Vec<_> = x.iter().zip(&v).map(|(&x, &v)| (f64::from(x) + t * f64::from(v)) as f32).collect();
            let y = session.run(&[TensorProto::from_floats("x", &[1, 2, 6, 6], &values)]).unwrap()[0].floats().unwrap();
            let size = y.iter().fold(0f32, |m, y| m.max(y.abs()));
            (y.iter().zip(&seed).map(|(&y, &s)| f64::from(y) * f64::from(s)).sum::<f64>(), f64::from(size))
        };
        // By four points, so that the third derivative does not count.
        let mut slope = |step: f64| {
            let [(a, size), (b, _), (c, _), (d, _)] = [-2.0, -1.0, 1.0, 2.0].map(|n| score(n * step));
            ((a - 8.0 * b + 8.0 * c - d) / (12.0 * step), size)
        };
        let ((expected, size), (nearer, _)) = (slope(1e-2), slope(5e-3));
        let gradient = gradient_at(&compiled, &TensorProto::from_floats("x", &[1, 2, 6, 6], &x));
        let found: f64 = gradient.iter().zip(&v).map(|(&g, &v)| f64::from(g) * f64::from(v)).sum();
        let scale = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let allowed = 5e-3 * (expected.abs() + scale) + size * 1e-4;
        // Where the steps disagree the graph is too curved for differences to say anything.
        prop_assume!((nearer - expected).abs() <= allowed);
        prop_assert!((found - expected).abs() <= allowed, "{found:e}, by differences {expected:e}\n{graph}");
    }
}
