//! Tables, lists, annotations and descriptions that are wrong or made to break, and photos and maps that say nothing.
//! Each ends at once in an error with its place, or in the box that is defined for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use image::{Rgb, RgbImage};
use localise::config::{Method, Pipeline};
use localise::geometry::BBox;
use localise::saliency::{Saliency, View};
use localise::segment::{self, Energy, Located};
use ndarray::Array2;
use proptest::array::uniform4;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;
use tempfile::TempDir;

use crate::faults::{self, Chance, within};
use crate::photos::{CONVOLUTION, described, small_model, table, watched};
use crate::program::expect;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// What is said of input that cannot be: at once, and in little memory, whatever it is.
fn refused(arguments: &[&str]) -> String {
    let done = watched(arguments);
    assert_eq!(done.code, Some(2), "{arguments:?}: {done:?}");
    assert!(done.took < within(1.0), "{arguments:?}: {done:?}");
    assert!(done.held < 64, "{arguments:?}: {done:?}");
    done.err
}

fn scored(arguments: &[&str]) -> Value {
    serde_json::from_str(&expect(0, &[&["score", "--json"], arguments].concat()).0).unwrap()
}

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";
const ROW: &str = "a,a.jpg,10,8,n01440764,0,0,0,5,5";

/// Boxes for the photo `a`.
fn boxes(folder: &Path) -> PathBuf {
    write(folder, "good.csv", "image_id,x_min,y_min,x_max,y_max\na,0,0,5,5\n")
}

/// A byte-order mark, carriage returns, quotes, a column that nobody knows.
#[test]
fn odd_tables_are_read() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    let odd =
        format!("\u{feff}{HEADER},\"what, else\"\r\n\"a\",\"a, b.jpg\",10,8,\"n01440764\",0,0,0,5,5,\"\"\"x\"\"\"\r\n");
    let odd = write(folder.path(), "odd.csv", odd);
    let found = scored(&[text(&boxes), "--dataset", text(&odd)]);
    assert_eq!((&found["images"], &found["metrics"]["mean_iou"]["value"]), (&1.into(), &1.0.into()));
}

#[test]
fn faults_of_a_table_have_their_lines() {
    let rows = |rows: &str| format!("{HEADER}\n{rows}\n");
    let cases: [(Vec<u8>, &[&str]); 19] = [
        (rows("a,a.jpg,10,8,n01440764,0,0,0,5").into(), &["line: 2", "9 fields"]),
        (rows(&format!("{ROW},9")).into(), &["line: 2", "11 fields"]),
        (rows(ROW).replace("y_max", "bottom").into(), &["columns y_max are missing"]),
        (rows(&ROW.replace(',', ";")).into(), &["line: 2", "1 fields"]),
        (rows(&[ROW, &ROW.replace("a.jpg", "b.jpg")].join("\n")).into(), &["csv:3: duplicate id a", "csv:2)"]),
        (rows(&ROW.replace("n01440764", "n99999999")).into(), &["csv:2: class 0 is n01440764, not n99999999"]),
        (rows("a,a.jpg,10,8,,1000,0,0,5,5").into(), &["csv:2: class_index 1000 is not in -1..1000"]),
        (Vec::new(), &["columns image_id, file"]),
        (rows("").into(), &["it has no photos"]),
        ([HEADER.as_bytes(), b"\n\xff", ROW.as_bytes()].concat(), &["line 2", "utf-8"]),
        (HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect(), &["columns image_id, file"]),
        (rows("a,a.jpg,10,8,n01440764,0,NaN,0,5,5").into(), &["csv:2: box (NaN, 0, 5, 5) is not of numbers"]),
        (rows("a,a.jpg,10,8,n01440764,0,0,0,5,1e400").into(), &["csv:2: box (0, 0, 5, inf) is not of numbers"]),
        (rows("a,a.jpg,10,8,n01440764,0,0,0,,5").into(), &["csv:2: box (0, 0, NaN, 5) is not of numbers"]),
        (rows("a,a.jpg,99999999999,8,n01440764,0,0,0,5,5").into(), &["line: 2", "too large"]),
        (rows("a,a.jpg,65536,8,n01440764,0,0,0,5,5").into(), &["65536 x 8; sides are 1 to 65535"]),
        (rows(&format!("\"{ROW}\n{ROW}")).into(), &["line: 2"]),
        (format!("{HEADER},weight\n{ROW},NaN\n").into(), &["csv:2: weight NaN is not in"]),
        (format!("{HEADER},blacklisted\n{ROW},maybe\n").into(), &["line: 2"]),
    ];
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    for (content, expected) in cases {
        let shown = String::from_utf8_lossy(&content).into_owned();
        let table = write(folder.path(), "table.csv", content);
        let error = refused(&["score", text(&boxes), "--dataset", text(&table)]);
        let said = error.contains("table") && expected.iter().all(|part| error.contains(part));
        assert!(said, "{shown}\n{expected:?} is not in {error}");
    }
}

/// Twenty faults are listed, the others counted.
#[test]
fn a_table_of_faults_is_not_shown_whole() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    let rows: String = (0..1000).map(|i| format!("p{i},a.jpg,10,8,,5000,0,0,5,5\n")).collect();
    let table = write(folder.path(), "table.csv", format!("{HEADER}\n{rows}"));
    let error = refused(&["score", text(&boxes), "--dataset", text(&table)]);
    assert_eq!(error.matches("class_index 5000").count(), 20, "{error}");
    assert!(error.contains("table.csv:21: class_index") && error.contains("... and 980 more"), "{error}");
}

/// A line of a gigabyte: in the truth, in boxes, in weights, in a list of photos.
#[test]
fn a_line_without_end_is_refused_before_it_is_read() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let endless = |name: &str, content: &str| {
        let path = write(root, name, content);
        File::options().append(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        path
    };
    let (good, table) = (boxes(root), write(root, "table.csv", format!("{HEADER}\n{ROW}\n")));
    let truth = endless("truth.csv", &format!("{HEADER}\n{ROW}\n"));
    let long = endless("long.csv", "image_id,x_min,y_min,x_max,y_max\na,0,0,5,5\n");
    let weights = endless("weights.csv", "image_id,weight\na,1\n");
    let images = endless("images.txt", "a\na\n");
    let [good, table, truth, long, weights, images] =
        [&good, &table, &truth, &long, &weights, &images].map(|path| text(path));
    let cases: [(&[&str], &str); 4] = [
        (&["score", good, "--dataset", truth], "truth.csv:3: "),
        (&["score", long, "--dataset", table], "long.csv:3: "),
        (&["score", good, "--dataset", table, "--weights", weights], "weights.csv:3: "),
        (&["score", good, "--dataset", table, "--images", images], "images.txt:3: "),
    ];
    for (arguments, place) in cases {
        let error = refused(arguments);
        assert!(error.contains(place) && error.contains("the line is longer than"), "{place}: {error}");
    }
}

/// An annotation with objects of one class: its inclusive corners.
fn xml(class: &str, corners: &[[i64; 4]]) -> String {
    let object = |[x0, y0, x1, y1]: &[i64; 4]| {
        format!(
            "<object><name>{class}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>\
             </bndbox></object>\n"
        )
    };
    let objects: String = corners.iter().map(object).collect();
    format!("<annotation>\n<size><width>500</width><height>375</height></size>\n{objects}</annotation>\n")
}

/// Two photos of one class in ILSVRC's layout. In the first the object fills the photo; the second has these boxes,
/// inclusive and from 0 on.
fn ilsvrc(folder: &Path, corners: &[[i64; 4]]) {
    for (number, corners) in [(1, &[[0, 0, 499, 374]][..]), (2, corners)] {
        let name = format!("ILSVRC2012_bbox_val_v3/val/ILSVRC2012_val_{number:08}.xml");
        write(folder, &name, xml("n01751748", corners));
    }
    write(folder, "ILSVRC2012_validation_ground_truth.txt", "490\n490\n");
    write(folder, "ILSVRC2014_clsloc_validation_blacklist.txt", "");
}

/// The area of a photo of those annotations.
const WHOLE: f64 = 500.0 * 375.0;

fn mean_iou(found: &Value) -> f64 {
    found["metrics"]["mean_iou"]["value"].as_f64().unwrap()
}

#[test]
fn boxes_that_cannot_be_are_refused_and_those_over_the_edge_are_cut() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let whole = [1, 2].map(|number| format!("ILSVRC2012_val_{number:08},0,0,500,375\n"));
    let whole = write(root, "whole.csv", format!("image_id,x_min,y_min,x_max,y_max\n{}", whole.concat()));
    let arguments = [text(&whole), "--dataset", "ilsvrc-val", "--data-dir", text(root)];

    let cases = [
        ([300, 10, 200, 50], "box (300, 10, 201, 51) is inside out"),
        ([10, 50, 20, 10], "box (10, 50, 21, 11) is inside out"),
        ([10, 10, 9, 50], "box (10, 10, 10, 51) is inside out"),
        ([600, 10, 700, 50], "box (600, 10, 701, 51) lies outside the photo of 500 x 375"),
        ([500, 10, 700, 50], "box (500, 10, 701, 51) lies outside the photo of 500 x 375"),
        ([-50, -50, -10, -10], "box (-50, -50, -9, -9) lies outside the photo of 500 x 375"),
    ];
    for (corners, expected) in cases {
        ilsvrc(root, &[[100, 100, 200, 200], corners]);
        let error = refused(&[&["score"], &arguments[..]].concat());
        // Line 4, the second object's.
        let place = error.contains("ILSVRC2012_val_00000002.xml:4:");
        assert!(place && error.contains(expected) && error.contains("--lenient-boxes"), "{expected}: {error}");
        let found = scored(&[&arguments[..], &["--lenient-boxes"]].concat());
        let note = found["notes"][0].as_str().unwrap();
        assert!(note.starts_with("1 boxes were left out"), "{expected}: {note}");
        // The first object is left.
        assert!((mean_iou(&found) - f64::midpoint(1.0, 101.0 * 101.0 / WHOLE)).abs() < 1e-9, "{expected}: {found}");
    }
    ilsvrc(root, &[]);
    let error = refused(&[&["score"], &arguments[..]].concat());
    assert!(error.contains("ILSVRC2012_val_00000002.xml: no <object>"), "{error}");

    let many: Vec<[i64; 4]> = (0..200).map(|i| [i, i, 499 - i, 374 - i / 2]).collect();
    let cases: [(&[[i64; 4]], f64, bool); 5] = [
        (&many, 1.0, false),
        (&[[400, 300, 600, 500]], 100.0 * 75.0 / WHOLE, true),
        (&[[-20, -20, 100, 100]], 101.0 * 101.0 / WHOLE, true),
        (&[[-1000, -1000, 9999, 9999]], 1.0, true),
        (&[[499, 374, 499, 374]], 1.0 / WHOLE, false),
    ];
    for (corners, iou, cut) in cases {
        ilsvrc(root, corners);
        let found = scored(&arguments);
        let note = found["notes"][0].as_str().unwrap_or_default();
        assert_eq!(note.contains("1 boxes were cut off at their photo's edge"), cut, "{note}");
        assert!((mean_iou(&found) - f64::midpoint(1.0, iou)).abs() < 1e-9, "{iou}: {found}");
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
    let right = xml("dog", &[[1, 1, 48, 36]]).replace("500", "96").replace("375", "72");
    voc(&data, &[xml("dog", &[[1, 1, 250, 180]]).as_bytes(), right.as_bytes()]);
    for name in ["000001", "000002"] {
        fs::copy("tests/golden/photos/plain.jpg", data.join(format!("JPEGImages/{name}.jpg"))).unwrap();
    }
    let out = root.join("out");
    let run = ["run", "--quiet", "--dataset", text(&data), "--model", text(&model), "--pipeline", "single-warp"];
    let (said, _) = expect(3, &[&run[..], &["--out", text(&out)]].concat());
    assert!(said.contains("1 of 2 scored, 1 failed"), "{said}");
    let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
    assert!(failures.contains("the photo is 96 x 72, its annotation says 500 x 375"), "{failures}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    /// Of any two boxes: inside out, without end, larger than numbers go.
    #[test]
    fn an_iou_lies_between_0_and_1(a in uniform4(edge()), b in uniform4(edge())) {
        let [a, b] = [a, b].map(|[x0, y0, x1, y1]| BBox::new(x0, y0, x1, y1));
        let iou = a.iou(&b);
        prop_assert!((0.0..=1.0).contains(&iou), "{a:?} {b:?}: {iou}");
        prop_assert_eq!(iou, b.iou(&a));
    }
}

/// An edge of a box: in a photo or near it, on whole pixels or between; seldom any number at all.
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
    strace.args(["-f", "-qq", "-e", "trace=open,openat", "-o"]).arg(&log).arg(cargo_bin("localise")).args(arguments);
    faults::expect(2, &mut strace);
    fs::read_to_string(log).unwrap()
}

#[test]
fn hostile_annotations_end_in_an_error_with_its_place() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let secret = write(root, "elsewhere/secret.txt", "nobody reads this");
    let secret = text(&secret);
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY l{i} \"{}\">", format!("&l{};", i - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE a [<!ENTITY l0 \"ha\">{laughs}]>\n<annotation>&l9;</annotation>");
    let external = format!("<!DOCTYPE a [<!ENTITY e SYSTEM \"file://{secret}\">]>\n<annotation>&e;</annotation>");
    let parameter = format!("<!DOCTYPE a [<!ENTITY % e SYSTEM \"file://{secret}\"> %e;]>\n<annotation/>");
    let subset = format!("<?xml version=\"1.0\"?>\n<!DOCTYPE a SYSTEM \"{secret}\">\n<annotation/>");
    let good = xml("dog", &[[1, 1, 9, 9]]);
    let unknown = good.replace("dog", "&dog;");
    let nested = "<a>".repeat(10_000) + &"</a>".repeat(10_000);
    let long = [&b"<annotation><folder>"[..], &vec![b'a'; 100 << 20][..], b"</folder></annotation>"].concat();
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = [&b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!-- caf\xe9 -->"[..], good.as_bytes()].concat();
    let cases: [(&str, &[u8], &[&str]); 12] = [
        ("billion laughs", laughs.as_bytes(), &[".xml:1:1: ", "DTD"]),
        ("external entity", external.as_bytes(), &[".xml:1:1: ", "DTD"]),
        ("parameter entity", parameter.as_bytes(), &[".xml:1:1: ", "DTD"]),
        ("external subset", subset.as_bytes(), &[".xml:", "DTD"]),
        ("unknown entity", unknown.as_bytes(), &[".xml:3:", "dog"]),
        ("nested", nested.as_bytes(), &[".xml:1:1: ", "<size> is missing"]),
        ("nested without end", &nested.as_bytes()[..30_000], &[".xml:1:1: "]),
        ("truncated", &good.as_bytes()[..good.len() / 2], &[".xml:"]),
        ("empty", b"", &[".xml:"]),
        ("UTF-16", &wide, &[".xml:1:2: "]),
        ("Latin-1", &latin, &["UTF-8"]),
        ("100 MB", &long, &["larger than"]),
    ];
    let boxes = boxes(root);
    let data = root.join("data");
    let arguments = ["score", text(&boxes), "--dataset", text(&data)];
    for (name, annotation, expected) in cases {
        voc(&data, &[annotation]);
        let error = refused(&arguments);
        let named = error.contains("000001.xml");
        assert!(named && expected.iter().all(|part| error.contains(part)), "{name}: {expected:?} is not in {error}");
        if ["external entity", "parameter entity", "external subset"].contains(&name) && faults::strace() {
            let files = opened(root, &arguments);
            assert!(files.contains("000001.xml") && !files.contains("secret.txt"), "{name}: {files}");
        }
    }
}

/// Pipelines, descriptions of datasets and of models: each fault with file, line and column.
#[test]
fn faults_of_a_description_have_their_lines() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let boxes = boxes(root);
    let model = fs::read_to_string(small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0)).unwrap();
    let pipeline = fs::read_to_string("pipelines/single-warp.toml").unwrap();
    let dataset = "title = \"own\"\nkind = \"csv\"\nfolder = \".\"\nboxes = [\"table.csv\"]\n".to_owned();
    let [at_pipeline, at_dataset, at_model] = ["pipeline.toml", "dataset.toml", "model.toml"].map(|n| root.join(n));
    let out = root.join("out");
    let run = ["run", "--dataset", "sample", "--out", text(&out)];
    let with_pipeline = [&run[..], &["--pipeline", text(&at_pipeline)]].concat();
    let with_dataset = ["score", text(&boxes), "--dataset", text(&at_dataset)];
    let with_model = [&run[..], &["--model", text(&at_model)]].concat();
    let huge = "99999999999999999999";
    let cases = [
        (&pipeline, "gamma = 50.0", "gama = 50.0".to_owned(), "did you mean gamma?"),
        (&pipeline, "gamma = 50.0", "gamma = \"high\"".to_owned(), "invalid type: string \"high\""),
        (&pipeline, "components = 5", format!("components = {huge}"), huge),
        (&pipeline, "gamma = 50.0", "gamma = 50.0\ngamma = 60.0".to_owned(), "duplicate key"),
        (&dataset, "boxes =", "boxs =".to_owned(), "did you mean boxes?"),
        (&dataset, "[\"table.csv\"]", "7".to_owned(), "invalid type: integer `7`"),
        (&dataset, "\"own\"", huge.to_owned(), huge),
        (&dataset, "kind = \"csv\"", "kind = \"csv\"\nkind = \"csv\"".to_owned(), "duplicate key"),
        (&dataset, "kind = \"csv\"", "kind = \"cvs\"".to_owned(), "unknown variant `cvs`"),
        (&model, "canvas = 16", "canvass = 16".to_owned(), "did you mean canvas?"),
        (&model, "size = 16", "size = \"16\"".to_owned(), "invalid type: string \"16\""),
        (&model, "size = 16", format!("size = {huge}"), huge),
        (&model, "size = 16", "size = -1".to_owned(), "integer `-1`"),
        (&model, "size = 16", "size = 16\nsize = 16".to_owned(), "duplicate key"),
    ];
    for (base, from, to, expected) in cases {
        assert!(base.contains(from), "{from}");
        let changed = base.replacen(from, &to, 1);
        let (path, arguments) = if base == &pipeline {
            (&at_pipeline, &with_pipeline[..])
        } else if base == &dataset {
            (&at_dataset, &with_dataset[..])
        } else {
            (&at_model, &with_model[..])
        };
        fs::write(path, &changed).unwrap();
        // Of two lines the second is at fault.
        let at = changed.find(&to).unwrap() + to.rfind('\n').map_or(0, |end| end + 1);
        let line = changed[..at].matches('\n').count() + 1;
        let error = refused(arguments);
        let place = format!("{}: TOML parse error at line {line}, column ", path.display());
        assert!(error.contains(&place) && error.contains(expected), "{to}: {error}");
    }
    assert!(!out.exists());
}

/// Numbers that are well written and make no sense: a picture of these sides would fill the memory.
#[test]
fn numbers_out_of_range_stop_before_work() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let description = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let good = fs::read_to_string(&description).unwrap();
    let out = root.join("out");
    for (from, to) in [
        ("size = 16\ncanvas = 16", "size = 4294967297\ncanvas = 4294967297"),
        ("size = 16\ncanvas = 16", "size = 9223372036854775807\ncanvas = 9223372036854775807"),
        ("canvas = 16", "canvas = 60000"),
    ] {
        fs::write(&description, good.replace(from, to)).unwrap();
        let error = refused(&["run", "--dataset", "sample", "--model", text(&description), "--out", text(&out)]);
        assert!(error.contains("small.toml") && error.contains("4096"), "{to}: {error}");
    }
    for (setting, expected) in [
        ("cut.gamma=nan", "gamma NaN"),
        ("cut.gamma=inf", "gamma inf"),
        ("cut.level=0", "level 0"),
        ("colours.components=0", "components 0"),
        ("seeds.foreground=nan", "foreground NaN"),
        ("view.frame=5000", "view.frame"),
    ] {
        let run = ["run", "--dataset", "sample", "--pipeline", "single-warp", "--out", text(&out), "--set", setting];
        let error = refused(&run);
        assert!(error.contains(expected), "{setting}: {error}");
    }
    assert!(!out.exists());
}

/// Pictures with little or nothing in them.
fn little(kind: usize, [width, height]: [u32; 2], chance: &mut Chance) -> RgbImage {
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

/// A value of a map that says little or nothing, or says it in numbers at their ends. `n` counts the map's pixels.
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
fn located(pipeline: &Pipeline, frame: &RgbImage, photo: [u32; 2], saliency: &Saliency) -> Located {
    match pipeline.method() {
        Method::Cut(options, learnt) => {
            let mut energy = Energy::new(options);
            energy.set_photo(frame);
            segment::cut(&mut energy, frame, photo, saliency, learnt, 1, &mut |_| ()).0
        }
        Method::Threshold(options) => segment::threshold(saliency, photo, options).0,
        Method::ConstantBox(options) => options.located(photo),
    }
}

/// Photos of a pixel and strips of pixels; frames of a pixel, and of fewer pixels than a colour model has parts; maps
/// that are constant, or nearly, or full of ties, or at the ends of the numbers.
#[test]
fn where_nothing_is_to_be_seen_there_is_a_box_all_the_same() {
    let names = ["single-warp", "paper2013", "oxford2016", "fong-gradient", "fast", "best"];
    let pipelines = names.map(|name| Pipeline::load(Path::new(name), &[]).unwrap());
    let photos = [[1, 1], [2, 1], [1, 2], [3, 3], [7, 5], [40, 30], [8, 1], [300, 1], [1, 300], [65_535, 1]];
    let mut chance = Chance::new(1);
    let (mut cases, mut flagged) = (0, 0);
    while cases < 200 {
        let mut one_of = |n: usize| chance.below(n as u64) as usize;
        let (which, photo, size) = (one_of(names.len()), photos[one_of(photos.len())], [1, 2, 3, 16][one_of(4)]);
        let (kind, content) = (one_of(KINDS), one_of(5));
        let pipeline = &pipelines[which];
        let picture = little(content, photo, &mut chance);
        let name = format!("{} on a photo of {photo:?}, content {content}, network {size}, map {kind}", names[which]);
        let view = match View::of(&picture, &pipeline.view, size, size + size / 4) {
            Ok(view) => view,
            Err(error) => {
                assert!(error.contains("times as long as wide"), "{name}: {error}");
                continue;
            }
        };
        cases += 1;
        let [width, height] = view.size().map(|n| n as usize);
        let mut map = Array2::zeros((height, width));
        for ((x, y), n) in view.window.pixels().zip(0..) {
            map[[y as usize, x as usize]] = value(kind, n, &mut chance);
        }
        let saliency = Saliency { map, window: view.window };
        let Located { bbox, flag } = located(pipeline, &view.frame, photo, &saliency);
        flagged += usize::from(flag.is_some());
        assert!(flag.is_some() || !saliency.is_constant(), "{name}: {bbox:?}");
        let BBox { x_min, y_min, x_max, y_max } = bbox;
        assert!(0.0 <= x_min && x_min < x_max && 0.0 <= y_min && y_min < y_max, "{name}: {bbox:?}");
        let [width, height] = photo.map(f64::from);
        if pipeline.threshold.as_ref().is_some_and(|threshold| threshold.fong_compat) {
            // The published code's boxes begin at 1, and its box for nothing has the sides swapped.
            assert!(x_max.max(y_max) <= width.max(height) + 1.0, "{name}: {bbox:?}");
        } else {
            assert!(x_max <= width && y_max <= height, "{name}: {bbox:?}");
            assert!(flag.is_none() || bbox == BBox::new(0.0, 0.0, width, height), "{name}: {bbox:?}");
        }
    }
    assert!((40..160).contains(&flagged), "{flagged} of {cases} cases have a flag");
}

/// The same from end to end: photos of a pixel, strips, photos of one colour.
#[test]
fn the_smallest_photos_have_rows() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let sizes = [[1, 1], [2, 1], [1, 2], [3, 3], [65_535, 1], [1, 65_535], [16, 16]];
    let mut names = Vec::new();
    for colour in [0, 200] {
        for [width, height] in sizes {
            let name = format!("{width}x{height}-{colour}.png");
            RgbImage::from_pixel(width, height, Rgb([colour, colour / 2, colour])).save(root.join(&name)).unwrap();
            names.push((name, [width, height]));
        }
    }
    let table = table(root, names.iter().map(|(name, size)| (name.as_str(), *size)));
    for pipeline in ["single-warp", "fong-gradient"] {
        let out = root.join(pipeline);
        let run = ["run", "--quiet", "--dataset", text(&table), "--model", text(&model), "--pipeline", pipeline];
        expect(0, &[&run[..], &["--out", text(&out)]].concat());
        let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
        assert_eq!(rows.lines().count(), 1 + names.len());
        for row in rows.lines().skip(1) {
            let edges: Vec<f64> = row.split(',').skip(5).take(4).map(|edge| edge.parse().unwrap()).collect();
            assert!(edges.iter().all(|edge| (0.0..=65_536.0).contains(edge)), "{row}");
            assert!(edges[0] < edges[2] && edges[1] < edges[3], "{row}");
            // Black gives no gradient through the ReLU.
            assert!(row.contains(",constant_map,") || row.contains(",empty_mask,") || !row.contains("-0.png"), "{row}");
        }
    }
}

/// Three models that fail on a black photo alone: the logarithm of nothing, the slope of a root at nothing, and a slope
/// that is a number until it is brought to the photo's pixels.
#[test]
fn numbers_that_are_none_are_failures_of_their_photo() {
    let models = [
        ("l = Log(m); f = Flatten(l); y = Gemm(f, w)", "w: 3x2", 1.0, "non-finite scores"),
        ("l = Sqrt(m); f = Flatten(l); y = Gemm(f, w)", "w: 3x2", 1.0, "non-finite gradients"),
        (
            "n = Add(m, tiny); p = Sqrt(n); q = Sqrt(p); r = Sqrt(q); f = Flatten(r); y = Gemm(f, w)",
            "w: 3x2; tiny = 2e-38",
            1e-13,
            "non-finite",
        ),
    ];
    for (graph, weights, std, expected) in models {
        let folder = TempDir::new().unwrap();
        let root = folder.path();
        let model = small_model(root, &format!("m = GlobalAveragePool(x); {graph}"), weights, std);
        for (name, colour) in [("black.png", 0), ("grey.png", 90), ("white.png", 255)] {
            RgbImage::from_pixel(16, 16, Rgb([colour; 3])).save(root.join(name)).unwrap();
        }
        fs::copy("tests/golden/photos/plain.png", root.join("plain.png")).unwrap();
        let others = [("grey.png", [16; 2]), ("white.png", [16; 2]), ("plain.png", [96, 72])];
        let run = |code: i32, name: &str, photos: &[(&str, [u32; 2])]| {
            let (table, out) = (table(root, photos.iter().copied()), root.join(name));
            let run = ["run", "--quiet", "--dataset", text(&table), "--model", text(&model), "--write-maps"];
            expect(code, &[&run[..], &["--pipeline", "single-warp", "--out", text(&out)]].concat());
            for file in ["boxes.csv", "summary.json"] {
                let text = fs::read_to_string(out.join(file)).unwrap();
                assert!(!text.contains("NaN") && !text.contains("inf,"), "{file}: {text}");
            }
            let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
            (rows.lines().map(str::to_owned).collect::<Vec<_>>(), out)
        };
        let (mut rows, out) = run(3, "all", &[&[("black.png", [16; 2])], &others[..]].concat());
        let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
        let failure: Value = serde_json::from_str(&failures).unwrap_or_else(|e| panic!("{e}: {failures}"));
        assert_eq!((&failure["id"], &failure["kind"]), (&"black.png".into(), &"network".into()), "{failure}");
        assert!(failure["reason"].as_str().unwrap().contains(expected), "{failure}");
        assert!(!out.join("maps/black.png.npy").exists());
        assert!(rows.remove(1).starts_with("black.png,"));
        assert_eq!(rows, run(0, "others", &others).0, "{expected}");
    }
}
