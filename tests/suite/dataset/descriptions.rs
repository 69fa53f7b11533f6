//! Descriptions of pipelines, datasets and models with a mistake: each ends before any work, in an
//! error with its place.

use std::fs;

use tempfile::TempDir;

use crate::support::boxes;
use crate::support::models::{CONVOLUTION, small_model};
use crate::support::program::{refused, text};

/// Pipelines, descriptions of datasets and of models: each fault with file, line and column.
#[test]
fn faults_of_a_description_have_their_lines() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let boxes = boxes(root);
    let model = fs::read_to_string(small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0)).unwrap();
    let pipeline = fs::read_to_string("pipelines/single-warp.toml").unwrap();
    let dataset =
        "title = \"own\"\nkind = \"csv\"\nfolder = \".\"\nboxes = [\"table.csv\"]\n".to_owned();
    let [at_pipeline, at_dataset, at_model] =
        ["pipeline.toml", "dataset.toml", "model.toml"].map(|n| root.join(n));
    let out = root.join("out");
    let run = ["run", "--dataset", "sample", "--out", text(&out)];
    let with_pipeline = [&run[..], &["--pipeline", text(&at_pipeline)]].concat();
    let with_dataset = ["score", text(&boxes), "--dataset", text(&at_dataset)];
    let with_model = [&run[..], &["--model", text(&at_model)]].concat();
    let huge = "99999999999999999999";
    let cases = [
        (
            &pipeline,
            "gamma = 50.0",
            "gama = 50.0".to_owned(),
            "did you mean gamma?",
        ),
        (
            &pipeline,
            "gamma = 50.0",
            "gamma = \"high\"".to_owned(),
            "invalid type: string \"high\"",
        ),
        (
            &pipeline,
            "components = 5",
            format!("components = {huge}"),
            huge,
        ),
        (
            &pipeline,
            "gamma = 50.0",
            "gamma = 50.0\ngamma = 60.0".to_owned(),
            "duplicate key",
        ),
        (
            &dataset,
            "boxes =",
            "boxs =".to_owned(),
            "did you mean boxes?",
        ),
        (
            &dataset,
            "[\"table.csv\"]",
            "7".to_owned(),
            "invalid type: integer `7`",
        ),
        (&dataset, "\"own\"", huge.to_owned(), huge),
        (
            &dataset,
            "kind = \"csv\"",
            "kind = \"csv\"\nkind = \"csv\"".to_owned(),
            "duplicate key",
        ),
        (
            &dataset,
            "kind = \"csv\"",
            "kind = \"cvs\"".to_owned(),
            "unknown variant `cvs`",
        ),
        (
            &model,
            "canvas = 16",
            "canvass = 16".to_owned(),
            "did you mean canvas?",
        ),
        (
            &model,
            "size = 16",
            "size = \"16\"".to_owned(),
            "expected a number of pixels, or [height, width]",
        ),
        (&model, "size = 16", format!("size = {huge}"), huge),
        (
            &model,
            "size = 16",
            "size = -1".to_owned(),
            "expected a number of pixels, or [height, width]",
        ),
        (
            &model,
            "size = 16",
            "size = 16\nsize = 16".to_owned(),
            "duplicate key",
        ),
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
        let place = format!(
            "{}: TOML parse error at line {line}, column ",
            path.display()
        );
        assert!(
            error.contains(&place) && error.contains(expected),
            "{to}: {error}"
        );
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
        (
            "size = 16\ncanvas = 16",
            "size = 4294967297\ncanvas = 4294967297",
        ),
        (
            "size = 16\ncanvas = 16",
            "size = 9223372036854775807\ncanvas = 9223372036854775807",
        ),
        ("canvas = 16", "canvas = 60000"),
    ] {
        fs::write(&description, good.replace(from, to)).unwrap();
        let error = refused(&[
            "run",
            "--dataset",
            "sample",
            "--model",
            text(&description),
            "--out",
            text(&out),
        ]);
        assert!(
            error.contains("small.toml") && error.contains("4096"),
            "{to}: {error}"
        );
    }
    for (setting, expected) in [
        ("cut.gamma=nan", "gamma NaN"),
        ("cut.gamma=inf", "gamma inf"),
        ("cut.level=0", "level 0"),
        ("colours.components=0", "components 0"),
        ("seeds.foreground=nan", "foreground NaN"),
        ("view.frame=5000", "view.frame"),
    ] {
        let run = [
            "run",
            "--dataset",
            "sample",
            "--pipeline",
            "single-warp",
            "--out",
            text(&out),
            "--set",
            setting,
        ];
        let error = refused(&run);
        assert!(error.contains(expected), "{setting}: {error}");
    }
    assert!(!out.exists());
}
