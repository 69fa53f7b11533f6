//! The program from end to end, on the sample photos and on photos that are none.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::shared;

pub(crate) fn localise(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("localise").unwrap();
    command.env_remove("LOCALISE_DATA").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs, expects the exit code, gives stdout and stderr.
pub(crate) fn expect(code: i32, arguments: &[&str]) -> (String, String) {
    let output = localise(arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    (out, err)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn run(out: &Path, more: &[&str]) -> (String, String) {
    expect(0, &[&["run", "--quiet", "--dataset", "sample", "--out", out.to_str().unwrap()], more].concat())
}

#[test]
fn the_sample_gives_rows_and_numbers() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    let (table, _) = run(&out, &[]);
    assert!(table.contains("7 of 7 scored, 0 failed") && table.contains("floor: the whole photo"), "{table}");

    let rows = std::fs::read_to_string(out.join("boxes.csv")).unwrap();
    let ids: Vec<_> = rows.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["chelsea", "coffee", "rocket", "fig", "spaniels", "drum", "dragonfly"]);

    let summary = json(&out.join("summary.json"));
    assert_eq!((&summary["schema"], &summary["images"], &summary["failed"]), (&1.into(), &7.into(), &0.into()));
    for metric in [
        "gt_known_accuracy",
        "top1_localisation_error",
        "top5_localisation_error",
        "top1_classification_error",
        "top5_classification_error",
        "box_given_top5",
    ] {
        let [value, low, high] = ["value", "low", "high"].map(|k| summary["metrics"][metric][k].as_f64().unwrap());
        assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{metric}");
    }
    // Of the seven photos only chelsea's cat fills most of the picture.
    for floor in ["centre_half_area", "whole_image"] {
        let value = summary["floors"][floor]["gt_known_accuracy"]["value"].as_f64().unwrap();
        assert!((value - 1.0 / 7.0).abs() < 1e-12, "{floor} {value}");
    }
    assert!(summary.get("weighted").is_none());

    let manifest = json(&out.join("manifest.json"));
    for key in ["program", "commit", "onnx_runtime", "dataset_sha256", "model_sha256", "pipeline", "shards"] {
        assert!(!manifest[key].is_null(), "{key}");
    }
    for key in ["started", "command", "host", "cpu", "cpu_features", "threads"] {
        assert!(!manifest["sessions"][0][key].is_null(), "{key}");
    }
}

#[test]
fn the_rows_do_not_depend_on_the_threads() {
    let folder = TempDir::new().unwrap();
    let bytes = |threads: &str, pipeline: &str| {
        let out = folder.path().join(format!("{threads}-{pipeline}"));
        run(&out, &["--threads", threads, "--pipeline", pipeline, "--classes", "top5"]);
        ["boxes.csv", "summary.json"].map(|file| std::fs::read(out.join(file)).unwrap())
    };
    for pipeline in ["paper2013", "single-warp", "fong-gradient"] {
        assert_eq!(bytes("1", pipeline), bytes("2", pipeline), "{pipeline}");
    }
}

/// A finished run's run.toml runs again, from another folder, to the same bytes.
#[test]
fn run_toml_runs_again() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    run(&first, &["--pipeline", "single-warp", "--set", "cut.gamma=7", "--limit", "3"]);
    let config = first.join("run.toml");
    let again = ["run", "--quiet", "--config", config.to_str().unwrap(), "--out", second.to_str().unwrap()];
    let output = Command::cargo_bin("localise").unwrap().current_dir("data").args(again).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    for file in ["boxes.csv", "summary.json", "run.toml"] {
        assert_eq!(std::fs::read(first.join(file)).unwrap(), std::fs::read(second.join(file)).unwrap(), "{file}");
    }
}

/// A photo has one class, so the box for it says what five boxes would.
#[test]
fn five_classes_give_the_same_numbers_as_one() {
    let folder = TempDir::new().unwrap();
    let summary = |classes: &str| {
        let out = folder.path().join(classes);
        run(&out, &["--classes", classes, "--pipeline", "single-warp"]);
        (json(&out.join("summary.json"))["metrics"].clone(), std::fs::read_to_string(out.join("boxes.csv")).unwrap())
    };
    let ((gt, one), (top5, five)) = (summary("gt"), summary("top5"));
    assert_eq!(gt, top5);
    assert_eq!(one.lines().count(), 1 + 7);
    assert!((1 + 35..=1 + 42).contains(&five.lines().count()));
    // The devkit's own rule on the five boxes: right when class and box are.
    let fields: Vec<Vec<&str>> = five.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let right = |row: &&Vec<&str>| {
        row[4] == "true" && row[2].parse::<usize>().unwrap() <= 5 && row[9].parse::<f64>().unwrap() >= 0.5
    };
    let error = 1.0 - fields.iter().filter(right).count() as f64 / 7.0;
    assert!((top5["top5_localisation_error"]["value"].as_f64().unwrap() - error).abs() < 1e-12);
}

#[test]
fn every_pipeline_runs() {
    let folder = TempDir::new().unwrap();
    for pipeline in ["oxford2016", "centre-box", "whole-image"] {
        let out = folder.path().join(pipeline);
        run(&out, &["--pipeline", pipeline, "--limit", "2"]);
        assert_eq!(json(&out.join("summary.json"))["failed"], 0, "{pipeline}");
    }
}

#[test]
fn results_are_never_overwritten_unasked() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    run(folder.path(), &["--pipeline", "whole-image", "--limit", "1"]);
    let before = std::fs::read(folder.path().join("boxes.csv")).unwrap();
    let (_, error) = expect(2, &["run", "--dataset", "sample", "--pipeline", "centre-box", "--out", out]);
    assert!(error.contains("--fresh"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("boxes.csv")).unwrap(), before);
    run(folder.path(), &["--pipeline", "centre-box", "--limit", "1", "--fresh"]);
}

/// Photos that cannot be used are rows, are counted as wrong and named; the others are unharmed.
#[test]
fn a_bad_photo_is_a_row_and_not_an_end() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("images")).unwrap();
    let photo = std::fs::read("data/sample/images/coffee.jpg").unwrap();
    std::fs::write(data.join("images/good.jpg"), &photo).unwrap();
    std::fs::write(data.join("images/cut.jpg"), &photo[..photo.len() / 2]).unwrap();
    let rows = [
        "good,images/good.jpg,600,400",
        "cut,images/cut.jpg,600,400",
        "gone,images/gone.jpg,600,400",
        "size,images/good.jpg,400,600",
    ];
    let rows: String = rows.iter().map(|row| format!("{row},n07920052,967,172,17,399,308\n")).collect();
    let header = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n";
    std::fs::write(data.join("boxes.csv"), format!("{header}{rows}")).unwrap();
    let out = folder.path().join("out");
    let arguments = ["run", "--quiet", "--dataset", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let (table, _) = expect(3, &arguments);
    assert!(table.contains("1 of 4 scored, 3 failed"), "{table}");
    let rows = std::fs::read_to_string(out.join("boxes.csv")).unwrap();
    let lines: Vec<_> = rows.lines().collect();
    assert!(lines[1].contains(",ok,") && lines[2].contains("error,cannot decode"), "{rows}");
    assert!(lines[3].contains("error,cannot read") && lines[4].contains("600 x 400"), "{rows}");
    assert_eq!(std::fs::read_to_string(out.join("failures.jsonl")).unwrap().lines().count(), 3);
    let errors = &json(&out.join("summary.json"))["metrics"]["top5_classification_error"]["value"];
    assert_eq!(errors.as_f64(), Some(0.75));
}

#[test]
fn a_wrong_folder_stops_early() {
    let folder = TempDir::new().unwrap();
    let header = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n";
    let rows: String = (0..50).map(|i| format!("p{i},none/{i}.jpg,10,10,n01440764,0,0,0,5,5\n")).collect();
    std::fs::write(folder.path().join("boxes.csv"), format!("{header}{rows}")).unwrap();
    let out = folder.path().join("out");
    let arguments = [
        "run",
        "--quiet",
        "--dataset",
        folder.path().to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--threads",
        "1",
    ];
    let (_, error) = expect(2, &arguments);
    assert!(error.contains("none: no such folder") && error.contains("--data-dir"), "{error}");
    std::fs::create_dir(folder.path().join("none")).unwrap();
    let (_, error) = expect(2, &arguments);
    assert!(error.contains("first 2") && error.contains(" images all failed; the last: p"), "{error}");
}

#[test]
fn bad_input_is_named_with_a_remedy() {
    let cases: [(&[&str], &str); 9] = [
        (&["run", "--dataset", "sampel"], "the nearest is sample"),
        (&["run", "--dataset", "ilsvrc-val"], "--data-dir"),
        (&["run", "--dataset", "ilsvrc-val", "--data-dir", "src"], "no annotations; looked for"),
        (&["run", "--dataset", "sample", "--model", "squeeznet"], "the nearest is squeezenet1.1"),
        (&["run", "--dataset", "sample", "--model", "README.onnx"], "has no description"),
        (&["run", "--dataset", "sample", "--pipeline", "paper"], "the nearest is paper2013"),
        (&["run", "--dataset", "sample", "--set", "cut.gama=1"], "did you mean gamma"),
        (&["run", "--dataset", "sample", "--onnxruntime", "nowhere.so"], "nowhere.so, which is no file"),
        (&["show", "nowhere.jpg"], "nowhere.jpg: cannot read"),
    ];
    let folder = TempDir::new().unwrap();
    for (i, (arguments, expected)) in cases.into_iter().enumerate() {
        let out = folder.path().join(i.to_string());
        let out = if arguments[0] == "run" { vec!["--out", out.to_str().unwrap()] } else { vec![] };
        let (_, error) = expect(2, &[arguments, &out].concat());
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {error}");
    }
}

/// A library that is none, an old variable: a message, never a panic or a hang.
#[test]
fn a_library_that_does_not_load_is_named() {
    let folder = TempDir::new().unwrap();
    let library = folder.path().join("libonnxruntime.so");
    std::fs::write(&library, "no library").unwrap();
    let mut command = Command::cargo_bin("localise").unwrap();
    command
        .env("ORT_DYLIB_PATH", &library)
        .args(["run", "--dataset", "sample", "--out"])
        .arg(folder.path().join("out"));
    let output = command.timeout(std::time::Duration::from_secs(60)).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("does not load from") && error.contains("scripts/fetch-onnxruntime"), "{error}");
}

/// Without the variable that cargo sets, and from another folder, the working copy's library and data are found.
#[test]
fn the_working_copy_is_found_from_anywhere() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::cargo_bin("localise").unwrap();
    command.env_remove("ORT_DYLIB_PATH").env_remove("LOCALISE_DATA").current_dir(folder.path());
    let output =
        command.args(["run", "-q", "--dataset", "sample", "--pipeline", "whole-image", "--limit", "1"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn what_is_written_where_it_cannot_be_is_an_output_error() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (_, error) = expect(2, &["run", "--dataset", "sample", "--out", file.to_str().unwrap()]);
    assert!(error.contains("it is a file"), "{error}");
    let (_, error) = expect(74, &["run", "--dataset", "sample", "--out", "/proc/localise"]);
    assert!(error.contains("cannot write /proc/localise"), "{error}");
}

#[test]
fn show_draws_a_panel() {
    let folder = TempDir::new().unwrap();
    let panel = folder.path().join("panel.png");
    let out = panel.to_str().unwrap();
    let (said, _) = expect(0, &["show", "coffee", "--dataset", "sample", "--out", out]);
    assert!(said.contains("class 967 espresso (n07920052), place 1") && said.contains("IoU"), "{said}");
    // Six tiles of the frame, 384 x 256, with gaps.
    assert_eq!(image::image_dimensions(&panel).unwrap(), (3 * 384 + 16, 2 * 256 + 12));
    expect(
        0,
        &["show", "data/sample/images/fig.jpg", "--class", "n07753113", "--pipeline", "single-warp", "--out", out],
    );
    expect(0, &["show", "data/sample/images/fig.jpg", "--pipeline", "centre-box", "--out", out]);
}

#[test]
fn a_cut_is_exported_and_solved() {
    let folder = TempDir::new().unwrap();
    let [panel, cut] = ["panel.png", "cut.max"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let show = ["show", "fig", "--dataset", "sample", "--pipeline", "single-warp", "--out", &panel, "--dimacs", &cut];
    expect(0, &show);
    let (solved, _) = expect(0, &["maxflow", &cut, "--repeat", "1"]);
    let [flow, build, solve] = solved.lines().collect::<Vec<_>>()[..] else { panic!("{solved}") };
    assert!(flow.starts_with("flow ") && build.starts_with("build ") && solve.ends_with(" ms"), "{solved}");
    assert_eq!(expect(0, &["maxflow", &cut, "--scalar"]).0.lines().next(), Some(flow));

    let broken = std::fs::read_to_string(&cut).unwrap().replacen("\na 1 ", "\na 2 ", 1);
    std::fs::write(&cut, broken).unwrap();
    let (_, error) = expect(2, &["maxflow", &cut]);
    assert!(error.contains("cut.max: line ") && error.contains(": 2 to "), "{error}");
    expect(2, &["maxflow", "no-such-file.max"]);
    let (_, error) =
        expect(2, &[&show[..4], &["--pipeline", "centre-box", "--out", &panel, "--dimacs", &cut]].concat());
    assert!(error.contains("--dimacs: this pipeline made no cut of fig"), "{error}");
}

#[test]
fn lists_list() {
    assert!(expect(0, &["list", "ops"]).0.contains("MaxPool "));
    assert!(expect(0, &["list", "pipelines"]).0.contains("paper2013"));
    assert!(expect(0, &["list", "models"]).0.contains("squeezenet1.1"));
    assert!(expect(0, &["list", "datasets"]).0.contains("ilsvrc-val"));
}

/// A weight file that asks for code to be run is refused before any of it runs.
#[test]
fn a_pickle_that_runs_code_is_refused() {
    let folder = TempDir::new().unwrap();
    let script = r"
import os, pickle, sys
sys.path.insert(0, 'scripts')
import convert_models
class Evil:
    def __reduce__(self):
        return os.system, ('touch ' + sys.argv[1],)
for read in (convert_models.read_numpy_pickle, convert_models.read_legacy_torch):
    try:
        read(pickle.dumps(Evil(), protocol=2))
    except pickle.UnpicklingError as error:
        assert 'refused' in str(error), error
    else:
        sys.exit('not refused')
";
    let victim = folder.path().join("victim");
    let mut python = Command::new("python3");
    python.args(["-B", "-c", script]).arg(&victim).assert().success();
    assert!(!victim.exists());
}

/// The devkit's layout with true ILSVRC photos, true annotations and the whole ground-truth list.
#[test]
fn ilsvrc_val_reads_the_devkits_layout() {
    let (Some(truth), Some(photos)) = (shared("data/ilsvrc_val_truth"), shared("data/dev/ilsvrc_val_full")) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let names = devkit_layout(root, &truth, &photos);
    let out = root.join("out");
    let arguments = [
        "run",
        "--quiet",
        "--dataset",
        "ilsvrc-val",
        "--data-dir",
        root.to_str().unwrap(),
        "--pipeline",
        "fong-gradient",
        "--images",
        names.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let (table, _) = expect(0, &arguments);
    let summary = json(&out.join("summary.json"));
    assert_eq!(summary["images"], 42, "{table}");
    // Photos 1 and 2 are left out of localisation, not of classification.
    let of_40 = |rate: &Value| (rate["value"].as_f64().unwrap() * 40.0 + 1e-9).fract() < 1e-6;
    let of_42 = |rate: &Value| (rate["value"].as_f64().unwrap() * 42.0 + 1e-9).fract() < 1e-6;
    let metrics = &summary["metrics"];
    assert!(
        of_40(&metrics["gt_known_accuracy"]) && of_40(&summary["floors"]["whole_image"]["gt_known_accuracy"]),
        "{table}"
    );
    assert!(of_42(&metrics["top1_classification_error"]), "{table}");
    // The same photos by their boxes.csv, which has no blacklist, give the same boxes.
    let csv = root.join("csv-out");
    let photos = std::path::absolute(photos).unwrap();
    let arguments = [
        "run",
        "--quiet",
        "--dataset",
        photos.to_str().unwrap(),
        "--pipeline",
        "fong-gradient",
        "--images",
        names.to_str().unwrap(),
        "--out",
        csv.to_str().unwrap(),
    ];
    expect(0, &arguments);
    assert_eq!(std::fs::read(out.join("boxes.csv")).unwrap(), std::fs::read(csv.join("boxes.csv")).unwrap());

    // A ground-truth list of another edition, whose classes do not go with the annotations.
    let list = root.join("ILSVRC2012_validation_ground_truth.txt");
    let shifted = std::fs::read_to_string(&list).unwrap().replacen("490\n", "361\n", 1);
    std::fs::write(&list, shifted).unwrap();
    let again = root.join("again");
    let (_, error) = expect(
        2,
        &[
            "run",
            "--dataset",
            "ilsvrc-val",
            "--data-dir",
            root.to_str().unwrap(),
            "--images",
            names.to_str().unwrap(),
            "--out",
            again.to_str().unwrap(),
        ],
    );
    assert!(error.contains("list and annotations are of different editions"), "{error}");
}

fn lines(path: PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Writes annotations, lists and links to photos under `root`; returns the file with the names of the photos there.
fn devkit_layout(root: &Path, truth: &Path, photos: &Path) -> PathBuf {
    let annotations = root.join("ILSVRC2012_bbox_val_v3/val");
    let images = root.join("ILSVRC2012_img_val");
    std::fs::create_dir_all(&annotations).unwrap();
    std::fs::create_dir_all(&images).unwrap();
    let ids = lines(truth.join("ascii_order_to_synset_order.txt"));
    let labels: Vec<usize> =
        lines(truth.join("class_labels.txt")).iter().map(|l| l.rsplit(',').next().unwrap().parse().unwrap()).collect();
    let list: String = labels.iter().map(|&label| format!("{}\n", ids[label])).collect();
    std::fs::write(root.join("ILSVRC2012_validation_ground_truth.txt"), list).unwrap();
    // None of the 42 photos is blacklisted: put the first two on the list too.
    let blacklist = std::fs::read_to_string(truth.join("blacklist.txt")).unwrap() + "\n1\n2\n";
    std::fs::write(root.join("ILSVRC2014_clsloc_validation_blacklist.txt"), blacklist).unwrap();

    let wnids = lines("data/classes/imagenet1k.csv".into());
    let wnid = |class: usize| wnids[class + 1].split(',').nth(1).unwrap().to_owned();
    let sizes = lines(truth.join("image_sizes.txt"));
    let boxes = lines(truth.join("localization.txt"));
    let mut names = String::new();
    for row in lines(photos.join("pixels.csv")).iter().skip(1).filter(|row| row.contains(",original,")) {
        let id = row.split(',').next().unwrap();
        let number: usize = id[15..].parse().unwrap();
        let size: Vec<_> = sizes[number - 1].split(',').collect();
        let object = |line: &String| {
            let v: Vec<_> = line.split(',').collect();
            format!(
                "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>",
                wnid(labels[number - 1]),
                v[1],
                v[2],
                v[3],
                v[4]
            )
        };
        let objects: String = boxes.iter().filter(|l| l.contains(&format!("{id}."))).map(object).collect();
        let (w, h) = (size[1], size[2]);
        let xml = format!(
            "<annotation><filename>{id}</filename><size><width>{w}</width><height>{h}</height></size>{objects}</annotation>"
        );
        std::fs::write(annotations.join(format!("{id}.xml")), xml).unwrap();
        let photo = std::path::absolute(photos.join(format!("images/{id}.JPEG"))).unwrap();
        std::os::unix::fs::symlink(photo, images.join(format!("{id}.JPEG"))).unwrap();
        names += &format!("{id}\n");
    }
    let file = root.join("names.txt");
    std::fs::write(&file, names).unwrap();
    file
}

/// The published anchor on the development photos; the floors of the same photos.
#[test]
fn fong_on_the_development_photos() {
    let (Some(model), Some(data)) = (shared("models/googlenet.onnx"), shared("data/dev")) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let arguments = [
        "run",
        "--quiet",
        "--dataset",
        "ilsvrc-dev",
        "--data-dir",
        data.to_str().unwrap(),
        "--model",
        model.to_str().unwrap(),
        "--pipeline",
        "fong-gradient",
        "--fresh",
        "--out",
        folder.path().to_str().unwrap(),
    ];
    let (table, _) = expect(0, &arguments);
    println!("{table}");
    let summary = json(&folder.path().join("summary.json"));
    let weighted = &summary["weighted"];
    let value = |rate: &Value| rate["gt_known_accuracy"]["value"].as_f64().unwrap();
    assert_eq!(summary["images"], 519);
    for (found, expected, tolerance) in [
        (value(weighted), 0.591, 0.015),
        (value(&weighted["floors"]["whole_image"]), 0.411, 0.0006),
        (value(&weighted["floors"]["centre_four_fifths"]), 0.532, 0.0006),
        (value(&weighted["floors"]["centre_half_area"]), 0.546, 0.005),
    ] {
        assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
    }
}

/// The paper's section 4: the methods differ from the gradient in the rule of the ReLU alone.
#[test]
fn guided_and_deconvnet_are_methods_of_a_pipeline() {
    let folder = TempDir::new().unwrap();
    let boxes = |method: &str| {
        let out = folder.path().join(method);
        run(&out, &["--pipeline", "single-warp", "--set", &format!("saliency.method={method:?}"), "--limit", "2"]);
        std::fs::read_to_string(out.join("boxes.csv")).unwrap()
    };
    let [gradient, guided, deconvnet] = ["gradient", "guided", "deconvnet"].map(boxes);
    assert!(gradient != guided && guided != deconvnet && gradient != deconvnet);
}
