//! Which photos a result covers: scores and comparisons say so, and results on different photos are not
//! compared.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::program::{expect, json as read_json, refused, run, text};
use crate::support::write;

const SAMPLE: &str = "data/sample/boxes.csv";

/// A table of the true boxes of some of the sample's photos.
fn part(folder: &Path, name: &str, photos: Range<usize>) -> String {
    let all = fs::read_to_string(SAMPLE).unwrap();
    let rows = all.lines().skip(1 + photos.start).take(photos.len());
    let rows: Vec<&str> = all.lines().take(1).chain(rows).collect();
    text(&write(folder, name, rows.join("\n"))).to_owned()
}

fn assert_says(said: &str, parts: &[&str]) {
    for expected in parts {
        assert!(said.contains(expected), "{expected} is not in: {said}");
    }
}

#[test]
fn comparisons_of_different_photos_get_no_verdict() {
    let folder = TempDir::new().unwrap();
    let [first, second] = [("a.csv", 10..20), ("b.csv", 20..30)]
        .map(|(name, photos)| part(folder.path(), name, photos));
    let both = part(folder.path(), "both.csv", 10..30);
    let compare = |a: &str, b: &str, more: &[&str]| {
        let command = ["compare", a, b, "--dataset", "sample"];
        expect(0, &[&command, more].concat()).0
    };
    let no_verdict = "\nnot compared: A has predictions of 10 photos";
    assert_says(&compare(&first, &second, &[]), &[no_verdict]);
    assert_says(&compare(&first, &both, &[]), &[no_verdict]);
    // The same photos are compared, and the others are said to count as wrong ...
    let note = "note: A has predictions of 10 of 30 photos, and B of 10;";
    assert_says(
        &compare(&first, &first, &[]),
        &[note, "\nno photo flipped: "],
    );
    // ... unless they are left out.
    let rows = fs::read_to_string(&first).unwrap();
    let ids = rows.lines().skip(1).filter_map(|row| row.split(',').next());
    let list = write(
        folder.path(),
        "list.txt",
        ids.collect::<Vec<_>>().join("\n"),
    );
    let said = compare(&first, &both, &["--images", text(&list)]);
    assert_says(&said, &["no photo flipped: ", "100.0 % -> 100.0 %"]);
    assert!(!said.contains("note:"), "{said}");
}

/// What a run noted of its dataset, and how many photos the dataset has, is said again whenever the
/// run is scored.
#[test]
fn a_run_keeps_its_notes_when_it_is_scored_again() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    run(&out, &["--pipeline", "centre-box", "--limit", "3"]);
    let path = out.join("summary.json");
    let mut summary = read_json(&path);
    summary["notes"] = json!(["a note of the run"]);
    fs::write(&path, summary.to_string()).unwrap();
    for results in [&[text(&out)][..], &[text(&out); 2]] {
        let said = expect(0, &[&["score"], results].concat()).0;
        assert_says(&said, &["3 of 7 photos", "a note of the run"]);
    }
}

#[test]
fn a_run_that_is_not_finished_says_so() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "shard-0.part", "");
    let out = text(folder.path());
    for arguments in [
        &["score", out][..],
        &["score", out, "--dataset", "sample"],
        &["compare", out, out],
    ] {
        assert_says(&refused(arguments), &["this folder holds no finished run"]);
    }
}

#[test]
fn an_empty_list_names_no_photos() {
    let folder = TempDir::new().unwrap();
    let list = write(folder.path(), "list.txt", "\n");
    let score = |images: &Path| {
        let command = ["score", SAMPLE, "--dataset", "sample", "--images"];
        refused(&[&command[..], &[text(images)]].concat())
    };
    assert_says(&score(&list), &["list.txt: it names no photos"]);
    let help = "help: give a file that names photos, or a folder of photos";
    assert_says(&score(&folder.path().join("nowhere")), &[help]);
}

/// Runs on other photos, or against other truth, are not compared, and what differs is named.
#[test]
fn other_truth_is_named() {
    let folder = TempDir::new().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    for (out, limit) in [(&a, "3"), (&b, "4"), (&c, "3")] {
        run(out, &["--pipeline", "centre-box", "--limit", limit]);
    }
    let said = refused(&["compare", text(&a), text(&b)]);
    assert_says(&said, &["different ground truth: 3 and 4 photos"]);

    let path = c.join("truth.csv");
    let truth = fs::read_to_string(&path).unwrap();
    let mut lines = truth.lines();
    let mut columns = lines.next().unwrap().split(',');
    let right_edge = columns.position(|name| name == "x_max").unwrap();
    let first = lines.next().unwrap();
    let mut fields: Vec<&str> = first.split(',').collect();
    fields[right_edge] = "7";
    fs::write(&path, truth.replace(first, &fields.join(","))).unwrap();
    let of_boxes = refused(&["compare", text(&a), text(&c)]);
    assert_says(&of_boxes, &["other boxes, first those of "]);

    let run_again = [
        "run",
        "--dataset",
        "tests/seven",
        "--limit",
        "4",
        "--pipeline",
    ];
    let resumed = refused(&[&run_again[..], &["centre-box", "--out", text(&a)]].concat());
    assert_says(
        &resumed,
        &["was created with images 3, but this run uses 4"],
    );
}
