//! Gradient rules against central differences, and small kink-free nets against PyTorch.

use std::path::Path;

use localise::classifier::{AnyModel, runtime};
use localise::gradient::rules::RULES;
use localise::gradient::{self, Dense, GradientModel, Options, SEED, Seed};
use localise::onnx::proto::{ModelProto, TensorProto};

use crate::cases::{CASES, Case};
use crate::support::models::{agree, compile, golden, run};
use crate::support::notation::{numbers, tensor, written};
use crate::support::program::json;

/// The step of a difference: far below the distance of the numbers to each other.
const STEP: f64 = 4e-4;

/// d y / d x by central differences, one image value at a time: a row per value of x. Most cases
/// are piecewise linear, where a wide step is exact as long as it crosses no kink; the step is far
/// below the distance of the numbers to each other.
fn central_differences(model: &ModelProto, x: &[f32], dims: &[usize]) -> Vec<Vec<f64>> {
    let step = STEP as f32;
    let mut session = AnyModel::new(model).unwrap();
    let mut value = |x: &[f32]| {
        session
            .run(&[TensorProto::from_floats(
                model.graph.as_ref().unwrap().input[0].name(),
                dims,
                x,
            )])
            .unwrap()[0]
            .floats()
            .unwrap()
    };
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
    let mut failures = Vec::new();
    for (
        i,
        Case {
            operator,
            opset,
            x: dims,
            graph,
            weights,
        },
    ) in CASES.iter().enumerate()
    {
        let model = written(*opset, dims, graph, weights);
        let checked = gradient::compile(&model, &Options::default(), &runtime())
            .map_err(|e| e.to_string())
            .and_then(|compiled| against_central_differences(&compiled, &model, dims, i));
        failures.extend(
            checked
                .err()
                .map(|e| format!("{operator}, opset {opset}, {graph}: {e}")),
        );
    }
    assert!(
        failures.is_empty(),
        "{} of {}\n{}",
        failures.len(),
        CASES.len(),
        failures.join("\n")
    );
}

/// Two rows of gradients against the model's slopes.
fn against_central_differences(
    compiled: &GradientModel,
    model: &ModelProto,
    dims: &[usize],
    salt: usize,
) -> Result<(), String> {
    let x = numbers(dims.iter().product(), salt + 50);
    let rows: Vec<f32> = numbers(2 * compiled.classes, salt + 90);
    let seed = TensorProto::from_floats(SEED, &[2, compiled.classes], &rows);
    let image = TensorProto::from_floats(&compiled.input, dims, &x);
    let outputs = AnyModel::new(&compiled.model)
        .and_then(|mut m| m.run(&[image, seed]))
        .map_err(|e| e.to_string())?;
    let gradient = outputs
        .iter()
        .find(|t| t.name() == compiled.gradients[0])
        .unwrap()
        .floats()?;
    let y = outputs
        .iter()
        .find(|t| t.name() == compiled.scores)
        .unwrap()
        .floats()?;
    let jacobian = central_differences(model, &x, dims);
    for (row, seed) in gradient.chunks(x.len()).zip(rows.chunks(compiled.classes)) {
        let dot = |slopes: &Vec<f64>| {
            slopes
                .iter()
                .zip(seed)
                .map(|(s, &r)| s * f64::from(r))
                .sum::<f64>()
        };
        let expected: Vec<f64> = jacobian.iter().map(dot).collect();
        let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
        // What the rounding of y to float32 can make of a difference.
        let values = y
            .iter()
            .zip(seed)
            .map(|(&y, &r)| f64::from((y * r).abs()))
            .sum::<f64>();
        let rounding = values * f64::from(f32::EPSILON) / (2.0 * STEP);
        let worst = row
            .iter()
            .zip(&expected)
            .map(|(g, e)| (f64::from(*g) - e).abs())
            .fold(0.0, f64::max);
        if worst.is_nan() || worst > 4e-3 * scale + rounding {
            return Err(format!("off by {worst:e} of {scale:e}"));
        }
    }
    Ok(())
}

#[test]
fn every_rule_has_a_case() {
    // Rounding has no slope to difference; these two have a test of their own.
    let stepped = ["DequantizeLinear", "QuantizeLinear"];
    for rule in RULES
        .iter()
        .filter(|rule| !stepped.contains(&rule.operator))
    {
        assert!(
            CASES.iter().any(|c| c.operator == rule.operator),
            "tests/suite/cases.rs lacks {}",
            rule.operator
        );
    }
}

/// Each row of the seed gives the gradient that it gives alone.
#[test]
fn rows_of_the_seed_do_not_mix() {
    let graph = "c = Conv(x, w); r = Relu(c); p = MaxPool(r) kernel_shape=[3,3] strides=[2,2]; f = Flatten(p); \
                 y = Gemm(f, m)";
    let compiled = compile(&written(17, &[1, 3, 9, 9], graph, "w: 4x3x3x3; m: 36x5"));
    let (image, seed) = (tensor("x", &[1, 3, 9, 9], 5), numbers(3 * 5, 6));
    let (_, together) = run(
        &compiled,
        &image,
        &TensorProto::from_floats(SEED, &[3, 5], &seed),
    );
    for (row, seed) in together.chunks(3 * 9 * 9).zip(seed.chunks(5)) {
        let (_, alone) = run(
            &compiled,
            &image,
            &TensorProto::from_floats(SEED, &[1, 5], seed),
        );
        assert!(row.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

/// A flat area has ties in every window: all of a window's gradient belongs to its first maximum,
/// as in PyTorch.
#[test]
fn tied_maxima_pass_the_gradient_once() {
    for pool in [
        "MaxPool(x) kernel_shape=[2,2] strides=[2,2]",
        "MaxPool(x) kernel_shape=[2,2] strides=[2,2] dilations=[1,1]",
    ] {
        let compiled = compile(&written(17, &[1, 1, 4, 4], &format!("y = {pool}"), ""));
        let image = TensorProto::from_floats("x", &[1, 1, 4, 4], &[7.0; 16]);
        let (_, gradient) = run(
            &compiled,
            &image,
            &TensorProto::from_floats(SEED, &[1, 4], &[1.0, 2.0, 3.0, 4.0]),
        );
        assert_eq!(
            gradient,
            [
                1., 0., 2., 0., 0., 0., 0., 0., 3., 0., 4., 0., 0., 0., 0., 0.
            ]
        );
    }
    let compiled = compile(&written(17, &[1, 1, 2, 2], "y = GlobalMaxPool(x)", ""));
    let image = TensorProto::from_floats("x", &[1, 1, 2, 2], &[1.0, 7.0, 7.0, 7.0]);
    let (_, gradient) = run(
        &compiled,
        &image,
        &TensorProto::from_floats(SEED, &[1, 1], &[5.0]),
    );
    assert_eq!(gradient, [0., 5., 0., 0.]);
}

/// Rounding passes the gradient, saturation stops it, and the user is told.
#[test]
fn quantisers_are_clipped_straight_through() {
    let mut model = written(
        13,
        &[1, 4, 1, 1],
        "q = QuantizeLinear(x, s, z); y = DequantizeLinear(q, s, z)",
        "s = 0.5",
    );
    let zero = TensorProto {
        name: Some("z".into()),
        data_type: Some(2),
        raw_data: Some(vec![2].into()),
        ..Default::default()
    };
    model.graph.as_mut().unwrap().initializer.push(zero);
    let compiled = compile(&model);
    assert!(compiled.warnings[0].contains("quantised") && compiled.warnings.len() == 1);
    // uint8 with zero point 2 and scale 1/2 holds −1 to 126.5.
    let image = TensorProto::from_floats("x", &[1, 4, 1, 1], &[-1.5, -0.9, 126.0, 200.0]);
    let (_, gradient) = run(
        &compiled,
        &image,
        &TensorProto::from_floats(SEED, &[1, 4], &[1.0, 2.0, 3.0, 4.0]),
    );
    assert_eq!(gradient, [0.0, 2.0, 3.0, 0.0]);
}

/// The gradient with respect to a feature map, and the map: what the CAM family needs.
#[test]
fn an_inner_tensor_has_a_gradient_and_is_an_output() {
    let graph =
        "c = Conv(x, w); f = Relu(c); m = GlobalAveragePool(f); v = Flatten(m); y = Gemm(v, k)";
    let model = written(17, &[1, 2, 5, 5], graph, "w: 4x2x3x3; k: 4x3");
    let options = Options {
        wrt: vec!["f".into()],
        ..Options::default()
    };
    let compiled = gradient::compile(&model, &options, &runtime()).unwrap();
    assert_eq!(compiled.gradients, ["f_grad"]);
    let seed = TensorProto::from_floats(SEED, &[1, 3], &[0.0, 1.0, 0.0]);
    let outputs = AnyModel::new(&compiled.model)
        .unwrap()
        .run(&[tensor("x", &[1, 2, 5, 5], 3), seed])
        .unwrap();
    let named = |name: &str| outputs.iter().find(|t| t.name() == name).unwrap();
    assert_eq!(named("f").shape(), [1, 4, 3, 3]);
    let k = tensor("k", &[4, 3], 2).floats().unwrap();
    for (channel, gradient) in named("f_grad").floats().unwrap().chunks(9).enumerate() {
        assert!(
            gradient
                .iter()
                .all(|g| (g - k[channel * 3 + 1] / 9.0).abs() < 1e-7)
        );
    }
}

/// The model names its highest classes itself and gives their gradients.
#[test]
fn top_classes_are_seeded_in_the_graph() {
    let model = written(
        17,
        &[1, 3, 2, 2],
        "f = Flatten(x); y = Gemm(f, w)",
        "w: 12x6",
    );
    let top = Options {
        seed: Seed::Top(2),
        ..Options::default()
    };
    let compiled = gradient::compile(&model, &top, &runtime()).unwrap();
    let image = tensor("x", &[1, 3, 2, 2], 4);
    let outputs = AnyModel::new(&compiled.model)
        .unwrap()
        .run(std::slice::from_ref(&image))
        .unwrap();
    let named = |name: &str| outputs.iter().find(|t| t.name() == name).unwrap();
    let scores = named("y").floats().unwrap();
    let classes = named("classes").integers().unwrap();
    let mut order: Vec<_> = (0..6).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    assert_eq!(
        classes,
        order[..2].iter().map(|&c| c as i64).collect::<Vec<_>>()
    );
    let w = tensor("w", &[12, 6], 1).floats().unwrap();
    for (row, class) in named("x_grad").floats().unwrap().chunks(12).zip(&order) {
        assert!(
            row.iter()
                .enumerate()
                .all(|(i, g)| (g - w[i * 6 + class]).abs() < 1e-6)
        );
    }
}

#[test]
fn a_branch_that_leads_nowhere_is_dropped() {
    let compiled = compile(&written(
        17,
        &[1, 2, 2, 2],
        "y = Relu(x); lost = NonZero(x); away = Softmax(y)",
        "",
    ));
    assert!(!localise::onnx::text(&compiled.model).contains("NonZero"));
}

#[test]
fn the_score_before_the_softmax_is_found() {
    let graph = "score = GlobalAveragePool(x); p = Softmax(score) axis=1; y = Flatten(p)";
    let compiled = compile(&written(17, &[1, 3, 2, 2], graph, ""));
    let image = tensor("x", &[1, 3, 2, 2], 1);
    let (scores, _) = run(&compiled, &image, &tensor(SEED, &[1, 3], 2));
    let values = image.floats().unwrap();
    let mean = |c: usize| values[4 * c..4 * c + 4].iter().sum::<f32>() / 4.0;
    assert!(
        (0..3).all(|c| (scores[c] - mean(c)).abs() < 1e-6),
        "{scores:?}"
    );
}

#[test]
fn what_cannot_be_differentiated_is_named_before_work() {
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
            "not finite for some picture",
        ),
    ];
    for (model, expected) in cases {
        let error = gradient::compile(&model, &Options::default(), &runtime())
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let named = |options: Options| {
        let model = written(17, x, "features = Relu(x); y = Sigmoid(features)", "");
        gradient::compile(&model, &options, &runtime())
            .expect_err("refused")
            .to_string()
    };
    let wrt = named(Options {
        wrt: vec!["feature".into()],
        ..Options::default()
    });
    assert!(
        wrt.contains("`feature`; the nearest is `features`"),
        "{wrt}"
    );
    let top = named(Options {
        seed: Seed::Top(19),
        ..Options::default()
    });
    assert!(
        top.contains("19 classes are wanted, the model has 18"),
        "{top}"
    );
}

/// ONNX Runtime 1.32 never returns from this one (found by `fuzz/run gradient`).
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
        let error = gradient::compile(&model, &Options::default(), &runtime())
            .expect_err("no equation")
            .to_string();
        assert!(
            error.contains("Einsum node `y`: its equation '") && error.contains("is none"),
            "{error}"
        );
    }
}

/// An operator of an old opset without its input (found by `fuzz/run gradient`).
#[test]
fn an_old_operator_without_inputs_is_refused() {
    let model = written(18, &[3], "u = Upsample(); y = Add(x, u)", "");
    let error = gradient::compile(&model, &Options::default(), &runtime())
        .expect_err("no input")
        .to_string();
    assert!(
        error.contains("Upsample node `u`: it has no input"),
        "{error}"
    );
}

/// The gradient model's own names do not meet the model's.
#[test]
fn inner_tensors_called_like_the_interface_are_renamed() {
    let graph =
        "seed = Mul(x, two); classes = Tanh(seed); top = Exp(classes); y = Sub(top, x_grad)";
    let model = written(17, &[1, 4], graph, "two = 2.0; x_grad: 4");
    let other = "a = Mul(x, two); b = Tanh(a); c = Exp(b); y = Sub(c, d)";
    let other = written(17, &[1, 4], other, "two = 2.0; d: 4");
    for seed in [Seed::Input, Seed::Top(1)] {
        let [clashing, plain] = [&model, &other].map(|model| {
            let compiled = gradient::compile(
                model,
                &Options {
                    seed,
                    ..Options::default()
                },
                &runtime(),
            )
            .unwrap();
            let mut inputs = vec![tensor("x", &[1, 4], 1)];
            inputs.extend((seed == Seed::Input).then(|| tensor(SEED, &[1, 4], 2)));
            let outputs = AnyModel::new(&compiled.model)
                .and_then(|mut m| m.run(&inputs))
                .unwrap();
            let named = |name: &str| {
                outputs
                    .iter()
                    .find(|t| t.name() == name)
                    .unwrap()
                    .floats()
                    .unwrap()
            };
            [named("y"), named("x_grad")]
        });
        assert_eq!(clashing, plain, "{seed:?}");
    }
    let options = Options {
        target: Some("seed".into()),
        ..Options::default()
    };
    let error = gradient::compile(&model, &options, &runtime())
        .expect_err("the score itself")
        .to_string();
    assert!(error.contains("calls a tensor `seed`"), "{error}");
}

/// Graphs that no exporter should write: none is a panic, a hang or a wrong gradient.
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
            "not as many outputs",
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
    for (model, expected) in cases {
        let error = gradient::compile(&model, &Options::default(), &runtime())
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
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
    let error = gradient::compile(&two, &options, &runtime())
        .expect_err("a second output")
        .to_string();
    assert!(error.contains("only its first output"), "{error}");
}

/// A rank-0 tensor has no axis to gather along (found by `fuzz/run gradient`).
#[test]
fn a_scalar_beside_a_scalar_is_no_gather() {
    let graph = "m = ReduceMax(x) keepdims=0; r = Sub(m, half); y = Div(x, r)";
    let model = written(17, &[1, 2, 2, 2], graph, "half = 0.5");
    // With these numbers the greatest is far from a half and from the next.
    against_central_differences(&compile(&model), &model, &[1, 2, 2, 2], 4).unwrap();
}

/// A mean over channels is no global pool: the fully convolutional form must not take it for one.
#[test]
fn a_mean_over_channels_has_no_dense_form() {
    let dense = |axes: &str| {
        let graph = "c = Conv(x, w); m = ReduceMean(c, a); f = Flatten(m); y = Gemm(f, g)";
        let model = written(
            18,
            &[1, 2, 3, 3],
            graph,
            &format!("w: 4x2x2x2; g: 4x3; a = {axes}"),
        );
        let options = Options {
            size: Some([5, 6]),
            dense: Some(Dense::Positive),
            ..Options::default()
        };
        gradient::compile(&model, &options, &runtime())
    };
    assert_eq!(dense("[-1, 2]").unwrap().input_shape, [1, 2, 5, 6]);
    let error = dense("[1]").expect_err("no form").to_string();
    assert!(
        error.contains("ReduceMean node `m`: only a mean over height and width"),
        "{error}"
    );
}

/// Kink-free nets against PyTorch in double precision (`tests/golden/make_gradients.py`).
#[test]
fn kink_free_nets_agree_with_pytorch() {
    for net in [
        "plain",
        "residual",
        "inception",
        "mobile",
        "alexnet",
        "arithmetic",
    ] {
        let read = |file: &str| golden(&format!("gradients/{net}/{file}.pb"));
        let model = localise::onnx::load(
            &Path::new("tests/golden/gradients")
                .join(net)
                .join("model.onnx"),
        )
        .unwrap();
        let (scores, gradient) = run(&compile(&model), &read("image"), &read("seed"));
        for (what, found) in [("scores", scores), ("gradient", gradient)] {
            agree(
                &found,
                &read(what).floats().unwrap(),
                2e-5,
                &format!("{net}: {what}"),
            );
        }
    }
}

/// Several inner tensors with their gradients from one backward pass, in any order, the image's
/// among them (`tests/golden/make_saliency.py`).
#[test]
fn inner_gradients_agree_with_pytorch() {
    for net in ["plain", "inception"] {
        let read = |file: &str| golden(&format!("gradients/{net}/{file}.pb"));
        let model = localise::onnx::load(
            &Path::new("tests/golden/gradients")
                .join(net)
                .join("model.onnx"),
        )
        .unwrap();
        let inner = [3, 1, 2].map(|m| {
            [
                read(&format!("inner_{m}")),
                read(&format!("inner_{m}_grad")),
            ]
        });
        let mut wrt = vec![compile(&model).input];
        wrt.extend(inner.iter().map(|[tensor, _]| tensor.name().to_owned()));
        let options = Options {
            wrt,
            ..Options::default()
        };
        let compiled =
            gradient::compile(&model, &options, &runtime()).unwrap_or_else(|e| panic!("{e}"));
        let image = TensorProto {
            name: Some(compiled.input.clone()),
            ..read("image")
        };
        let seed = TensorProto {
            name: Some(SEED.into()),
            ..read("seed")
        };
        let outputs = AnyModel::new(&compiled.model)
            .and_then(|mut m| m.run(&[image, seed]))
            .unwrap();
        let gradient = TensorProto {
            name: Some(compiled.gradients[0].clone()),
            ..read("gradient")
        };
        for expected in inner.iter().flatten().chain([&gradient]) {
            let found = outputs
                .iter()
                .find(|tensor| tensor.name() == expected.name());
            let found = found
                .unwrap_or_else(|| panic!("{net}: no output {}", expected.name()))
                .floats()
                .unwrap();
            agree(
                &found,
                &expected.floats().unwrap(),
                1e-5,
                &format!("{net}: {}", expected.name()),
            );
        }
    }
}

/// v in [−1, 1) of element i of the tensor called `name` (`tests/golden/make_families.py`).
fn by_name(name: &str, i: u64) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    });
    let x = hash.wrapping_add(i).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    2.0 * (((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64) - 1.0
}

/// A weight of the families, made from its name and shape.
fn weight(name: &str, dims: &[usize]) -> TensorProto {
    const GAIN: f64 = 1.46;
    let spread = (3.0 / dims.iter().skip(1).product::<usize>() as f64).sqrt();
    let value = |v: f64| match (dims.len(), name) {
        (_, name) if name.ends_with("running_var") => 1.0 + 0.5 * v,
        (1, name) if name.ends_with("running_mean") || name.ends_with("bias") => 0.1 * v,
        (1, name) if name.ends_with("weight") => 1.0 + 0.2 * v,
        (2.., name) if name.ends_with("weight") => v * spread * GAIN,
        _ => 0.3 * v,
    };
    let values: Vec<_> = (0..dims.iter().product())
        .map(|i: usize| value(by_name(name, i as u64)) as f32)
        .collect();
    TensorProto::from_floats(name, dims, &values)
}

/// The 14 families of torchvision, small, against PyTorch in double precision
/// (`tests/golden/make_families.py`). The files hold no weights; both sides make them from their
/// names.
#[test]
fn the_families_of_torchvision_agree_with_pytorch() {
    let golden = Path::new("tests/golden/families");
    let json = json(&golden.join("families.json"));
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    let cases = json.as_object().unwrap();
    assert_eq!(cases.len(), 17);
    for (net, expected) in cases {
        let bytes = std::fs::read(golden.join(net).with_added_extension("onnx")).unwrap();
        let mut model = <ModelProto as prost::Message>::decode(bytes.as_slice()).unwrap();
        for tensor in &mut model.graph.as_mut().unwrap().initializer {
            if tensor.raw_data.as_ref().is_none_or(bytes::Bytes::is_empty) {
                *tensor = weight(tensor.name(), &tensor.shape());
            }
        }
        let compiled = compile(&model);
        let size = expected["size"].as_u64().unwrap() as usize;
        let named = |name: &str, dims: &[usize], value: &dyn Fn(usize) -> f64| {
            TensorProto::from_floats(
                name,
                dims,
                &(0..dims.iter().product())
                    .map(|i| value(i) as f32)
                    .collect::<Vec<_>>(),
            )
        };
        let image = named("image", &[1, 3, size, size], &|i| {
            by_name("image", i as u64)
        });
        let rows = |i: usize| {
            if i < 10 {
                f64::from(u8::from(i == 3))
            } else {
                by_name("seed", i as u64 - 10)
            }
        };
        let (scores, gradient) = run(&compiled, &image, &named(SEED, &[2, 10], &rows));

        let far = |found: &[f64], expected: &[f64]| {
            let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
            found
                .iter()
                .zip(expected)
                .map(|(f, e)| (f - e).abs())
                .fold(0.0, f64::max)
                / scale
        };
        let scores: Vec<_> = scores.into_iter().map(f64::from).collect();
        let off = far(&scores, &numbers(&expected["scores"]));
        assert!(off <= 1e-5, "{net}: scores off by {off:e}");
        for (i, row) in gradient.chunks(gradient.len() / 2).enumerate() {
            let some: Vec<_> = row.iter().step_by(97).map(|&g| f64::from(g)).collect();
            let off = far(&some, &numbers(&expected["gradient"][i]));
            let norm = row
                .iter()
                .map(|&g| f64::from(g).powi(2))
                .sum::<f64>()
                .sqrt();
            let norm_off = (norm / numbers(&expected["norms"])[i] - 1.0).abs();
            assert!(
                off <= 2e-5 && norm_off <= 1e-5,
                "{net}: gradient off by {off:e}, norm by {norm_off:e}"
            );
        }
    }
}
