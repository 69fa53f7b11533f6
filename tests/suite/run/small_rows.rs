//! Rows of results where a number is not defined: photos without a true box, and runs in which no
//! photo succeeds.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::models::{CONVOLUTION, small_model};
use crate::support::program::{expect, json, scored, text};
use crate::support::write;

const HEADER: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";

/// Runs the small model on the photos of a table, whose exit code must be `code`; gives the folder
/// of the results and what was printed.
fn run(folder: &Path, code: i32, rows: &str, more: &[&str]) -> (std::path::PathBuf, String) {
    let table = write(folder, "boxes.csv", format!("{HEADER}\n{rows}"));
    let model = small_model(folder, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let out = folder.join("out");
    let run = [
        "run",
        "--fresh",
        "--dataset",
        text(&table),
        "--model",
        text(&model),
        "--out",
        text(&out),
    ];
    let printed = expect(code, &[&run[..], more].concat()).0;
    (out, printed)
}

/// The rows of a run, by column.
fn column(out: &Path, name: &str) -> Vec<String> {
    let table = fs::read_to_string(out.join("boxes.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let place = reader
        .headers()
        .unwrap()
        .iter()
        .position(|found| found == name)
        .unwrap();
    reader
        .records()
        .map(|row| row.unwrap()[place].to_owned())
        .collect()
}

fn photo(folder: &Path, name: &str) {
    let picture = RgbImage::from_fn(20, 20, |x, y| Rgb([(x * 12) as u8, (y * 12) as u8, 90]));
    picture.save(folder.join(name)).unwrap();
}

/// A photo without a box, one whose only boxes are of another class, and one that fails without
/// a box: their IoU is empty, and no mean includes it.
#[test]
fn a_photo_without_a_true_box_has_no_iou() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for name in ["boxed.png", "none.png", "other.png"] {
        photo(root, name);
    }
    write(root, "broken.png", "no photo");
    let rows = "boxed,boxed.png,20,20,cat,0,0,0,20,20\nnone,none.png,20,20,cat,0,,,,\n\
                other,other.png,20,20,cat,0,,,,\nother,other.png,20,20,dog,1,0,0,20,20\n\
                broken,broken.png,20,20,cat,0,,,,\n";
    for pipeline in ["whole-image", "fong-gradient"] {
        let (out, _) = run(root, 3, rows, &["--pipeline", pipeline]);
        let ids = column(&out, "image_id");
        let truths = column(&out, "true_class");
        for ((id, is_true), iou) in ids.iter().zip(truths).zip(column(&out, "iou")) {
            let has_iou = id == "boxed" && is_true == "true";
            assert_eq!(!iou.is_empty(), has_iou, "{pipeline} {id} {is_true}");
        }
        let summary = json(&out.join("summary.json"));
        assert_eq!(
            scored_again(&out)["metrics"],
            summary["metrics"],
            "{pipeline}"
        );
        if pipeline == "whole-image" {
            assert_eq!(summary["metrics"]["mean_iou"]["value"], 1.0, "{summary}");
        }
    }
}

fn scored_again(out: &Path) -> Value {
    serde_json::from_str(&expect(3, &["score", text(out), "--json"]).0).unwrap()
}

/// Every photo fails, or none has a box: tables, JSON, comparisons and pages have no number that is
/// not one.
#[test]
fn no_number_is_printed_of_no_photo() {
    let odd = ["-0.0", "NaN", " inf"];
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    write(root, "broken.png", "no photo");
    photo(root, "good.png");
    let cases = [
        ("broken,broken.png,,,cat,0,0,0,20,20\n", 3),
        ("broken,broken.png,20,20,cat,0,,,,\n", 3),
        ("good,good.png,20,20,cat,0,,,,\n", 0),
    ];
    for (rows, code) in cases {
        for pipeline in ["single-warp", "fong-gradient", "centre-box"] {
            let (out, printed) = run(root, code, rows, &["--pipeline", pipeline, "--report"]);
            let summary = fs::read_to_string(out.join("summary.json")).unwrap();
            // Without true boxes, there is nothing to compare.
            let compared = if rows.contains("20,20\n") {
                expect(0, &["compare", text(&out), text(&out)]).0
            } else {
                String::new()
            };
            for said in [&printed, &summary, &compared] {
                let found = odd.iter().find(|odd| said.contains(**odd));
                assert_eq!(found, None, "{pipeline} {rows}{said}");
            }
            if code == 3 {
                assert!(!printed.contains("CPU ms per photo"), "{printed}");
            }
        }
    }
    let table = write(
        root,
        "good.csv",
        format!("{HEADER}\ngood,good.png,20,20,cat,0,0,0,5,5\n"),
    );
    let found = write(
        root,
        "found.csv",
        "image_id,x_min,y_min,x_max,y_max\ngood,0,0,5,5\n",
    );
    assert_eq!(
        scored(&[text(&found), "--dataset", text(&table)])["failed"],
        0
    );
}

/// Photos of more than 8 : 1, of one pixel to the longest side that a file can have.
#[test]
fn elongated_photos_have_a_box_and_a_flag() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let sizes = [
        [161, 20],
        [20, 161],
        [400, 1],
        [1, 400],
        [3, 1000],
        [160, 20],
        [20, 160],
    ];
    let mut rows = String::new();
    for [width, height] in sizes {
        let name = format!("{width}x{height}.png");
        let picture = RgbImage::from_fn(width, height, |x, y| {
            Rgb([
                (x * 7 % 251) as u8,
                (y * 5 % 241) as u8,
                ((x + y) % 199) as u8,
            ])
        });
        picture.save(root.join(&name)).unwrap();
        rows += &format!("{name},{name},{width},{height},cat,0,0,0,{width},{height}\n");
    }
    let (out, _) = run(root, 0, &rows, &["--pipeline", "paper2013"]);
    let flags = column(&out, "flag");
    let statuses = column(&out, "status");
    for ([width, height], (flag, status)) in sizes.iter().zip(flags.iter().zip(&statuses)) {
        assert_eq!(status, "ok", "{width} x {height}");
        let is_extreme = width.max(height) > &(8 * width.min(height));
        // A degenerate case of the box rule comes first.
        assert!(!is_extreme || !flag.is_empty(), "{width} x {height}");
        assert!(is_extreme || flag != "extreme_aspect", "{width} x {height}");
    }
    let squeezed = flags.iter().filter(|flag| *flag == "extreme_aspect");
    assert!(squeezed.count() >= 3, "{flags:?}");
    let edges = ["x_min", "y_min", "x_max", "y_max"].map(|name| column(&out, name));
    for (i, [width, height]) in sizes.iter().enumerate() {
        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|edge| edges[edge][i].parse::<f64>().unwrap());
        assert!(
            0.0 <= x0 && x0 < x1 && x1 <= f64::from(*width),
            "{width} x {height}"
        );
        assert!(
            0.0 <= y0 && y0 < y1 && y1 <= f64::from(*height),
            "{width} x {height}"
        );
    }
}
