//! The formulas of saliency methods. The rules of a ReLU, in which gradient, guided backpropagation
//! and the deconvolutional network differ, are tested in `crates/onnx-grad`.

use std::path::Path;

use localise::saliency::{LayerTensor, Method, saliency};
use ndarray::Array3;
use serde_json::Value;

use crate::support::models::agree;
use crate::support::program::json;

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap() as f32],
    }
}

/// The formulas against an independent computation in exact fractions
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
        let tensor = LayerTensor {
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
            .map(|i| LayerTensor {
                values: shown(i),
                gradient: samples[i].view(),
            })
            .collect()
    };
    for (method, layers, expected) in [
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
        let map = saliency((Method::find(method).unwrap().map)(&layers).view());
        agree(map.as_slice().unwrap(), &of_input(expected), 1e-6, method);
    }
}
