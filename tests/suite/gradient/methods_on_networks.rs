//! Saliency methods on small networks, from a photo to its map, against the libraries of the field
//! (`tests/golden/make_methods.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use localise::classifier::{Classifier, ClassifierError, describe};
use localise::localiser::{Classes, Localiser, PhotoResult, probe_options};
use localise::pipeline::Pipeline;
use localise::saliency::{METHODS, Method, RequiredTensors, Sampling};
use serde::Deserialize;
use tempfile::TempDir;

use crate::support::forms::class_list;

const FOLDER: &str = "tests/golden/methods";

/// The maps of a network.
#[derive(Deserialize)]
struct Expected {
    layers: BTreeMap<String, String>,
    class: usize,
    maps: BTreeMap<String, Vec<f32>>,
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(format!("{FOLDER}/maps.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The description of a network of the folder, written to another folder.
fn description(folder: &Path, network: &str, layers: &BTreeMap<String, String>) -> PathBuf {
    let classes = class_list(folder, 5);
    let model = std::fs::canonicalize(format!("{FOLDER}/{network}.onnx")).unwrap();
    let mut text = format!(
        "title = \"{network}\"\nmodel = {model:?}\nclasses = {classes:?}\nsize = 24\ncanvas = 24\n\
         channels = \"rgb\"\nrange = 1.0\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n[layers]\n"
    );
    for (name, tensor) in layers {
        text += &format!("{name} = [{tensor:?}]\n");
    }
    let path = folder.join(format!("{network}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

/// The pipeline of a method on its usual layers, or on the named one.
fn pipeline(method: &Method, layer: &str) -> Pipeline {
    let layers = match method.tensors {
        RequiredTensors::Picture | RequiredTensors::Attention => "[]".to_owned(),
        RequiredTensors::Layers | RequiredTensors::Both => format!("[\"{layer}\"]"),
    };
    let mut settings = vec![
        format!("saliency.method={}", method.name),
        format!("saliency.layers={layers}"),
    ];
    if method.sampling == Sampling::RandomlyHidden {
        settings.push("saliency.samples=60".into());
    }
    Pipeline::load("layer-cam".as_ref(), &settings).unwrap_or_else(|e| panic!("{e}"))
}

fn locate(
    description: &Path,
    pipeline: &Pipeline,
    classes: Classes,
    class: usize,
) -> Result<PhotoResult, ClassifierError> {
    let description = describe(description)?;
    let probe = probe_options(pipeline, &description)?;
    let classifier = Classifier::load(description, probe)?;
    let mut localiser = Localiser::new(&classifier, pipeline, classes, 0);
    let photo: RgbImage = image::open(format!("{FOLDER}/picture.png"))
        .unwrap()
        .to_rgb8();
    let found = localiser.locate(&photo, "picture", Some(class), &mut |_| {});
    Ok(found.unwrap_or_else(|e| panic!("{}: {e}", pipeline.title)))
}

fn cosine(a: impl Iterator<Item = f32>, b: &[f32]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, &b) in a.zip(b) {
        let (a, b) = (f64::from(a), f64::from(b));
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

#[test]
fn maps_agree_with_the_libraries() {
    let folder = TempDir::new().unwrap();
    for (
        network,
        Expected {
            layers,
            class,
            maps,
        },
    ) in expected()
    {
        let description = description(folder.path(), &network, &layers);
        for (name, map) in maps {
            let method = Method::find(&name).unwrap();
            let pipeline = pipeline(method, method.usual_layers);
            let found = locate(&description, &pipeline, Classes::Gt, class)
                .unwrap_or_else(|e| panic!("{network}, {name}: {}", anyhow::Error::from(e)));
            let saliency = found.classes[0].saliency.as_ref().unwrap();
            assert_eq!(saliency.map.len(), map.len());
            let cosine = cosine(saliency.map.iter().copied(), &map);
            println!("{network}, {name}: cosine {cosine:.8}");
            assert!(cosine >= 0.9999, "{network}, {name}: cosine {cosine}");
        }
    }
}
