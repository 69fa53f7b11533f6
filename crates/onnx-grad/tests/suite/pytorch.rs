//! Scores and gradients of whole networks against PyTorch in double precision.

use std::fs;

use onnx_grad::gradient::{Options, SEED};
use onnx_grad::onnx::proto::{ModelProto, TensorProto};
use prost::Message;

use crate::support::models::{
    assert_close, compile, compile_with, golden, golden_json, golden_model, golden_path, renamed,
    run, values,
};
use crate::support::runtime;

/// Networks without kinks (`tests/golden/make_gradients.py`).
#[test]
fn kink_free_networks_agree_with_pytorch() {
    for network in [
        "plain",
        "residual",
        "inception",
        "mobile",
        "alexnet",
        "arithmetic",
    ] {
        assert_agrees(&format!("gradients/{network}"));
    }
}

/// Operators of transformers, scatters, gathers and normalisations, and a vision transformer of
/// opset 23 (`tests/golden/make_operators.py`).
#[test]
fn operators_agree_with_pytorch() {
    for case in [
        "attention",
        "windows",
        "einsum",
        "positions",
        "norms",
        "vit",
    ] {
        assert_agrees(&format!("operators/{case}"));
    }
}

/// Compares the scores and gradients of a model in `tests/golden` with those beside it.
fn assert_agrees(folder: &str) {
    let read = |file: &str| golden(&format!("{folder}/{file}.pb"));
    let model = golden_model(&format!("{folder}/model.onnx"));
    let (scores, gradient) = run(&compile(&model), &read("image"), &read("seed"));
    for (what, found) in [("scores", scores), ("gradient", gradient)] {
        let expected = read(what).floats().unwrap();
        assert_close(&found, &expected, 2e-5, &format!("{folder}: {what}"));
    }
}

/// Several inner tensors in any order, and the image, with their gradients from one backward pass
/// (`tests/golden/make_inner_gradients.py`).
#[test]
fn inner_gradients_agree_with_pytorch() {
    for network in ["plain", "inception"] {
        let read = |file: &str| golden(&format!("gradients/{network}/{file}.pb"));
        let model = golden_model(&format!("gradients/{network}/model.onnx"));
        let mut wrt = vec![compile(&model).input];
        let mut expected = Vec::new();
        for m in [3, 1, 2] {
            let inner = read(&format!("inner_{m}"));
            wrt.push(inner.name().to_owned());
            expected.push(inner);
            expected.push(read(&format!("inner_{m}_grad")));
        }
        let options = Options {
            wrt,
            ..Options::default()
        };
        let compiled = compile_with(&model, &options);
        expected.push(renamed(&read("gradient"), &compiled.gradients[0]));
        let inputs = [
            renamed(&read("image"), &compiled.input),
            renamed(&read("seed"), SEED),
        ];
        let outputs = runtime::run(&compiled.model, &inputs).unwrap();
        for tensor in &expected {
            let name = tensor.name();
            let found = values(&outputs, name);
            let values = tensor.floats().unwrap();
            assert_close(&found, &values, 1e-5, &format!("{network}: {name}"));
        }
    }
}

/// A value in [−1, 1) for element `i` of the tensor called `name`, the same as in
/// `tests/golden/make_families.py`: the FNV-1a hash of the name, and splitmix64's output function.
fn value_by_name(name: &str, i: u64) -> f64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    });
    let x = hash.wrapping_add(i).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    2.0 * (((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64) - 1.0
}

/// A weight of the families, generated from its name and shape.
fn weight(name: &str, shape: &[usize]) -> TensorProto {
    const GAIN: f64 = 1.46;
    let fan_in = shape.iter().skip(1).product::<usize>() as f64;
    let spread = (3.0 / fan_in).sqrt();
    let scaled = |v: f64| match (shape.len(), name) {
        (_, name) if name.ends_with("running_var") => 1.0 + 0.5 * v,
        (1, name) if name.ends_with("running_mean") || name.ends_with("bias") => 0.1 * v,
        (1, name) if name.ends_with("weight") => 1.0 + 0.2 * v,
        (2.., name) if name.ends_with("weight") => v * spread * GAIN,
        _ => 0.3 * v,
    };
    filled(name, shape, |i| scaled(value_by_name(name, i as u64)))
}

/// A tensor whose element `i` is `value(i)`.
fn filled(name: &str, shape: &[usize], value: impl Fn(usize) -> f64) -> TensorProto {
    let values: Vec<_> = (0..shape.iter().product())
        .map(|i| value(i) as f32)
        .collect();
    TensorProto::from_floats(name, shape, &values)
}

/// A network of the families, with its weights.
fn family(network: &str) -> ModelProto {
    let bytes = fs::read(golden_path(&format!("families/{network}.onnx"))).unwrap();
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        if tensor
            .raw_data
            .as_ref()
            .is_none_or(prost::bytes::Bytes::is_empty)
        {
            *tensor = weight(tensor.name(), &tensor.shape());
        }
    }
    model
}

/// The largest error, relative to the largest expected magnitude.
///
/// # Panics
/// When the numbers of elements differ.
fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
    let mut worst = 0f64;
    for (&f, e) in found.iter().zip(expected) {
        let error = (f64::from(f) - e).abs();
        assert!(!error.is_nan());
        worst = worst.max(error);
    }
    worst / scale
}

/// Small networks of the 14 families of torchvision (`tests/golden/make_families.py`). The files
/// have no weights; both sides generate them from their names.
#[test]
fn the_families_of_torchvision_agree_with_pytorch() {
    let json = golden_json("families/families.json");
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        let values = value.as_array().unwrap().iter();
        values.map(|v| v.as_f64().unwrap()).collect()
    };
    let cases = json.as_object().unwrap();
    assert_eq!(cases.len(), 17);
    for (network, expected) in cases {
        let size = expected["size"].as_u64().unwrap() as usize;
        let image = filled("image", &[1, 3, size, size], |i| {
            value_by_name("image", i as u64)
        });
        // The first row of the seed asks for class 3, the second for a mixture of all classes.
        let seed = filled(SEED, &[2, 10], |i| {
            if i < 10 {
                f64::from(u8::from(i == 3))
            } else {
                value_by_name("seed", i as u64 - 10)
            }
        });
        let (scores, gradient) = run(&compile(&family(network)), &image, &seed);
        let error = relative_error(&scores, &numbers(&expected["scores"]));
        assert!(error <= 1e-5, "{network}: scores off by {error:e}");
        for (m, row) in gradient.chunks(gradient.len() / 2).enumerate() {
            // Every 97th element and the norm are stored.
            let some: Vec<_> = row.iter().step_by(97).copied().collect();
            let row_error = relative_error(&some, &numbers(&expected["gradient"][m]));
            let squares: f64 = row.iter().map(|&g| f64::from(g).powi(2)).sum();
            let norm_error = (squares.sqrt() / numbers(&expected["norms"])[m] - 1.0).abs();
            assert!(
                row_error <= 2e-5 && norm_error <= 1e-5,
                "{network}: gradient off by {row_error:e}, norm by {norm_error:e}"
            );
        }
    }
}
