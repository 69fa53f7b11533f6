//! The devkit's errors: through the program against the devkit's own numbers, and against an independent script.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use localise::classes::ClassList;
use localise::dataset::{Dataset, Photo, Profile, Request};
use localise::geometry::BBox;
use localise::prediction::{Format, Predictions};
use localise::score::{Errors, Outcome, floors};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::program::{expect, json};
use crate::shared;

/// A dataset in wsolevaluation's layout: labels are classes, boxes inclusive.
fn wsol(
    folder: &Path,
    sizes: &[[u32; 2]],
    labels: &[usize],
    boxes: &[Vec<[f64; 4]>],
    blacklist: &[usize],
    ids: &[usize],
) {
    let name = |i: usize| format!("val/ILSVRC2012_val_{:08}.JPEG", i + 1);
    let write = |file: &str, lines: Vec<String>| std::fs::write(folder.join(file), lines.join("\n")).unwrap();
    let photos = 0..labels.len();
    write("image_ids.txt", photos.clone().map(name).collect());
    write("class_labels.txt", photos.clone().map(|i| format!("{},{}", name(i), labels[i])).collect());
    write("image_sizes.txt", photos.clone().map(|i| format!("{},{},{}", name(i), sizes[i][0], sizes[i][1])).collect());
    let boxes = photos.flat_map(|i| boxes[i].iter().map(move |[a, b, c, d]| format!("{},{a},{b},{c},{d}", name(i))));
    write("localization.txt", boxes.collect());
    write("blacklist.txt", blacklist.iter().map(ToString::to_string).collect());
    write("ascii_order_to_synset_order.txt", ids.iter().map(ToString::to_string).collect());
}

fn scored(file: &Path, dataset: &Path) -> Value {
    let arguments =
        ["score", file.to_str().unwrap(), "--dataset", dataset.to_str().unwrap(), "--format", "devkit", "--json"];
    serde_json::from_str(&expect(0, &arguments).0).unwrap()
}

fn unzipped(path: &Path, folder: &Path) -> PathBuf {
    let text = Process::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(text.status.success());
    let to = folder.join(path.file_stem().unwrap());
    std::fs::write(&to, text.stdout).unwrap();
    to
}

fn rounded(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|v| (v.as_f64().unwrap() * 1e12).round() / 1e12).collect()
}

/// The submissions for all 50,000 photos: every error to twelve digits, and every count.
#[test]
fn the_devkits_own_numbers() {
    let (Some(golden), Some(truth)) = (shared("data/golden_devkit"), shared("data/ilsvrc_val_truth")) else { return };
    let folder = TempDir::new().unwrap();
    let expected = json(&golden.join("expected.json"));
    for name in ["whole_image", "centred_half_area", "random"] {
        let submission = unzipped(&golden.join(format!("{name}.txt.gz")), folder.path());
        let found = scored(&submission, &truth);
        let wanted = &expected["submissions"][name];
        let pairs = [
            ("localisation_error", "localisation_error_top_1_to_5", "localisation_errors_of_48238"),
            ("classification_error", "classification_error_top_1_to_5", "classification_errors_of_50000"),
            (
                "localisation_error_no_blacklist",
                "localisation_error_top_1_to_5_no_blacklist",
                "localisation_errors_of_50000_no_blacklist",
            ),
        ];
        for (ours, errors, counts) in pairs {
            assert_eq!(rounded(&found[ours]), rounded(&wanted[errors]), "{name} {ours}");
            assert_eq!(found[format!("{ours}_count")], wanted["counts"][counts], "{name} {ours}");
        }
        assert_eq!((&found["photos"], &found["photos_localised"]), (&50_000.into(), &48_238.into()));
    }
}

/// Odd files of three photos, through the program: what the devkit makes of them, and NaN, which is refused.
#[test]
fn the_devkits_small_cases() {
    let Some(golden) = shared("data/golden_devkit/small_cases.json") else { return };
    let golden = json(&golden);
    let folder = TempDir::new().unwrap();
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let boxes: Vec<Vec<[f64; 4]>> = golden["truth_boxes_xmin_ymin_xmax_ymax"]
        .as_array()
        .unwrap()
        .iter()
        .map(|photo| photo.as_array().unwrap().iter().map(|b| numbers(b).try_into().unwrap()).collect())
        .collect();
    // Any order of the IDs will do, as long as the labels go through it.
    let ids: Vec<usize> = (0..1000).map(|i| (i * 7 + 3) % 1000 + 1).collect();
    let labels: Vec<usize> = numbers(&golden["truth_labels"])
        .iter()
        .map(|&label| ids.iter().position(|&id| id == label as usize).unwrap())
        .collect();
    wsol(folder.path(), &[[500, 375]; 3], &labels, &boxes, &[], &ids);
    let file = folder.path().join("submission.txt");
    let cases = golden["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 20);
    for (name, case) in cases {
        let lines: Vec<&str> = case["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let end = if name == "no_final_newline" { "" } else { "\n" };
        std::fs::write(&file, lines.join("\n") + end).unwrap();
        let path = file.to_str().unwrap();
        let arguments = ["score", path, "--dataset", folder.path().to_str().unwrap(), "--json"];
        if name == "nan_coordinate" || case.get("error").is_some() {
            let (_, error) = expect(2, &arguments);
            let expected = if name == "nan_coordinate" { ":2:5: 'NaN' is not a number" } else { "lines for 3 photos" };
            assert!(error.contains(expected), "{name}: {error}");
            continue;
        }
        let found: Value = serde_json::from_str(&expect(0, &arguments).0).unwrap();
        for (ours, theirs) in
            [("localisation_error", "localisation_error_top_5"), ("classification_error", "classification_error_top_5")]
        {
            let (ours, theirs) = (found[ours][4].as_f64().unwrap(), case[theirs].as_f64().unwrap());
            assert!((ours - theirs).abs() < 1e-12, "{name}: {ours} {theirs}");
        }
    }
}

/// Ten thousand random submissions, and what an independent script says of them: other code, another language, exact
/// fractions.
#[test]
fn an_independent_script_agrees() {
    let mut script = Process::new("python3")
        .args(["tests/golden/devkit_referee.py", "1", "10000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = std::io::read_to_string(script.stdout.take().unwrap()).unwrap();
    assert!(script.wait().unwrap().success());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("submission.txt");
    let mut cases = 0;
    for line in output.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let list = |key: &str| case[key].as_array().unwrap().clone();
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let blacklist: Vec<usize> = list("blacklist").iter().map(number).collect();
        let photos: Vec<Photo> = list("labels")
            .iter()
            .zip(list("boxes"))
            .enumerate()
            .map(|(i, (label, boxes))| Photo {
                id: format!("{i:08}"),
                class: Some(number(label) - 1),
                boxes: boxes
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|b| {
                        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|i| b[i].as_f64().unwrap());
                        BBox::from_inclusive(x0, y0, x1, y1)
                    })
                    .collect(),
                blacklisted: blacklist.contains(&(i + 1)),
                weight: 1.0,
                ..Photo::default()
            })
            .collect();
        let ilsvrc_ids = Some((1..=1000).collect());
        let dataset = Dataset { classes: ClassList::numbered(1000), ilsvrc_ids, photos, ..Dataset::default() };
        std::fs::File::create(&file).unwrap().write_all(case["submission"].as_str().unwrap().as_bytes()).unwrap();
        let predictions = Predictions::read(&file, Format::Devkit, &dataset).unwrap_or_else(|e| panic!("{e}\n{line}"));
        let pairs = dataset.photos.iter().zip(&predictions.photos);
        let outcomes: Vec<_> = pairs.map(|(photo, predicted)| Outcome::of(photo, predicted)).collect();
        let errors = Errors::of(&outcomes);
        let found = [
            errors.classification_error_count,
            errors.localisation_error_count,
            errors.localisation_error_no_blacklist_count,
        ];
        let expected = ["classification_errors", "localisation_errors", "localisation_errors_all"].map(|key| {
            let counts: Vec<usize> = list(key).iter().map(number).collect();
            <[usize; 5]>::try_from(counts).unwrap()
        });
        assert_eq!(found, expected, "{line}");
        cases += 1;
    }
    assert_eq!(cases, 10_000);
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All 50,000 photos' truth: the floors as its README gates them, the blacklist, and the order of the labels.
#[test]
fn the_truth_of_all_of_val() {
    let Some(folder) = shared("data/ilsvrc_val_truth") else { return };
    let dataset = Dataset::open(&Request { dataset: Some(&folder), ..Request::default() }).unwrap();
    assert_eq!((dataset.photos.len(), dataset.profile), (50_000, Profile::Devkit));
    let boxes: usize = dataset.photos.iter().map(|photo| photo.boxes.len()).sum();
    assert_eq!((boxes, dataset.notes.len()), (80_477, 0));

    let started = std::time::Instant::now();
    let kept = floors(&dataset.photos, |_| 1.0);
    println!("floors of 50,000 photos: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    let right = |floor: localise::score::Floor, photos: f64| floor.gt_known_accuracy.unwrap().value * photos;
    assert!((right(kept.whole_image, 48_238.0) - 20_005.0).abs() < 1e-6);
    assert!((right(kept.centre_half_area_rounded, 48_238.0) - 26_388.0).abs() < 1e-6);
    let error = 1.0 - kept.centre_half_area.gt_known_accuracy.unwrap().value;
    assert!((error * 100.0 - 45.1387).abs() < 0.05, "{error}");
    let all: Vec<Photo> = dataset.photos.iter().map(|p| Photo { blacklisted: false, ..p.clone() }).collect();
    let all = floors(&all, |_| 1.0);
    assert!((right(all.whole_image, 50_000.0) - 20_351.0).abs() < 1e-6);
    assert!((right(all.centre_half_area_rounded, 50_000.0) - 26_815.0).abs() < 1e-6);

    // protocol.md, sections 5.3 and 5.5: the hashes of the lists, one number a line.
    let lines = |numbers: Vec<String>| numbers.join("\n") + "\n";
    let numbers: Vec<String> =
        (1..).zip(&dataset.photos).filter(|(_, photo)| photo.blacklisted).map(|(i, _)| i.to_string()).collect();
    assert_eq!(numbers.len(), 1_762);
    assert_eq!(sha256(&lines(numbers)), "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a");
    let ids = dataset.ilsvrc_ids.as_ref().unwrap();
    let order = lines(ids.iter().map(ToString::to_string).collect());
    assert_eq!(sha256(&order), "4286b22b3e4976a3d63bdada9444633e48f1bbc22ecbdafaa07af0cc54856cdd");
    let labels: Vec<String> = dataset.photos.iter().map(|photo| ids[photo.class.unwrap()].to_string()).collect();
    assert_eq!(labels[..10], ["490", "361", "171", "822", "297", "482", "13", "704", "599", "164"]);
    assert_eq!(sha256(&lines(labels)), "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3");
    // Spot checks: sorted index, WordNet id, ILSVRC ID.
    for (class, key, id) in
        [(0, "n01440764", 449), (278, "n02119789", 1), (285, "n02124075", 8), (967, "n07920052", 947)]
    {
        assert_eq!((dataset.classes.key(class), ids[class]), (key, id));
    }
    assert!((0..1000).all(|class| ids[class] != class + 1));
}
