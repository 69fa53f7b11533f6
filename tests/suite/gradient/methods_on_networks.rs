//! Saliency methods on small networks, from a photo to its map, against the libraries of the field
//! (`tests/golden/make_methods.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use localise::classifier::{ClassifierError, describe};
use localise::localiser::{Classes, Localiser, Member, PhotoResult};
use localise::pipeline::Pipeline;
use localise::saliency::{Method, RequiredTensors, Sampling};
use serde::Deserialize;
use tempfile::TempDir;

use crate::support::forms::class_list;
use crate::support::shared;

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
    let photo = image::open(format!("{FOLDER}/picture.png"))
        .unwrap()
        .to_rgb8();
    locate_in(description, pipeline, &photo, classes, class)
}

fn locate_in(
    model: &Path,
    pipeline: &Pipeline,
    photo: &RgbImage,
    classes: Classes,
    class: usize,
) -> Result<PhotoResult, ClassifierError> {
    let description = describe(model)?;
    let members = Member::load_all(pipeline, &description)?;
    let mut localiser = Localiser::new(&members, pipeline, classes, 0);
    let found = localiser.locate(photo, "picture", Some(class), &mut |_| {});
    Ok(found.unwrap_or_else(|e| panic!("{}: {e}", pipeline.title)))
}

/// The cosine of the angle between two maps.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |v: &[f64], w: &[f64]| v.iter().zip(w).map(|(v, w)| v * w).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// A map less its mean.
fn centred(map: &[f64]) -> Vec<f64> {
    let mean = map.iter().sum::<f64>() / map.len() as f64;
    map.iter().map(|value| value - mean).collect()
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
            let map = map.into_iter().map(f64::from).collect::<Vec<_>>();
            let values = saliency.map.mapv(f64::from).into_raw_vec_and_offset().0;
            let cosines = [
                cosine(&values, &map),
                cosine(&centred(&values), &centred(&map)),
            ];
            println!("{network}, {name}: cosine {cosines:.8?}");
            let agrees = cosines.iter().all(|&cosine| cosine >= 0.9999);
            assert!(agrees, "{network}, {name}: {cosines:?}");
        }
    }
}

/// All classes of a photo share the network's passes, and each gets its own map.
#[test]
fn classes_share_the_pictures_with_hidden_parts() {
    let folder = TempDir::new().unwrap();
    let Expected { layers, class, .. } = expected().remove("plain").unwrap();
    let description = description(folder.path(), "plain", &layers);
    for name in ["rise", "score-cam", "ablation-cam"] {
        let pipeline = pipeline(Method::find(name).unwrap(), "last");
        let one = locate(&description, &pipeline, Classes::Gt, class).unwrap();
        let all = locate(&description, &pipeline, Classes::Top5, class).unwrap();
        assert_eq!(all.classes.len(), 5);
        for found in all.classes {
            let map = &found.saliency.unwrap().map;
            let is_same = *map == one.classes[0].saliency.as_ref().unwrap().map;
            assert_eq!(
                is_same,
                found.class == class,
                "{name}, class {}",
                found.class
            );
        }
    }
}

/// Methods that a network has no tensors or rules for are refused, and the message names them.
#[test]
fn networks_without_what_a_method_needs_are_refused() {
    let folder = TempDir::new().unwrap();
    let networks = expected();
    let refusal = |network: &str, method: &str| {
        let description = description(folder.path(), network, &networks[network].layers);
        let pipeline = pipeline(Method::find(method).unwrap(), "last");
        let error = locate(&description, &pipeline, Classes::Gt, 0).unwrap_err();
        format!("{:#}", anyhow::Error::from(error))
    };
    for (network, method, expected) in [
        (
            "plain",
            "attention-rollout",
            "no Softmax node makes a tensor of shape [1, heads, tokens, tokens]",
        ),
        ("vit", "lrp", "LayerNormalization node"),
        (
            "vit",
            "lrp",
            "relevance rules are not defined for this operator",
        ),
    ] {
        let error = refusal(network, method);
        assert!(error.contains(expected), "{error}");
    }
}

/// Keys of a pipeline that would have no effect on a method are refused.
#[test]
fn keys_without_effect_are_refused() {
    let refusal = |settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|&s| s.to_owned()).collect();
        let refused = Pipeline::load("layer-cam".as_ref(), &settings).unwrap_err();
        refused.to_string()
    };
    let no_layers = "saliency.layers=[]";
    for (settings, expected) in [
        (
            ["saliency.method=excitation", "saliency.relu=guided"].as_slice(),
            "excitation does not use the gradient",
        ),
        (
            &["saliency.method=score-cam", "saliency.noise=0.1"],
            "score-cam takes no noise",
        ),
        (
            &[
                "saliency.method=attention-rollout",
                no_layers,
                "saliency.noise=0.1",
            ],
            "attention-rollout takes no noise",
        ),
        (
            &["saliency.method=occlusion", "saliency.layers=[\"last\"]"],
            "occlusion uses only the picture",
        ),
        (
            &["saliency.method=generic-attention"],
            "generic-attention uses the attention of all blocks",
        ),
        (
            &["saliency.method=occlusion", no_layers, "saliency.samples=9"],
            "without noise, all samples are the same",
        ),
        (
            &["saliency.method=rise", no_layers],
            "rise needs many random masks",
        ),
    ] {
        let error = refusal(settings);
        assert!(error.contains(expected), "{error}");
    }
}

/// Relevance and hidden channels on trained networks: class scores from a convolution (SqueezeNet),
/// ReLU6, depthwise convolutions and residual blocks (Lite0), and local response normalisations
/// (GoogLeNet). The maps see something, and differ from class to class.
#[test]
fn trained_networks_have_maps_by_every_measure() {
    let mut cases = vec![
        (
            PathBuf::from("squeezenet1.1"),
            ["contrastive-excitation", "ablation-cam"],
        ),
        (PathBuf::from("efficientnet-lite0"), ["excitation", "lrp"]),
    ];
    let googlenet = shared("models/googlenet.onnx");
    cases.extend(googlenet.map(|path| (path, ["excitation", "relevance-cam"])));
    let photo = image::open("data/sample/images/coffee.jpg")
        .unwrap()
        .to_rgb8();
    for (network, methods) in cases {
        for name in methods {
            let method = Method::find(name).unwrap();
            let pipeline = pipeline(method, method.usual_layers);
            let maps = [ESPRESSO, CUP].map(|class| {
                let found = locate_in(&network, &pipeline, &photo, Classes::Gt, class)
                    .unwrap_or_else(|e| panic!("{name}: {}", anyhow::Error::from(e)));
                found.classes.into_iter().next().unwrap().saliency.unwrap()
            });
            let network = network.display();
            assert!(!maps[0].is_constant(), "{network}, {name}");
            assert_ne!(maps[0].map, maps[1].map, "{network}, {name}");
        }
    }
}

/// Two classes of ILSVRC.
const ESPRESSO: usize = 967;
const CUP: usize = 968;
