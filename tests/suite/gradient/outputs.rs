//! The outputs of classifiers: few classes, a background, and class scores among labels, maps,
//! losses and features.

use std::fs;
use std::path::{Path, PathBuf};

use onnx_grad::onnx::proto::tensor_proto::DataType;
use onnx_grad::onnx::proto::{ModelProto, TensorProto, TypeProto, ValueInfoProto, type_proto};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::forms::{
    AS_THEY_ARE, NETWORK, class_list, of_kind, photos, weights, write_model,
};
use crate::support::notation::{declared, model, nodes};
use crate::support::program::{expect, run, text};

/// What every description of this file says of the input.
fn input_keys() -> String {
    format!("size = 16\nchannels = \"rgb\"\n{AS_THEY_ARE}")
}

/// The network with more nodes after it, further weights, and these outputs.
fn with_outputs(more: &str, further: Vec<TensorProto>, outputs: Vec<ValueInfoProto>) -> ModelProto {
    let text = if more.is_empty() {
        NETWORK.to_owned()
    } else {
        format!("{NETWORK}; {more}")
    };
    let all = [weights(3, 6), further].concat();
    let mut made = model(17, &[1, 3, 16, 16], nodes(&text), all);
    made.graph.as_mut().unwrap().output = outputs;
    made
}

fn float(name: &str, dims: &[usize]) -> ValueInfoProto {
    declared(name, dims)
}

fn typed(name: &str, dims: &[usize], kind: DataType) -> ValueInfoProto {
    of_kind(declared(name, dims), kind)
}

/// An output that is a sequence of maps, as `ZipMap` makes it.
fn maps(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::SequenceType(Box::default())),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// The best class of the first photo, or the one that is asked for, and its probability.
fn shown(folder: &Path, description: &Path, more: &[&str]) -> (u64, f64) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (photo, pipeline) = (path("p0.png"), path("plain.toml"));
    let network = ["--model", text(description), "--pipeline", &pipeline];
    let said = expect(
        0,
        &[&["show", "--json", &photo], &network[..], more].concat(),
    )
    .0;
    let said: Value = serde_json::from_str(&said).unwrap();
    let class = said["class_index"].as_u64().unwrap();
    (class, said["probability"].as_f64().unwrap())
}

/// The files of a run of the five best classes.
fn five_best(folder: &Path, description: &Path, pipeline: &str) -> PathBuf {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (table, out) = (path("boxes.csv"), path("out"));
    let run = [
        "run",
        "--dataset",
        &table,
        "--classes",
        "top5",
        "--fresh",
        "--out",
        &out,
    ];
    let network = ["--model", text(description), "--pipeline", pipeline];
    expect(0, &[&run[..], &network].concat());
    folder.join("out")
}

#[test]
fn a_classifier_may_have_fewer_than_five_classes() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    for count in 1..=5 {
        let list = class_list(folder, count);
        let made = model(17, &[1, 3, 16, 16], nodes(NETWORK), weights(3, count));
        let keys = format!("classes = {list:?}\n{}", input_keys());
        let description = write_model(folder, "few", made, &keys);
        let plain = text(&folder.join("plain.toml")).to_owned();
        for pipeline in [&plain, "paper2013", "single-warp", "centre-box"] {
            let out = five_best(folder, &description, pipeline);
            let boxes = fs::read_to_string(out.join("boxes.csv")).unwrap();
            let of_photo = boxes.lines().filter(|line| line.starts_with("p1,")).count();
            assert_eq!(of_photo, count, "{count} classes, {pipeline}: {boxes}");
        }
        let (class, probability) = shown(folder, &description, &[]);
        assert!((class as usize) < count && probability >= 1.0 / count as f64 - 1e-6);
        shown(
            folder,
            &description,
            &["--class", &format!("c{}", count - 1)],
        );
    }
}

/// A background of any strength changes neither the classes nor their order.
#[test]
fn a_background_is_no_class() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let plain = text(&folder.join("plain.toml")).to_owned();
    let result = |description: &Path| {
        let best = shown(folder, description, &[]);
        let third = shown(folder, description, &["--class", "c2"]);
        let out = five_best(folder, description, &plain);
        let files = ["boxes.csv", "classes.csv"];
        let files = files.map(|name| fs::read_to_string(out.join(name)).unwrap());
        (best, third, files)
    };
    let usual = write_model(
        folder,
        "usual",
        with_outputs("", vec![], vec![float("y", &[1, 6])]),
        &input_keys(),
    );
    let expected = result(&usual);
    let high = || vec![TensorProto::from_floats("high", &[1, 1], &[50.0])];
    let cases = [
        ("first", "z = Concat(high, y) axis=1", "z", "true"),
        ("first", "z = Concat(high, y) axis=1", "z", "\"first\""),
        ("last", "z = Concat(y, high) axis=1", "z", "\"last\""),
        (
            "softmax",
            "z = Concat(high, y) axis=1; p = Softmax(z) axis=1",
            "p",
            "\"first\"",
        ),
        (
            "vector",
            "z = Concat(y, high) axis=1; p = Squeeze(z)",
            "p",
            "\"last\"",
        ),
    ];
    for (name, more, output, background) in cases {
        let output = ValueInfoProto {
            name: Some(output.into()),
            ..ValueInfoProto::default()
        };
        let keys = format!("background = {background}\n{}", input_keys());
        let description = write_model(
            folder,
            name,
            with_outputs(more, high(), vec![output]),
            &keys,
        );
        let found = result(&description);
        assert_eq!(found.0.0, expected.0.0, "{name}");
        assert!((found.0.1 - expected.0.1).abs() < 1e-6, "{name}");
        assert!((found.1.1 - expected.1.1).abs() < 1e-6, "{name}");
        assert_eq!(found.2, expected.2, "{name}");
    }
    // A background that is missing, or is not one.
    let seven = || {
        let output = float("z", &[1, 7]);
        with_outputs("z = Concat(high, y) axis=1", high(), vec![output])
    };
    let refused = |description: &Path| {
        let photo = folder.join("p0.png");
        expect(2, &["show", "--model", text(description), text(&photo)]).1
    };
    let missing = refused(&write_model(folder, "without", seven(), &input_keys()));
    assert!(
        missing.contains("7 class scores") && missing.contains("set `background = \"first\"`"),
        "{missing}"
    );
    let six = with_outputs("", vec![], vec![float("y", &[1, 6])]);
    let keys = format!("background = true\n{}", input_keys());
    let wrong = refused(&write_model(folder, "not", six, &keys));
    assert!(wrong.contains("remove `background`"), "{wrong}");
}

/// Models with class scores `y` among other outputs.
fn mixed_outputs() -> Vec<(&'static str, ModelProto)> {
    let names = || TensorProto::from_floats("names", &[6], &[0., 1., 2., 3., 4., 5.]);
    let label = "p = Softmax(y) axis=1; a = ArgMax(p) axis=1; l = ai.onnx.ml:ArrayFeatureExtractor(names, a)";
    let zipped = "p = Softmax(y) axis=1; z = ai.onnx.ml:ZipMap(p)";
    let both = "p = Softmax(y) axis=1; a = ArgMax(p) axis=1; l = ai.onnx.ml:ArrayFeatureExtractor(names, a); \
                z = ai.onnx.ml:ZipMap(p)";
    let text = |dims: &[usize]| typed("l", dims, DataType::String);
    let index = |name: &str| typed(name, &[1], DataType::Int64);
    vec![
        (
            "label-and-maps",
            with_outputs(both, vec![names()], vec![text(&[1, 1]), maps("z")]),
        ),
        (
            "maps-and-label",
            with_outputs(both, vec![names()], vec![maps("z"), text(&[0, 0])]),
        ),
        ("maps", with_outputs(zipped, vec![], vec![maps("z")])),
        (
            "label-and-scores",
            with_outputs(label, vec![names()], vec![text(&[1]), float("y", &[1, 6])]),
        ),
        (
            "index-and-probabilities",
            with_outputs(
                "p = Softmax(y) axis=1; a = ArgMax(y) axis=1 keepdims=0",
                vec![],
                vec![index("a"), float("p", &[0, 6])],
            ),
        ),
        (
            "scores-and-probabilities",
            with_outputs(
                "p = Softmax(y) axis=1",
                vec![],
                vec![float("p", &[1, 6]), float("y", &[1, 6])],
            ),
        ),
        (
            "loss",
            with_outputs(
                "q = ReduceLogSumExp(y) axes=[1] keepdims=0; loss = ReduceMean(q) keepdims=0",
                vec![],
                vec![float("loss", &[]), float("y", &[1, 6])],
            ),
        ),
        (
            "loss-undeclared",
            with_outputs(
                "q = ReduceLogSumExp(y) axes=[1] keepdims=0; loss = ReduceMean(q) keepdims=0",
                vec![],
                vec![
                    float("loss", &[]),
                    ValueInfoProto {
                        name: Some("y".into()),
                        ..ValueInfoProto::default()
                    },
                ],
            ),
        ),
        (
            "features",
            with_outputs("", vec![], vec![float("f", &[1, 4]), float("y", &[1, 6])]),
        ),
        (
            "feature-map",
            with_outputs(
                "",
                vec![],
                vec![float("c", &[1, 4, 16, 16]), float("y", &[0, 6])],
            ),
        ),
        (
            "best-first",
            with_outputs(
                "b, i = TopK(y, three) axis=1",
                vec![TensorProto::from_integers("three", &[1], &[3])],
                vec![
                    float("b", &[1, 3]),
                    typed("i", &[1, 3], DataType::Int64),
                    float("y", &[1, 6]),
                ],
            ),
        ),
        ("labels-wanted", loss_of_labels()),
    ]
}

/// A model with the true labels as a second input, for its loss.
fn loss_of_labels() -> ModelProto {
    let more = "loss = SoftmaxCrossEntropyLoss(y, labels)";
    let mut made = with_outputs(more, vec![], vec![float("loss", &[]), float("y", &[1, 6])]);
    let labels = typed("labels", &[1], DataType::Int64);
    made.graph.as_mut().unwrap().input.insert(0, labels);
    made
}

#[test]
fn class_scores_are_found_among_other_outputs() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let usual = with_outputs("", vec![], vec![float("y", &[1, 6])]);
    let expected = shown(
        folder,
        &write_model(folder, "usual", usual, &input_keys()),
        &[],
    );
    for (name, made) in mixed_outputs() {
        let description = write_model(folder, name, made, &input_keys());
        let found = shown(folder, &description, &[]);
        let same = found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-6;
        assert!(same, "{name}: {found:?} and {expected:?}");
        let (model, out) = (description.with_extension("onnx"), folder.join("grad.onnx"));
        // Without a description, four features or the three best scores could be scores as well.
        if ["features", "best-first"].contains(&name) {
            let said = expect(2, &["grad", text(&model), "-o", text(&out)]).1;
            assert!(
                said.contains("--target TENSOR, which could be") && said.contains("`y`"),
                "{said}"
            );
            expect(
                0,
                &["grad", text(&model), "-o", text(&out), "--target", "y"],
            );
        } else {
            let said = expect(0, &["grad", text(&model), "-o", text(&out)]).0;
            assert!(said.contains("output  y [1, 6]"), "{name}: {said}");
        }
    }
}

/// Where no output, or more than one, could be the class scores, the help names the tensors.
#[test]
fn unclear_scores_are_named() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let cases = [
        (
            "two-heads",
            "v = Neg(y)",
            vec![float("y", &[1, 6]), float("v", &[1, 6])],
            "several outputs of the model could be",
            "`y` or `v`",
        ),
        (
            "index",
            "a = ArgMax(y) axis=1 keepdims=0",
            vec![typed("a", &[1], DataType::Int64)],
            "`a` (int64 [1])",
            "`y`",
        ),
        (
            "label",
            "p = Softmax(y) axis=1; a = ArgMax(p) axis=1; l = ai.onnx.ml:LabelEncoder(a)",
            vec![
                typed("l", &[1], DataType::String),
                typed("a", &[1, 1], DataType::Int64),
            ],
            "`l` (string [1])",
            "`y`",
        ),
        (
            "features",
            "",
            vec![float("f", &[1, 4]), float("c", &[1, 4, 16, 16])],
            "none of the model's outputs holds 6 class scores",
            "`f` or `c`",
        ),
    ];
    for (name, more, outputs, expected, candidates) in cases {
        let description = write_model(
            folder,
            name,
            with_outputs(more, vec![], outputs),
            &input_keys(),
        );
        let photo = text(&folder.join("p0.png")).to_owned();
        let said = expect(2, &["show", &photo, "--model", text(&description)]).1;
        let (message, help) = said.split_once("help: ").unwrap();
        assert!(message.contains(expected), "{name}: {said}");
        assert!(
            help.contains("set `target`") && help.contains(candidates) && !help.contains("--"),
            "{name}: {said}"
        );
        let found = expect(2, &["doctor", "--model", text(&description)]).0;
        assert!(found.contains(candidates), "{name}: {found}");
        if name != "features" {
            let keys = format!("target = \"y\"\n{}", input_keys());
            let made = onnx_grad::onnx::load(&description.with_extension("onnx")).unwrap();
            shown(folder, &write_model(folder, "named", made, &keys), &[]);
        }
    }
}

/// The files of the reports, as their owners would describe them.
#[test]
fn the_reported_models_can_be_used() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let reports = Path::new("tests/golden/reports/models");
    let whole = "channels = \"rgb\"\nrange = 255.0\nmean = 0.0\nstd = 1.0\n";
    let scaled = "channels = \"rgb\"\nrange = 1.0\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n";
    let grey = "channels = \"grey\"\nrange = 1.0\nmean = 0.5\nstd = 0.25\n";
    for (name, size, keys) in [
        ("float-nhwc", 32, whole.to_owned()),
        ("grey", 28, grey.to_owned()),
        ("k1001", 32, format!("background = \"first\"\n{scaled}")),
        ("loss-first", 32, scaled.to_owned()),
    ] {
        fs::copy(
            reports.join(name).with_extension("onnx"),
            folder.join(name).with_extension("onnx"),
        )
        .unwrap();
        let description = folder.join(name).with_extension("toml");
        let text_of = format!(
            "title = \"Net\"\nmodel = \"{name}.onnx\"\nclasses = \"imagenet1k\"\nsize = {size}\ncanvas = {size}\n{keys}"
        );
        fs::write(&description, text_of).unwrap();
        let out = folder.join("out");
        for classes in ["gt", "top5"] {
            let options = [
                "--pipeline",
                "fong-gradient",
                "--classes",
                classes,
                "--fresh",
            ];
            run(
                &out,
                &[&options[..], &["--model", text(&description)]].concat(),
            );
        }
        let said = expect(0, &["doctor", "--model", text(&description)]).0;
        assert!(said.contains("1000 classes"), "{said}");
    }
}

/// A class list that begins with the background is not the dataset's; the help says what to do.
#[test]
fn a_list_with_a_background_is_refused_with_a_way_out() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let list = fs::read_to_string("data/classes/imagenet1k.csv").unwrap();
    let mut rows = "class_index,wnid,name\n0,background,background\n".to_owned();
    for line in list.lines().skip(1) {
        let (index, rest) = line.split_once(',').unwrap();
        rows += &format!("{},{rest}\n", index.parse::<usize>().unwrap() + 1);
    }
    fs::write(folder.join("imagenet1001.csv"), rows).unwrap();
    let model = onnx_grad::onnx::load("tests/golden/reports/models/k1001.onnx".as_ref()).unwrap();
    let keys = format!(
        "classes = {:?}\nsize = 32\nchannels = \"rgb\"\n{AS_THEY_ARE}",
        folder.join("imagenet1001")
    );
    let description = write_model(folder, "k1001", model, &keys);
    let written = fs::read_to_string(&description)
        .unwrap()
        .replace("canvas = 24", "canvas = 32");
    fs::write(&description, written).unwrap();
    let out = folder.join("out");
    let run = [
        "run",
        "--dataset",
        "sample",
        "--model",
        text(&description),
        "--out",
        text(&out),
    ];
    let said = expect(2, &run).1;
    let found = expect(0, &["doctor", "--model", text(&description)]).0;
    assert!(
        found.contains("a background is one of the classes"),
        "{found}"
    );
    let expected = "set `background = \"first\"` and `classes` to a list";
    assert!(said.contains(expected), "{said}");
}
