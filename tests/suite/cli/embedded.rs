//! A program that was moved to a machine without the repository: what ships is inside it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::program::{ended, run_of, text};

/// The program in an empty folder, with nothing of the repository to be found. The working copy that
/// it was built from still exists, so `LOCALISE_HOME` names the empty folder.
fn moved(folder: &Path) -> Command {
    let program = folder.join("localise");
    if !program.exists() {
        fs::copy(assert_cmd::cargo::cargo_bin("localise"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("LOCALISE_HOME", folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env_remove("LOCALISE_DATA");
    command
}

#[test]
fn lists_and_scores_need_no_repository() {
    let folder = TempDir::new().unwrap();
    let pipelines = ended(0, moved(folder.path()).args(["list", "pipelines"])).0;
    assert!(pipelines.contains("paper2013") && pipelines.contains("source: embedded"));
    let boxes = folder.path().join("boxes.csv");
    fs::copy("data/sample/boxes.csv", &boxes).unwrap();
    let score = ["score", text(&boxes), "--dataset", "sample", "--json"];
    let summary: serde_json::Value =
        serde_json::from_str(&ended(0, moved(folder.path()).args(score)).0).unwrap();
    assert_eq!(summary["metrics"]["gt_known_accuracy"]["value"], 1.0);
}

#[test]
fn the_sample_runs_with_a_model_alone() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("squeezenet1.1.onnx");
    fs::copy("data/models/squeezenet1.1.onnx", &model).unwrap();
    let out = folder.path().join("out");
    let fast = ["--pipeline", "fast", "--limit", "7"];
    let mut command = moved(folder.path());
    command
        .args(["run", "--quiet", "--dataset", "sample"])
        .args(["--model", text(&model), "--out", text(&out)])
        .args(fast);
    ended(0, &mut command);

    let here = folder.path().join("here");
    run_of(0, "sample", &here, &fast);
    let rows = |results: &Path| fs::read_to_string(results.join("boxes.csv")).unwrap();
    assert_eq!(rows(&out), rows(&here));
}

/// A file on disk wins over the embedded one, and `list` says so.
#[test]
fn a_file_on_disk_wins() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("pipelines")).unwrap();
    let own = fs::read_to_string("pipelines/fast.toml").unwrap();
    let title = own.lines().find(|line| line.starts_with("title")).unwrap();
    let own = own.replace(title, "title = \"my own\"");
    fs::write(folder.path().join("pipelines/fast.toml"), own).unwrap();
    let list = ended(
        0,
        moved(folder.path()).args(["list", "pipelines", "--json"]),
    )
    .0;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let row = |name: &str| {
        let rows = list["pipelines"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!(row("fast")["title"], "my own");
    assert!(
        row("fast")["source"]
            .as_str()
            .unwrap()
            .ends_with("pipelines/fast.toml")
    );
    assert_eq!(row("best")["source"], "embedded");
}
