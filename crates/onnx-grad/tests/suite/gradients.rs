//! Gradient rules against central differences, and what a gradient model takes and gives.

use onnx_grad::gradient::rules::RULES;
use onnx_grad::gradient::{Dense, GradientModel, ImageSize, Options, OutputGradient, SEED};
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{ModelProto, TensorProto};

use crate::cases::{CASES, Case};
use crate::support::models::{compile, compile_with, merge_images, output, refusal, run, values};
use crate::support::notation::{numbers, tensor, written};
use crate::support::runtime::{self, OrtModel, OrtRuntime};

/// The step of the central differences. Most cases are piecewise linear, where any step is exact
/// that crosses no kink; this one is far below the distance of the numbers to each other.
const STEP: f64 = 4e-4;

/// d y / d x by central differences, one image value at a time: a row for each value of x.
fn central_differences(model: &ModelProto, x: &[f32], shape: &[usize]) -> Vec<Vec<f64>> {
    let step = STEP as f32;
    let input = model.graph.as_ref().unwrap().input[0].name().to_owned();
    let mut session = OrtModel::new(model).unwrap();
    let mut y = |at: &[f32]| {
        let outputs = session.run(&[TensorProto::from_floats(&input, shape, at)]);
        outputs.unwrap()[0].floats().unwrap()
    };
    let mut x = x.to_vec();
    let mut jacobian = Vec::new();
    for i in 0..x.len() {
        let middle = x[i];
        let [low, high] = [middle - step, middle + step];
        x[i] = high;
        let above = y(&x);
        x[i] = low;
        let below = y(&x);
        x[i] = middle;
        let slope = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)) / f64::from(high - low);
        jacobian.push(above.iter().zip(&below).map(slope).collect());
    }
    jacobian
}

#[test]
fn rules_agree_with_central_differences() {
    let mut failures = Vec::new();
    for (salt, case) in CASES.iter().enumerate() {
        let Case {
            operator,
            opset,
            graph,
            ..
        } = case;
        let mut model = written(*opset, case.x, graph, case.weights);
        let x = merge_images(model.graph.as_mut().unwrap(), case.x);
        // The output itself, also where the search for the score would pass the operator.
        let options = Options {
            target: Some("y".into()),
            ..Options::default()
        };
        let checked = onnx_grad::gradient::compile(&model, &options, &OrtRuntime)
            .map_err(|e| e.to_string())
            .and_then(|compiled| compare_with_differences(&compiled, &model, &x, salt));
        if let Err(error) = checked {
            failures.push(format!("{operator}, opset {opset}, {graph}: {error}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}\n{}",
        failures.len(),
        CASES.len(),
        failures.join("\n")
    );
}

/// Two rows of gradients against the slopes of the model.
pub(crate) fn compare_with_differences(
    compiled: &GradientModel,
    model: &ModelProto,
    shape: &[usize],
    salt: usize,
) -> Result<(), String> {
    let x = numbers(shape.iter().product(), salt + 50);
    let rows: Vec<f32> = numbers(2 * compiled.classes, salt + 90);
    let seed = TensorProto::from_floats(SEED, &[2, compiled.classes], &rows);
    let image = TensorProto::from_floats(&compiled.input, shape, &x);
    let outputs = runtime::run(&compiled.model, &[image, seed])?;
    let gradient = values(&outputs, &compiled.gradients[0]);
    let y = values(&outputs, &compiled.scores);
    let jacobian = central_differences(model, &x, shape);
    assert_eq!(gradient.len(), 2 * x.len());
    for (found, row) in gradient.chunks(x.len()).zip(rows.chunks(compiled.classes)) {
        let mut expected = Vec::new();
        for slopes in &jacobian {
            let products = slopes.iter().zip(row).map(|(s, &r)| s * f64::from(r));
            expected.push(products.sum::<f64>());
        }
        let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
        // The error that the rounding of y to float32 can make in a difference.
        let products = y.iter().zip(row).map(|(&y, &r)| f64::from((y * r).abs()));
        let rounding = products.sum::<f64>() * f64::from(f32::EPSILON) / (2.0 * STEP);
        let allowed = 4e-3 * scale + rounding;
        for (&f, e) in found.iter().zip(&expected) {
            let error = (f64::from(f) - e).abs();
            if error.is_nan() || error > allowed {
                return Err(format!("off by {error:e} of {scale:e}"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_rule_has_a_case() {
    // The derivative of rounding is zero wherever it exists; these two have a test of their own.
    let rounding = ["DequantizeLinear", "QuantizeLinear"];
    for rule in RULES {
        assert!(
            rounding.contains(&rule.operator) || CASES.iter().any(|c| c.operator == rule.operator),
            "tests/suite/cases.rs lacks {}",
            rule.operator
        );
    }
}

/// Each row of the seed gives the gradient that it gives alone.
#[test]
fn rows_of_the_seed_do_not_mix() {
    let graph = "c = Conv(x, w); r = Relu(c); p = MaxPool(r) kernel_shape=[3,3] strides=[2,2]; \
                 f = Flatten(p); y = Gemm(f, m)";
    let compiled = compile(&written(17, &[1, 3, 9, 9], graph, "w: 4x3x3x3; m: 36x5"));
    let (image, rows) = (tensor("x", &[1, 3, 9, 9], 5), numbers(3 * 5, 6));
    let seed = TensorProto::from_floats(SEED, &[3, 5], &rows);
    let (_, together) = run(&compiled, &image, &seed);
    assert_eq!(together.len(), 3 * 3 * 9 * 9);
    for (row, gradient) in rows.chunks(5).zip(together.chunks(3 * 9 * 9)) {
        let one_row = TensorProto::from_floats(SEED, &[1, 5], row);
        let (_, alone) = run(&compiled, &image, &one_row);
        assert!(
            gradient
                .iter()
                .zip(&alone)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }
}

/// A flat area has ties in every window. The whole gradient of a window goes to its first maximum,
/// as in PyTorch.
#[test]
fn tied_maxima_pass_the_gradient_once() {
    for pool in [
        "MaxPool(x) kernel_shape=[2,2] strides=[2,2]",
        "MaxPool(x) kernel_shape=[2,2] strides=[2,2] dilations=[1,1]",
    ] {
        let compiled = compile(&written(17, &[1, 1, 4, 4], &format!("y = {pool}"), ""));
        let image = TensorProto::from_floats("x", &[1, 1, 4, 4], &[7.0; 16]);
        let seed = TensorProto::from_floats(SEED, &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
        let (_, gradient) = run(&compiled, &image, &seed);
        let expected = [
            [1.0, 0.0, 2.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [3.0, 0.0, 4.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ];
        assert_eq!(gradient, expected.as_flattened());
    }
    let compiled = compile(&written(17, &[1, 1, 2, 2], "y = GlobalMaxPool(x)", ""));
    let image = TensorProto::from_floats("x", &[1, 1, 2, 2], &[1.0, 7.0, 7.0, 7.0]);
    let seed = TensorProto::from_floats(SEED, &[1, 1], &[5.0]);
    let (_, gradient) = run(&compiled, &image, &seed);
    assert_eq!(gradient, [0.0, 5.0, 0.0, 0.0]);
}

/// Rounding passes the gradient, saturation stops it, and a warning tells the user.
#[test]
fn quantisers_are_clipped_straight_through() {
    let graph = "q = QuantizeLinear(x, s, z); y = DequantizeLinear(q, s, z)";
    let mut model = written(13, &[1, 4, 1, 1], graph, "s = 0.5");
    let zero_point = TensorProto {
        name: Some("z".into()),
        data_type: Some(2),
        raw_data: Some(vec![2].into()),
        ..Default::default()
    };
    model.graph.as_mut().unwrap().initializer.push(zero_point);
    let compiled = compile(&model);
    assert_eq!(compiled.warnings.len(), 1);
    assert!(
        compiled.warnings[0].contains("quantised"),
        "{:?}",
        compiled.warnings
    );
    // uint8 with zero point 2 and scale 1/2 represents −1 to 126.5.
    let image = TensorProto::from_floats("x", &[1, 4, 1, 1], &[-1.5, -0.9, 126.0, 200.0]);
    let seed = TensorProto::from_floats(SEED, &[1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let (_, gradient) = run(&compiled, &image, &seed);
    assert_eq!(gradient, [0.0, 2.0, 3.0, 0.0]);
}

/// An equation with spaces, as TensorFlow and people write it.
#[test]
fn an_equation_may_have_spaces() {
    let mut model = written(17, &[1, 3, 3], "y = Einsum(x, w) equation=text", "w: 3x2");
    let equation = b" B I I , I k -> B k ";
    model.graph.as_mut().unwrap().node[0].attribute[0].s = Some(equation[..].into());
    compare_with_differences(&compile(&model), &model, &[1, 3, 3], 5).unwrap();
}

/// Too many positions for a one-hot matrix, each taken twice.
#[test]
fn positions_of_a_long_line_are_taken_twice() {
    const LENGTH: usize = 6000;
    let graph = "r = Range(zero, n, one); i = Div(r, two); y = Gather(x, i) axis=1";
    let constants = format!("zero = 0; n = {LENGTH}; one = 1; two = 2");
    let compiled = compile(&written(17, &[1, LENGTH], graph, &constants));
    let (image, rows) = (tensor("x", &[1, LENGTH], 1), numbers(2 * LENGTH, 2));
    let seed = TensorProto::from_floats(SEED, &[2, LENGTH], &rows);
    let (_, gradient) = run(&compiled, &image, &seed);
    for (found, row) in gradient.chunks(LENGTH).zip(rows.chunks(LENGTH)) {
        let (taken, rest) = found.split_at(LENGTH / 2);
        let sums: Vec<_> = row.chunks(2).map(|pair| pair[0] + pair[1]).collect();
        assert_eq!(taken, sums);
        assert!(rest.iter().all(|&g| g == 0.0));
    }
}

/// A rank-0 tensor has no axis to gather along (found by `scripts/fuzz gradient`).
#[test]
fn a_division_of_scalars_is_not_a_gather() {
    let graph = "m = ReduceMax(x) keepdims=0; r = Sub(m, half); y = Div(x, r)";
    let model = written(17, &[1, 2, 2, 2], graph, "half = 0.5");
    // With these numbers the greatest is far from a half and from the next.
    compare_with_differences(&compile(&model), &model, &[1, 2, 2, 2], 4).unwrap();
}

/// The CAM family needs a feature map and the gradient with respect to it.
#[test]
fn an_inner_tensor_has_a_gradient_and_is_an_output() {
    let graph =
        "c = Conv(x, w); f = Relu(c); m = GlobalAveragePool(f); v = Flatten(m); y = Gemm(v, k)";
    let model = written(17, &[1, 2, 5, 5], graph, "w: 4x2x3x3; k: 4x3");
    let options = Options {
        wrt: vec!["f".into()],
        ..Options::default()
    };
    let compiled = compile_with(&model, &options);
    assert_eq!(compiled.gradients, ["f_grad"]);
    let seed = TensorProto::from_floats(SEED, &[1, 3], &[0.0, 1.0, 0.0]);
    let image = tensor("x", &[1, 2, 5, 5], 3);
    let outputs = runtime::run(&compiled.model, &[image, seed]).unwrap();
    assert_eq!(output(&outputs, "f").shape(), [1, 4, 3, 3]);
    let k = tensor("k", &[4, 3], 2).floats().unwrap();
    let gradient = values(&outputs, "f_grad");
    assert_eq!(gradient.len(), 4 * 9);
    for (channel, map) in gradient.chunks(9).enumerate() {
        // The mean of nine values, weighted for class 1.
        let expected = k[channel * 3 + 1] / 9.0;
        assert!(map.iter().all(|g| (g - expected).abs() < 1e-7));
    }
}

/// The gradient model itself finds the classes with the highest scores and gives their gradients.
#[test]
fn the_highest_classes_are_found_in_the_graph() {
    let graph = "f = Flatten(x); y = Gemm(f, w)";
    let model = written(17, &[1, 3, 2, 2], graph, "w: 12x6");
    let options = Options {
        seed: OutputGradient::Top(2),
        ..Options::default()
    };
    let compiled = compile_with(&model, &options);
    let image = tensor("x", &[1, 3, 2, 2], 4);
    let outputs = runtime::run(&compiled.model, &[image]).unwrap();
    let scores = values(&outputs, "y");
    let mut order: Vec<_> = (0..6).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let classes = output(&outputs, "classes").integers().unwrap();
    assert_eq!(classes, [order[0] as i64, order[1] as i64]);
    let w = tensor("w", &[12, 6], 1).floats().unwrap();
    for (row, class) in values(&outputs, "x_grad").chunks(12).zip(&order) {
        for (i, found) in row.iter().enumerate() {
            assert!((found - w[i * 6 + class]).abs() < 1e-6);
        }
    }
}

#[test]
fn a_branch_that_the_score_does_not_need_is_dropped() {
    let graph = "y = Relu(x); lost = NonZero(x); away = Softmax(y)";
    let compiled = compile(&written(17, &[1, 2, 2, 2], graph, ""));
    assert!(!onnx::text(&compiled.model).contains("NonZero"));
}

#[test]
fn the_score_before_the_softmax_is_found() {
    let graph = "score = GlobalAveragePool(x); p = Softmax(score) axis=1; y = Flatten(p)";
    let compiled = compile(&written(17, &[1, 3, 2, 2], graph, ""));
    let image = tensor("x", &[1, 3, 2, 2], 1);
    let (scores, _) = run(&compiled, &image, &tensor(SEED, &[1, 3], 2));
    assert_eq!(scores.len(), 3);
    for (score, channel) in scores.iter().zip(image.floats().unwrap().chunks(4)) {
        let mean = channel.iter().sum::<f32>() / 4.0;
        assert!((score - mean).abs() < 1e-6, "{scores:?}");
    }
}

/// The fully convolutional form exists for a mean over height and width, which is a global pool,
/// but not for a mean over channels.
#[test]
fn a_mean_over_channels_has_no_dense_form() {
    let graph = "c = Conv(x, w); m = ReduceMean(c, a); f = Flatten(m); y = Gemm(f, g)";
    let model = |axes: &str| {
        let constants = format!("w: 4x2x2x2; g: 4x3; a = {axes}");
        written(18, &[1, 2, 3, 3], graph, &constants)
    };
    let options = Options {
        size: Some(ImageSize {
            width: 6,
            height: 5,
        }),
        dense: Some(Dense::Positive),
        ..Options::default()
    };
    let compiled = compile_with(&model("[-1, 2]"), &options);
    assert_eq!(compiled.input_shape, [1, 2, 5, 6]);
    let error = refusal(&model("[1]"), &options, "no dense form");
    assert!(
        error.contains("ReduceMean node `m`: only a mean over height and width"),
        "{error}"
    );
}

/// Optimum leaves all dimensions of the image open. Its channels are those of the first
/// convolution, or else 3; a network that reads another number does not run, and is refused.
#[test]
fn open_channels_are_those_that_the_network_reads() {
    let open = &[0, 0, 0, 0];
    let options = Options {
        size: Some(ImageSize {
            width: 5,
            height: 4,
        }),
        ..Options::default()
    };
    for (graph, weights, channels) in [
        ("c = Conv(x, w); y = Flatten(c)", "w: 4x2x2x2", 2),
        ("c = Conv(x, w) group=2; y = Flatten(c)", "w: 4x2x2x2", 4),
        (
            "s = Shape(x); c = Conv(x, w); y = Flatten(c)",
            "w: 4x1x2x2",
            1,
        ),
        (
            "r = Relu(x); c = Conv(r, w); y = Flatten(c)",
            "w: 4x3x2x2",
            3,
        ),
        ("y = Flatten(x)", "", 3),
    ] {
        let compiled = compile_with(&written(17, open, graph, weights), &options);
        assert_eq!(compiled.input_shape, [1, channels, 4, 5], "{graph}");
    }
    let grey = written(
        17,
        open,
        "r = Relu(x); c = Conv(r, w); y = Flatten(c)",
        "w: 4x1x2x2",
    );
    let error = refusal(&grey, &options, "two channels too many");
    assert!(error.contains("does not run"), "{error}");
    let no_size = refusal(&grey, &Options::default(), "no size");
    assert!(no_size.contains("(? x ? x ? x ?)"), "{no_size}");
}
