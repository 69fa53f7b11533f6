//! Feature maps of every form, and the names that are found for them. The networks and what PyTorch
//! says of them are made by `tests/golden/make_layers.py`.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use localise::classifier::{Classifier, ClassifierError, ProbeOptions, describe, pixels};
use localise::saliency::{LayerTensor, Method};
use ndarray::Array3;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::models::agree;
use crate::support::program::{expect, json, text};

const GOLDEN: &str = "tests/golden/layers";

/// One of the networks with these layers.
fn load(folder: &Path, network: &str, layers: &[&str]) -> Result<Classifier, ClassifierError> {
    let classes = folder.join("five.csv");
    let rows: String = (0..5).map(|i| format!("{i},c{i},c{i}\n")).collect();
    fs::write(&classes, format!("class_index,wnid,name\n{rows}")).unwrap();
    let model = Path::new(GOLDEN).join(format!("{network}.onnx"));
    let description = folder.join(format!("{network}.toml"));
    let content = format!(
        "title = \"small\"\nmodel = {:?}\nclasses = {:?}\nsize = 32\ncanvas = 32\n\
         channels = \"rgb\"\nrange = 1.0\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n",
        fs::canonicalize(model).unwrap(),
        text(&classes.with_extension("")),
    );
    fs::write(&description, content).unwrap();
    let probe = ProbeOptions {
        layers: layers.iter().map(|&layer| layer.to_owned()).collect(),
        ..ProbeOptions::default()
    };
    Classifier::load(describe(&description)?, probe)
}

/// The picture of `make_layers.py`.
fn picture() -> RgbImage {
    RgbImage::from_fn(32, 32, |x, y| {
        Rgb([0, 1, 2].map(|c| ((37 * x + 59 * y + 83 * c + x * y) % 256) as u8))
    })
}

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap() as f32],
    }
}

/// Values, gradients and maps of layers that are found by their names alone, against PyTorch.
#[test]
fn layers_of_every_form_agree_with_pytorch() {
    let folder = TempDir::new().unwrap();
    let golden = json(&Path::new(GOLDEN).join("layers.json"));
    let class = golden["class"].as_u64().unwrap() as usize;
    let flat = |map: &Array3<f32>| map.iter().copied().collect::<Vec<_>>();
    let mut compared = 0;
    for (network, layers) in golden["networks"].as_object().unwrap() {
        for (name, expected) in layers.as_object().unwrap() {
            let what = format!("{network}, {name}");
            let classifier =
                load(folder.path(), network, &[name]).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(
                classifier.warnings[0].contains(&format!("layer {name} is not in its description")),
                "{:?}",
                classifier.warnings
            );
            let picture = pixels(&picture());
            let answer = classifier
                .worker()
                .gradients(picture.view(), &[class])
                .unwrap();
            let (values, gradient) = (&answer.values[0], &answer.gradients[0][0]);
            agree(&flat(values), &numbers(&expected["values"]), 1e-4, &what);
            agree(
                &flat(gradient),
                &numbers(&expected["gradients"]),
                1e-4,
                &what,
            );
            for method in ["grad-cam", "layer-cam"] {
                let tensor = LayerTensor {
                    values: values.view(),
                    gradient: gradient.view(),
                };
                let map = (Method::find(method).unwrap().map)(&[tensor]);
                agree(&flat(&map), &numbers(&expected[method]), 1e-4, &what);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 16, "two methods for each of eight layers");
}

/// What cannot be read is refused with the tensor's name and the reason.
#[test]
fn unreadable_layers_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    for (network, layer, expected) in [
        (
            "unrolled",
            "last",
            "layer last: `/blocks.2/Add_1_output_0`, with which the last block ends, cannot be read",
        ),
        (
            "unrolled",
            "/blocks.0/Add_output_0",
            "has shape [1, 16, 8], in which no axis is known",
        ),
        (
            "class-token",
            "stride32",
            "no feature map has stride 32: the strides are 8",
        ),
        (
            "windows",
            "/fine/fine.1/attention/out/MatMul_output_0",
            "divided into 16 windows or heads",
        ),
        ("windows", "/merge/MatMul_output_0", ""),
        (
            "class-token",
            "/blocks.0/attention/Softmax_output_0",
            "in which no two axes are a grid of positions of the 32 x 32 image",
        ),
    ] {
        match load(folder.path(), network, &[layer]) {
            Ok(_) => assert_eq!(expected, "", "{network}: {layer} is accepted"),
            Err(error) => assert!(
                !expected.is_empty() && error.to_string().contains(expected),
                "{network}: {error}"
            ),
        }
    }
}

/// The table of a model's layers, and the run that takes them by name.
#[test]
fn layers_are_listed_and_named_in_a_run() {
    let table = |arguments: &[&str]| -> Value {
        let out = expect(0, &[&["layers", "--json"], arguments].concat()).0;
        serde_json::from_str(&out).unwrap()
    };
    let model = format!("{GOLDEN}/class-token.onnx");
    let listed = table(&[&model]);
    assert_eq!(listed["names"]["last"][0], "/blocks.1/Add_1_output_0");
    assert!(
        listed["missing"]["stride16"]
            .as_str()
            .unwrap()
            .contains("the strides are 8")
    );
    let row = |tensor: &str| {
        let rows = listed["layers"].as_array().unwrap();
        rows.iter()
            .find(|row| row["tensor"] == tensor)
            .unwrap()
            .clone()
    };
    let last = row("/blocks.1/Add_1_output_0");
    assert_eq!(last["form"], "tokens + 1 extra");
    assert_eq!(
        (&last["stride"], &last["channels"]),
        (&8.0.into(), &8.into())
    );
    assert_eq!(
        last["names"],
        serde_json::json!(["fused", "head", "inner", "last", "stride8"])
    );

    let folder = TempDir::new().unwrap();
    load(folder.path(), "class-token", &["last"]).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(folder.path().join("c3")).unwrap();
    picture().save(folder.path().join("c3/a.png")).unwrap();
    let (out, described) = (path("run"), path("class-token.toml"));
    let pipeline = ["--pipeline", "layer-cam", "--model", &described];
    let photos = path("");
    let (said, _) = expect(
        0,
        &[&["run", "--dataset", &photos, "--out", &out], &pipeline[..]].concat(),
    );
    let note = "layer inner is not in its description; found from shapes: \
                `/blocks.1/Add_1_output_0` (stride 8, 8 channels)";
    assert!(said.contains(note), "{said}");
    let manifest = json(&folder.path().join("run/manifest.json"));
    assert_eq!(
        manifest["sessions"][0]["layers"],
        serde_json::json!(["/blocks.1/Add_1_output_0"])
    );
}
