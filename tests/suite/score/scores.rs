//! `localise score` and `localise compare` from end to end.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{
    SEVEN, SEVEN_IDS, ended, expect, json, localise, run, run_of, scored, text,
};
use crate::support::wsol::{Wsol, write_ids};

/// The sample photos in wsolevaluation's layout, under ILSVRC's names and with an order of ILSVRC
/// IDs.
fn with_ids(folder: &Path) -> PathBuf {
    let root = folder.join("sample-with-ids");
    Wsol::sample(&root, 1).write(&root);
    write_ids(&root);
    fs::write(root.join("blacklist.txt"), "2\n5\n").unwrap();
    root
}

/// A run's own numbers, those of its rows, and those of each submission made from them, are the
/// same.
#[test]
fn every_format_gives_a_runs_own_numbers() {
    let folder = TempDir::new().unwrap();
    let dataset = with_ids(folder.path());
    for pipeline in ["single-warp", "centre-box"] {
        let out = folder.path().join(pipeline);
        let options = ["--pipeline", pipeline, "--classes", "top5"];
        run_of(0, text(&dataset), &out, &options);
        let own = json(&out.join("summary.json"));
        assert_eq!(
            (&own["photos"], &own["photos_localised"]),
            (&7.into(), &5.into())
        );
        let rows = scored(&[text(&out)]);
        for key in [
            "metrics",
            "floors",
            "by_class",
            "by_size",
            "localisation_error",
            "failed",
            "profile",
            "dataset",
        ] {
            assert_eq!(rows[key], own[key], "{pipeline} {key}");
        }
        let formats = ["devkit", "kaggle", "kaggle-numbered", "coco", "rows"];
        let files = formats.map(|format| folder.path().join(format!("{pipeline}.{format}")));
        let writes: Vec<String> = formats
            .iter()
            .zip(&files)
            .map(|(f, path)| format!("{f}={}", text(path)))
            .collect();
        let mut arguments = vec!["score", text(&out), "--dataset", text(&dataset)];
        writes
            .iter()
            .for_each(|write| arguments.extend(["--write", write]));
        expect(0, &arguments);
        for (format, file) in formats.iter().zip(&files) {
            let found = scored(&[text(file), "--dataset", text(&dataset), "--format", format]);
            // Five guesses may not hold the true class: then they cannot say how its box would have
            // been.
            for key in ["floors", "failed", "photos_localised"] {
                assert_eq!(found[key], own[key], "{format} {key}");
            }
            let errors = [
                "localisation_error",
                "classification_error",
                "localisation_error_no_blacklist",
            ];
            for key in errors
                .iter()
                .flat_map(|key| [(*key).to_owned(), format!("{key}_count")])
            {
                assert_eq!(found[&key], own[&key], "{format} {key}");
            }
            for key in [
                "top1_localisation_error",
                "top5_localisation_error",
                "top1_classification_error",
                "top5_classification_error",
                "box_given_top5",
            ] {
                assert_eq!(found["metrics"][key], own["metrics"][key], "{format} {key}");
            }
        }
    }
}

/// No model and no ONNX Runtime: neither is looked for.
#[test]
fn scoring_needs_no_runtime() {
    let folder = TempDir::new().unwrap();
    let boxes = folder.path().join("boxes.csv");
    fs::write(
        &boxes,
        "image_id,x_min,y_min,x_max,y_max\nchelsea,0,0,384,300\ncoffee,0,0,10,10\n",
    )
    .unwrap();
    let mut command = localise();
    command
        .env("ORT_DYLIB_PATH", "nowhere.so")
        .args(["score", text(&boxes), "--dataset", SEVEN]);
    let (said, _) = ended(3, &mut command);
    assert!(
        said.contains("14.3 %") && said.contains("2 of 7 scored, 5 failed or missing"),
        "{said}"
    );
    assert!(
        said.contains("Classification error   top-1")
            && said.contains("note: 5 of 7 photos have no prediction"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_scored_is_reported() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let rows = file(
        "rows.csv",
        "image_id,x_min,y_min,x_max,y_max\nchelsea,0,0,384,300\nnobody,0,0,1,1\n",
    );
    let devkit = file("boxes.txt", "1 0 0 1 1\n");
    let odd = file("boxes.dat", "");
    let good = file(
        "good.csv",
        "image_id,x_min,y_min,x_max,y_max\nchelsea,0,0,384,300\n",
    );
    let out = folder.path().join("x");
    let write = format!("devkit={}", text(&out));
    let cases: [(&[&str], &str); 8] = [
        (
            &[text(&rows), "--dataset", "sample"],
            "rows.csv:3: sample has no photo called nobody",
        ),
        (&[text(&rows)], "--dataset is missing"),
        (
            &[text(&devkit), "--dataset", "sample"],
            "the ILSVRC IDs of its classes are not known",
        ),
        (
            &[text(&odd), "--dataset", "sample"],
            "name the format with --format",
        ),
        (
            &[text(&good), "--dataset", "sample", "--write", &write],
            "localise the predicted classes with --classes=top5",
        ),
        (
            &[text(&good), "--dataset", "sample", "--write", "devkat=x"],
            "formats are rows, devkit, kaggle",
        ),
        (
            &["nowhere.csv", "--dataset", "sample"],
            "nowhere.csv: there is no such file",
        ),
        (
            &[
                text(folder.path()),
                "--dataset",
                "sample",
                "--format",
                "wsoleval-npy",
            ],
            "chelsea.npy",
        ),
    ];
    for (arguments, expected) in cases {
        let (_, error) = expect(2, &[&["score"], arguments].concat());
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

/// A run's score maps and masks are read by the scorer; the masks are those that the boxes bound.
#[test]
fn maps_and_masks_of_a_run_are_scored() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    run(
        &out,
        &["--pipeline", "single-warp", "--write-maps", "--write-masks"],
    );
    let (_, error) = expect(2, &["score", text(&out.join("maps"))]);
    assert!(
        error.contains("only the boxes of a run know theirs"),
        "{error}"
    );
    let maps = &scored(&[text(&out.join("maps")), "--dataset", SEVEN])["maps"];
    for key in [
        "max_box_acc",
        "max_box_acc_v2",
        "centre_half_area",
        "whole_image",
    ] {
        let value = maps["wsoleval"][key]
            .get("value")
            .unwrap_or(&maps["wsoleval"][key]["mean"])
            .as_f64()
            .unwrap();
        assert!((0.0..=1.0).contains(&value), "{key} {value}");
    }
    // SqueezeNet sees most of these objects: its maps are not constant ones.
    let energy = &maps["ebpg"];
    assert!(
        energy["inside"]["value"].as_f64() > energy["constant_map"]["value"].as_f64(),
        "{energy}"
    );
    assert_eq!(
        (&maps["pointing"]["images"], &maps["wsoleval"]["images"]),
        (&7.into(), &7.into())
    );

    // Against the masks themselves, which are the truth here, and against the boxes that bound
    // them.
    let masks = out.join("masks");
    let description = folder.path().join("masked.toml");
    let seven = std::path::absolute(SEVEN).unwrap();
    let own = format!(
        "title = \"masked\"\nkind = \"csv\"\nfolder = {seven:?}\nboxes = [\"boxes.csv\"]\nmasks = {:?}\n",
        text(&masks)
    );
    fs::write(&description, own).unwrap();
    let found = scored(&[text(&masks), "--dataset", text(&description)]);
    assert_eq!(found["masks"]["mask_iou"]["value"], 1.0);
    assert!(found["masks"]["whole_image"].as_f64().unwrap() < 0.9);
    let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
    for row in rows.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let mask = image::open(masks.join(fields[0]).with_added_extension("png"))
            .unwrap()
            .into_luma8();
        let set = |horizontal: bool| {
            let places = mask.enumerate_pixels().filter(|(.., v)| v.0[0] == 255);
            let places: Vec<u32> = places
                .map(|(x, y, _)| if horizontal { x } else { y })
                .collect();
            [
                *places.iter().min().unwrap(),
                places.iter().max().unwrap() + 1,
            ]
        };
        let edge = |i: usize| fields[i].parse::<f64>().unwrap() as u32;
        // The box covers every pixel of the frame that it touches; the mask takes centres.
        let [scale_x, scale_y] = [mask.width(), mask.height()].map(|n| n.div_ceil(227) + 1);
        for ([low, high], min, max, slack) in [
            (set(true), edge(5), edge(7), scale_x),
            (set(false), edge(6), edge(8), scale_y),
        ] {
            assert!(
                low.abs_diff(min) <= slack && high.abs_diff(max) <= slack,
                "{row}: {low} {high}"
            );
        }
    }
}

#[test]
fn two_runs_are_compared() {
    let folder = TempDir::new().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    run(&a, &["--pipeline", "single-warp"]);
    run(&b, &["--pipeline", "whole-image"]);
    let compared = |code: i32, more: &[&str]| {
        expect(code, &[&["compare", text(&a), text(&b)], more].concat()).0
    };
    let found: Value = serde_json::from_str(&compared(0, &["--json"])).unwrap();
    let [before, after] = [&a, &b].map(|out| {
        json(&out.join("summary.json"))["metrics"]["gt_known_accuracy"]["value"].clone()
    });
    let first = &found["metrics"][0];
    assert_eq!(
        (&first["a"], &first["b"], &first["name"]),
        (&before, &after, &"GT-known accuracy".into())
    );
    let [won, lost] = ["won", "lost"].map(|key| first[key].as_u64().unwrap());
    assert_eq!(first["lost_images"].as_array().unwrap().len() as u64, lost);
    let difference = first["difference"]["value"].as_f64().unwrap();
    assert!((difference * 7.0 - (won as f64 - lost as f64)).abs() < 1e-9);
    assert!(
        found["cpu_ms_per_photo"]
            .as_array()
            .unwrap()
            .iter()
            .any(|stage| stage[0] == "network")
    );

    // Against boxes that are never right.
    let rows = SEVEN_IDS.map(|id| format!("{id},0,0,1,1\n"));
    let bad = folder.path().join("bad.csv");
    fs::write(
        &bad,
        format!("image_id,x_min,y_min,x_max,y_max\n{}", rows.concat()),
    )
    .unwrap();
    let dropped = |code: i32, most: &str| {
        expect(
            code,
            &[
                "compare",
                text(&a),
                text(&bad),
                "--dataset",
                SEVEN,
                "--max-drop",
                most,
            ],
        )
        .0
    };
    let failed = dropped(5, "0.5");
    assert!(
        failed
            .lines()
            .last()
            .unwrap()
            .starts_with("FAILED: the drop of "),
        "{failed}"
    );
    assert!(dropped(0, "100").contains("GT-known accuracy"));
    let same = expect(0, &["compare", text(&a), text(&a), "--max-drop", "0"]).0;
    assert!(same.contains("no photo flipped"), "{same}");

    // Runs of other photos are not compared. Boxes from any source are, against a named truth.
    let fewer = folder.path().join("fewer");
    run(&fewer, &["--pipeline", "whole-image", "--limit", "3"]);
    let (_, other_photos) = expect(2, &["compare", text(&a), text(&fewer)]);
    assert!(other_photos.contains("7 and 3 photos"), "{other_photos}");
    let boxes = folder.path().join("mine.csv");
    fs::write(
        &boxes,
        "image_id,x_min,y_min,x_max,y_max\nchelsea,0,0,384,300\n",
    )
    .unwrap();
    let said = expect(0, &["compare", text(&a), text(&boxes), "--dataset", SEVEN]).0;
    assert!(said.contains("GT-known accuracy"), "{said}");
    let (_, error) = expect(2, &["compare", text(&a), text(&boxes)]);
    assert!(error.contains("name its dataset with --dataset"), "{error}");
}

/// Several results are one table, a row each, below the floors.
#[test]
fn several_results_are_scored_in_one_table() {
    let folder = TempDir::new().unwrap();
    let table = |name: &str, corners: &str| {
        let rows = SEVEN_IDS.map(|id| format!("{id},{corners}\n"));
        let path = folder.path().join(name);
        let text = format!("image_id,x_min,y_min,x_max,y_max\n{}", rows.concat());
        fs::write(&path, text).unwrap();
        path
    };
    let (left, dot) = (
        table("left.csv", "0,0,384,300"),
        table("dot.csv", "0,0,1,1"),
    );
    let some = folder.path().join("some.csv");
    fs::write(
        &some,
        "image_id,x_min,y_min,x_max,y_max\nchelsea,0,0,384,300\n",
    )
    .unwrap();
    let score = |code: i32, results: &[&Path], more: &[&str]| {
        let results: Vec<&str> = results.iter().map(|path| text(path)).collect();
        let of_dataset = [&["score", "--dataset", SEVEN], more].concat();
        expect(code, &[&of_dataset[..], &results].concat())
    };
    let (shown, _) = score(3, &[&left, &dot, &some], &[]);
    let row = |begin: &str| -> Vec<String> {
        let line = shown
            .lines()
            .find(|line| line.trim_start().starts_with(begin))
            .unwrap();
        let rest = line.trim_start().strip_prefix(begin).unwrap();
        rest.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    // Seven photos: this box is the true one of the first.
    let summary = scored(&[text(&left), "--dataset", SEVEN]);
    let of = |value: &Value| format!("{:.1}", value.as_f64().unwrap() * 100.0);
    let metrics = &summary["metrics"];
    let rate = &metrics["gt_known_accuracy"];
    let expected = format!(
        "{} ({} to {})",
        of(&rate["value"]),
        of(&rate["low"]),
        of(&rate["high"])
    );
    assert_eq!(
        row(text(&left))[..3],
        [
            expected,
            of(&metrics["gt_known_accuracy_iou_70"]["value"]),
            of(&metrics["mean_iou"]["value"])
        ],
        "{shown}"
    );
    assert!(row(text(&dot))[0].starts_with("0.0 ("), "{shown}");
    let floors = &summary["floors"];
    for (name, key) in [
        (
            "floor: centred box of half the area",
            "centre_half_area_rounded",
        ),
        ("floor: the whole photo", "whole_image"),
    ] {
        let cells = row(name);
        let floor = &floors[key];
        assert!(
            cells[0].starts_with(&of(&floor["gt_known_accuracy"]["value"])),
            "{shown}"
        );
        assert_eq!(cells[2], of(&floor["mean_iou"]), "{shown}");
    }
    let missing = format!("{}: 6 of 7 failed or missing", text(&some));
    assert!(shown.contains(&missing), "{shown}");
    let (lines, _) = score(0, &[&left, &dot], &["--json"]);
    let summaries: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((summaries.len(), &summaries[0]), (2, &summary));

    let write = format!("rows={}", text(&folder.path().join("x.csv")));
    let (_, of_write) = score(2, &[&left, &dot], &["--write", &write]);
    assert!(
        of_write.contains("several are given") && of_write.contains("help: "),
        "{of_write}"
    );
    let (_, of_maps) = score(2, &[&left, folder.path()], &["--format", "wsoleval-npy"]);
    assert!(of_maps.contains("one folder at a time"), "{of_maps}");
    // Each run is scored on its own photos: those must be the same.
    let runs = ["a", "b"].map(|name| folder.path().join(name));
    run(&runs[0], &["--pipeline", "whole-image", "--limit", "1"]);
    run(&runs[1], &["--pipeline", "whole-image", "--limit", "2"]);
    let (_, of_photos) = expect(2, &["score", text(&runs[0]), text(&runs[1])]);
    assert!(of_photos.contains("1 and 2 photos"), "{of_photos}");
}

/// Results are filed under photos' names, and `--fresh` removes files: neither may touch files that
/// do not belong to a run.
#[test]
fn nothing_outside_a_runs_results_is_touched() {
    let folder = TempDir::new().unwrap();
    let no_run = folder.path().join("out");
    fs::create_dir_all(no_run.join("masks")).unwrap();
    fs::write(no_run.join("masks/precious.png"), "mine").unwrap();
    let arguments = [
        "run",
        "--dataset",
        "sample",
        "--pipeline",
        "whole-image",
        "--out",
        text(&no_run),
    ];
    for more in [&[][..], &["--fresh"]] {
        let (_, error) = expect(2, &[&arguments[..], more].concat());
        assert!(error.contains("results"), "{error}");
        assert_eq!(
            fs::read_to_string(no_run.join("masks/precious.png")).unwrap(),
            "mine"
        );
    }
    let photo = std::path::absolute("data/sample/images/chelsea.jpg").unwrap();
    for id in ["../../escaped", "/escaped"] {
        let table = folder.path().join("boxes.csv");
        let row = format!("{id},{},451,300,n02123045,281,0,0,384,300\n", text(&photo));
        let header = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n";
        fs::write(&table, format!("{header}{row}")).unwrap();
        let (_, error) = expect(2, &["doctor", "--dataset", text(&table)]);
        let (_, other) = expect(
            2,
            &[
                "run",
                "--dataset",
                text(&table),
                "--out",
                text(&folder.path().join("b")),
                "--write-maps",
            ],
        );
        assert!(
            error.is_empty() && other.contains("leads out of its folder"),
            "{other}"
        );
    }
    // A second run with --fresh leaves no maps of the first behind.
    let out = folder.path().join("run");
    run(
        &out,
        &[
            "--pipeline",
            "fong-gradient",
            "--limit",
            "2",
            "--write-maps",
        ],
    );
    assert_eq!(fs::read_dir(out.join("maps")).unwrap().count(), 2);
    run(
        &out,
        &["--pipeline", "whole-image", "--limit", "1", "--fresh"],
    );
    assert!(!out.join("maps").exists());
    let (_, error) = expect(
        2,
        &[
            "run",
            "--dataset",
            "sample",
            "--pipeline",
            "whole-image",
            "--write-maps",
            "--out",
            text(&folder.path().join("never")),
        ],
    );
    assert!(error.contains("no saliency map"), "{error}");
}

/// Only some photos of a file are scored, and the summary says of how many.
#[test]
fn some_photos_of_a_file_are_scored() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    run(&out, &["--pipeline", "whole-image"]);
    let images = folder.path().join("images.txt");
    fs::write(&images, "coffee\nchelsea\n").unwrap();
    let said = expect(0, &["score", text(&out), "--images", text(&images)]).0;
    assert!(
        said.contains("2 of 7 photos") && said.contains("50.0 %"),
        "{said}"
    );
    let found = scored(&[text(&out), "--images", text(&images)]);
    assert_eq!(
        (
            &found["images"],
            &found["images_in_dataset"],
            &found["photos_localised"]
        ),
        (&2.into(), &7.into(), &2.into())
    );
}

/// The devkit, Kaggle and wsolevaluation call one photo by two names: files of either are scored,
/// and each file is written as its evaluator needs it.
#[test]
fn photos_of_ilsvrc_have_two_names() {
    let folder = TempDir::new().unwrap();
    let dataset = with_ids(folder.path());
    let out = folder.path().join("run");
    let options = ["--classes", "top5", "--write-maps"];
    run_of(
        0,
        text(&dataset),
        &out,
        &[&options[..], &["--pipeline", "fong-gradient"]].concat(),
    );
    assert!(
        out.join("maps/val/ILSVRC2012_val_00000003.JPEG.npy")
            .is_file()
    );
    let kaggle = folder.path().join("kaggle.csv");
    scored(&[text(&out), "--write", &format!("kaggle={}", text(&kaggle))]);
    let rows = fs::read_to_string(&kaggle).unwrap();
    assert!(rows.contains("\nILSVRC2012_val_00000003,n"), "{rows}");
    // Two names of one photo in one dataset are a fault.
    let ids = dataset.join("image_ids.txt");
    let twice = fs::read_to_string(&ids).unwrap() + "ILSVRC2012_val_00000003\n";
    let errors = &scored(&[text(&kaggle), "--dataset", text(&dataset)])["localisation_error_count"];
    assert_eq!(
        errors,
        &json(&out.join("summary.json"))["localisation_error_count"]
    );
    fs::write(&ids, twice).unwrap();
    for (name, more) in [
        ("class_labels.txt", ",1"),
        ("image_sizes.txt", ",9,9"),
        ("localization.txt", ",0,0,1,1"),
    ] {
        let list = fs::read_to_string(dataset.join(name))
            .unwrap()
            .trim_end()
            .to_owned();
        fs::write(
            dataset.join(name),
            format!("{list}\nILSVRC2012_val_00000003{more}"),
        )
        .unwrap();
    }
    let (_, error) = expect(2, &["score", text(&kaggle), "--dataset", text(&dataset)]);
    assert!(
        error.contains("ILSVRC2012_val_00000003 occurs twice"),
        "{error}"
    );
}

/// A COCO set from end to end: photos appear once per category, no class is guessed, crowds and
/// unknown photos are borne.
#[test]
fn coco_results_are_scored_by_category() {
    let folder = TempDir::new().unwrap();
    let instances = folder.path().join("instances.json");
    fs::write(
        &instances,
        r#"{"images": [{"id": 5, "width": 100, "height": 100, "file_name": "a.jpg"}],
            "categories": [{"id": 7, "name": "cat"}, {"id": 90, "name": "brush"}],
            "annotations": [{"image_id": 5, "category_id": 7, "bbox": [10, 10, 40, 40], "iscrowd": 0},
                            {"image_id": 5, "category_id": 90, "bbox": [60, 60, 30, 30], "iscrowd": 0}]}"#,
    )
    .unwrap();
    let results = folder.path().join("results.json");
    fs::write(
        &results,
        r#"[{"image_id": 5.0, "category_id": 7, "bbox": [10, 10, 40, 30], "score": 0.5},
            {"image_id": 5, "category_id": 90, "bbox": [60, 60, 30, 30], "score": 0.4},
            {"image_id": 5, "category_id": 90, "bbox": [0, 0, 10, 10], "score": 0.9},
            {"image_id": 6, "category_id": 7, "bbox": [0, 0, 10, 10], "score": 0.9}]"#,
    )
    .unwrap();
    let found = scored(&[text(&results), "--dataset", text(&instances)]);
    assert_eq!(
        (&found["profile"], &found["images"]),
        (&"coco".into(), &2.into())
    );
    assert_eq!(found["metrics"]["gt_known_accuracy"]["value"], 0.5);
    assert_eq!(found["metrics"]["mean_iou"]["value"], 0.375);
    assert!(
        found["metrics"]["top1_localisation_error"].is_null()
            && found.get("localisation_error").is_none()
    );
    assert!(
        found["notes"][0]
            .as_str()
            .unwrap()
            .starts_with("1 results are for photos that have no object")
    );
    fs::write(
        &results,
        r#"[{"image_id": 6, "category_id": 7, "bbox": [0, 0, 10, 10], "score": 0.9}]"#,
    )
    .unwrap();
    let (_, error) = expect(2, &["score", text(&results), "--dataset", text(&instances)]);
    assert!(
        error.contains("none of its 1 results is for a photo and category of instances (like 5/7)"),
        "{error}"
    );
}
