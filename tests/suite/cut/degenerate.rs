//! Photos and maps without content, or with extreme numbers: each has the box that is defined for
//! it, or fails alone.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use localise::geometry::{BBox, Size};
use localise::pipeline::{BoxRule, Pipeline};
use localise::saliency::{Saliency, View};
use localise::segment::{self, Energy, Localisation, Subject};
use ndarray::Array2;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Chance;
use crate::support::job::table;
use crate::support::models::{CONVOLUTION, small_model};
use crate::support::program::{run_of, text};

/// Pictures with little or nothing in them.
fn little(kind: usize, Size { width, height }: Size, chance: &mut Chance) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb(match kind {
            0 => [0; 3],
            1 => [255; 3],
            2 if 2 * x < width => [40, 90, 200],
            2 => [41, 90, 200],
            3 => [(x % 256) as u8, (y % 256) as u8, 0],
            _ => [(); 3].map(|()| chance.below(256) as u8),
        })
    })
}

/// How many kinds of [`value`]s there are.
const KINDS: usize = 9;

/// A value of a map that says little or nothing, or says it in numbers at their ends. `n` counts
/// the map's pixels.
fn value(kind: usize, n: usize, chance: &mut Chance) -> f32 {
    match kind {
        0 => 0.0,
        1 => 3.0,
        2 => f32::from(u8::from(n == 0)),
        3 => chance.below(2) as f32,
        4 => chance.below(4) as f32,
        5 => chance.below(3) as f32 * f32::from_bits(1),
        6 => chance.below(3) as f32 * 1e38,
        7 => n as f32,
        _ => chance.below(1000) as f32,
    }
}

/// What a pipeline finds by a map; as a run does it.
fn localisation(
    pipeline: &Pipeline,
    frame: &RgbImage,
    photo: Size,
    saliency: &Saliency,
) -> Localisation {
    match pipeline.box_rule() {
        BoxRule::Cut(options, learnt) => {
            let mut energy = Energy::new(options);
            energy.set_photo(frame);
            let subject = Subject {
                frame,
                photo,
                evidence: None,
                rng_seed: 1,
            };
            segment::cut(&mut energy, &subject, saliency, learnt, &mut |_| ()).0
        }
        BoxRule::Threshold(options) => segment::threshold(saliency, photo, options).0,
        BoxRule::ConstantBox(options) => options.localisation(photo),
    }
}

/// Photos of a pixel and strips of pixels; frames of a pixel, and of fewer pixels than a colour
/// model has parts; maps that are constant, or nearly, or full of ties, or at the ends of the
/// numbers.
#[test]
fn photos_without_content_have_a_box_all_the_same() {
    let names = [
        "single-warp",
        "paper2013",
        "oxford2016",
        "fong-gradient",
        "fast",
        "best",
    ];
    let pipelines = names.map(|name| Pipeline::load(Path::new(name), &[]).unwrap());
    let photos = [
        [1, 1],
        [2, 1],
        [1, 2],
        [3, 3],
        [7, 5],
        [40, 30],
        [8, 1],
        [300, 1],
        [1, 300],
        [65_535, 1],
    ]
    .map(|[width, height]| Size::new(width, height));
    let mut chance = Chance::new(1);
    let (mut cases, mut flagged) = (0, 0);
    while cases < 200 {
        let mut one_of = |n: usize| chance.below(n as u64) as usize;
        let (which, photo, size) = (
            one_of(names.len()),
            photos[one_of(photos.len())],
            [1, 2, 3, 16][one_of(4)],
        );
        let (kind, content) = (one_of(KINDS), one_of(5));
        let pipeline = &pipelines[which];
        let picture = little(content, photo, &mut chance);
        let name = format!(
            "{} on a photo of {photo}, content {content}, network {size}, map {kind}",
            names[which]
        );
        let network = Size::square(size as u32);
        let view = View::new(&picture, &pipeline.view, network, size + size / 4);
        let view = view.unwrap_or_else(|error| panic!("{name}: {error}"));
        cases += 1;
        let mut map = Array2::zeros(view.size().shape());
        for ((x, y), n) in view.window.pixels().zip(0..) {
            map[[y as usize, x as usize]] = value(kind, n, &mut chance);
        }
        let saliency = Saliency {
            map,
            window: view.window,
        };
        let Localisation { bbox, flag } = localisation(pipeline, &view.frame, photo, &saliency);
        flagged += usize::from(flag.is_some());
        assert!(
            flag.is_some() || !saliency.is_constant(),
            "{name}: {bbox:?}"
        );
        let BBox {
            x_min,
            y_min,
            x_max,
            y_max,
        } = bbox;
        assert!(
            0.0 <= x_min && x_min < x_max && 0.0 <= y_min && y_min < y_max,
            "{name}: {bbox:?}"
        );
        let [width, height] = [photo.width, photo.height].map(f64::from);
        if pipeline
            .threshold
            .as_ref()
            .is_some_and(|threshold| threshold.fong_compat)
        {
            // The published code's boxes begin at 1, and its box for nothing has the sides swapped.
            assert!(
                x_max.max(y_max) <= width.max(height) + 1.0,
                "{name}: {bbox:?}"
            );
        } else {
            assert!(x_max <= width && y_max <= height, "{name}: {bbox:?}");
            assert!(
                flag.is_none() || bbox == BBox::new(0.0, 0.0, width, height),
                "{name}: {bbox:?}"
            );
        }
    }
    assert!(
        (40..160).contains(&flagged),
        "{flagged} of {cases} cases have a flag"
    );
}

/// The same from end to end: photos of a pixel, strips, photos of one colour.
#[test]
fn the_smallest_photos_have_rows() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let sizes = [
        [1, 1],
        [2, 1],
        [1, 2],
        [3, 3],
        [65_535, 1],
        [1, 65_535],
        [16, 16],
    ];
    let mut names = Vec::new();
    for colour in [0, 200] {
        for [width, height] in sizes {
            let name = format!("{width}x{height}-{colour}.png");
            RgbImage::from_pixel(width, height, Rgb([colour, colour / 2, colour]))
                .save(root.join(&name))
                .unwrap();
            names.push((name, [width, height]));
        }
    }
    let table = table(
        root,
        names.iter().map(|(name, size)| (name.as_str(), *size)),
    );
    for pipeline in ["single-warp", "fong-gradient", "paper2013"] {
        let out = root.join(pipeline);
        let options = ["--model", text(&model), "--pipeline", pipeline];
        run_of(0, text(&table), &out, &options);
        let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
        assert_eq!(rows.lines().count(), 1 + names.len());
        for row in rows.lines().skip(1) {
            let edges: Vec<f64> = row
                .split(',')
                .skip(5)
                .take(4)
                .map(|edge| edge.parse().unwrap())
                .collect();
            assert!(
                edges.iter().all(|edge| (0.0..=65_536.0).contains(edge)),
                "{row}"
            );
            assert!(edges[0] < edges[2] && edges[1] < edges[3], "{row}");
            // Black gives no gradient through the ReLU.
            assert!(
                row.contains(",constant_map,") || !row.contains("-0.png"),
                "{row}"
            );
            // Other colours are flagged if their photo was squeezed, unless they have another flag.
            let is_strip = row.contains("65535") && pipeline == "paper2013";
            assert!(!row.contains(",extreme_aspect,") || is_strip, "{row}");
            assert!(!is_strip || !row.contains(",,ok,"), "{row}");
        }
    }
}

/// Three models that fail only on a black photo: the logarithm of 0, the derivative of a square root
/// at 0, and a derivative that is finite until it is scaled to the photo's pixels.
#[test]
fn values_that_are_not_finite_are_failures_of_their_photo() {
    let models = [
        (
            "l = Log(m); f = Flatten(l); y = Gemm(f, w)",
            "w: 3x2",
            1.0,
            "non-finite scores",
        ),
        (
            "l = Sqrt(m); f = Flatten(l); y = Gemm(f, w)",
            "w: 3x2",
            1.0,
            "non-finite gradients",
        ),
        (
            "n = Add(m, tiny); p = Sqrt(n); q = Sqrt(p); r = Sqrt(q); f = Flatten(r); y = Gemm(f, w)",
            "w: 3x2; tiny = 2e-38",
            1e-13,
            "the saliency map has values that are not finite",
        ),
    ];
    for (graph, weights, std, expected) in models {
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        let model = small_model(
            root,
            &format!("m = GlobalAveragePool(x); {graph}"),
            weights,
            std,
        );
        for (name, colour) in [("black.png", 0), ("grey.png", 90), ("white.png", 255)] {
            RgbImage::from_pixel(16, 16, Rgb([colour; 3]))
                .save(root.join(name))
                .unwrap();
        }
        fs::copy("tests/golden/photos/plain.png", root.join("plain.png")).unwrap();
        let others = [
            ("grey.png", [16; 2]),
            ("white.png", [16; 2]),
            ("plain.png", [96, 72]),
        ];
        let run = |code: i32, name: &str, photos: &[(&str, [u32; 2])]| {
            let (table, out) = (table(root, photos.iter().copied()), root.join(name));
            let pipeline = ["--pipeline", "single-warp", "--write-maps"];
            let options = [&pipeline[..], &["--model", text(&model)]].concat();
            run_of(code, text(&table), &out, &options);
            for file in ["boxes.csv", "summary.json"] {
                let text = fs::read_to_string(out.join(file)).unwrap();
                assert!(
                    !text.contains("NaN") && !text.contains("inf,"),
                    "{file}: {text}"
                );
            }
            let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
            (rows.lines().map(str::to_owned).collect::<Vec<_>>(), out)
        };
        let (mut rows, out) = run(3, "all", &[&[("black.png", [16; 2])], &others[..]].concat());
        let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
        let failure: Value =
            serde_json::from_str(&failures).unwrap_or_else(|e| panic!("{e}: {failures}"));
        assert_eq!(
            (&failure["id"], &failure["kind"]),
            (&"black.png".into(), &"network".into()),
            "{failure}"
        );
        assert!(
            failure["reason"].as_str().unwrap().contains(expected),
            "{failure}"
        );
        assert!(!out.join("maps/black.png.npy").exists());
        assert!(rows.remove(1).starts_with("black.png,"));
        assert_eq!(rows, run(0, "others", &others).0, "{expected}");
    }
}
