//! Whole graphs: the forms in which exporters write a model, and random ones.

use std::fmt::Write;

use onnx_grad::gradient::{GradientModel, Options, SEED};
use onnx_grad::onnx::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, type_proto,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::models::{compile, refusal, renamed, values};
use crate::support::notation::{nodes, numbers, tensor, weights, written};
use crate::support::runtime::{self, OrtModel};

/// The gradient at `x` for one row of the seed.
fn gradient_at(compiled: &GradientModel, x: &TensorProto) -> Vec<f32> {
    let image = renamed(x, &compiled.input);
    let row = numbers(compiled.classes, 3);
    let seed = TensorProto::from_floats(SEED, &[1, compiled.classes], &row);
    let outputs = runtime::run(&compiled.model, &[image, seed]).unwrap_or_else(|e| panic!("{e}"));
    values(&outputs, &compiled.gradients[0])
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
    let narrow_weights = &mut half.graph.as_mut().unwrap().initializer;
    let wide_weights = &mut plain.graph.as_mut().unwrap().initializer;
    for (narrow, wide) in narrow_weights.iter_mut().zip(wide_weights) {
        let values = wide.floats().unwrap();
        let halves: Vec<_> = values.iter().map(|&v| half::f16::from_f32(v)).collect();
        let rounded: Vec<_> = halves.iter().map(|h| h.to_f32()).collect();
        let bytes: Vec<_> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
        narrow.raw_data = Some(bytes.into());
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

/// The functions of a model, one calling the other, with an attribute passed on.
#[test]
fn functions_are_inlined() {
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
    let passed_on = |name: &str| AttributeProto {
        name: Some(name.into()),
        ref_attr_name: Some("slope".into()),
        r#type: Some(AttributeType::Float as i32),
        ..Default::default()
    };
    leaky.node[1].attribute = vec![passed_on("alpha")];
    twice
        .node
        .iter_mut()
        .for_each(|node| node.attribute = vec![passed_on("slope")]);
    model.functions = vec![leaky, twice];
    model.opset_import.push(OperatorSetIdProto {
        domain: Some("mine".into()),
        version: Some(1),
    });
    let plain = "c = Conv(x, w); n = Neg(c); l = LeakyRelu(n) alpha=0.3; \
                 p = LeakyRelu(l) alpha=0.3; t = Neg(p); f = Flatten(t); y = Gemm(f, m)";
    let x = tensor("x", &[1, 2, 4, 4], 9);
    let expected = gradient_at(
        &compile(&written(17, &[1, 2, 4, 4], plain, NET_WEIGHTS)),
        &x,
    );
    assert!(largest_difference(&gradient_at(&compile(&model), &x), &expected) < 1e-6);

    model.functions[0].node[0].op_type = Some("Twice".into());
    model.functions[0].node[0].domain = Some("mine".into());
    let error = refusal(&model, &Options::default(), "a cycle of calls");
    assert!(error.contains("calls itself"), "{error}");
}

/// `If` on the size of the image, as some exporters write a squeeze: the branch that is taken
/// replaces it.
#[test]
fn a_known_branch_is_taken() {
    let graph = "s = Shape(x); n = Gather(s, two); big = Greater(n, three); c = Conv(x, w); \
                 t = If(big); f = Flatten(t); y = Gemm(f, m)";
    let mut model = written(
        17,
        &[1, 2, 4, 4],
        graph,
        &format!("{NET_WEIGHTS}; two = 2; three = 3"),
    );
    let branch = |name: &str, body: &str, constant: f32| {
        let subgraph = GraphProto {
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
            g: Some(subgraph),
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

/// `NonZero` of what depends on the size of the image alone, as exporters write boolean masks and
/// repetitions: a constant. What depends on its values is refused (`refusals.rs`).
#[test]
fn positions_that_follow_from_the_size_are_constants() {
    let tail = "t = Tanh(m); y = Flatten(t)";
    let masked = format!(
        "s = Shape(x); e = Equal(s, four); n = NonZero(e); a = Squeeze(n, first); \
         m = ReduceSum(x, a); {tail}"
    );
    let masked = written(17, &[1, 2, 4, 4], &masked, "four = 4; first = [0]");
    let plain = format!("m = ReduceSum(x, a); {tail}");
    let plain = written(17, &[1, 2, 4, 4], &plain, "a = [2, 3]");
    let x = tensor("x", &[1, 2, 4, 4], 9);
    assert_eq!(
        gradient_at(&compile(&masked), &x),
        gradient_at(&compile(&plain), &x)
    );
}

/// The steps of a random graph, each from earlier tensors of shape [1, 4, 6, 6] to another such
/// tensor. None has a kink.
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
    "{y}t = Transpose({a}) perm=[0,2,3,1]; {y}n = LayerNormalization({y}t, ln) epsilon=0.1; \
     {y} = Transpose({y}n) perm=[0,3,1,2]",
    "{y} = Softmax({a}) axis=1",
    "{y}w = Reshape({a}, windows); {y}t = Transpose({y}w) perm=[3,0,1,2,4]; {y}x = Mul({y}t, {y}t); \
     {y}u = Transpose({y}x) perm=[1,2,3,0,4]; {y} = Reshape({y}u, map)",
    "{y}r = Reshape({a}, rows); {y}t = Transpose({y}r) perm=[0,2,1]; {y}m = MatMul({y}r, {y}t); \
     {y}n = Softmax({y}m); {y}o = MatMul({y}n, {y}r); {y} = Reshape({y}o, map)",
    "{y}s = Slice({a}, one, end, axes); {y} = Pad({y}s, border)",
];

/// The weights that [`STEPS`] name.
const WEIGHTS: &str = "w0: 4x2x1x1; w3: 4x4x3x3; wd: 4x1x3x3; w1: 4x8x1x1; ln: 4; m: 144x3; \
                       up = [1.0, 1.0, 2.0, 2.0]; windows = [1, 4, 2, 3, 6]; map = [1, 4, 6, 6]; \
                       rows = [1, 4, 36]; one = [1, 2]; end = [6, 6]; axes = [2, 3]; \
                       border = [0, 0, 1, 2, 0, 0, 0, 0]";

/// A step of a random graph: an index into [`STEPS`], and how far back its two inputs are.
type Step = (usize, usize, usize);

/// The model whose graph has these steps.
fn random_model(steps: &[Step]) -> (String, ModelProto) {
    let mut graph = "t0 = Conv(x, w0)".to_owned();
    for (i, &(step, a, b)) in steps.iter().enumerate() {
        // One of the last four tensors.
        let tensor = |n: usize| format!("t{}", i - n % (i + 1).min(4));
        let step = STEPS[step]
            .replace("{y}", &format!("t{}", i + 1))
            .replace("{a}", &tensor(a))
            .replace("{b}", &tensor(b));
        write!(graph, "; {step}").unwrap();
    }
    write!(graph, "; f = Flatten(t{}); y = Gemm(f, m)", steps.len()).unwrap();
    let mut model = written(20, &[1, 2, 6, 6], &graph, "");
    // Kernels are scaled so that their outputs are about as large as their inputs.
    for mut weight in weights(WEIGHTS) {
        if let (Ok(values), true) = (weight.floats(), weight.name() != "up") {
            let fan_in = weight.shape()[1..].iter().product::<usize>().max(1) as f32;
            let scaled: Vec<_> = values.iter().map(|v| v * (3.0 / fan_in).sqrt()).collect();
            weight = TensorProto::from_floats(weight.name(), &weight.shape(), &scaled);
        }
        model.graph.as_mut().unwrap().initializer.push(weight);
    }
    (graph, model)
}

/// The scores of a model along a line: seed · y at x + t v.
struct Line<'a> {
    session: OrtModel,
    x: &'a [f32],
    v: &'a [f32],
    seed: Vec<f32>,
}

impl Line<'_> {
    /// The score at `t`, and the largest magnitude in y.
    fn score(&mut self, t: f64) -> (f64, f64) {
        let mut values = Vec::new();
        for (&x, &v) in self.x.iter().zip(self.v) {
            values.push((f64::from(x) + t * f64::from(v)) as f32);
        }
        let image = TensorProto::from_floats("x", &[1, 2, 6, 6], &values);
        let y = self.session.run(&[image]).unwrap()[0].floats().unwrap();
        let size = y.iter().fold(0f32, |m, y| m.max(y.abs()));
        (dot(&y, &self.seed), f64::from(size))
    }

    /// The derivative at 0 from four points, so that the third derivative does not count, and the
    /// largest magnitude in y.
    fn slope(&mut self, step: f64) -> (f64, f64) {
        let [(a, size), (b, _), (c, _), (d, _)] =
            [-2.0, -1.0, 1.0, 2.0].map(|n| self.score(n * step));
        ((a - 8.0 * b + 8.0 * c - d) / (12.0 * step), size)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
    products.sum()
}

fn random_graph_config() -> ProptestConfig {
    ProptestConfig {
        cases: 96,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(random_graph_config())]
    #[test]
    fn random_graphs_agree_with_differences(
        steps in prop::collection::vec((0..STEPS.len(), 0usize..64, 0usize..64), 3..12),
        salt in 0usize..1000,
    ) {
        let (graph, model) = random_model(&steps);
        let compiled = compile(&model);
        let (x, v) = (numbers(72, salt), numbers(72, salt + 1));
        let session = OrtModel::new(&model).unwrap();
        let mut line = Line { session, x: &x, v: &v, seed: numbers(3, 3) };
        let ((expected, size), (nearer, _)) = (line.slope(1e-2), line.slope(5e-3));
        let image = TensorProto::from_floats("x", &[1, 2, 6, 6], &x);
        let gradient = gradient_at(&compiled, &image);
        let found = dot(&gradient, &v);
        let norm = dot(&gradient, &gradient).sqrt();
        let allowed = 5e-3 * (expected.abs() + norm) + size * 1e-4;
        // Where the two steps disagree, the graph is too curved for differences to say anything.
        prop_assume!((nearer - expected).abs() <= allowed);
        prop_assert!(
            (found - expected).abs() <= allowed,
            "{found:e}, by differences {expected:e}\n{graph}"
        );
    }
}
