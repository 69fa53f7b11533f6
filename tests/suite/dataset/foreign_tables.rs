//! Tables of true boxes as other programs write them: each is read right, refused by name, or read
//! with a warning. All go through the program.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use image::RgbImage;
use tempfile::TempDir;

use crate::support::program::{SEVEN, expect, json, run_of, scored, text};
use crate::support::{models, write};

/// Photos of 60 x 40, 30 x 50 and 64 x 64 pixels, and for each a box, (x_min, y_min, x_max, y_max).
const PHOTOS: [(&str, [u32; 2], [f64; 4]); 6] = [
    ("a", [60, 40], [0., 0., 38., 30.]),
    ("b", [30, 50], [17., 2., 29., 31.]),
    ("c", [64, 64], [30., 12., 33., 40.]),
    ("d", [60, 40], [42., 24., 60., 40.]),
    ("e", [30, 50], [2., 29., 26., 46.]),
    ("f", [64, 64], [42., 25., 63., 64.]),
];

const PLAIN: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

/// The photos, and a table of their boxes under `name`; a row is made of the name of a photo, its
/// size and its box.
fn dataset(
    name: &str,
    header: &str,
    row: impl Fn(&str, [u32; 2], [f64; 4]) -> String,
) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let mut table = format!("{header}\n");
    for (id, [width, height], corners) in PHOTOS {
        RgbImage::new(width, height)
            .save(folder.path().join(format!("{id}.png")))
            .unwrap();
        let _ = writeln!(table, "{}", row(id, [width, height], corners));
    }
    let table = write(folder.path(), name, table);
    (folder, table)
}

/// A row of the program's own table.
fn plain_row(id: &str, [width, height]: [u32; 2], [a, b, c, d]: [f64; 4]) -> String {
    format!("{id},{id}.png,{width},{height},cat,0,{a},{b},{c},{d}")
}

/// The table with changed boxes.
fn changed(change: impl Fn([u32; 2], [f64; 4]) -> [f64; 4]) -> (TempDir, PathBuf) {
    dataset("boxes.csv", PLAIN, |id, size, corners| {
        plain_row(id, size, change(size, corners))
    })
}

/// Predictions that are the true boxes.
fn predictions(folder: &Path) -> PathBuf {
    let mut rows = "image_id,x_min,y_min,x_max,y_max\n".to_owned();
    for (id, _, [a, b, c, d]) in PHOTOS {
        let _ = writeln!(rows, "{id},{a},{b},{c},{d}");
    }
    write(folder, "found.csv", rows)
}

#[test]
fn tables_of_other_programs_are_read() {
    let vott = "\"image\",\"xmin\",\"ymin\",\"xmax\",\"ymax\",\"label\"";
    let tfod = "filename,width,height,class,xmin,ymin,xmax,ymax";
    let german = PLAIN.replace(',', ";");
    let tables = [
        dataset("boxes.csv", PLAIN, plain_row),
        dataset("vott.csv", vott, |id, _, [a, b, c, d]| {
            format!("\"{id}.png\",{a},{b},{c},{d},\"cat\"")
        }),
        dataset("tfod.csv", tfod, |id, [width, height], [a, b, c, d]| {
            format!("{id}.png,{width},{height},cat,{a},{b},{c},{d}")
        }),
        dataset("german.csv", &german, |id, [width, height], corners| {
            let edges = corners.map(|edge| format!("{edge:.1}").replace('.', ","));
            format!("{id};{id}.png;{width};{height};cat;0;{}", edges.join(";"))
        }),
        dataset(
            "tabs.csv",
            &format!("\u{feff}{}", PLAIN.replace(',', "\t")),
            |id, size, corners| plain_row(id, size, corners).replace(',', "\t") + "\r",
        ),
        dataset("floats.csv", PLAIN, |id, [width, height], [a, b, c, d]| {
            format!("{id},{id}.png,{width}.0,{height}.0,cat,0.0,{a:.1},{b:.1},{c:.1},{d:.1}")
        }),
        // No size, no class: an id and corners.
        dataset(
            "least.csv",
            "file,left,top,right,bottom",
            |id, _, [a, b, c, d]| format!("{id}.png,{a},{b},{c},{d}"),
        ),
    ];
    for (folder, table) in tables {
        let found = predictions(folder.path());
        let summary = scored(&[text(&found), "--dataset", text(&table)]);
        let (images, iou) = (&summary["images"], &summary["metrics"]["mean_iou"]["value"]);
        assert_eq!(
            (images, iou),
            (&6.into(), &1.0.into()),
            "{table:?}: {summary}"
        );
        // The sizes of all photos are known, so that floors are.
        let floor = &summary["floors"]["centre_half_area"]["gt_known_accuracy"];
        assert!(floor.is_object(), "{table:?}: {summary}");
        assert!(summary.get("warnings").is_none(), "{table:?}: {summary}");
    }
}

#[test]
fn several_rows_of_a_photo_are_several_boxes() {
    let folder = TempDir::new().unwrap();
    let rows = "file,xmin,ymin,xmax,ymax,class\na.png,0,0,9,9,cat\nb.png,0,0,9,9,cat\n\
                a.png,20,20,30,30,cat\na.png,5,5,30,30,dog\n";
    let table = write(folder.path(), "boxes.csv", rows);
    for second in ["0,0,9,9", "20,20,30,30"] {
        let found = format!("image_id,x_min,y_min,x_max,y_max\na,{second}\nb,0,0,9,9\n");
        let found = write(folder.path(), "found.csv", found);
        let summary = scored(&[text(&found), "--dataset", text(&table)]);
        assert_eq!(summary["metrics"]["mean_iou"]["value"], 1.0, "{summary}");
        let notes = summary["notes"].to_string();
        assert!(
            notes.contains("1 boxes are not of the class of their photo's first row"),
            "{notes}"
        );
    }
    let repeated = write(
        folder.path(),
        "boxes.csv",
        format!("{rows}b.png,0,0,9,9,cat\n"),
    );
    let found = write(
        folder.path(),
        "found.csv",
        "image_id,x_min,y_min,x_max,y_max\na,0,0,9,9\nb,0,0,9,9\n",
    );
    let summary = scored(&[text(&found), "--dataset", text(&repeated)]);
    let warned = summary["warnings"].to_string();
    assert!(
        warned.contains("1 rows repeat a box of their photo; the first is"),
        "{warned}"
    );
    assert!(warned.contains("boxes.csv:6"), "{warned}");
}

/// A run is warned of boxes that its dataset repeats; who reads its results is not.
#[test]
fn the_truth_of_a_run_is_not_doubted_again() {
    let folder = TempDir::new().unwrap();
    let rows = fs::read_to_string(Path::new(SEVEN).join("boxes.csv")).unwrap();
    let repeated = format!("{rows}{}\n", rows.lines().last().unwrap());
    let photos = std::path::absolute("data").unwrap();
    let repeated = repeated.replace("../../data", text(&photos));
    let table = write(folder.path(), "boxes.csv", repeated);
    let out = folder.path().join("out");
    let arguments = ["--pipeline", "centre-box"];
    run_of(0, text(&table), &out, &arguments);
    let warned = json(&out.join("summary.json"))["warnings"].to_string();
    assert!(warned.contains("1 rows repeat a box"), "{warned}");
    assert_eq!(expect(0, &["compare", text(&out), text(&out)]).1, "");
}

/// What the program says when it refuses a table of true boxes: to score, to run and to check.
fn refusals(table: &Path) -> [String; 2] {
    let folder = table.parent().unwrap();
    let found = predictions(folder);
    let scored = expect(2, &["score", text(&found), "--dataset", text(table)]).1;
    let model = models::small_model(folder, models::CONVOLUTION[0], models::CONVOLUTION[1], 1.0);
    let out = folder.join("out");
    let run = [
        "run",
        "--dataset",
        text(table),
        "--model",
        text(&model),
        "--out",
        text(&out),
    ];
    [scored, expect(2, &run).1]
}

#[test]
fn boxes_that_cannot_be_true_are_refused() {
    let swapped = |_, [a, b, c, d]: [f64; 4]| [c, d, a, b];
    let sides = |_, [a, b, c, d]: [f64; 4]| [a, b, c - a, d - b];
    let parts = |[width, height]: [u32; 2], [a, b, c, d]: [f64; 4]| {
        let [width, height] = [width, height].map(f64::from);
        [a / width, b / height, c / width, d / height]
    };
    let yolo = |size, corners| {
        let [a, b, c, d] = parts(size, corners);
        [f64::midpoint(a, c), f64::midpoint(b, d), c - a, d - b]
    };
    let cases = [
        (
            changed(swapped),
            "boxes.csv:2: box (38, 30, 0, 0) is inverted",
            "corners are swapped",
        ),
        (
            changed(sides),
            "boxes.csv:3: box (17, 2, 12, 29) is inverted",
            "x, y, width, height",
        ),
        (
            changed(parts),
            "all 6 boxes are within 0..1: they are normalised",
            "multiply x by",
        ),
        (changed(yolo), "is inverted", "normalised"),
    ];
    for ((_folder, table), fault, help) in cases {
        for said in refusals(&table) {
            let (faults, advice) = said.split_once("help: ").unwrap_or((&said, ""));
            assert!(
                faults.contains(fault) && advice.contains(help),
                "{fault}, {help}: {said}"
            );
        }
        let checked = expect(2, &["doctor", "--dataset", text(&table)]).0;
        assert!(checked.contains("fault"), "{checked}");
    }
}

/// The run, its summary, `score` and `doctor` name what is suspicious.
#[test]
fn suspicious_boxes_are_warned_of_everywhere() {
    let half = |_, corners: [f64; 4]| corners.map(|edge| edge * 0.5);
    let square = |[width, height]: [u32; 2], [a, b, c, d]: [f64; 4]| {
        let [x, y] = [width, height].map(|side| 16.0 / f64::from(side));
        [a * x, b * y, c * x, d * y]
    };
    let outside = |_, [a, b, c, d]: [f64; 4]| [a, b, c + 5.0, d + 5.0];
    let one_based = |_, corners: [f64; 4]| corners.map(|edge| edge + 1.0);
    let cases = [
        (changed(half), "are they in the pixels of a resized copy"),
        (changed(square), "are they in the pixels of a resized copy"),
        (
            changed(outside),
            "boxes reach more than one pixel out of their photo",
        ),
        (
            changed(one_based),
            "they are 1-based, and are read as 0-based",
        ),
    ];
    for ((folder, table), expected) in cases {
        let folder = folder.path();
        let model =
            models::small_model(folder, models::CONVOLUTION[0], models::CONVOLUTION[1], 1.0);
        let out = folder.join("out");
        let run = [
            "run",
            "--dataset",
            text(&table),
            "--model",
            text(&model),
            "--pipeline",
            "single-warp",
            "--out",
            text(&out),
        ];
        let (printed, err) = expect(0, &run);
        assert!(err.contains(expected), "{err}");
        assert!(
            printed.contains(" warning: ") && printed.contains(expected),
            "{printed}"
        );
        let summary = json(&out.join("summary.json"));
        assert!(
            summary["warnings"].to_string().contains(expected),
            "{summary}"
        );
        let rescored = scored(&[text(&predictions(folder)), "--dataset", text(&table)]);
        assert!(
            rescored["warnings"].to_string().contains(expected),
            "{rescored}"
        );
        let checked = expect(2, &["doctor", "--dataset", text(&table)]).0;
        assert!(
            checked.contains(&"fault: ".to_owned()) && checked.contains(expected),
            "{checked}"
        );
    }
}

/// A class that a model's list does not have is refused; its keys and names are read.
#[test]
fn classes_of_tables_are_looked_up_in_the_models_list() {
    for (label, code, expected) in [
        ("cat", 0, ""),
        ("CAT", 0, ""),
        ("1", 0, ""),
        ("thing", 2, "boxes.csv:2: class thing is not in the list"),
        ("2", 2, "boxes.csv:2: class_index 2 is not in -1..2"),
    ] {
        let (folder, table) = dataset(
            "boxes.csv",
            "filename,class,xmin,ymin,xmax,ymax",
            |id, _, [a, b, c, d]| format!("{id}.png,{label},{a},{b},{c},{d}"),
        );
        let folder = folder.path();
        let model =
            models::small_model(folder, models::CONVOLUTION[0], models::CONVOLUTION[1], 1.0);
        let out = folder.join("out");
        let options = ["--model", text(&model), "--pipeline", "centre-box"];
        let said = run_of(code, text(&table), &out, &options).1;
        assert!(said.contains(expected), "{label}: {said}");
    }
}

/// Kaggle's solution under other spellings, and with faults.
#[test]
fn kaggle_solutions_of_other_spellings_are_read() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    write(root, "LOC_synset_mapping.txt", "n1 cat\nn2 dog\n");
    for (id, [width, height], _) in PHOTOS {
        let path = root.join(format!("ILSVRC/Data/CLS-LOC/val/{id}.JPEG"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::new(width, height)
            .save_with_format(path, image::ImageFormat::Jpeg)
            .unwrap();
    }
    let solution = |header: &str, separator: &str, corners: &dyn Fn([f64; 4]) -> [f64; 4]| {
        let mut text = format!("{header}\n");
        for (id, _, [a, b, c, d]) in PHOTOS {
            let [a, b, c, d] = corners([a, b, c - 1.0, d - 1.0]);
            let _ = writeln!(text, "{id}{separator}n1 {a} {b} {c} {d}");
        }
        write(root, "LOC_val_solution.csv", text);
    };
    let found = predictions(root);
    let score = [text(&found), "--dataset", text(root)];
    for (header, separator) in [
        ("ImageId,PredictionString", ","),
        ("image_id;prediction_string", ";"),
        ("\u{feff}IMAGEID\tPREDICTIONSTRING", "\t"),
    ] {
        solution(header, separator, &|corners| corners);
        let summary = scored(&score);
        assert_eq!(
            summary["metrics"]["mean_iou"]["value"], 1.0,
            "{header}: {summary}"
        );
    }
    for (change, expected) in [
        (
            &(|[a, b, c, d]: [f64; 4]| [c, d, a, b]) as &dyn Fn([f64; 4]) -> [f64; 4],
            "is inverted",
        ),
        (
            &|corners: [f64; 4]| corners.map(|edge| edge / 64.0),
            "boxes are within 0..1: they are normalised",
        ),
    ] {
        solution("ImageId,PredictionString", ",", change);
        let said = expect(2, &[&["score"], &score[..]].concat()).1;
        assert!(said.contains(expected), "{said}");
    }
}
