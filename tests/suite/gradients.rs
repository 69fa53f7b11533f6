//! Gradient rules against central differences, and small kink-free nets against PyTorch.

use std::path::Path;

use localise::classifier::{run_once, runtime};
use localise::gradient::rules::RULES;
use localise::gradient::{self, GRADIENT, GradientModel, Options, SCORES, SEED};
use localise::onnx::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};
use localise::onnx::proto::{TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto as shape, type_proto};

/// Numbers without pattern in (−1, 1): no two are near each other, so that pools have no ties.
fn numbers(n: usize, salt: usize) -> Vec<f32> {
    (0..n).map(|i| (((i * 7919 + salt * 104_729 + 13) % 1_999) as f32 / 999.5) - 1.0).collect()
}

fn tensor(name: &str, dims: &[usize], salt: usize) -> TensorProto {
    TensorProto::from_floats(name, dims, &numbers(dims.iter().product(), salt))
}

fn attribute(name: &str, value: impl Into<AttributeProto>) -> AttributeProto {
    AttributeProto { name: Some(name.into()), ..value.into() }
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op.into()),
        name: Some(output.into()),
        input: inputs.iter().map(|&s| s.into()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..Default::default()
    }
}

fn declared(name: &str, dims: &[usize]) -> ValueInfoProto {
    let dim = |&n: &usize| shape::Dimension {
        value: Some(shape::dimension::Value::DimValue(n as i64)),
        ..Default::default()
    };
    let dims = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: Some(1), shape: Some(dims) };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}

/// A model from `x` to `y`.
fn model(opset: i64, x: [usize; 4], nodes: Vec<NodeProto>, weights: Vec<TensorProto>) -> ModelProto {
    let graph = GraphProto {
        name: Some("case".into()),
        node: nodes,
        initializer: weights,
        input: vec![declared("x", &x)],
        output: vec![ValueInfoProto { name: Some("y".into()), ..Default::default() }],
        ..Default::default()
    };
    let opset = OperatorSetIdProto { version: Some(opset), ..Default::default() };
    ModelProto { ir_version: Some(8), opset_import: vec![opset], graph: Some(graph), ..Default::default() }
}

fn compile(model: &ModelProto) -> GradientModel {
    gradient::compile(model, &Options::default(), &runtime()).unwrap_or_else(|e| panic!("{e}"))
}

/// Scores and gradients of a compiled model.
fn run(compiled: &GradientModel, image: &TensorProto, seed: &TensorProto) -> (Vec<f32>, Vec<f32>) {
    let image = TensorProto { name: Some(compiled.input.clone()), ..image.clone() };
    let seed = TensorProto { name: Some(SEED.into()), ..seed.clone() };
    let outputs = run_once(&compiled.model, &[image, seed]).unwrap_or_else(|e| panic!("{e}"));
    let find = |name: &str| outputs.iter().find(|t| t.name() == name).unwrap().floats().unwrap();
    (find(SCORES), find(GRADIENT))
}

struct Case {
    operator: &'static str,
    what: &'static str,
    opset: i64,
    x: [usize; 4],
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |operator, what, opset, x, nodes: Vec<NodeProto>, weights: Vec<TensorProto>| {
        cases.push(Case { operator, what, opset, x, nodes, weights });
    };
    let ints = |name: &str, v: &[i64]| attribute(name, v);
    let int = |name: &str, v: i64| attribute(name, v);
    let small = [1, 2, 5, 4];

    case("Add", "itself", 17, small, vec![node("Add", &["x", "x"], "y", vec![])], vec![]);
    case("Add", "a channel constant", 17, small, vec![node("Add", &["c", "x"], "y", vec![])], vec![tensor("c", &[2, 1, 1], 1)]);
    case("Add", "a broadcast of itself", 17, small,
        vec![node("GlobalAveragePool", &["x"], "m", vec![]), node("Add", &["m", "x"], "y", vec![])], vec![]);
    case("AveragePool", "padded, strided", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[3, 2]), ints("strides", &[2, 2]), ints("pads", &[1, 0, 1, 1])])], vec![]);
    case("AveragePool", "padding counted", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1]), int("count_include_pad", 1)])], vec![]);
    case("AveragePool", "stride 1, padding not counted", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 0, 1, 2])])], vec![]);
    case("AveragePool", "ceil_mode", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[2, 3]), ints("strides", &[2, 2]), int("ceil_mode", 1)])], vec![]);
    case("AveragePool", "ceil_mode, padding counted", 17, [1, 1, 6, 6],
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[1, 1, 0, 0]), int("ceil_mode", 1), int("count_include_pad", 1)])], vec![]);
    case("AveragePool", "dilated, opset 22", 22, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[2, 1]), ints("pads", &[1, 0, 0, 1])])], vec![]);
    case("AveragePool", "one window over all", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[5, 4])])], vec![]);
    case("AveragePool", "same, upper", 17, small,
        vec![node("AveragePool", &["x"], "y", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), attribute("auto_pad", "SAME_UPPER")])], vec![]);
    case("BatchNormalization", "constants", 17, small,
        vec![node("BatchNormalization", &["x", "s", "b", "m", "v"], "y", vec![attribute("epsilon", 0.01)])],
        vec![tensor("s", &[2], 1), tensor("b", &[2], 2), tensor("m", &[2], 3), TensorProto::from_floats("v", &[2], &[0.3, 2.0])]);
    case("BatchNormalization", "opset 9", 9, small,
        vec![node("BatchNormalization", &["x", "s", "b", "m", "v"], "y", vec![])],
        vec![tensor("s", &[2], 1), tensor("b", &[2], 2), tensor("m", &[2], 3), TensorProto::from_floats("v", &[2], &[0.3, 2.0])]);
    case("Clip", "bounds as inputs", 17, small, vec![node("Clip", &["x", "lo", "hi"], "y", vec![])],
        vec![TensorProto::from_floats("lo", &[], &[-0.41]), TensorProto::from_floats("hi", &[], &[0.52])]);
    case("Clip", "one bound", 17, small, vec![node("Clip", &["x", "", "hi"], "y", vec![])], vec![TensorProto::from_floats("hi", &[], &[0.3])]);
    case("Clip", "opset 6 bounds", 7, small, vec![node("Clip", &["x"], "y", vec![attribute("min", 0.0), attribute("max", 0.5)])], vec![]);
    case("Concat", "channels, one constant, one twice", 17, small,
        vec![node("Concat", &["x", "c", "x"], "y", vec![int("axis", -3)])], vec![tensor("c", &[1, 3, 5, 4], 1)]);
    case("Conv", "stride 1", 17, small, vec![node("Conv", &["x", "w", "b"], "y", vec![ints("pads", &[1, 1, 1, 1])])],
        vec![tensor("w", &[3, 2, 3, 3], 1), tensor("b", &[3], 2)]);
    case("Conv", "many channels, asymmetric pads", 17, [1, 8, 5, 4], vec![node("Conv", &["x", "w"], "y", vec![ints("pads", &[0, 1, 2, 0])])],
        vec![tensor("w", &[3, 8, 3, 2], 1)]);
    case("Conv", "many channels, groups, dilated", 17, [1, 8, 5, 5],
        vec![node("Conv", &["x", "w"], "y", vec![ints("dilations", &[2, 1]), int("group", 2), ints("pads", &[2, 1, 2, 1])])], vec![tensor("w", &[6, 4, 3, 3], 1)]);
    case("Conv", "pads wider than the kernel", 17, [1, 8, 3, 3], vec![node("Conv", &["x", "w"], "y", vec![ints("pads", &[2, 2, 2, 2])])], vec![tensor("w", &[2, 8, 1, 1], 1)]);
    case("Conv", "end pads wider than the kernel", 17, [1, 8, 3, 3], vec![node("Conv", &["x", "w"], "y", vec![ints("pads", &[0, 0, 1, 1])])], vec![tensor("w", &[2, 8, 1, 1], 1)]);
    case("Conv", "strided, rest uncovered", 17, small, vec![node("Conv", &["x", "w"], "y", vec![ints("strides", &[3, 2])])], vec![tensor("w", &[2, 2, 2, 1], 1)]);
    case("Conv", "depthwise, strided, end pads", 17, [1, 4, 6, 6],
        vec![node("Conv", &["x", "w"], "y", vec![ints("strides", &[2, 2]), ints("pads", &[0, 0, 1, 1]), int("group", 4)])], vec![tensor("w", &[4, 1, 3, 3], 1)]);
    case("Conv", "same, lower", 17, small, vec![node("Conv", &["x", "w"], "y", vec![attribute("auto_pad", "SAME_LOWER"), ints("strides", &[2, 2])])], vec![tensor("w", &[2, 2, 2, 3], 1)]);
    case("Div", "by a constant and by itself", 17, small,
        vec![node("Add", &["x", "two"], "p", vec![]), node("Div", &["x", "p"], "q", vec![]), node("Div", &["q", "two"], "y", vec![])],
        vec![TensorProto::from_floats("two", &[], &[2.5])]);
    case("Flatten", "all", 17, small, vec![node("Flatten", &["x"], "y", vec![])], vec![]);
    case("Gemm", "transposed, scaled", 17, [1, 3, 1, 2],
        vec![node("Flatten", &["x"], "f", vec![]), node("Gemm", &["f", "w", "c"], "y", vec![int("transB", 1), attribute("alpha", 0.5)])], vec![tensor("w", &[4, 6], 1), tensor("c", &[4], 2)]);
    case("Gemm", "plain", 17, [1, 3, 1, 2],
        vec![node("Flatten", &["x"], "f", vec![]), node("Gemm", &["f", "w"], "y", vec![])], vec![tensor("w", &[6, 4], 1)]);
    case("GlobalAveragePool", "", 17, small, vec![node("GlobalAveragePool", &["x"], "y", vec![])], vec![]);
    case("Identity", "as Dropout of opset 7", 7, small, vec![node("Dropout", &["x"], "y", vec![attribute("ratio", 0.9)])], vec![]);
    for size in [5, 3] {
        case("LRN", "two window sizes", 17, [1, 6, 2, 2],
            vec![node("LRN", &["x"], "y", vec![int("size", size), attribute("alpha", 0.8), attribute("beta", 0.6), attribute("bias", 1.5)])], vec![]);
    }
    case("MatMul", "both from the image, and a constant", 17, [1, 2, 3, 3],
        vec![node("MatMul", &["x", "x"], "s", vec![]), node("MatMul", &["s", "w"], "y", vec![])], vec![tensor("w", &[3, 2], 1)]);
    case("MaxPool", "overlapping, end pads", 17, small,
        vec![node("MaxPool", &["x"], "y", vec![ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2]), ints("pads", &[0, 0, 1, 1])])], vec![]);
    case("MaxPool", "pool of a pool, stride 1", 17, small,
        vec![node("MaxPool", &["x"], "p", vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1])]),
             node("MaxPool", &["p"], "y", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 1]), int("ceil_mode", 1)])], vec![]);
    case("MaxPool", "dilated", 17, small, vec![node("MaxPool", &["x"], "y", vec![ints("kernel_shape", &[2, 2]), ints("dilations", &[3, 2])])], vec![]);
    case("Mul", "itself", 17, small, vec![node("Mul", &["x", "x"], "y", vec![])], vec![]);
    case("Mul", "a gate from the same image", 17, small,
        vec![node("GlobalAveragePool", &["x"], "m", vec![]), node("Sigmoid", &["m"], "g", vec![]), node("Mul", &["x", "g"], "y", vec![])], vec![]);
    case("ReduceMean", "kept, opset 13 axes", 13, small, vec![node("ReduceMean", &["x"], "y", vec![ints("axes", &[2, 3]), int("keepdims", 1)])], vec![]);
    case("ReduceMean", "dropped, opset 18 axes", 18, small, vec![node("ReduceMean", &["x", "a"], "y", vec![int("keepdims", 0)])],
        vec![TensorProto::from_integers("a", &[2], &[-1, 1])]);
    case("Relu", "", 17, small, vec![node("Relu", &["x"], "y", vec![])], vec![]);
    case("Reshape", "to a computed shape", 17, small,
        vec![node("Shape", &["x"], "s", vec![]), node("Gather", &["s", "i"], "n", vec![]), node("Concat", &["n", "rest"], "t", vec![int("axis", 0)]),
             node("Reshape", &["x", "t"], "r", vec![]), node("Mul", &["r", "r"], "y", vec![])],
        vec![TensorProto::from_integers("i", &[1], &[0]), TensorProto::from_integers("rest", &[2], &[4, -1])]);
    case("Sigmoid", "", 17, small, vec![node("Sigmoid", &["x"], "y", vec![])], vec![]);
    case("Squeeze", "opset 11 axes", 11, [1, 3, 1, 1], vec![node("Squeeze", &["x"], "y", vec![ints("axes", &[2, 3])])], vec![]);
    case("Sub", "both sides", 17, small, vec![node("Mul", &["x", "x"], "s", vec![]), node("Sub", &["x", "s"], "y", vec![])], vec![]);
    case("Sum", "three, one broadcast", 17, small,
        vec![node("GlobalAveragePool", &["x"], "m", vec![]), node("Sum", &["x", "m", "x"], "y", vec![])], vec![]);
    case("Tanh", "", 17, small, vec![node("Tanh", &["x"], "y", vec![])], vec![]);
    case("Transpose", "there", 17, small, vec![node("Transpose", &["x"], "t", vec![ints("perm", &[0, 2, 3, 1])]), node("Mul", &["t", "c"], "y", vec![])], vec![tensor("c", &[2], 1)]);
    case("Unsqueeze", "and a product", 17, small, vec![node("Unsqueeze", &["x", "a"], "u", vec![]), node("Mul", &["u", "u"], "y", vec![])],
        vec![TensorProto::from_integers("a", &[1], &[2])]);
    cases
}

/// d y / d x by central differences, one image value at a time: a row per value of x. Most cases are piecewise linear,
/// where a wide step is exact as long as it crosses no kink; the step is far below the distance of the numbers to each
/// other.
fn central_differences(model: &ModelProto, x: &[f32], dims: [usize; 4]) -> Vec<Vec<f64>> {
    let step = 4e-4;
    let value = |x: &[f32]| run_once(model, &[TensorProto::from_floats("x", &dims, x)]).unwrap()[0].floats().unwrap();
    let mut x = x.to_vec();
    let mut jacobian = Vec::new();
    for i in 0..x.len() {
        let middle = x[i];
        let [low, high] = [middle - step, middle + step];
        x[i] = high;
        let above = value(&x);
        x[i] = low;
        let below = value(&x);
        x[i] = middle;
        let slope = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)) / f64::from(high - low);
        jacobian.push(above.iter().zip(&below).map(slope).collect());
    }
    jacobian
}

#[test]
fn rules_agree_with_central_differences() {
    for (i, Case { operator, what, opset, x: dims, nodes, weights }) in cases().into_iter().enumerate() {
        let model = model(opset, dims, nodes, weights);
        let compiled = compile(&model);
        let x = numbers(dims.iter().product(), i + 50);
        let rows: Vec<f32> = numbers(2 * compiled.classes, i + 90);
        let seed = TensorProto::from_floats(SEED, &[2, compiled.classes], &rows);
        let (_, gradient) = run(&compiled, &TensorProto::from_floats("x", &dims, &x), &seed);
        let jacobian = central_differences(&model, &x, dims);
        for (row, seed) in gradient.chunks(x.len()).zip(rows.chunks(compiled.classes)) {
            let dot = |slopes: &Vec<f64>| slopes.iter().zip(seed).map(|(s, &r)| s * f64::from(r)).sum::<f64>();
            let expected: Vec<f64> = jacobian.iter().map(dot).collect();
            let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
            let worst = row.iter().zip(&expected).map(|(g, e)| (f64::from(*g) - e).abs()).fold(0.0, f64::max);
            assert!(worst <= 4e-3 * scale.max(0.1), "{operator} ({what}): off by {worst:e} of {scale:e}");
        }
    }
}

#[test]
fn every_rule_has_a_case() {
    let cases = cases();
    for (operator, _) in RULES {
        assert!(cases.iter().any(|c| c.operator == *operator), "tests/suite/gradients.rs has no case for {operator}");
    }
}

/// Photos on the batch axis, one row each, give the same numbers as one at a time.
#[test]
fn photos_in_a_batch_do_not_mix() {
    let pool = vec![attribute("kernel_shape", &[3i64, 3][..]), attribute("strides", &[2i64, 2][..])];
    let nodes = vec![
        node("Conv", &["x", "w"], "c", vec![]),
        node("Relu", &["c"], "r", vec![]),
        node("MaxPool", &["r"], "p", pool),
        node("Flatten", &["p"], "f", vec![]),
        node("Gemm", &["f", "m"], "y", vec![]),
    ];
    let weights = vec![tensor("w", &[4, 3, 3, 3], 1), tensor("m", &[36, 5], 2)];
    let compiled = compile(&model(17, [1, 3, 9, 9], nodes, weights));
    let size = 3 * 9 * 9;
    let (x, seed) = (numbers(2 * size, 5), numbers(2 * 5, 6));
    let (scores, gradient) = run(
        &compiled,
        &TensorProto::from_floats("x", &[2, 3, 9, 9], &x),
        &TensorProto::from_floats(SEED, &[2, 5], &seed),
    );
    for n in 0..2 {
        let image = TensorProto::from_floats("x", &[1, 3, 9, 9], &x[n * size..(n + 1) * size]);
        let alone = run(&compiled, &image, &TensorProto::from_floats(SEED, &[1, 5], &seed[n * 5..(n + 1) * 5]));
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close(&alone.0, &scores[n * 5..(n + 1) * 5]) && close(&alone.1, &gradient[n * size..(n + 1) * size]));
    }
}

/// A flat area has ties in every window: all of a window's gradient belongs to its first maximum, as in PyTorch.
#[test]
fn tied_maxima_pass_the_gradient_once() {
    let pool = vec![attribute("kernel_shape", &[2i64, 2][..]), attribute("strides", &[2i64, 2][..])];
    let compiled = compile(&model(17, [1, 1, 4, 4], vec![node("MaxPool", &["x"], "y", pool)], vec![]));
    let image = TensorProto::from_floats("x", &[1, 1, 4, 4], &[7.0; 16]);
    let (_, gradient) = run(&compiled, &image, &TensorProto::from_floats(SEED, &[1, 4], &[1.0, 2.0, 3.0, 4.0]));
    assert_eq!(gradient, [1., 0., 2., 0., 0., 0., 0., 0., 3., 0., 4., 0., 0., 0., 0., 0.]);
}

#[test]
fn a_branch_that_leads_nowhere_is_dropped() {
    let nodes = vec![
        node("Relu", &["x"], "y", vec![]),
        node("NonZero", &["x"], "lost", vec![]),
        node("Softmax", &["y"], "lost too", vec![]),
    ];
    let compiled = compile(&model(17, [1, 2, 2, 2], nodes, vec![]));
    assert!(!localise::onnx::text(&compiled.model).contains("NonZero"));
}

#[test]
fn the_score_before_the_softmax_is_found() {
    let nodes = vec![
        node("GlobalAveragePool", &["x"], "score", vec![]),
        node("Softmax", &["score"], "p", vec![attribute("axis", 1)]),
        node("Flatten", &["p"], "y", vec![]),
    ];
    let compiled = compile(&model(17, [1, 3, 2, 2], nodes, vec![]));
    let image = tensor("x", &[1, 3, 2, 2], 1);
    let (scores, _) = run(&compiled, &image, &tensor(SEED, &[1, 3], 2));
    let values = image.floats().unwrap();
    let mean = |c: usize| values[4 * c..4 * c + 4].iter().sum::<f32>() / 4.0;
    assert!((0..3).all(|c| (scores[c] - mean(c)).abs() < 1e-6), "{scores:?}");
}

#[test]
fn what_cannot_be_differentiated_is_named_before_work() {
    let x = [1, 2, 3, 3];
    let unary = |op: &str| {
        vec![node(op, &["x"], "a", vec![]), node("Relu", &["a"], "b", vec![]), node(op, &["b"], "y", vec![])]
    };
    let bias_from_image = vec![node("Flatten", &["x"], "f", vec![]), node("Gemm", &["f", "w", "f"], "y", vec![])];
    let cases = [
        (model(17, x, unary("Selu"), vec![]), "Selu                 y, a"),
        (model(5, x, unary("Relu"), vec![]), "opset 5"),
        (
            model(17, x, vec![node("Identity", &["c"], "y", vec![])], vec![tensor("c", &[1, 3], 1)]),
            "does not depend on the image",
        ),
        (
            model(17, x, vec![node("Transpose", &["x"], "y", vec![attribute("perm", &[1i64, 0, 2, 3][..])])], vec![]),
            "one row of class scores",
        ),
        (model(17, x, vec![node("Conv", &["x", "x"], "y", vec![])], vec![]), "input 1 is not constant"),
        (model(17, [1, 3, 1, 1], bias_from_image, vec![tensor("w", &[3, 3], 1)]), "no gradient for its input `f`"),
        (
            model(
                9,
                x,
                vec![
                    node("Pad", &["x"], "p", vec![attribute("pads", &[0i64; 8][..])]),
                    node("Relu", &["p"], "y", vec![]),
                ],
                vec![],
            ),
            "Pad node `p`",
        ),
    ];
    for (model, expected) in cases {
        let error = gradient::compile(&model, &Options::default(), &runtime()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A mean over channels is no global pool: the fully convolutional form must not take it for one.
#[test]
fn a_mean_over_channels_has_no_dense_form() {
    let dense = |axes: &[i64]| {
        let nodes = vec![
            node("Conv", &["x", "w"], "c", vec![]),
            node("ReduceMean", &["c", "a"], "m", vec![]),
            node("Flatten", &["m"], "f", vec![]),
            node("Gemm", &["f", "g"], "y", vec![]),
        ];
        let axes = TensorProto::from_integers("a", &[axes.len()], axes);
        let weights = vec![tensor("w", &[4, 2, 2, 2], 1), tensor("g", &[4, 3], 2), axes];
        let options = Options { size: Some([5, 6]), dense: true, ..Options::default() };
        gradient::compile(&model(18, [1, 2, 3, 3], nodes, weights), &options, &runtime())
    };
    assert_eq!(dense(&[-1, 2]).unwrap().input_shape, [2, 5, 6]);
    let error = dense(&[1]).expect_err("no form").to_string();
    assert!(error.contains("ReduceMean node `m`: only a mean over height and width"), "{error}");
}

/// Kink-free nets against PyTorch in double precision (`tests/golden/make_gradients.py`).
#[test]
fn kink_free_nets_agree_with_pytorch() {
    let golden = Path::new("tests/golden/gradients");
    for net in ["plain", "residual", "inception", "mobile", "alexnet", "arithmetic"] {
        let read = |file: &str| {
            let bytes = std::fs::read(golden.join(net).join(file)).unwrap();
            <TensorProto as prost::Message>::decode(bytes.as_slice()).unwrap()
        };
        let compiled = compile(&localise::onnx::load(&golden.join(net).join("model.onnx")).unwrap());
        let (scores, gradient) = run(&compiled, &read("image.pb"), &read("seed.pb"));
        for (what, found, file) in [("scores", scores, "scores.pb"), ("gradient", gradient, "gradient.pb")] {
            let expected = read(file).floats().unwrap();
            let scale = expected.iter().fold(0f32, |m, e| m.max(e.abs()));
            let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert_eq!(found.len(), expected.len(), "{net}: {what}");
            assert!(worst <= 2e-5 * scale, "{net}: {what} off by {worst:e} of {scale:e}");
        }
    }
}
