//! Score maps against what wsolevaluation's own evaluator says of them, threshold by threshold.

use std::path::Path;

use localise::dataset::{Dataset, Mask, Request, TrueMask};
use localise::geometry::{BBox, Size};
use localise::prediction::read_map;
use localise::score::{Histogram, PxAp, Steps, best_ious, contours, grey_levels, to_map_frame};
use ndarray::Array2;
use serde_json::Value;

use crate::support::program::{expect, json};
use crate::support::shared;

fn scored(golden: &Path, set: &str, step: &str) -> Value {
    let maps = golden.join("scoremaps").join(set);
    let truth = golden.join("metadata").join(set).join("test");
    let arguments = [
        "score",
        maps.to_str().unwrap(),
        "--dataset",
        truth.to_str().unwrap(),
        "--step",
        step,
        "--json",
    ];
    serde_json::from_str(&expect(0, &arguments).0).unwrap()
}

fn close(ours: f64, theirs: &Value, tolerance: f64, what: &str) {
    let theirs = theirs.as_f64().unwrap();
    assert!(
        (ours - theirs).abs() <= tolerance,
        "{what}: {ours}, not {theirs}"
    );
}

/// MaxBoxAcc of photos: the maxima to 1e-6, the counts at each threshold exactly.
#[test]
fn max_box_acc_is_the_evaluators() {
    let Some(golden) = shared("data/golden_wsoleval") else {
        return;
    };
    let expected = json(&golden.join("expected.json"));
    for (key, set) in [("ilsvrc", "ILSVRC"), ("ilsvrc_sharp", "ILSVRC_sharp")] {
        for step in ["0.001", "0.01"] {
            let found = &scored(&golden, set, step)["maps"]["wsoleval"];
            for (ours, theirs) in [
                ("single_contour", "single_contour"),
                ("all_contours", "all_contours"),
            ] {
                let wanted = &expected[key][format!("{theirs}, step {step}")];
                for (i, iou) in ["30", "50", "70"].into_iter().enumerate() {
                    let (at, what) = (&found[ours][i], format!("{set} {ours} {iou} {step}"));
                    assert_eq!(
                        at["correct_at_each_threshold"], wanted["correct_at_each_threshold"][iou],
                        "{what}"
                    );
                    close(
                        at["accuracy"]["value"].as_f64().unwrap() * 100.0,
                        &wanted["max_box_acc"][iou],
                        1e-6,
                        &what,
                    );
                    close(
                        at["threshold"].as_f64().unwrap(),
                        &wanted["best"][iou]["first_threshold"],
                        1e-9,
                        &what,
                    );
                }
            }
            let percent = |metric: &str| found[metric]["value"].as_f64().unwrap() * 100.0;
            let single = &expected[key][format!("single_contour, step {step}")];
            close(
                percent("max_box_acc"),
                &single["max_box_acc"]["50"],
                1e-6,
                set,
            );
            close(
                percent("max_box_acc_v2"),
                &expected[key][format!("all_contours, step {step}")]["mean"],
                1e-6,
                set,
            );
        }
    }
}

fn corners(bbox: &BBox) -> Value {
    let corners = [bbox.x_min, bbox.y_min, bbox.x_max - 1.0, bbox.y_max - 1.0];
    corners.iter().map(|&v| v as i64).collect::<Vec<_>>().into()
}

/// Photo by photo and threshold by threshold: the true boxes, the number of contours, the box, the
/// best IoU.
#[test]
fn every_photo_at_every_threshold() {
    let Some(golden) = shared("data/golden_wsoleval") else {
        return;
    };
    let expected = json(&golden.join("per_photo.json"));
    for (key, set) in [("ilsvrc", "ILSVRC"), ("ilsvrc_sharp", "ILSVRC_sharp")] {
        let folder = golden.join("metadata").join(set).join("test");
        let dataset = Dataset::open(&Request {
            dataset: Some(&folder),
            ..Request::default()
        })
        .unwrap();
        for photo in &dataset.photos {
            let map = read_map(&golden.join("scoremaps").join(set), &photo.id).unwrap();
            let truth: Vec<_> = photo
                .boxes
                .iter()
                .map(|bbox| to_map_frame(bbox, photo.size.unwrap()))
                .collect();
            let [single, all] = ["single_contour", "all_contours"]
                .map(|kind| &expected[key][format!("{kind}, step 0.01")][&photo.id]);
            assert_eq!(
                Value::from(truth.iter().map(corners).collect::<Vec<_>>()),
                single["truth_resized"],
                "{}",
                photo.id
            );
            let levels = grey_levels(map.view());
            let most = f64::from(*levels.iter().max().unwrap());
            for (n, ious) in best_ious(map.view(), &truth, Steps::Hundred)
                .into_iter()
                .enumerate()
            {
                let what = format!("{} at {n}", photo.id);
                let found = contours(levels.view(), (Steps::Hundred.threshold(n) * most) as u8);
                assert_eq!(
                    found.count,
                    all["contours"][n].as_u64().unwrap() as usize,
                    "{what}"
                );
                assert_eq!(corners(&found.largest), single["box"][n], "{what}");
                close(ious.largest, &single["best_iou"][n], 1e-12, &what);
                close(ious.all, &all["best_iou"][n], 1e-12, &what);
            }
        }
    }
}

/// PxAP of photos with masks: to 1e-6, the pixels exactly, and each photo alone.
#[test]
fn pxap_is_the_evaluators() {
    let Some(golden) = shared("data/golden_wsoleval") else {
        return;
    };
    let expected = json(&golden.join("expected.json"));
    let list =
        std::fs::read_to_string(golden.join("metadata/OpenImages/test/image_ids.txt")).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let images = folder.path().join("images.txt");
    for step in ["0.001", "0.01"] {
        let wanted = &expected["pxap"][format!("step {step}")];
        let pooled = &scored(&golden, "OpenImages", step)["maps"]["pxap"];
        close(
            pooled["pxap"]["value"].as_f64().unwrap() * 100.0,
            &wanted["pxap"],
            1e-6,
            step,
        );
        assert_eq!(pooled["pixels_object"], wanted["pixels_object"]);
        assert_eq!(pooled["pixels_background"], wanted["pixels_background"]);
        // Three photos by themselves: one of odd height, one with an ignored part, one ignored
        // outside the object.
        for name in ["7386", "6614", "8844"] {
            let id = list.lines().find(|line| line.contains(name)).unwrap();
            std::fs::write(&images, id).unwrap();
            let maps = golden.join("scoremaps/OpenImages");
            let truth = golden.join("metadata/OpenImages/test");
            let arguments = [
                "score",
                maps.to_str().unwrap(),
                "--dataset",
                truth.to_str().unwrap(),
                "--step",
                step,
                "--json",
                "--images",
                images.to_str().unwrap(),
            ];
            let found: Value = serde_json::from_str(&expect(0, &arguments).0).unwrap();
            let found = &found["maps"]["pxap"];
            let wanted = &wanted["per_image"][id];
            close(
                found["pxap"]["value"].as_f64().unwrap() * 100.0,
                &wanted["pxap"],
                1e-6,
                id,
            );
            assert_eq!(found["pixels_object"], wanted["pixels_object"], "{id}");
            assert_eq!(
                found["pixels_background"], wanted["pixels_background"],
                "{id}"
            );
        }
    }
}

fn sorted(boxes: impl Iterator<Item = String>) -> Vec<String> {
    let mut boxes: Vec<String> = boxes.collect();
    boxes.sort();
    boxes
}

/// Maps that are all zeros, constant, one pixel, tied, with a hole, NaN, above 1: each alone.
#[test]
fn degenerate_maps_as_the_evaluator_has_them() {
    let Some(golden) = shared("data/golden_wsoleval") else {
        return;
    };
    let expected = json(&golden.join("expected.json"));
    let folder = golden.join("metadata/degenerate/test");
    let dataset = Dataset::open(&Request {
        dataset: Some(&folder),
        ..Request::default()
    })
    .unwrap();
    let file = |name: &str| golden.join("masks/OpenImages/test/degenerate").join(name);
    let mask = Mask::Joined {
        objects: vec![file("disc_m0.png")],
        ignore: Some(file("disc_ignore.png")),
    };
    let disc = mask.read(Size::square(224)).unwrap();
    let mut refused = 0;
    for photo in &dataset.photos {
        let wanted = &expected["degenerate"][&photo.id];
        let map = match read_map(&golden.join("scoremaps/degenerate"), &photo.id) {
            Ok(map) => map,
            Err(fault) => {
                assert_eq!(wanted["box"]["error"], "ValueError", "{fault}");
                refused += 1;
                continue;
            }
        };
        let truth: Vec<_> = photo
            .boxes
            .iter()
            .map(|bbox| to_map_frame(bbox, Size::square(224)))
            .collect();
        let levels = grey_levels(map.view());
        let most = f64::from(*levels.iter().max().unwrap());
        for (step, steps) in [("0.001", Steps::Thousand), ("0.01", Steps::Hundred)] {
            for kind in ["single_contour", "all_contours"] {
                let predicted = wanted[format!("{kind}, step {step}")]["predicted"]
                    .as_array()
                    .unwrap();
                for (n, ious) in best_ious(map.view(), &truth, steps).into_iter().enumerate() {
                    // A stretch goes on to where the next one begins.
                    let begun =
                        |stretch: &&Value| stretch["from_index"].as_u64().unwrap() as usize <= n;
                    let stretch = predicted.iter().rfind(begun).unwrap();
                    let found = contours(levels.view(), (steps.threshold(n) * most) as u8);
                    let (boxes, iou) = match kind {
                        "single_contour" => (vec![found.largest], ious.largest),
                        _ => (found.boxes, ious.all),
                    };
                    let what = format!("{} {kind} at {n}", photo.id);
                    let theirs = stretch["boxes"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(ToString::to_string);
                    assert_eq!(
                        sorted(boxes.iter().map(|b| corners(b).to_string())),
                        sorted(theirs),
                        "{what}"
                    );
                    close(iou, &stretch["best_iou"], 1e-12, &what);
                }
            }
            // PxAP with a disc as the object, and a part of the picture ignored.
            let histogram = Histogram::new(map.view(), &disc, steps);
            let found = PxAp::from_histograms(&[&histogram], steps).unwrap();
            let wanted = &wanted[format!("pxap with the disc, step {step}")];
            close(found.pxap.value * 100.0, &wanted["pxap"], 1e-6, &photo.id);
            assert_eq!(
                histogram.pixels().map(Value::from),
                ["pixels_object", "pixels_background"].map(|key| wanted[key].clone())
            );
        }
    }
    assert_eq!(refused, 2, "NaN and a value above 1");
}

/// A thousand random small maps, and what an independent script says of them: other code, another
/// language, no border followed.
#[test]
fn an_independent_script_agrees() {
    let output = std::process::Command::new("python3")
        .args(["tests/golden/wsoleval_referee.py", "1", "1000"])
        .output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    let picture = |value: &Value| {
        let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(y, x)| rows[y][x])
    };
    let bbox = |value: &Value| {
        let [x0, y0, x1, y1] = numbers(value)[..] else {
            panic!("four corners")
        };
        BBox::from_inclusive(x0, y0, x1, y1)
    };
    for line in output.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let map = picture(&case["map"]);
        let truth: Vec<_> = case["truth"].as_array().unwrap().iter().map(bbox).collect();
        let levels = grey_levels(map.view());
        let most = f64::from(*levels.iter().max().unwrap());
        let steps = case["steps"].as_array().unwrap();
        for (n, ious) in best_ious(map.view(), &truth, Steps::Hundred)
            .into_iter()
            .enumerate()
        {
            let step = steps
                .iter()
                .rfind(|step| step["from"].as_u64().unwrap() as usize <= n)
                .unwrap();
            let found = contours(levels.view(), (Steps::Hundred.threshold(n) * most) as u8);
            let what = format!("threshold {n} of {line}");
            assert_eq!(corners(&found.largest), step["largest"], "{what}");
            assert_eq!(
                found.boxes.len(),
                step["contours"].as_u64().unwrap() as usize,
                "{what}"
            );
            let theirs = step["boxes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| corners(&bbox(b)).to_string());
            assert_eq!(
                sorted(found.boxes.iter().map(|b| corners(b).to_string())),
                sorted(theirs),
                "{what}"
            );
            close(ious.largest, &step["best_iou_largest"], 1e-12, &what);
            close(ious.all, &step["best_iou_all"], 1e-12, &what);
        }
        let [object, ignore] =
            ["object", "ignore"].map(|key| picture(&case[key]).mapv(|v| v > 0.0));
        let ignore = ndarray::Zip::from(&ignore)
            .and(&object)
            .map_collect(|&ignore, &object| ignore && !object);
        let histogram = Histogram::new(map.view(), &TrueMask { object, ignore }, Steps::Hundred);
        match PxAp::from_histograms(&[&histogram], Steps::Hundred) {
            Some(found) => close(found.pxap.value * 100.0, &case["pxap"], 1e-9, line),
            None => assert!(case["pxap"].is_null(), "{line}"),
        }
    }
    assert_eq!(output.lines().count(), 1000);
}
