//! Pipelines that ask several models.

use std::fs;

use tempfile::TempDir;

use crate::support::program::{SEVEN, expect, json, run_of, text};
use crate::support::write;

const MODEL: [&str; 2] = ["--model", "efficientnet-lite0"];

/// A pipeline like `fast` without a head, and with these members.
fn pipeline(members: &str) -> String {
    let fast = fs::read_to_string("pipelines/fast.toml").unwrap();
    let (before, rest) = fast.split_once("[head]").unwrap();
    let after = rest.split_once("[cut]").unwrap().1;
    format!("{before}[cut]{after}\n{members}")
}

/// The numbers of a run's rows, and the names around them.
fn rows(out: &std::path::Path) -> Vec<(String, Vec<f64>)> {
    let table = fs::read(out.join("boxes.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(&table[..]);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let (numbers, names): (Vec<_>, Vec<_>) =
            row.iter().partition(|cell| cell.parse::<f64>().is_ok());
        let numbers = numbers.into_iter().map(|cell| cell.parse().unwrap());
        (names.join(","), numbers.collect())
    });
    rows.collect()
}

/// A model that is asked twice finds what it finds alone.
#[test]
fn a_model_and_itself_agree_with_the_model() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let [alone, twice] = [
        ("alone", ""),
        ("twice", "[[member]]\nmodel = \"efficientnet-lite0\"\n"),
    ]
    .map(|(name, members)| {
        let file = write(folder, &format!("{name}.toml"), pipeline(members));
        let out = folder.join(name);
        let run = ["--pipeline", text(&file), "--classes", "top5"];
        run_of(0, SEVEN, &out, &[&MODEL[..], &run].concat());
        out
    });
    let (alone_rows, twice_rows) = (rows(&alone), rows(&twice));
    assert_eq!(alone_rows.len(), twice_rows.len());
    for ((name, one), (other_name, other)) in alone_rows.iter().zip(&twice_rows) {
        assert_eq!(name, other_name);
        for (a, b) in one.iter().zip(other) {
            assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{name}: {a} {b}");
        }
    }
    let summary = json(&twice.join("summary.json"));
    assert_eq!(summary["model"], "efficientnet-lite0 + efficientnet-lite0");
    let manifest = json(&twice.join("manifest.json"));
    assert_eq!(manifest["members"][0]["model"], "efficientnet-lite0");
}

/// Two models: the probabilities are the means of theirs, and neither decides alone.
#[test]
fn probabilities_of_two_models_are_averaged() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let joint = write(
        folder,
        "joint.toml",
        pipeline("[[member]]\nmodel = \"squeezenet1.1\"\n"),
    );
    let single = write(folder, "single.toml", pipeline(""));
    let probability = |name: &str, model: &str, pipeline: &std::path::Path| {
        let out = folder.join(name);
        let run = ["--model", model, "--pipeline", text(pipeline)];
        run_of(0, SEVEN, &out, &run);
        let table = fs::read(out.join("boxes.csv")).unwrap();
        let mut reader = csv::Reader::from_reader(&table[..]);
        let place = reader.headers().unwrap().iter();
        let place = place
            .into_iter()
            .position(|column| column == "probability")
            .unwrap();
        let cells = reader.records().map(|row| row.unwrap()[place].to_owned());
        let values: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
        values
    };
    let first = probability("first", MODEL[1], &single);
    let second = probability("second", "squeezenet1.1", &single);
    let both = probability("both", MODEL[1], &joint);
    for ((a, b), mean) in first.iter().zip(&second).zip(&both) {
        assert!(((a + b) / 2.0 - mean).abs() < 1e-5, "{a} {b} {mean}");
    }
}

/// What cannot be averaged is refused by name, and a study says where to go.
#[test]
fn members_that_do_not_fit_are_refused() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let refused = |name: &str, text_of_pipeline: String| {
        let file = write(folder, name, text_of_pipeline);
        let out = folder.join("run");
        let run = ["--pipeline", text(&file)];
        run_of(2, SEVEN, &out, &[&MODEL[..], &run].concat()).1
    };
    let member = "[[member]]\nmodel = \"efficientnet-lite0\"\n";
    let frames = refused("frame.toml", pipeline(member).replace("frame = 112", ""));
    assert!(frames.contains("would not see the same frame"), "{frames}");
    let unknown = refused("none.toml", pipeline("[[member]]\nmodel = \"nothing\"\n"));
    assert!(unknown.contains("nothing"), "{unknown}");
    let scales = refused("scale.toml", pipeline(&format!("{member}scales = [0.5]\n")));
    assert!(
        scales.contains("[[member]] efficientnet-lite0") && scales.contains("view.scales [0.5]"),
        "{scales}"
    );
    let study = write(
        folder,
        "study.toml",
        "title = \"t\"\ndataset = \"sample\"\nmodels = [\"efficientnet-lite0\"]\n\
         [[row]]\nname = \"r\"\npipeline = \"best-ensemble\"\n",
    );
    let said = expect(2, &["study", text(&study)]).1;
    assert!(said.contains("asks several"), "{said}");
}
