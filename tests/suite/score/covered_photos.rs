//! Which photos a result covers: scores and comparisons say so, and results on different photos are not
//! compared.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::program::{expect, json, refused, run, text};
use crate::support::write;

const SAMPLE: &str = "data/sample/boxes.csv";

/// A table of the true boxes of some of the sample's photos.
fn part(folder: &Path, name: &str, photos: std::ops::Range<usize>) -> String {
    let all = fs::read_to_string(SAMPLE).unwrap();
    let rows = all.lines().skip(1 + photos.start).take(photos.len());
    let rows: Vec<&str> = all.lines().take(1).chain(rows).collect();
    text(&write(folder, name, rows.join("\n"))).to_owned()
}

#[test]
fn comparisons_of_different_photos_get_no_verdict() {
    let folder = TempDir::new().unwrap();
    let [first, second] = [("a.csv", 10..20), ("b.csv", 20..30)]
        .map(|(name, photos)| part(folder.path(), name, photos));
    let both = part(folder.path(), "both.csv", 10..30);
    let compare = |a: &str, b: &str, more: &[&str]| {
        expect(
            0,
            &[&["compare", a, b, "--dataset", "sample"], more].concat(),
        )
        .0
    };
    for (a, b) in [(&first, &second), (&first, &both)] {
        let said = compare(a, b, &[]);
        let verdict = said.lines().last().unwrap();
        assert!(
            verdict.starts_with("not compared: A has predictions of 10 photos"),
            "{said}"
        );
    }
    // The same photos are compared, and the others are said to count as wrong ...
    let said = compare(&first, &first, &[]);
    assert!(
        said.contains("note: A has predictions of 10 of 30 photos, and B of 10;"),
        "{said}"
    );
    assert!(
        said.lines()
            .last()
            .unwrap()
            .starts_with("no photo flipped: "),
        "{said}"
    );
    // ... unless they are left out.
    let ids: Vec<String> = fs::read_to_string(&first)
        .unwrap()
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap().to_owned())
        .collect();
    let list = write(folder.path(), "list.txt", ids.join("\n"));
    let said = compare(&first, &both, &["--images", text(&list)]);
    assert!(
        said.contains("no photo flipped: ") && !said.contains("note:"),
        "{said}"
    );
    assert!(said.contains("100.0 % -> 100.0 %"), "{said}");
}

/// What a run noted of its dataset, and how many photos the dataset has, is said again whenever the
/// run is scored.
#[test]
fn a_run_keeps_its_notes_when_it_is_scored_again() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    run(&out, &["--pipeline", "centre-box", "--limit", "3"]);
    let path = out.join("summary.json");
    let mut summary = json(&path);
    summary["notes"] = serde_json::json!(["a note of the run"]);
    fs::write(&path, summary.to_string()).unwrap();
    let alone = expect(0, &["score", text(&out)]).0;
    assert!(
        alone.contains("3 of 7 photos") && alone.contains("note: a note of the run"),
        "{alone}"
    );
    let together = expect(0, &["score", text(&out), text(&out)]).0;
    assert!(
        together.contains("3 of 7 photos") && together.contains("a note of the run"),
        "{together}"
    );
}

#[test]
fn a_run_that_is_not_finished_says_so() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "shard-0.part", "");
    let out = text(folder.path());
    for arguments in [
        vec!["score", out],
        vec!["score", out, "--dataset", "sample"],
        vec!["compare", out, out],
    ] {
        let said = refused(&arguments);
        assert!(said.contains("this folder holds no finished run"), "{said}");
    }
}

#[test]
fn an_empty_list_names_no_photos() {
    let folder = TempDir::new().unwrap();
    let list = write(folder.path(), "list.txt", "\n");
    let said = refused(&[
        "score",
        SAMPLE,
        "--dataset",
        "sample",
        "--images",
        text(&list),
    ]);
    assert!(said.contains("list.txt: it names no photos"), "{said}");
    let nowhere = folder.path().join("nowhere");
    let said = refused(&[
        "score",
        SAMPLE,
        "--dataset",
        "sample",
        "--images",
        text(&nowhere),
    ]);
    assert!(
        said.contains("help: give a file that names photos, or a folder of photos"),
        "{said}"
    );
}

/// Runs on other photos, or against other truth, are not compared, and what differs is named.
#[test]
fn other_truth_is_named() {
    let folder = TempDir::new().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    run(&a, &["--pipeline", "centre-box", "--limit", "3"]);
    run(&b, &["--pipeline", "centre-box", "--limit", "4"]);
    let said = refused(&["compare", text(&a), text(&b)]);
    assert!(
        said.contains("different ground truth: 3 and 4 photos"),
        "{said}"
    );
    run(&c, &["--pipeline", "centre-box", "--limit", "3"]);
    let truth = fs::read_to_string(c.join("truth.csv")).unwrap();
    let (header, rows) = truth.split_once('\n').unwrap();
    let column = header.split(',').position(|name| name == "x_max").unwrap();
    let first = rows.lines().next().unwrap();
    let mut fields: Vec<&str> = first.split(',').collect();
    fields[column] = "7";
    fs::write(c.join("truth.csv"), truth.replace(first, &fields.join(","))).unwrap();
    let said = refused(&["compare", text(&a), text(&c)]);
    assert!(said.contains("other boxes, first those of "), "{said}");
    let said = refused(&[
        "run",
        "--dataset",
        "tests/seven",
        "--pipeline",
        "centre-box",
        "--limit",
        "4",
        "--out",
        text(&a),
    ]);
    assert!(
        said.contains("was created with images 3, but this run uses 4"),
        "{said}"
    );
}
