//! `localise describe`, presets, and models as libraries export them.

use std::fs;
use std::path::{Path, PathBuf};

use localise::classes::ClassList;
use localise::classifier::{Channels, Layout, ModelDescription, Preset, describe, describe_like};
use localise::geometry::Size;
use onnx_grad::onnx::encode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::notation::written;
use crate::support::program::{expect, text};
use crate::support::write;

/// A network with random weights for pictures of 16 x 16: mean colours to a number of scores.
const GRAPH: &str = "c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); \
                     y = Gemm(f, w)";

/// Writes it, for these dimensions of the picture (0 is open) and this number of scores.
fn network(folder: &Path, name: &str, x: &[usize], scores: usize) -> PathBuf {
    let graph = if x.last() == Some(&3) {
        format!(
            "p = Transpose(x) perm=[0,3,1,2]; {}",
            GRAPH.replace("Conv(x", "Conv(p")
        )
    } else {
        GRAPH.to_owned()
    };
    let model = written(17, x, &graph, &format!("k: 4x3x3x3; w: 4x{scores}"));
    write(folder, name, encode(&model))
}

fn colour(folder: &Path, name: &str) -> PathBuf {
    network(folder, name, &[1, 3, 16, 16], 1000)
}

/// The keys that matter to pixels.
fn pixels(d: &ModelDescription) -> (Channels, f32, [f32; 3], [f32; 3]) {
    (d.channels, d.range, d.mean, d.std)
}

/// The content of an image processor's file, with these changes.
fn processor(changes: &[(&str, Value)]) -> String {
    let mut file = json!({
        "image_processor_type": "ViTImageProcessor",
        "do_resize": true, "do_rescale": true, "do_normalize": true,
        "size": {"height": 16, "width": 16},
        "rescale_factor": 1.0 / 255.0,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25],
    });
    for (key, value) in changes {
        file[*key] = value.clone();
    }
    file.to_string()
}

/// transformers' table of as many labels as there are names.
fn id2label(names: &[String]) -> String {
    let map = names.iter().enumerate();
    let map: serde_json::Map<String, Value> = map
        .map(|(i, name)| (i.to_string(), name.as_str().into()))
        .collect();
    json!({ "id2label": map }).to_string()
}

fn imagenet_titles() -> Vec<String> {
    let list = ClassList::read(ClassList::IMAGENET).unwrap();
    (0..list.len())
        .map(|class| list.title(class).to_owned())
        .collect()
}

/// What the program prints for a command without quotes.
fn says(code: i32, command: &str) -> (String, String) {
    expect(code, &command.split(' ').collect::<Vec<_>>())
}

#[test]
fn presets_are_what_the_libraries_do() {
    let folder = TempDir::new().unwrap();
    let (nchw, nhwc) = (
        colour(folder.path(), "net.onnx"),
        network(folder.path(), "tf.onnx", &[1, 16, 16, 3], 1001),
    );
    let like = |path: &Path, preset| describe_like(path, Some(preset), None).unwrap();
    let torchvision = like(&nchw, Preset::Torchvision);
    let imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    assert_eq!(
        pixels(&torchvision),
        (Channels::Rgb, 1.0, imagenet.0, imagenet.1)
    );
    assert_eq!(torchvision.layout, Some(Layout::Nchw));
    assert_eq!(
        (torchvision.size, torchvision.canvas),
        (Size::square(16), 18)
    );
    assert_eq!(
        (torchvision.classes.name.as_str(), torchvision.background),
        ("imagenet1k", None)
    );
    assert_eq!(pixels(&like(&nchw, Preset::Timm)), pixels(&torchvision));
    let caffe = like(&nchw, Preset::Caffe);
    assert_eq!(
        pixels(&caffe),
        (Channels::Bgr, 255.0, [123.0, 117.0, 104.0], [1.0; 3])
    );
    assert_eq!(caffe.canvas, 256);
    let tf = like(&nhwc, Preset::Tf);
    assert_eq!(pixels(&tf), (Channels::Rgb, 1.0, [0.5; 3], [0.5; 3]));
    assert_eq!(tf.layout, Some(Layout::Nhwc));
    // 1001 scores: a background, then ImageNet's classes.
    assert_eq!((tf.classes.len(), tf.background.is_some()), (1000, true));
    // A free size is the usual one.
    let free = network(folder.path(), "free.onnx", &[0, 3, 0, 0], 1000);
    let free = like(&free, Preset::Torchvision);
    assert_eq!((free.size, free.canvas), (Size::square(224), 256));
    // Keras has no one preprocessing: the family decides, and an unknown one is refused.
    let keras = |name: &str| {
        let model = network(folder.path(), name, &[1, 16, 16, 3], 1000);
        describe_like(&model, Some(Preset::Keras), None)
    };
    let resnet = keras("my_ResNet50.onnx").unwrap();
    assert_eq!(
        pixels(&resnet),
        (Channels::Bgr, 255.0, [123.68, 116.779, 103.939], [1.0; 3])
    );
    assert_eq!(pixels(&keras("MobileNetV2.onnx").unwrap()), pixels(&tf));
    let refused = keras("unknown.onnx").unwrap_err().to_string();
    assert!(refused.contains("depends on the family"), "{refused}");
}

#[test]
fn a_name_proposes_and_contradictions_are_refused() {
    let folder = TempDir::new().unwrap();
    let known = describe(&colour(folder.path(), "googlenet-12.onnx")).unwrap();
    assert_eq!(known.channels, Channels::Bgr);
    assert!(
        known.notes[0].contains("guess from the name of the file"),
        "{:?}",
        known.notes
    );
    let unknown = describe(&colour(folder.path(), "mine.onnx")).unwrap_err();
    assert!(
        unknown.to_string().contains("has no description"),
        "{unknown}"
    );
    // Grey pictures have no colours to take means from.
    let model = written(17, &[1, 1, 16, 16], GRAPH, "k: 4x1x3x3; w: 4x1000");
    let grey = write(folder.path(), "grey.onnx", encode(&model));
    let colours = describe_like(&grey, Some(Preset::Torchvision), None).unwrap_err();
    assert!(colours.to_string().contains("of one channel"), "{colours}");
    let unit = describe_like(&grey, Some(Preset::Unit), None).unwrap();
    assert_eq!(unit.channels, Channels::Grey);
    // Other numbers of classes need a list.
    let pets = network(folder.path(), "pets.onnx", &[1, 3, 16, 16], 37);
    let unlisted = describe_like(&pets, Some(Preset::Timm), None).unwrap_err();
    assert!(
        unlisted
            .to_string()
            .contains("has 37 scores, and nothing says"),
        "{unlisted}"
    );
    let names = (0..37).map(|i| (format!("pet {i}"), format!("pet {i}")));
    let list = ClassList::new("pets", names).unwrap();
    let described = describe_like(&pets, Some(Preset::Timm), Some(&list)).unwrap();
    assert_eq!(described.classes, list);
    // A preset is for models, not for descriptions.
    let refused = describe_like("squeezenet1.1".as_ref(), Some(Preset::Timm), None).unwrap_err();
    assert!(
        refused.to_string().contains("has a description"),
        "{refused}"
    );
}

/// A folder as Optimum exports a ViT, all axes open.
fn optimum(folder: &Path) -> PathBuf {
    let at = folder.join("my-vit");
    network(&at, "model.onnx", &[0, 0, 0, 0], 1000);
    write(&at, "preprocessor_config.json", processor(&[]));
    write(&at, "config.json", id2label(&imagenet_titles()));
    at
}

#[test]
fn folders_of_optimum_and_transformers_are_read() {
    let folder = TempDir::new().unwrap();
    let at = optimum(folder.path());
    let described = describe(&at).unwrap();
    let half = (Channels::Rgb, 1.0, [0.5; 3], [0.25; 3]);
    assert_eq!(pixels(&described), half);
    assert_eq!((described.size, described.canvas), (Size::square(16), 16));
    assert_eq!(described.layout, Some(Layout::Nchw));
    let names = (described.name.as_str(), described.classes.name.as_str());
    assert_eq!(names, ("my-vit", "imagenet1k"));
    assert!(described.notes.is_empty(), "{:?}", described.notes);
    // The file itself says the same.
    let of_file = describe(&at.join("model.onnx")).unwrap();
    assert_eq!(of_file.sha256(), described.sha256());

    // Labels of its own are a list of its own.
    let own: Vec<_> = (0..1000).map(|i| format!("thing {i}")).collect();
    write(&at, "config.json", id2label(&own));
    let list = describe(&at).unwrap().classes;
    assert_eq!((list.name.as_str(), list.key(999)), ("labels", "thing 999"));
    // A background comes first.
    network(&at, "model.onnx", &[0, 0, 0, 0], 1001);
    let background = [&["background".to_owned()][..], &imagenet_titles()].concat();
    write(&at, "config.json", id2label(&background));
    let with_background = describe(&at).unwrap();
    assert_eq!(with_background.classes.len(), 1000);
    assert!(with_background.background.is_some());
}

#[test]
fn a_configuration_that_contradicts_the_model_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = optimum(folder.path());
    network(&at, "model.onnx", &[1, 3, 16, 16], 999);
    let refused = || describe(&at).unwrap_err().to_string();
    let labels = refused();
    let is_told = labels.contains("has 999 scores, but") && labels.contains("1000 labels");
    assert!(is_told, "{labels}");
    network(&at, "model.onnx", &[1, 3, 16, 16], 1000);
    let size = ("size", json!({"height": 32, "width": 32}));
    for (change, expected) in [
        (size, "says 32 x 32 (width x height)"),
        (
            ("image_mean", json!([0.5, 0.5])),
            "`image_mean` has 2 numbers, not 3",
        ),
        (
            ("image_std", json!([0.5, 0.0, 0.5])),
            "cannot be divided by",
        ),
        (
            ("size", json!("large")),
            "expected a number of pixels, `height`",
        ),
    ] {
        write(&at, "preprocessor_config.json", processor(&[change]));
        let text = refused();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn folders_of_timm_are_read_and_unclear_folders_refused() {
    let folder = TempDir::new().unwrap();
    let at = folder.path().join("vit_tiny");
    colour(&at, "anything.onnx");
    let config = json!({"architecture": "x", "num_classes": 1000, "pretrained_cfg": {
        "input_size": [3, 16, 16], "crop_pct": 0.9, "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}});
    write(&at, "config.json", config.to_string());
    let described = describe(&at).unwrap();
    assert_eq!(pixels(&described), (Channels::Rgb, 1.0, [0.5; 3], [0.5; 3]));
    assert_eq!((described.size, described.canvas), (Size::square(16), 17));
    // Two files: that of the name that libraries give, or none.
    colour(&at, "other.onnx");
    let refused = describe(&at).unwrap_err().to_string();
    assert!(
        refused.contains("2 ONNX files (anything.onnx, other.onnx)"),
        "{refused}"
    );
    colour(&at, "model.onnx");
    assert_eq!(describe(&at).unwrap().model, at.join("model.onnx"));
    // Beside other models, a configuration could be that of any of them.
    assert!(describe(&at.join("other.onnx")).is_err());
    // The files of a repository of models are one folder deeper.
    let hub = folder.path().join("hub");
    colour(&hub, "onnx/model.onnx");
    write(&hub, "config.json", config.to_string());
    let deeper = describe(&hub).unwrap();
    assert_eq!((deeper.mean, deeper.name.as_str()), ([0.5; 3], "hub"));
    let empty = TempDir::new().unwrap();
    let nothing = describe(empty.path()).unwrap_err().to_string();
    assert!(nothing.contains("has no ONNX file"), "{nothing}");
}

/// With random weights nothing fits, which is said; a description is written only if one is named,
/// and reads back as what it was written from.
#[test]
fn random_weights_fit_nothing() {
    let folder = TempDir::new().unwrap();
    let model = colour(folder.path(), "random.onnx");
    let (out, err) = expect(2, &["describe", text(&model)]);
    assert!(out.contains("30 photos of sample: nothing fits"), "{out}");
    assert!(
        err.contains("nothing says how its pixels are scaled") && err.contains("--like"),
        "{err}"
    );
    assert!(!folder.path().join("random.toml").exists());

    let (named, _) = expect(2, &["describe", text(&model), "--like", "caffe"]);
    assert!(
        named.contains("warning: neither the description nor any preset"),
        "{named}"
    );
    let written = describe(&model).unwrap();
    let like = describe_like(&model, Some(Preset::Caffe), None).unwrap();
    assert_eq!(written.sha256(), like.sha256());
    let (_, again) = expect(2, &["describe", text(&model), "--like", "tf"]);
    assert!(again.contains("has a description already"), "{again}");
    // Used in place of the description, a preset is named.
    assert!(
        like.notes[0].contains("takes the place of its description"),
        "{:?}",
        like.notes
    );
}

/// A run needs nothing but the ONNX file and a preset, is the same as with a written description,
/// and says in run.toml what it used.
#[test]
fn a_preset_stands_in_for_a_description() {
    let folder = TempDir::new().unwrap();
    let model = colour(folder.path(), "net.onnx");
    let model = text(&model);
    let run = |name: &str, more: &str| {
        let out = folder.path().join(name);
        let common = "run --dataset tests/seven --pipeline single-warp --out";
        says(0, &format!("{common} {} {more}", text(&out)));
        out
    };
    let like = run("like", &format!("--model {model} --like torchvision"));
    let specification = fs::read_to_string(like.join("run.toml")).unwrap();
    assert!(
        specification.contains("like = \"torchvision\""),
        "{specification}"
    );
    let repeated = run("repeated", &format!("--config {}/run.toml", text(&like)));
    // Three photos are too few to check anything on.
    says(
        0,
        &format!("describe {model} --like torchvision --photos 3"),
    );
    let described = run("described", &format!("--model {model}"));
    let boxes = |out: &Path| fs::read(out.join("boxes.csv")).unwrap();
    assert_eq!(boxes(&like), boxes(&repeated));
    assert_eq!(boxes(&like), boxes(&described));
    let like = text(&like);
    says(
        0,
        &format!("show coffee --run {like} --out {like}/panel.png"),
    );
    let (_, err) = says(2, "run --dataset sample --model squeezenet1.1 --like tf");
    assert!(
        err.contains("has a description, so no preset is needed"),
        "{err}"
    );
}

/// A real network: the photos find its preprocessing, and a wrong one is warned of by name.
#[test]
fn photos_show_which_preset_fits() {
    let folder = TempDir::new().unwrap();
    // Under another name, so that its own description is not found.
    let model = folder.path().join("net.onnx");
    let original = fs::canonicalize("data/models/squeezenet1.1.onnx").unwrap();
    std::os::unix::fs::symlink(original, &model).unwrap();
    let model = text(&model);
    let (wrong, _) = says(
        2,
        &format!("describe {model} --like caffe --photos 20 --out {model}.toml"),
    );
    assert!(
        wrong.contains("warning: caffe-rgb fits better than caffe"),
        "{wrong}"
    );
    let (json, _) = says(0, &format!("describe {model} --json --photos 10"));
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&found["best"][0], &found["warning"]),
        (&json!("caffe-rgb"), &Value::Null)
    );
    assert_eq!(found["description"]["mean"], json!([123.0, 117.0, 104.0]));
    assert_eq!(found["description"]["canvas"], json!(256));
    assert!(folder.path().join("net.toml").is_file());
}
