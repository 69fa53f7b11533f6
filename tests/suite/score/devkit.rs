//! The devkit's errors: through the program against the devkit's own numbers, and against an
//! independent script; and its layout of ILSVRC val.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use localise::classes::ClassList;
use localise::dataset::{Dataset, Photo, Profile, Request};
use localise::geometry::BBox;
use localise::prediction::{Format, Predictions};
use localise::score::{ErrorRates, Outcome, floors};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::program::{expect, json, text};
use crate::support::shared;
use crate::support::wsol::{Wsol, write_ids};

fn scored(file: &Path, dataset: &Path) -> Value {
    let arguments = [
        "score",
        file.to_str().unwrap(),
        "--dataset",
        dataset.to_str().unwrap(),
        "--format",
        "devkit",
        "--json",
    ];
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
    values
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v.as_f64().unwrap() * 1e12).round() / 1e12)
        .collect()
}

/// The submissions for all 50,000 photos: every error to twelve digits, and every count.
#[test]
fn the_devkits_own_numbers() {
    let (Some(golden), Some(truth)) = (
        shared("data/golden_devkit"),
        shared("data/ilsvrc_val_truth"),
    ) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let expected = json(&golden.join("expected.json"));
    for name in ["whole_image", "centred_half_area", "random"] {
        let submission = unzipped(&golden.join(format!("{name}.txt.gz")), folder.path());
        let found = scored(&submission, &truth);
        let wanted = &expected["submissions"][name];
        let pairs = [
            (
                "localisation_error",
                "localisation_error_top_1_to_5",
                "localisation_errors_of_48238",
            ),
            (
                "classification_error",
                "classification_error_top_1_to_5",
                "classification_errors_of_50000",
            ),
            (
                "localisation_error_no_blacklist",
                "localisation_error_top_1_to_5_no_blacklist",
                "localisation_errors_of_50000_no_blacklist",
            ),
        ];
        for (ours, errors, counts) in pairs {
            assert_eq!(
                rounded(&found[ours]),
                rounded(&wanted[errors]),
                "{name} {ours}"
            );
            assert_eq!(
                found[format!("{ours}_count")],
                wanted["counts"][counts],
                "{name} {ours}"
            );
        }
        assert_eq!(
            (&found["photos"], &found["photos_localised"]),
            (&50_000.into(), &48_238.into())
        );
    }
}

/// Odd files of three photos, through the program: what the devkit makes of them, and NaN, which is
/// refused.
#[test]
fn the_devkits_small_cases() {
    let Some(golden) = shared("data/golden_devkit/small_cases.json") else {
        return;
    };
    let golden = json(&golden);
    let folder = TempDir::new().unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    let true_boxes: Vec<Vec<[f64; 4]>> = golden["truth_boxes_xmin_ymin_xmax_ymax"]
        .as_array()
        .unwrap()
        .iter()
        .map(|photo| {
            photo
                .as_array()
                .unwrap()
                .iter()
                .map(|b| numbers(b).try_into().unwrap())
                .collect()
        })
        .collect();
    // Any order of the IDs will do, as long as the labels go through it.
    let ids = write_ids(folder.path());
    let mut lists = Wsol::default();
    for (label, boxes) in numbers(&golden["truth_labels"])
        .into_iter()
        .zip(&true_boxes)
    {
        lists.add(
            ids.iter().position(|&id| id == label as usize).unwrap(),
            [500, 375],
            boxes,
        );
    }
    lists.write(folder.path());
    std::fs::write(folder.path().join("blacklist.txt"), "").unwrap();
    let file = folder.path().join("submission.txt");
    let cases = golden["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 20);
    for (name, case) in cases {
        let lines: Vec<&str> = case["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        let end = if name == "no_final_newline" { "" } else { "\n" };
        std::fs::write(&file, lines.join("\n") + end).unwrap();
        let path = file.to_str().unwrap();
        let arguments = [
            "score",
            path,
            "--dataset",
            folder.path().to_str().unwrap(),
            "--json",
        ];
        if name == "nan_coordinate" || case.get("error").is_some() {
            let (_, error) = expect(2, &arguments);
            let expected = if name == "nan_coordinate" {
                ":2:5: 'NaN' is not a number"
            } else {
                "lines for 3 photos"
            };
            assert!(error.contains(expected), "{name}: {error}");
            continue;
        }
        let found: Value = serde_json::from_str(&expect(0, &arguments).0).unwrap();
        for (ours, theirs) in [
            ("localisation_error", "localisation_error_top_5"),
            ("classification_error", "classification_error_top_5"),
        ] {
            let (ours, theirs) = (
                found[ours][4].as_f64().unwrap(),
                case[theirs].as_f64().unwrap(),
            );
            assert!((ours - theirs).abs() < 1e-12, "{name}: {ours} {theirs}");
        }
    }
}

/// Ten thousand random submissions, and what an independent script says of them: other code,
/// another language, exact fractions.
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
                        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|edge| b[edge].as_f64().unwrap());
                        BBox::from_inclusive(x0, y0, x1, y1)
                    })
                    .collect(),
                blacklisted: blacklist.contains(&(i + 1)),
                ..Photo::default()
            })
            .collect();
        let ilsvrc_ids = Some((1..=1000).collect());
        let dataset = Dataset {
            classes: ClassList::numbered(1000),
            ilsvrc_ids,
            photos,
            ..Dataset::default()
        };
        std::fs::File::create(&file)
            .unwrap()
            .write_all(case["submission"].as_str().unwrap().as_bytes())
            .unwrap();
        let predictions = Predictions::read(&file, Format::Devkit, &dataset)
            .unwrap_or_else(|e| panic!("{e}\n{line}"));
        let pairs = dataset.photos.iter().zip(&predictions.photos);
        let outcomes: Vec<_> = pairs
            .map(|(photo, predicted)| Outcome::new(photo, predicted))
            .collect();
        let errors = ErrorRates::from_outcomes(&outcomes);
        let found = [
            errors.classification_error_count,
            errors.localisation_error_count,
            errors.localisation_error_no_blacklist_count,
        ];
        let expected = [
            "classification_errors",
            "localisation_errors",
            "localisation_errors_all",
        ]
        .map(|key| {
            let counts: Vec<usize> = list(key).iter().map(number).collect();
            <[usize; 5]>::try_from(counts).unwrap()
        });
        assert_eq!(found, expected, "{line}");
        cases += 1;
    }
    assert_eq!(cases, 10_000);
}

fn sha256(of: &str) -> String {
    Sha256::digest(of)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// All 50,000 photos' truth: the floors as its README gates them, the blacklist, and the order of
/// the labels.
#[test]
fn the_truth_of_all_of_val() {
    let Some(folder) = shared("data/ilsvrc_val_truth") else {
        return;
    };
    let dataset = Dataset::open(&Request {
        dataset: Some(&folder),
        ..Request::default()
    })
    .unwrap();
    assert_eq!(
        (dataset.photos.len(), dataset.profile),
        (50_000, Profile::Devkit)
    );
    let boxes: usize = dataset.photos.iter().map(|photo| photo.boxes.len()).sum();
    assert_eq!((boxes, dataset.notes.len()), (80_477, 0));

    let started = std::time::Instant::now();
    let kept = floors(&dataset.photos, |_| 1.0);
    println!(
        "floors of 50,000 photos: {:.0} ms",
        started.elapsed().as_secs_f64() * 1e3
    );
    let right = |floor: localise::score::Floor, photos: f64| {
        floor.gt_known_accuracy.unwrap().value * photos
    };
    assert!((right(kept.whole_image, 48_238.0) - 20_005.0).abs() < 1e-6);
    assert!((right(kept.centre_half_area_rounded, 48_238.0) - 26_388.0).abs() < 1e-6);
    let error = 1.0 - kept.centre_half_area.gt_known_accuracy.unwrap().value;
    assert!((error * 100.0 - 45.1387).abs() < 0.05, "{error}");
    let all: Vec<Photo> = dataset
        .photos
        .iter()
        .map(|p| Photo {
            blacklisted: false,
            ..p.clone()
        })
        .collect();
    let all = floors(&all, |_| 1.0);
    assert!((right(all.whole_image, 50_000.0) - 20_351.0).abs() < 1e-6);
    assert!((right(all.centre_half_area_rounded, 50_000.0) - 26_815.0).abs() < 1e-6);

    // The hashes of the devkit's lists, one number a line: the blacklist, the order of the IDs, the
    // ground truth.
    let lines = |numbers: Vec<String>| numbers.join("\n") + "\n";
    let numbers: Vec<String> = (1..)
        .zip(&dataset.photos)
        .filter(|(_, photo)| photo.blacklisted)
        .map(|(i, _)| i.to_string())
        .collect();
    assert_eq!(numbers.len(), 1_762);
    assert_eq!(
        sha256(&lines(numbers)),
        "9bb7a1a102fd1902ebdd011bc0f83f870ea91953928fc389e8c083354ec6678a"
    );
    let ids = dataset.ilsvrc_ids.as_ref().unwrap();
    let order = lines(ids.iter().map(ToString::to_string).collect());
    assert_eq!(
        sha256(&order),
        "4286b22b3e4976a3d63bdada9444633e48f1bbc22ecbdafaa07af0cc54856cdd"
    );
    let labels: Vec<String> = dataset
        .photos
        .iter()
        .map(|photo| ids[photo.class.unwrap()].to_string())
        .collect();
    assert_eq!(
        labels[..10],
        [
            "490", "361", "171", "822", "297", "482", "13", "704", "599", "164"
        ]
    );
    assert_eq!(
        sha256(&lines(labels)),
        "88d44095bd81cb785618db8e72eeb025fa1f646adf359d9b0efbf625244e0df3"
    );
    // Spot checks: sorted index, WordNet id, ILSVRC ID.
    for (class, key, id) in [
        (0, "n01440764", 449),
        (278, "n02119789", 1),
        (285, "n02124075", 8),
        (967, "n07920052", 947),
    ] {
        assert_eq!((dataset.classes.key(class), ids[class]), (key, id));
    }
    assert!((0..1000).all(|class| ids[class] != class + 1));
}

/// The devkit's layout with 42 true photos of ILSVRC val, true annotations and the whole
/// ground-truth list.
struct Val {
    folder: TempDir,
    /// The same photos with a table of boxes.
    table: PathBuf,
}

impl Val {
    fn new() -> Option<Self> {
        let (truth, photos) = (
            shared("data/ilsvrc_val_truth")?,
            shared("data/dev/ilsvrc_val_full")?,
        );
        let folder = TempDir::new().unwrap();
        write_val(folder.path(), &truth, &photos);
        Some(Self {
            folder,
            table: std::path::absolute(photos).unwrap(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a dataset's photos of these names into the folder `out`.
    fn run(&self, code: i32, dataset: &[&str], out: &str) -> (String, String) {
        let [names, out] = ["names.txt", out].map(|name| self.path(name));
        let run = [
            "run",
            "--quiet",
            "--pipeline",
            "fong-gradient",
            "--images",
            text(&names),
            "--out",
            text(&out),
        ];
        expect(code, &[&run[..], &["--dataset"], dataset].concat())
    }

    fn dataset(&self) -> [&str; 3] {
        ["ilsvrc-val", "--data-dir", text(self.folder.path())]
    }
}

/// Photos 1 and 2 are left out of localisation, not of classification.
#[test]
fn vals_blacklist_is_for_localisation() {
    let Some(val) = Val::new() else { return };
    let (table, _) = val.run(0, &val.dataset(), "out");
    let summary = json(&val.path("out/summary.json"));
    assert_eq!(summary["images"], 42, "{table}");
    let of = |photos: f64, rate: &Value| {
        (rate["value"].as_f64().unwrap() * photos + 1e-9).fract() < 1e-6
    };
    let (metrics, floor) = (&summary["metrics"], &summary["floors"]["whole_image"]);
    assert!(
        of(40.0, &metrics["gt_known_accuracy"]) && of(40.0, &floor["gt_known_accuracy"]),
        "{table}"
    );
    assert!(of(42.0, &metrics["top1_classification_error"]), "{table}");
}

/// The same photos by a table, which has no blacklist, have the same boxes.
#[test]
fn vals_boxes_are_those_of_a_table() {
    let Some(val) = Val::new() else { return };
    val.run(0, &val.dataset(), "out");
    val.run(0, &[text(&val.table)], "table");
    let rows = |out: &str| std::fs::read_to_string(val.path(out).join("boxes.csv")).unwrap();
    assert_eq!(rows("out"), rows("table"));
}

/// A ground-truth list of another edition, whose classes do not go with the annotations.
#[test]
fn vals_list_of_another_edition_is_refused() {
    let Some(val) = Val::new() else { return };
    let list = val.path("ILSVRC2012_validation_ground_truth.txt");
    let shifted = std::fs::read_to_string(&list)
        .unwrap()
        .replacen("490\n", "361\n", 1);
    std::fs::write(&list, shifted).unwrap();
    let (_, error) = val.run(2, &val.dataset(), "out");
    assert!(
        error.contains("the list and the annotations are of different editions"),
        "{error}"
    );
}

fn lines(path: PathBuf) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Writes annotations, lists and links to photos under `root`, and a file with the names of the
/// photos there.
fn write_val(root: &Path, truth: &Path, photos: &Path) {
    let annotations = root.join("ILSVRC2012_bbox_val_v3/val");
    let images = root.join("ILSVRC2012_img_val");
    std::fs::create_dir_all(&annotations).unwrap();
    std::fs::create_dir_all(&images).unwrap();
    let ids = lines(truth.join("ascii_order_to_synset_order.txt"));
    let labels: Vec<usize> = lines(truth.join("class_labels.txt"))
        .iter()
        .map(|l| l.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    let list: String = labels
        .iter()
        .map(|&label| format!("{}\n", ids[label]))
        .collect();
    std::fs::write(root.join("ILSVRC2012_validation_ground_truth.txt"), list).unwrap();
    // None of the 42 photos is blacklisted: put the first two on the list too.
    let blacklist = std::fs::read_to_string(truth.join("blacklist.txt")).unwrap() + "\n1\n2\n";
    std::fs::write(
        root.join("ILSVRC2014_clsloc_validation_blacklist.txt"),
        blacklist,
    )
    .unwrap();

    let wnids = lines("data/classes/imagenet1k.csv".into());
    let wnid = |class: usize| wnids[class + 1].split(',').nth(1).unwrap().to_owned();
    let sizes = lines(truth.join("image_sizes.txt"));
    let boxes = lines(truth.join("localization.txt"));
    let mut names = String::new();
    for row in lines(photos.join("pixels.csv"))
        .iter()
        .skip(1)
        .filter(|row| row.contains(",original,"))
    {
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
        let objects: String = boxes
            .iter()
            .filter(|l| l.contains(&format!("{id}.")))
            .map(object)
            .collect();
        let (w, h) = (size[1], size[2]);
        let xml = format!(
            "<annotation><filename>{id}</filename><size><width>{w}</width><height>{h}</height></size>{objects}</annotation>"
        );
        std::fs::write(annotations.join(format!("{id}.xml")), xml).unwrap();
        let photo = std::path::absolute(photos.join(format!("images/{id}.JPEG"))).unwrap();
        std::os::unix::fs::symlink(photo, images.join(format!("{id}.JPEG"))).unwrap();
        names += &format!("{id}\n");
    }
    std::fs::write(root.join("names.txt"), names).unwrap();
}
