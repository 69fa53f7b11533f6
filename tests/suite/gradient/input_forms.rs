//! One classifier in every form of input: element type, order of the axes, without a batch axis,
//! grey, not square. Each form gives the scores and the saliency of the usual one, through the
//! program; a form that contradicts its description, or is not clear, is refused by name.

use std::fs;
use std::path::Path;

use localise::classifier::{Classifier, ProbeOptions, describe, pixels};
use localise::prediction::read_map;
use onnx_grad::onnx::proto::tensor_proto::DataType;
use onnx_grad::onnx::proto::{ModelProto, TensorProto};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::forms::{AS_THEY_ARE, Form, NETWORK, photos, weights};
use crate::support::models;
use crate::support::notation::{declared, model, nodes, weights as constants};
use crate::support::program::{expect, text};

/// What the program and the library say of the photos of a folder.
#[derive(Debug)]
struct Answer {
    /// By photo: the class scores.
    scores: Vec<f32>,
    /// The gradients of class 1 with respect to the pixels, of all photos.
    gradients: Vec<f32>,
    /// The best class of each photo, and its probability (`show`).
    best: Vec<(u64, f64)>,
    /// The maps of all photos (`run`).
    maps: Vec<f32>,
}

impl Answer {
    fn new(folder: &Path, description: &Path) -> Self {
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let (pipeline, out) = (path("plain.toml"), path("out"));
        let network = ["--model", text(description), "--pipeline", &pipeline];
        let photos: Vec<String> = (0..3).map(|i| path(&format!("p{i}.png"))).collect();
        let classifier = Classifier::load(describe(description).unwrap(), ProbeOptions::default());
        let classifier = classifier.unwrap_or_else(|e| panic!("{e}"));
        let (mut scores, mut gradients, mut best) = (vec![], vec![], vec![]);
        for photo in &photos {
            let picture = image::open(photo).unwrap().to_rgb8();
            let answer = classifier
                .worker()
                .gradients(pixels(&picture).view(), &[1])
                .unwrap();
            scores.extend(answer.scores);
            gradients.extend(answer.gradients[0][0].iter().copied());
            let shown = expect(0, &[&["show", "--json", photo], &network[..]].concat()).0;
            let shown: Value = serde_json::from_str(&shown).unwrap();
            best.push((
                shown["class_index"].as_u64().unwrap(),
                shown["probability"].as_f64().unwrap(),
            ));
        }
        let table = path("boxes.csv");
        let run = [
            "run",
            "--dataset",
            &table,
            "--write-maps",
            "--fresh",
            "--out",
            &out,
        ];
        expect(0, &[&run[..], &network].concat());
        let maps = folder.join("out/maps");
        let maps = (0..3).flat_map(|i| read_map(&maps, &format!("p{i}")).unwrap());
        Self {
            scores,
            gradients,
            best,
            maps: maps.map(|value| value as f32).collect(),
        }
    }

    /// Asserts that it is that of another form.
    fn assert_is(&self, other: &Self, what: &str) {
        models::agree(&self.scores, &other.scores, 1e-5, what);
        models::agree(&self.gradients, &other.gradients, 1e-5, what);
        models::agree(&self.maps, &other.maps, 1e-4, what);
        for (own, usual) in self.best.iter().zip(&other.best) {
            let same = own.0 == usual.0 && (own.1 - usual.1).abs() < 1e-5;
            assert!(same, "{what}: {own:?} and {usual:?}");
        }
        assert!(self.gradients.iter().any(|g| *g != 0.0), "{what}");
    }
}

/// A weight of one number of a type.
fn one(name: &str, value: f32, kind: DataType) -> TensorProto {
    let float = TensorProto::from_floats(name, &[], &[value]);
    crate::support::forms::converted(&float, kind)
}

/// The forms of a classifier of colour pictures.
fn colour_forms() -> Vec<Form> {
    let form = |name, dims: &[usize], kind, head| Form {
        name,
        dims: dims.to_vec(),
        kind,
        head,
        ..Form::usual()
    };
    let constants = |text: &str, plain: Form| Form {
        head_weights: constants(text),
        ..plain
    };
    let keys = |keys: &str, plain: Form| Form {
        keys: format!("channels = \"rgb\"\n{keys}"),
        ..plain
    };
    let (first, last) = ([1, 3, 16, 16], [1, 16, 16, 3]);
    let to_first = "x = Transpose(image) perm=[0,3,1,2]";
    vec![
        form("open-batch", &[0, 3, 16, 16], DataType::Float, ""),
        form("open-size", &[0, 3, 0, 0], DataType::Float, ""),
        keys(
            &format!("layout = \"nchw\"\n{AS_THEY_ARE}"),
            form("all-open", &[0, 0, 0, 0], DataType::Float, ""),
        ),
        form("nhwc", &last, DataType::Float, to_first),
        form("nhwc-open", &[0, 0, 0, 3], DataType::Float, to_first),
        keys(
            &format!("layout = \"nhwc\"\n{AS_THEY_ARE}"),
            form("nhwc-all-open", &[0, 0, 0, 0], DataType::Float, to_first),
        ),
        constants(
            "axis = [0]",
            form(
                "chw",
                &[3, 16, 16],
                DataType::Float,
                "x = Unsqueeze(image, axis)",
            ),
        ),
        constants(
            "axis = [0]",
            form(
                "hwc",
                &[16, 16, 3],
                DataType::Float,
                "t = Transpose(image) perm=[2,0,1]; x = Unsqueeze(t, axis)",
            ),
        ),
        form("float16", &first, DataType::Float16, ""),
        keys(
            &format!("dtype = \"bfloat16\"\n{AS_THEY_ARE}"),
            form("bfloat16", &first, DataType::Bfloat16, ""),
        ),
        form("float64", &first, DataType::Double, ""),
        form(
            "float16-cast",
            &first,
            DataType::Float16,
            "x = Cast(image) to=1",
        ),
        form("uint8", &first, DataType::Uint8, "x = Cast(image) to=1"),
        keys(
            "dtype = \"uint8\"\n",
            form(
                "uint8-nhwc",
                &last,
                DataType::Uint8,
                "t = Transpose(image) perm=[0,3,1,2]; x = Cast(t) to=1",
            ),
        ),
        keys(
            "dtype = \"uint8\"\nlayout = \"hwc\"\n",
            constants(
                "axis = [0]",
                form(
                    "uint8-hwc",
                    &[0, 0, 0],
                    DataType::Uint8,
                    "u = Unsqueeze(image, axis); t = Cast(u) to=1; x = Transpose(t) perm=[0,3,1,2]",
                ),
            ),
        ),
        keys(
            "dtype = \"int8\"\n",
            constants(
                "offset = 128.0",
                form(
                    "int8",
                    &first,
                    DataType::Int8,
                    "q = Cast(image) to=1; x = Add(q, offset)",
                ),
            ),
        ),
        form(
            "int32",
            &first,
            DataType::Int32,
            "i = Cast(image) to=7; x = Cast(i) to=1",
        ),
        Form {
            head_weights: vec![
                TensorProto::from_floats("unit", &[], &[1.0]),
                one("zero", 0.0, DataType::Uint8),
            ],
            ..form(
                "uint8-dequantised",
                &first,
                DataType::Uint8,
                "x = DequantizeLinear(image, unit, zero)",
            )
        },
        keys(
            "dtype = \"int8\"\n",
            Form {
                head_weights: vec![
                    TensorProto::from_floats("unit", &[], &[1.0]),
                    one("zero", -128.0, DataType::Int8),
                ],
                ..form(
                    "int8-dequantised",
                    &last,
                    DataType::Int8,
                    "d = DequantizeLinear(image, unit, zero); x = Transpose(d) perm=[0,3,1,2]",
                )
            },
        ),
        // The same pixels, in another scale and order.
        constants(
            "whole = 255.0; swapped = [2, 1, 0]",
            Form {
                keys: "channels = \"bgr\"\nrange = 1.0\nmean = [0.25, 0.5, 0.75]\nstd = 0.5\n"
                    .into(),
                head_weights: vec![],
                ..form(
                    "bgr",
                    &last,
                    DataType::Float,
                    "h = Mul(image, half); m = Add(h, mean); t = Mul(m, whole); \
                     u = Transpose(t) perm=[0,3,1,2]; x = Gather(u, swapped) axis=1",
                )
            },
        ),
    ]
}

#[test]
fn every_form_of_input_gives_the_same_answer() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let usual = Form::usual();
    let model = usual.model(3);
    let reference = Answer::new(folder, &usual.write(folder, model.clone()));
    // The scores and gradients of the usual form are those of the bare network on the pixels.
    let compiled = models::compile(&model);
    for i in 0..3 {
        let picture = image::open(folder.join(format!("p{i}.png"))).unwrap();
        let values: Vec<f32> = pixels(&picture.to_rgb8()).into_iter().collect();
        let image = TensorProto::from_floats("x", &[1, 3, 16, 16], &values);
        let seed = TensorProto::from_floats("seed", &[1, 6], &[0., 1., 0., 0., 0., 0.]);
        let (scores, gradient) = models::run(&compiled, &image, &seed);
        models::agree(
            &reference.scores[6 * i..6 * (i + 1)],
            &scores,
            1e-5,
            "scores",
        );
        let own = &reference.gradients[768 * i..768 * (i + 1)];
        models::agree(own, &gradient, 1e-5, "gradient");
    }
    for mut form in colour_forms() {
        if form.name == "bgr" {
            form.head_weights
                .push(TensorProto::from_floats("half", &[], &[0.5]));
            let mean = TensorProto::from_floats("mean", &[3], &[0.75, 0.5, 0.25]);
            form.head_weights.push(mean);
        }
        let description = form.write(folder, form.model(3));
        Answer::new(folder, &description).assert_is(&reference, form.name);
        let shown = expect(0, &["doctor", "--model", text(&description)]).0;
        assert!(shown.contains("no faults"), "{}: {shown}", form.name);
    }
}

/// Grey classifiers of every layout agree with a colour classifier that computes the luma itself,
/// on photos whose luma is a whole number.
#[test]
fn a_grey_classifier_sees_the_luma() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], true);
    let colour = grey_network_of_colours();
    let reference = Answer::new(folder, &Form::usual().write(folder, colour));
    let form = |name, dims: &[usize], kind, head, weights: &str| Form {
        name,
        dims: dims.to_vec(),
        kind,
        head,
        head_weights: constants(weights),
        keys: format!("channels = \"grey\"\n{AS_THEY_ARE}"),
        size: "16",
    };
    let cast = "x = Cast(image) to=1";
    let forms = [
        form("nchw", &[1, 1, 16, 16], DataType::Float, "", ""),
        form("open", &[0, 1, 0, 0], DataType::Float, "", ""),
        form("uint8", &[1, 1, 16, 16], DataType::Uint8, cast, ""),
        form(
            "nhwc",
            &[0, 16, 16, 1],
            DataType::Float,
            "x = Transpose(image) perm=[0,3,1,2]",
            "",
        ),
        form(
            "nhw",
            &[0, 16, 16],
            DataType::Float,
            "x = Unsqueeze(image, axis)",
            "axis = [1]",
        ),
        form(
            "hw",
            &[16, 16],
            DataType::Float,
            "x = Unsqueeze(image, axes)",
            "axes = [0, 1]",
        ),
    ];
    for grey in forms {
        let description = grey.write(folder, grey.model(1));
        Answer::new(folder, &description).assert_is(&reference, grey.name);
    }
}

/// The grey network with the luma in front, for colour pictures.
fn grey_network_of_colours() -> ModelProto {
    let mut all = weights(1, 6);
    let luma = [19_595.0, 38_470.0, 7_471.0].map(|weight: f32| weight / 65_536.0);
    all.push(TensorProto::from_floats("luma", &[1, 3, 1, 1], &luma));
    let text = NETWORK.replace("Mul(x, scale)", "Mul(l, scale)");
    model(
        17,
        &[1, 3, 16, 16],
        nodes(&format!("l = Conv(x, luma); {text}")),
        all,
    )
}

/// A colour photo is rounded to whole levels of grey, as Pillow does it.
#[test]
fn the_luma_of_a_colour_photo_is_rounded() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let photos = photos(folder, [16, 16], false);
    let form = Form {
        dims: vec![1, 1, 16, 16],
        keys: format!("channels = \"grey\"\n{AS_THEY_ARE}"),
        ..Form::usual()
    };
    let description = describe(&form.write(folder, form.model(1))).unwrap();
    let classifier = Classifier::load(description, ProbeOptions::default()).unwrap();
    let picture = image::open(&photos[0]).unwrap().to_rgb8();
    let mut grey = picture.clone();
    for pixel in grey.pixels_mut() {
        let [r, g, b] = pixel.0.map(u32::from);
        let level = (19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16;
        pixel.0 = [level as u8; 3];
    }
    let [of_colour, of_grey] =
        [picture, grey].map(|p| classifier.worker().forward(pixels(&p).view()).unwrap());
    assert_eq!(of_colour, of_grey);
}

/// A network that is wider than high, or higher than wide, in several layouts.
#[test]
fn a_network_need_not_be_square() {
    for ([height, width], size) in [([16, 24], "[16, 24]"), ([20, 12], "[20, 12]")] {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        photos(folder, [width as u32, height as u32], false);
        let form = |name, dims: &[usize], head| Form {
            name,
            dims: dims.to_vec(),
            head,
            size,
            ..Form::usual()
        };
        let usual = form("usual", &[1, 3, height, width], "");
        let description = usual.write(folder, usual.model(3));
        let reference = Answer::new(folder, &description);
        for other in [
            form("open", &[0, 3, 0, 0], ""),
            form(
                "nhwc",
                &[0, height, width, 3],
                "x = Transpose(image) perm=[0,3,1,2]",
            ),
        ] {
            let path = other.write(folder, other.model(3));
            Answer::new(folder, &path).assert_is(&reference, other.name);
        }
        // The pixels are in place: the bare network has the same scores.
        let picture = image::open(folder.join("p0.png")).unwrap().to_rgb8();
        let values: Vec<f32> = pixels(&picture).into_iter().collect();
        let image = TensorProto::from_floats("x", &[1, 3, height, width], &values);
        let seed = TensorProto::from_floats("seed", &[1, 6], &[0., 1., 0., 0., 0., 0.]);
        let (scores, gradient) = models::run(&models::compile(&usual.model(3)), &image, &seed);
        models::agree(&reference.scores[..6], &scores, 1e-5, size);
        models::agree(
            &reference.gradients[..3 * height * width],
            &gradient,
            1e-5,
            size,
        );
        // Crops of this shape, a class model, and the fully convolutional form.
        let photo = text(&folder.join("p0.png")).to_owned();
        for pipeline in ["paper2013", "oxford2016", "single-warp"] {
            let show = ["show", "--json", &photo, "--model", text(&description)];
            expect(0, &[&show[..], &["--pipeline", pipeline]].concat());
        }
        let out = text(&folder.join("classes")).to_owned();
        let visualise = ["visualise", "--class", "c1", "--model", text(&description)];
        expect(
            0,
            &[&visualise[..], &["--out", &out, "--iterations", "3"]].concat(),
        );
        let made = image::image_dimensions(folder.join("classes/1-c1.png")).unwrap();
        assert_eq!(made, (width as u32, height as u32));
    }
}

/// `grad` takes the same files: its model has the input's own layout, in float32.
#[test]
fn grad_takes_every_form() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let out = folder.join("grad.onnx");
    for form in colour_forms() {
        if form.name == "bgr" || form.name.contains("open") || form.dims.contains(&0) {
            continue;
        }
        let path = form.write(folder, form.model(3)).with_extension("onnx");
        let (said, _) = expect(0, &["grad", text(&path), "-o", text(&out)]);
        let sides: Vec<_> = form.dims.iter().map(usize::to_string).collect();
        let input = if form.head.is_empty() { "x" } else { "image" };
        let declared = format!("input   {input} [{}]\n", sides.join(", "));
        assert!(said.starts_with(&declared), "{}: {said}", form.name);
        assert!(
            said.contains(&format!("{input}_grad [1, ")),
            "{}: {said}",
            form.name
        );
    }
}

/// Declared shape and type; size and other keys of the description; words of the message and of the
/// help.
type Refusal<'a> = (&'a [usize], DataType, &'a str, &'a str, &'a str, &'a str);

/// Forms that contradict the description, or are not clear: what `run` says, and what it advises.
/// No advice names an option that the subcommand does not have.
#[test]
fn other_forms_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let rgb = format!("channels = \"rgb\"\n{AS_THEY_ARE}");
    let grey = format!("channels = \"grey\"\n{AS_THEY_ARE}");
    let nhwc = format!("layout = \"nhwc\"\n{rgb}");
    let float = DataType::Float;
    let uint8 = "dtype = \"uint8\"\nchannels = \"rgb\"\n";
    let scaled = "channels = \"rgb\"\nrange = 1.0\nmean = 0.5\nstd = 0.5\n";
    let cases: [Refusal<'_>; 15] = [
        (
            &[1, 1, 16, 16],
            float,
            "16",
            &rgb,
            "the shape of its input is [1, 1, 16, 16]",
            "`channels = \"grey\"` and `layout = \"nchw\"`",
        ),
        (
            &[1, 3, 16, 16],
            float,
            "16",
            &grey,
            "the shape of its input is [1, 3, 16, 16]",
            "`channels = \"rgb\"` and `layout = \"nchw\"`",
        ),
        (
            &[1, 3, 16, 16],
            float,
            "16",
            &nhwc,
            "layout \"nhwc\"",
            "`layout = \"nchw\"`",
        ),
        (
            &[1, 3, 16, 16],
            float,
            "8",
            &rgb,
            "size 8 x 8",
            "correct `size`",
        ),
        (
            &[1, 3, 16, 24],
            float,
            "[24, 16]",
            &rgb,
            "size 24 x 16 (height x width)",
            "correct `size`",
        ),
        (
            &[0, 0, 0, 0],
            float,
            "16",
            &rgb,
            "the order of its axes is not clear",
            "\"nchw\" or \"nhwc\"",
        ),
        (
            &[1, 3, 3, 3],
            float,
            "3",
            &rgb,
            "the order of its axes is not clear",
            "\"nchw\" or \"nhwc\"",
        ),
        (
            &[3, 3, 3],
            float,
            "3",
            &rgb,
            "the order of its axes is not clear",
            "\"chw\" or \"hwc\"",
        ),
        (
            &[1, 768],
            float,
            "16",
            &rgb,
            "the shape of its input is [1, 768]",
            "correct `size`",
        ),
        (
            &[1, 3, 1, 16, 16],
            float,
            "16",
            &rgb,
            "the shape of its input is",
            "correct `size`",
        ),
        (
            &[1, 3, 16, 16],
            DataType::Bool,
            "16",
            &rgb,
            "of type bool, which holds no pixels",
            "float32 or uint8",
        ),
        (
            &[1, 3, 16, 16],
            float,
            "16",
            uint8,
            "of type float32, but its description says uint8",
            "dtype = \"float32\"",
        ),
        (
            &[1, 3, 16, 16],
            DataType::Uint8,
            "16",
            scaled,
            "numbers that uint8 does not hold",
            "leave out `range`, `mean` and `std`",
        ),
        (
            &[1, 3, 16, 16],
            DataType::Int8,
            "16",
            &rgb,
            "numbers that int8 does not hold",
            "they are then 255, 128 and 1",
        ),
        (
            &[1, 3, 16, 16],
            DataType::Uint8,
            "16",
            &rgb,
            "only a float32 tensor has a gradient",
            "Cast to float32",
        ),
    ];
    for (i, (dims, kind, size, keys, expected, advice)) in cases.into_iter().enumerate() {
        let form = Form {
            dims: dims.to_vec(),
            kind,
            keys: keys.into(),
            ..Form::usual()
        };
        let mut model = Form::usual().model(3);
        let input = crate::support::forms::of_kind(declared("x", dims), kind);
        model.graph.as_mut().unwrap().input = vec![input];
        let description = form.write(folder, model);
        let written = fs::read_to_string(&description).unwrap();
        fs::write(
            &description,
            written.replace("size = 16", &format!("size = {size}")),
        )
        .unwrap();
        let table = text(&folder.join("boxes.csv")).to_owned();
        let out = text(&folder.join("out")).to_owned();
        let run = [
            "run",
            "--dataset",
            &table,
            "--model",
            text(&description),
            "--out",
            &out,
        ];
        let said = expect(2, &run).1;
        let (message, help) = said.split_once("help: ").unwrap_or((&said, ""));
        assert!(
            message.contains(expected) && message.contains("usual.onnx"),
            "{i}: {said}"
        );
        assert!(help.contains(advice) && !help.contains("--"), "{i}: {said}");
        let found = expect(2, &["doctor", "--model", text(&description)]).0;
        assert!(
            found.contains(expected) && found.contains(advice),
            "{i}: {found}"
        );
    }
}

/// Declared shape; nodes in front and their weights; keys of the description; whether it is
/// suspected.
type Scaled<'a> = (&'a [usize], &'static str, &'a str, &'a str, bool);

/// A model that scales plain pixels itself, with a description that scales them too: read, with a
/// warning in `doctor`, in the run and in its summary. Models that only shift or stretch what they
/// are given are not suspected.
#[test]
fn pixels_that_are_scaled_twice_are_suspected() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    photos(folder, [16, 16], false);
    let scaled = "channels = \"rgb\"\nrange = 1.0\nmean = [0.485, 0.456, 0.406]\n\
                  std = [0.229, 0.224, 0.225]\n";
    let plain = format!("channels = \"rgb\"\n{AS_THEY_ARE}");
    let (first, last) = ([0, 3, 16, 16], [0, 16, 16, 3]);
    let unit = "channels = \"rgb\"\nrange = 1.0\nmean = 0.0\nstd = 1.0\n";
    // What follows `Abs` is the network, which has scales of its own.
    let imagenet = "t = Transpose(image) perm=[0,3,1,2]; d = Div(t, whole); m = Sub(d, mean); \
                    z = Div(m, std); x = Abs(z)";
    let cases: [Scaled<'_>; 7] = [
        (
            &last,
            imagenet,
            "whole = 255.0; mean = 0.45; std = 0.22",
            scaled,
            true,
        ),
        (
            &last,
            imagenet,
            "whole = 255.0; mean = 0.45; std = 0.22",
            &plain,
            false,
        ),
        (
            &first,
            "z = Mul(image, part); x = Abs(z)",
            "part = 0.00392157",
            scaled,
            true,
        ),
        (
            &first,
            "m = Sub(image, half); z = Div(m, half); x = Abs(z)",
            "half = 127.5",
            scaled,
            true,
        ),
        (
            &first,
            "z = Mul(image, whole); x = Abs(z)",
            "whole = 255.0",
            &plain,
            true,
        ),
        (
            &first,
            "z = Mul(image, whole); x = Abs(z)",
            "whole = 255.0",
            unit,
            false,
        ),
        (
            &first,
            "m = Mul(image, part); z = Add(m, shift); x = Abs(z)",
            "part = 0.458; shift = -0.03",
            scaled,
            false,
        ),
    ];
    for (i, (dims, head, weights, keys, suspected)) in cases.into_iter().enumerate() {
        let form = Form {
            dims: dims.to_vec(),
            head,
            head_weights: constants(weights),
            keys: keys.into(),
            ..Form::usual()
        };
        let description = form.write(folder, form.model(3));
        let found = expect(0, &["doctor", "--model", text(&description)]).0;
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let (table, out) = (path("boxes.csv"), path("out"));
        let run = [
            "run",
            "--dataset",
            &table,
            "--model",
            text(&description),
            "--fresh",
        ];
        let said = expect(
            0,
            &[&run[..], &["--out", &out, "--pipeline", "single-warp"]].concat(),
        )
        .1;
        let summary = fs::read_to_string(folder.join("out/summary.json")).unwrap();
        for text in [&found, &said, &summary] {
            assert_eq!(text.contains("scaled twice"), suspected, "{i}: {text}");
        }
    }
}

/// Keys with values that cannot be: the message names the key and what it takes.
#[test]
fn a_description_is_read_strictly() {
    let folder = TempDir::new().unwrap();
    let usual = Form::usual();
    let description = usual.write(folder.path(), usual.model(3));
    let good = fs::read_to_string(&description).unwrap();
    let cases = [
        ("size = 16", "size = [16]", "[height, width]"),
        ("size = 16", "size = \"16\"", "[height, width]"),
        ("size = 16", "size = [16, 48]", "16 x 48"),
        ("size = 16", "size = 0", "out of range"),
        ("size = 16", "sizes = 16", "unknown field `sizes`"),
        (
            "size = 16",
            "size = 16\nlayuot = \"nchw\"",
            "unknown field `layuot`",
        ),
        (
            "size = 16",
            "size = 16\nlayout = \"nchv\"",
            "unknown variant `nchv`",
        ),
        (
            "size = 16",
            "size = 16\ndtype = \"float\"",
            "unknown variant `float`",
        ),
        (
            "size = 16",
            "size = 16\nbackground = \"middle\"",
            "\"first\" or \"last\"",
        ),
        (
            "size = 16",
            "size = 16\nbackground = 1",
            "\"first\" or \"last\"",
        ),
        ("\"rgb\"", "\"gray\"", "unknown variant `gray`"),
        ("mean = 0.0", "mean = [0.5]", "`mean` has 1 numbers"),
        ("mean = 0.0", "mean = [0.1, 0.2]", "`mean` has 2 numbers"),
        ("mean = 0.0", "mean = nan", "not finite"),
        ("std = 1.0", "std = 0", "cannot be divided by"),
        ("std = 1.0", "std = [1, 1, 1, 1]", "`std` has 4 numbers"),
        ("std = 1.0", "", "`range`, `mean` and `std` are missing"),
        ("range = 255.0", "range = 0.0", "not a positive number"),
        (
            "channels = \"rgb\"",
            "channels = \"grey\"\nlayout = \"hw\"\n#",
            "`mean`",
        ),
    ];
    for (old, new, expected) in cases {
        let mut changed = good.replace(old, new);
        if new.contains("grey") {
            changed = changed.replace("mean = 0.0", "mean = [0.1, 0.2, 0.3]");
        }
        fs::write(&description, changed).unwrap();
        let said = expect(2, &["doctor", "--model", text(&description)]).1;
        assert!(
            said.contains(expected) && said.contains("usual.toml"),
            "{new}: {said}"
        );
    }
}
