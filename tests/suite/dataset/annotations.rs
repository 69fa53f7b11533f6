//! Annotations and the boxes in them that are wrong or made to break: each ends at once in an error
//! with its place, or is cut at the photo's edge.

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use localise::geometry::BBox;
use proptest::array::uniform4;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::models::{CONVOLUTION, described};
use crate::support::program::{ended, refused, run_of, scored, text};
use crate::support::{boxes, strace, write};

/// An annotation with objects of one class: its inclusive corners.
fn xml(class: &str, corners: &[[i64; 4]]) -> String {
    let object = |[x0, y0, x1, y1]: &[i64; 4]| {
        format!(
            "<object><name>{class}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>\
             </bndbox></object>\n"
        )
    };
    let objects: String = corners.iter().map(object).collect();
    format!(
        "<annotation>\n<size><width>500</width><height>375</height></size>\n{objects}</annotation>\n"
    )
}

/// Two photos of one class in ILSVRC's layout. In the first the object fills the photo; the second
/// has these boxes, inclusive and from 0 on.
fn ilsvrc(folder: &Path, corners: &[[i64; 4]]) {
    for (number, boxes) in [(1, &[[0, 0, 499, 374]][..]), (2, corners)] {
        let name = format!("ILSVRC2012_bbox_val_v3/val/ILSVRC2012_val_{number:08}.xml");
        write(folder, &name, xml("n01751748", boxes));
    }
    write(
        folder,
        "ILSVRC2012_validation_ground_truth.txt",
        "490\n490\n",
    );
    write(folder, "ILSVRC2014_clsloc_validation_blacklist.txt", "");
}

/// The area of a photo of those annotations.
const WHOLE: f64 = 500.0 * 375.0;

fn mean_iou(found: &Value) -> f64 {
    found["metrics"]["mean_iou"]["value"].as_f64().unwrap()
}

#[test]
fn invalid_boxes_are_refused_and_those_over_the_edge_are_clipped() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let whole = [1, 2].map(|number| format!("ILSVRC2012_val_{number:08},0,0,500,375\n"));
    let whole = write(
        root,
        "whole.csv",
        format!("image_id,x_min,y_min,x_max,y_max\n{}", whole.concat()),
    );
    let arguments = [
        text(&whole),
        "--dataset",
        "ilsvrc-val",
        "--data-dir",
        text(root),
    ];

    let invalid = [
        (
            [300, 10, 200, 50],
            "box (300, 10, 201, 51) is inverted (x_min >= x_max)",
        ),
        (
            [10, 50, 20, 10],
            "box (10, 50, 21, 11) is inverted (y_min >= y_max)",
        ),
        (
            [10, 10, 9, 50],
            "box (10, 10, 10, 51) is inverted (x_min >= x_max)",
        ),
        (
            [600, 10, 700, 50],
            "box (600, 10, 701, 51) is outside the photo of 500 x 375",
        ),
        (
            [500, 10, 700, 50],
            "box (500, 10, 701, 51) is outside the photo of 500 x 375",
        ),
        (
            [-50, -50, -10, -10],
            "box (-50, -50, -9, -9) is outside the photo of 500 x 375",
        ),
    ];
    for (corners, expected) in invalid {
        ilsvrc(root, &[[100, 100, 200, 200], corners]);
        let error = refused(&[&["score"], &arguments[..]].concat());
        // Line 4, the second object's.
        let place = error.contains("ILSVRC2012_val_00000002.xml:4:");
        assert!(
            place && error.contains(expected) && error.contains("--lenient-boxes"),
            "{expected}: {error}"
        );
        let found = scored(&[&arguments[..], &["--lenient-boxes"]].concat());
        let note = found["notes"][0].as_str().unwrap();
        assert!(
            note.starts_with("1 boxes were left out"),
            "{expected}: {note}"
        );
        // The first object is left.
        assert!(
            (mean_iou(&found) - f64::midpoint(1.0, 101.0 * 101.0 / WHOLE)).abs() < 1e-9,
            "{expected}: {found}"
        );
    }
    ilsvrc(root, &[]);
    let error = refused(&[&["score"], &arguments[..]].concat());
    assert!(
        error.contains("ILSVRC2012_val_00000002.xml: no <object>"),
        "{error}"
    );

    let many: Vec<[i64; 4]> = (0..200).map(|i| [i, i, 499 - i, 374 - i / 2]).collect();
    let readable: [(&[[i64; 4]], f64, bool); 5] = [
        (&many, 1.0, false),
        (&[[400, 300, 600, 500]], 100.0 * 75.0 / WHOLE, true),
        (&[[-20, -20, 100, 100]], 101.0 * 101.0 / WHOLE, true),
        (&[[-1000, -1000, 9999, 9999]], 1.0, true),
        (&[[499, 374, 499, 374]], 1.0 / WHOLE, false),
    ];
    for (corners, iou, cut) in readable {
        ilsvrc(root, corners);
        let found = scored(&arguments);
        let note = found["notes"][0].as_str().unwrap_or_default();
        assert_eq!(
            note.contains("1 boxes were cut off at their photo's edge"),
            cut,
            "{note}"
        );
        assert!(
            (mean_iou(&found) - f64::midpoint(1.0, iou)).abs() < 1e-9,
            "{iou}: {found}"
        );
    }
}

/// Pascal VOC's layout with these annotations of `000001`, `000002`, and so on.
fn voc(folder: &Path, annotations: &[&[u8]]) {
    let mut names = String::new();
    for (annotation, number) in annotations.iter().zip(1..) {
        write(folder, &format!("Annotations/{number:06}.xml"), annotation);
        names += &format!("{number:06}\n");
    }
    write(folder, "ImageSets/Main/test.txt", names);
    fs::create_dir_all(folder.join("JPEGImages")).unwrap();
}

/// Boxes in the pixels of a photo of another size would be scored wrongly without a word.
#[test]
fn a_photo_unlike_its_annotation_is_a_row() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = described(root, "voc", CONVOLUTION[0], "k: 4x3x3x3; w: 4x20", 1.0);
    let data = root.join("data");
    let right = xml("dog", &[[1, 1, 48, 36]])
        .replace("500", "96")
        .replace("375", "72");
    voc(
        &data,
        &[xml("dog", &[[1, 1, 250, 180]]).as_bytes(), right.as_bytes()],
    );
    for name in ["000001", "000002"] {
        fs::copy(
            "tests/golden/photos/plain.jpg",
            data.join(format!("JPEGImages/{name}.jpg")),
        )
        .unwrap();
    }
    let out = root.join("out");
    let options = ["--model", text(&model), "--pipeline", "single-warp"];
    let (said, _) = run_of(3, text(&data), &out, &options);
    assert!(said.contains("1 of 2 scored, 1 failed"), "{said}");
    let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
    assert!(
        failures.contains("the photo is 96 x 72, its annotation says 500 x 375"),
        "{failures}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    /// For any two boxes: inverted, infinite, or so large that their area overflows.
    #[test]
    fn an_iou_is_between_0_and_1(a in uniform4(edge()), b in uniform4(edge())) {
        let [a, b] = [a, b].map(|[x0, y0, x1, y1]| BBox::new(x0, y0, x1, y1));
        let iou = a.iou(&b);
        prop_assert!((0.0..=1.0).contains(&iou), "{a:?} {b:?}: {iou}");
        prop_assert_eq!(iou, b.iou(&a));
    }
}

/// An edge of a box: in a photo or near it, at an integer or between two; rarely any number at all.
fn edge() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -20.0..520.0f64,
        4 => (-3..12i32).prop_map(f64::from),
        1 => POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO,
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e200), Just(-1e200)],
    ]
}

/// The files that the program opens. It ends with exit code 2.
fn opened(folder: &Path, arguments: &[&str]) -> String {
    let log = folder.join("strace.log");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-e", "trace=open,openat", "-o"])
        .arg(&log)
        .arg(cargo_bin("localise"))
        .args(arguments);
    ended(2, &mut strace);
    fs::read_to_string(log).unwrap()
}

#[test]
fn hostile_annotations_end_in_an_error_with_its_place() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let secret = write(root, "elsewhere/secret.txt", "this must not be read");
    let secret = text(&secret);
    let laughs: String = (1..10)
        .map(|i| format!("<!ENTITY l{i} \"{}\">", format!("&l{};", i - 1).repeat(10)))
        .collect();
    let laughs =
        format!("<!DOCTYPE a [<!ENTITY l0 \"ha\">{laughs}]>\n<annotation>&l9;</annotation>");
    let external = format!(
        "<!DOCTYPE a [<!ENTITY e SYSTEM \"file://{secret}\">]>\n<annotation>&e;</annotation>"
    );
    let parameter =
        format!("<!DOCTYPE a [<!ENTITY % e SYSTEM \"file://{secret}\"> %e;]>\n<annotation/>");
    let good = xml("dog", &[[1, 1, 9, 9]]);
    let unknown = good.replace("dog", "&dog;");
    let nested = "<a>".repeat(10_000) + &"</a>".repeat(10_000);
    let long = [
        &b"<annotation><folder>"[..],
        &vec![b'a'; 100 << 20][..],
        b"</folder></annotation>",
    ]
    .concat();
    let latin = [&b"<!-- caf\xe9 -->"[..], good.as_bytes()].concat();
    let cases: [(&str, &[u8], &[&str]); 10] = [
        ("billion laughs", laughs.as_bytes(), &[".xml:1:14: ", "DTD"]),
        (
            "external entity",
            external.as_bytes(),
            &[".xml:1:14: ", "DTD"],
        ),
        (
            "parameter entity",
            parameter.as_bytes(),
            &[".xml:1:14: ", "DTD"],
        ),
        ("unknown entity", unknown.as_bytes(), &[".xml:3:", "dog"]),
        (
            "nested",
            nested.as_bytes(),
            &[".xml:1:1: ", "expected <annotation>, found <a>"],
        ),
        (
            "nested without end",
            &nested.as_bytes()[..30_000],
            &[".xml:1:1: "],
        ),
        ("truncated", &good.as_bytes()[..good.len() / 2], &[".xml:"]),
        ("empty", b"", &[".xml:"]),
        ("Latin-1", &latin, &["byte 8 is not UTF-8"]),
        ("100 MB", &long, &["larger than"]),
    ];
    let boxes = boxes(root);
    let data = root.join("data");
    let arguments = ["score", text(&boxes), "--dataset", text(&data)];
    for (name, annotation, expected) in cases {
        voc(&data, &[annotation]);
        let error = refused(&arguments);
        let named = error.contains("000001.xml");
        assert!(
            named && expected.iter().all(|part| error.contains(part)),
            "{name}: {expected:?} is not in {error}"
        );
        if ["external entity", "parameter entity"].contains(&name) && strace() {
            let files = opened(root, &arguments);
            assert!(
                files.contains("000001.xml") && !files.contains("secret.txt"),
                "{name}: {files}"
            );
        }
    }
    // A document type that is elsewhere is not needed to read the annotation.
    let subset = format!("<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"{secret}\">\n{good}");
    voc(&data, &[subset.as_bytes()]);
    if strace() {
        let files = opened(root, &arguments);
        assert!(
            files.contains("000001.xml") && !files.contains("secret.txt"),
            "{files}"
        );
    }
}
