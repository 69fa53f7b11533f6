//! Real networks on real pictures: logits against the published table, gradients against PyTorch in
//! double precision (`tests/golden/make_networks.py`) and against finite differences.

use std::path::{Path, PathBuf};

use localise::classifier::{
    self, AnyModel, Classifier, ModelDescription, ProbeOptions, Response, describe, pixels,
};
use localise::geometry::Size;
use localise::saliency;
use onnx_grad::gradient::{Dense, GradientModel, SEED};
use onnx_grad::onnx::{self, proto::TensorProto};
use prost::Message;

use crate::support::notation::{declared, nodes};
use crate::support::program::json;
use crate::support::{models, shared};

/// The descriptions of the three reference networks; GoogLeNet only where the shared files are.
fn networks() -> Vec<ModelDescription> {
    let mut paths = vec![
        PathBuf::from("squeezenet1.1"),
        PathBuf::from("efficientnet-lite0"),
    ];
    paths.extend(shared("models/googlenet.onnx"));
    paths
        .iter()
        .map(|path| describe(path).unwrap_or_else(|e| panic!("{e}")))
        .collect()
}

/// [1, 3, S, S] after preprocessing, which is implemented here independently of the program.
fn input(description: &ModelDescription, pixel: impl Fn(usize, usize, usize) -> u8) -> TensorProto {
    let size = description.size.width as usize;
    let value = |(c, y, x): (usize, usize, usize)| {
        (f32::from(pixel(x, y, c)) - description.mean[c]) / description.std[c]
    };
    let places =
        (0..3).flat_map(|c| (0..size).flat_map(move |y| (0..size).map(move |x| (c, y, x))));
    TensorProto::from_floats(
        "input",
        &[1, 3, size, size],
        &places.map(value).collect::<Vec<_>>(),
    )
}

/// The test pattern and the photo of `tests/golden`.
fn pictures(description: &ModelDescription) -> [(&'static str, TensorProto); 2] {
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let offset = (256 - description.size.width as usize) / 2;
    [
        (
            "pattern",
            input(description, |x, y, c| {
                ((31 * x + 17 * y + 7 * x * y + 101 * c) % 256) as u8
            }),
        ),
        (
            "photo",
            input(description, |x, y, c| {
                photo.get_pixel((x + offset) as u32, (y + offset) as u32).0[c]
            }),
        ),
    ]
}

fn compiled(description: &ModelDescription) -> GradientModel {
    let model = onnx::load(&description.model)
        .unwrap_or_else(|e| panic!("{e}\nscripts/test fetches the models"));
    models::compile(&model)
}

/// A seed of one row that asks for one class.
fn one_hot(compiled: &GradientModel, class: usize) -> TensorProto {
    let seed: Vec<_> = (0..compiled.classes)
        .map(|c| f32::from(u8::from(c == class)))
        .collect();
    TensorProto::from_floats(SEED, &[1, seed.len()], &seed)
}

#[test]
fn networks_agree_with_pytorch() {
    let json = json(Path::new("tests/golden/networks/networks.json"));
    for description in networks() {
        let (name, compiled) = (&description.name, compiled(&description));
        for (picture, image) in pictures(&description) {
            let golden = &json[name][picture];
            let class = golden["class"].as_u64().unwrap() as usize;
            let (scores, gradient) = models::run(&compiled, &image, &one_hot(&compiled, class));
            for top in golden["top5"].as_array().unwrap() {
                let (index, logit) = (top[0].as_u64().unwrap() as usize, top[1].as_f64().unwrap());
                assert!(
                    (f64::from(scores[index]) - logit).abs() < 1e-3,
                    "{name} {picture}: {index} {}",
                    scores[index]
                );
            }
            let bytes =
                std::fs::read(format!("tests/golden/networks/{name}.{picture}.pb")).unwrap();
            let expected = TensorProto::decode(bytes.as_slice())
                .unwrap()
                .floats()
                .unwrap();
            // The cosine does not depend on the length. ReLUs that are on for one side and off for
            // the other change the sum by about 5e-5.
            let sum: f64 = gradient.iter().map(|g| f64::from(g.abs())).sum();
            let off = sum / golden["sum_abs_gradient"].as_f64().unwrap() - 1.0;
            assert!(
                off.abs() < 1e-3,
                "{name} {picture}: the sum of magnitudes is off by {off:.1e}"
            );
            let size = description.size.width as usize;
            let places =
                (0..3).flat_map(|c| (0..size).step_by(4).map(move |y| (c * size + y) * size));
            let found = places.flat_map(|row| gradient[row..row + size].iter().step_by(4));
            let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
            for (a, b) in found
                .zip(&expected)
                .map(|(&a, &b)| (f64::from(a), f64::from(b)))
            {
                (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
            }
            let cosine = ab / (aa * bb).sqrt();
            println!("{name} {picture}: cosine {cosine:.7}, sum of magnitudes off by {off:.1e}");
            assert!(cosine >= 0.999, "{name} {picture}: cosine {cosine}");
        }
    }
}

/// The finite difference S(x + hv) − S(x − hv) against the gradient, for 20 random directions v
/// with entries of variance 1. A network of ReLUs has kinks near every point, and the rounding of
/// float32 forbids arbitrarily small steps. So the step is wide enough for the rounding of the
/// scores to matter little, and ∇S · v is averaged over 16 points of the line (the midpoint rule
/// for ∫ ∇S · v dt, which is the difference). The error is relative to that integral or, where the
/// direction is nearly orthogonal to the gradient, to its standard deviation 2h‖∇S‖.
#[test]
fn gradients_agree_with_finite_differences() {
    const DIRECTIONS: u64 = 10;
    const POINTS: usize = 16;
    for description in networks() {
        let (name, compiled) = (&description.name, compiled(&description));
        let [_, (_, image)] = pictures(&description);
        let (class, x) = (967, image.floats().unwrap());
        let n = x.len();
        let step = 0.01 / f64::from(description.std[0]); // a hundredth of a grey level
        let (mut worst, mut errors, mut total, mut norm) = (0f64, 0f64, 0f64, 0f64);
        let mut forward = AnyModel::new(&compiled.forward).unwrap();
        let mut both = AnyModel::new(&compiled.model).unwrap();
        let seed = one_hot(&compiled, class);
        for direction in 0..DIRECTIONS {
            // Uniform in ±√3: variance 1.
            let entry = |i: usize| {
                let z = (i as u64 + direction * 1_000_003).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                (((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * 3f64.sqrt()
            };
            let v: Vec<f64> = (0..n).map(entry).collect();
            let (height, width) = description.size.shape();
            let at = |t: f64| {
                let values: Vec<_> = x
                    .iter()
                    .zip(&v)
                    .map(|(&x, v)| (f64::from(x) + t * step * v) as f32)
                    .collect();
                TensorProto::from_floats(&compiled.input, &[1, 3, height, width], &values)
            };
            let mut score =
                |t: f64| f64::from(forward.run(&[at(t)]).unwrap()[0].floats().unwrap()[class]);
            let difference = score(1.0) - score(-1.0);

            let mut slope = |t: f64| {
                let outputs = both.run(&[at(t), seed.clone()]).unwrap();
                let gradient = outputs
                    .iter()
                    .find(|output| output.name() == compiled.gradients[0])
                    .unwrap()
                    .floats()
                    .unwrap();
                norm = gradient
                    .iter()
                    .map(|&g| f64::from(g).powi(2))
                    .sum::<f64>()
                    .sqrt();
                gradient
                    .iter()
                    .zip(&v)
                    .map(|(&g, v)| f64::from(g) * v)
                    .sum::<f64>()
            };
            let dot: f64 = (0..POINTS)
                .map(|i| slope((2 * i + 1) as f64 / POINTS as f64 - 1.0))
                .sum();
            let integral = 2.0 * step * dot / POINTS as f64;
            worst =
                worst.max((difference - integral).abs() / integral.abs().max(2.0 * step * norm));
            errors += (difference - integral).powi(2);
            total += integral.powi(2);
        }
        println!(
            "{name}: worst relative error of {DIRECTIONS} directions {worst:.2e}, together {:.2e}",
            (errors / total).sqrt()
        );
        assert!(
            (errors / total).sqrt() <= 1e-2 && worst <= 2e-2,
            "{name}: {worst}"
        );
    }
}

/// The published probabilities of the networks for scikit-image's chelsea and coffee. The copies in
/// `data/sample` were re-encoded as JPEG, hence the tolerance. The shorter side is resized to S
/// directly, and the centre is cropped.
#[test]
fn photos_are_classified_as_published() {
    let tables: [(&str, [[f32; 3]; 2]); 3] = [
        (
            "squeezenet1.1",
            [[0.4227, 0.3055, 0.2687], [0.9627, 0.0330, 0.0010]],
        ),
        (
            "efficientnet-lite0",
            [[0.3834, 0.1628, 0.3322], [0.9398, 0.0079, 0.0167]],
        ),
        (
            "googlenet",
            [[0.4746, 0.1441, 0.3004], [0.9280, 0.0200, 0.0251]],
        ),
    ];
    for description in networks() {
        let (name, table) = tables
            .iter()
            .find(|(name, _)| *name == description.name)
            .unwrap();
        let size = description.size.width;
        let classifier = Classifier::load(description, ProbeOptions::default())
            .unwrap_or_else(|e| panic!("{e}"));
        for (photo, classes, published) in [
            ("chelsea", [285, 281, 282], table[0]),
            ("coffee", [967, 925, 968], table[1]),
        ] {
            let picture = image::open(format!("data/sample/images/{photo}.jpg"))
                .unwrap()
                .to_rgb8();
            let (w, h) = picture.dimensions();
            let side =
                |n: u32| (f64::from(n) * f64::from(size) / f64::from(w.min(h))).round() as u32;
            let canvas = Size::new(side(w), side(h));
            let resized = saliency::resize(&picture, canvas, saliency::Filter::Bicubic);
            let (left, top) = ((side(w) - size) / 2, (side(h) - size) / 2);
            let crop =
                image::imageops::crop_imm(&resized.unwrap(), left, top, size, size).to_image();
            let scores = classifier.worker().forward(pixels(&crop).view()).unwrap();
            let probabilities = classifier::probabilities(&[scores]);
            let probabilities_of_classes = classes.map(|class| probabilities[class]);
            println!("{name} {photo}: {probabilities_of_classes:.4?}, published {published:.4?}");
            for (found, expected) in probabilities_of_classes.iter().zip(published) {
                assert!(
                    (found - expected).abs() < 0.08,
                    "{name} {photo}: {found} against {expected}"
                );
            }
        }
    }
}

/// Five classes in one call: the same numbers as one at a time, from optimised sessions.
#[test]
fn k_classes_fold_into_one_forward_pass() {
    let classifier = Classifier::load(
        describe(Path::new("squeezenet1.1")).unwrap(),
        ProbeOptions::default(),
    )
    .unwrap();
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let crop = image::imageops::crop_imm(&photo, 14, 14, 227, 227).to_image();
    let mut worker = classifier.worker();
    let classes = [967, 504, 925, 968, 969];
    let Response {
        scores,
        gradients: together,
        ..
    } = worker.gradients(pixels(&crop).view(), &classes).unwrap();
    assert_eq!(together.len(), 5);
    for (class, folded) in classes.into_iter().zip(&together) {
        let alone = worker.gradients(pixels(&crop).view(), &[class]).unwrap();
        assert_eq!(scores, alone.scores);
        let scale = alone.gradients[0][0]
            .iter()
            .fold(0f32, |m, g| m.max(g.abs()));
        let worst = (&alone.gradients[0][0] - &folded[0])
            .iter()
            .fold(0f32, |m, d| m.max(d.abs()));
        assert!(
            scale > 0.0 && worst <= 1e-5 * scale,
            "class {class}: {worst} of {scale}"
        );
    }
}

/// The classes of the highest scores, found during the run: the same numbers as when they are
/// given, and none twice.
#[test]
fn the_highest_scores_are_found_during_the_run() {
    let classifier = Classifier::load(
        describe(Path::new("squeezenet1.1")).unwrap(),
        ProbeOptions::default(),
    )
    .unwrap();
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let crop = image::imageops::crop_imm(&photo, 14, 14, 227, 227).to_image();
    let mut worker = classifier.worker();
    let ranking = classifier::ranking(&worker.forward(pixels(&crop).view()).unwrap());
    for (also, expected) in [
        (vec![], ranking[..5].to_vec()),
        (vec![ranking[2]], ranking[..5].to_vec()),
        (
            vec![ranking[700], ranking[0]],
            [&ranking[..5], &[ranking[700]]].concat(),
        ),
    ] {
        let (classes, found) = worker
            .gradients_of_top(pixels(&crop).view(), 5, &also)
            .unwrap();
        assert_eq!(classes, expected);
        let named = worker.gradients(pixels(&crop).view(), &classes).unwrap();
        assert_eq!(
            (found.scores, found.gradients),
            (named.scores, named.gradients)
        );
    }
}

/// The fully convolutional form at the network's own size has one position, and its score is the
/// original's.
#[test]
fn the_dense_form_has_the_same_scores_at_the_same_size() {
    for description in networks() {
        let size = description.size.width;
        let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
        let crop = image::imageops::crop_imm(&photo, 10, 10, size, size).to_image();
        let [plain, positive, mean] =
            [None, Some(Dense::Positive), Some(Dense::Mean)].map(|dense| {
                let probe = ProbeOptions {
                    dense,
                    ..ProbeOptions::default()
                };
                let classifier =
                    Classifier::load(description.clone(), probe).unwrap_or_else(|e| panic!("{e}"));
                classifier
                    .worker()
                    .gradients(pixels(&crop).view(), &[967])
                    .unwrap()
            });
        for dense in [positive, mean] {
            let score_difference = plain
                .scores
                .iter()
                .zip(&dense.scores)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(
                score_difference < 1e-3,
                "{}: scores differ by {score_difference}",
                description.name
            );
            let [plain, dense] = [&plain, &dense].map(|response| &response.gradients[0][0]);
            let scale = plain.iter().fold(0f32, |m, g| m.max(g.abs()));
            let gradient_difference = (plain - dense).iter().fold(0f32, |m, d| m.max(d.abs()));
            assert!(
                gradient_difference < 2e-2 * scale,
                "{}: gradients differ by {gradient_difference} of {scale}",
                description.name
            );
        }
    }
}

/// A classifier that takes [1, height, width, 3], as those of TensorFlow do, gives the same results
/// as the classifier inside it, which takes [1, 3, height, width].
#[test]
fn a_channels_last_classifier_is_fed_channels_last() {
    let description = describe("squeezenet1.1".as_ref()).unwrap();
    let mut model = onnx::load(&description.model).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let name = graph.input[0].name().to_owned();
    let size = description.size.width as usize;
    graph.input = vec![declared("image", &[1, size, size, 3])];
    let mut turn = nodes("t = Transpose(image) perm=[0,3,1,2]").remove(0);
    turn.output = vec![name];
    graph.node.insert(0, turn);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.onnx");
    onnx::save(model, &path).unwrap();
    let last = ModelDescription {
        model: path,
        ..description.clone()
    };
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let crop = image::imageops::crop_imm(&photo, 16, 16, size as u32, size as u32).to_image();
    let [first, last] = [description, last].map(|d| {
        let classifier = Classifier::load(d, ProbeOptions::default()).unwrap();
        let Response {
            scores, gradients, ..
        } = classifier
            .worker()
            .gradients(pixels(&crop).view(), &[967])
            .unwrap();
        (
            scores,
            gradients[0][0]
                .as_standard_layout()
                .into_owned()
                .into_raw_vec_and_offset()
                .0,
        )
    });
    let norm = first.1.iter().map(|g| g * g).sum::<f32>().sqrt();
    let off = first
        .1
        .iter()
        .zip(&last.1)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f32>()
        .sqrt();
    let worst = first
        .0
        .iter()
        .zip(&last.0)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(
        worst < 1e-3 && off < 1e-2 * norm,
        "scores differ by {worst}, gradients by {off} of {norm}"
    );
}
