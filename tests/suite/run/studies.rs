//! Studies and class models, and the gradients that both use.

use std::path::Path;

use localise::classifier::{Classifier, ProbeOptions, describe, pixels};
use localise::saliency::{LayerTensor, Method};
use tempfile::TempDir;

use crate::support::program::{expect, json, run};

/// What a run says of photos, a study says too, whatever else it has in its grid.
#[test]
fn a_study_gives_the_numbers_of_its_runs() {
    let folder = TempDir::new().unwrap();
    let [study, found] = ["study.toml", "found.json"].map(|name| folder.path().join(name));
    let text = r#"
        title = "Two maps, three thresholds, and a cut"
        dataset = "tests/seven"
        models = ["squeezenet1.1"]
        against = "gradient threshold.alpha=5.0"
        [[row]]
        name = "gradient"
        pipeline = "fong-gradient"
        vary = { "threshold.alpha" = [4.0, 5.0, 6.0] }
        [[row]]
        name = "smoothed"
        pipeline = "fong-gradient"
        set = ["saliency.smooth=0.02"]
        [[row]]
        name = "guided"
        pipeline = "fong-gradient"
        set = ["saliency.method=guided"]
        [[row]]
        name = "fast"
        pipeline = "fast"
        [[row]]
        name = "noisy"
        pipeline = "layer-cam"
        set = ["saliency.noise=0.1", "saliency.samples=2"]
        [[row]]
        name = "hard seeds"
        pipeline = "single-warp"
        [[row]]
        name = "floor"
        pipeline = "centre-box"
    "#;
    std::fs::write(&study, text).unwrap();
    let arguments = [
        "study",
        study.to_str().unwrap(),
        "--json",
        found.to_str().unwrap(),
    ];
    let (table, notes) = expect(0, &arguments);
    assert!(
        notes.contains("9 pipelines share 7 maps from 6 observations by 3 classifiers"),
        "{notes}"
    );
    for row in [
        "| gradient threshold.alpha=6.0 | squeezenet1.1 | **",
        "| floor | squeezenet1.1 | **",
        "| hard seeds | ",
    ] {
        assert!(table.contains(row), "{table}");
    }
    let lines = json(&found)["lines"].as_array().unwrap().clone();
    for (name, pipeline, settings) in [
        ("gradient threshold.alpha=5.0", "fong-gradient", &[][..]),
        (
            "smoothed",
            "fong-gradient",
            &["--set", "saliency.smooth=0.02"],
        ),
        (
            "guided",
            "fong-gradient",
            &["--set", "saliency.method=guided"],
        ),
        ("fast", "fast", &[]),
        (
            "noisy",
            "layer-cam",
            &[
                "--set",
                "saliency.noise=0.1",
                "--set",
                "saliency.samples=2",
                "--threads",
                "1",
            ],
        ),
        ("hard seeds", "single-warp", &[]),
        ("floor", "centre-box", &[]),
    ] {
        let out = folder.path().join(name);
        run(&out, &[&["--pipeline", pipeline], settings].concat());
        let metrics = &json(&out.join("summary.json"))["metrics"];
        let line = lines.iter().find(|line| line["name"] == name).unwrap();
        for metric in [
            "gt_known_accuracy",
            "gt_known_accuracy_iou_70",
            "mean_iou",
            "top5_localisation_error",
        ] {
            assert_eq!(line[metric], metrics[metric], "{name}: {metric}");
        }
    }
    // The floor compared with itself. The seeds of the cut are reported; a threshold has none.
    let line = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(line("floor")["against_floor"]["difference"]["value"], 0.0);
    assert!(
        line("hard seeds")["diagnosis"]["foreground_inside"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    assert!(line("guided")["diagnosis"]["foreground_inside"].is_null());
}

/// The study that is shipped for a first try.
#[test]
fn the_study_of_the_sample_runs() {
    let folder = TempDir::new().unwrap();
    let found = folder.path().join("found.json");
    expect(
        0,
        &[
            "study",
            "smoke",
            "--quiet",
            "--limit",
            "7",
            "--json",
            found.to_str().unwrap(),
        ],
    );
    let found = json(&found);
    let lines = found["lines"].as_array().unwrap();
    let names: Vec<_> = lines
        .iter()
        .map(|line| line["name"].as_str().unwrap())
        .collect();
    let varied =
        ["3.0", "5.0"].map(|alpha| format!("gradient, mean threshold threshold.alpha={alpha}"));
    assert_eq!(
        names,
        ["centre-box", "paper2013", "fast", &varied[0], &varied[1]]
    );
    assert_eq!(
        (
            &found["images"],
            &lines[0]["against_floor"]["difference"]["value"]
        ),
        (&7.into(), &0.0.into())
    );
}

/// Of a row that varies values the best on other photos is scored, and nothing else of it.
#[test]
fn a_study_chooses_on_other_photos_than_it_scores() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (chosen_on, scored) = (write("a.txt", "chelsea\n"), write("b.txt", "drum\nfig\n"));
    let text = |choose: &str, images: &str| {
        format!(
            "title = \"t\"\ndataset = \"sample\"\nmodels = [\"squeezenet1.1\"]\nimages = {images:?}\n{choose}\n[[row]]\n\
             name = \"g\"\npipeline = \"layer-cam\"\nvary = {{ \"threshold.alpha\" = [0.0, 0.9, 1.5, 2.5] }}\n\
             [[row]]\nname = \"floor\"\npipeline = \"centre-box\"\n"
        )
    };
    let found = folder.path().join("found.json");
    let lines = |study_text: &str| {
        expect(
            0,
            &[
                "study",
                &write("s.toml", study_text),
                "--quiet",
                "--json",
                found.to_str().unwrap(),
            ],
        );
        json(&found)["lines"].as_array().unwrap().clone()
    };
    let chosen = lines(&text(&format!("choose-on = {chosen_on:?}"), &scored));
    assert_eq!(chosen.len(), 2);
    let accuracy = |line: &serde_json::Value| line["gt_known_accuracy"]["value"].as_f64().unwrap();
    let tried = lines(&text("", &chosen_on));
    assert_eq!(tried.len(), 5);
    let best = |candidates: &[serde_json::Value]| {
        let most = candidates[..4].iter().map(accuracy).fold(0.0, f64::max);
        candidates[..4]
            .iter()
            .find(|line| accuracy(line) == most)
            .unwrap()["name"]
            .clone()
    };
    assert_eq!(chosen[0]["name"], best(&tried));
    assert_ne!(
        chosen[0]["name"],
        best(&lines(&text("", &scored))),
        "the scored photos would choose another"
    );
    assert_eq!(chosen[1]["name"], "floor");
    let overlapping = write(
        "s.toml",
        &text(&format!("choose-on = {chosen_on:?}"), &chosen_on),
    );
    let (_, error) = expect(2, &["study", &overlapping]);
    assert!(
        error.contains("used both for choosing values and for scoring"),
        "{error}"
    );
}

#[test]
fn a_study_with_a_mistake_says_which() {
    let folder = TempDir::new().unwrap();
    let study = folder.path().join("study.toml");
    let row = "[[row]]\nname = \"a\"\npipeline = \"fong-gradient\"\n";
    let head = "title = \"t\"\ndataset = \"sample\"\nmodels = [\"squeezenet1.1\"]\n";
    for (text, expected) in [
        (
            format!("{head}against = \"b\"\n{row}"),
            "no row is called b",
        ),
        (
            format!("{head}{row}set = [\"threshold.alhpa=1\"]\n"),
            "did you mean alpha",
        ),
        (format!("{head}{row}vari = {{}}\n"), "did you mean vary"),
        (
            format!("{head}{row}vary = {{ \"threshold.alpha\" = [] }}\n"),
            "has no values to vary",
        ),
        (format!("{head}{row}grid = \"g\"\n"), "no grid is called g"),
        (format!("{head}{row}{row}"), "two rows are called a"),
        (
            format!("{head}choose-on = \"sample/ids.txt\"\n{row}"),
            "ids.txt",
        ),
        (
            format!("{head}{row}")
                .replace("fong-gradient", "best")
                .replace("squeezenet1.1", "efficientnet-lite0")
                + "set = ['saliency.layers=[\"inner\", \"fused\"]']\n",
            "asked for twice",
        ),
        (
            format!(
                "{head}[[row]]\nname = \"a\"\npipeline = \"layer-cam\"\nset = ['saliency.layers=[\"logits\"]']\n"
            ),
            "not a feature map",
        ),
        (
            format!(
                "{head}[[row]]\nname = \"a\"\npipeline = \"layer-cam\"\nset = ['saliency.layers=[\"input\"]']\n"
            ),
            "layer `input` is the picture",
        ),
        (
            format!(
                "{head}[[row]]\nname = \"a\"\npipeline = \"layer-cam\"\nset = ['saliency.layers=[\"nowhere\"]']\n"
            ),
            "nowhere",
        ),
    ] {
        std::fs::write(&study, text).unwrap();
        let (_, error) = expect(2, &["study", study.to_str().unwrap()]);
        assert!(error.contains(expected), "{error}");
    }
    let (_, error) = expect(2, &["study", "nonesuch"]);
    assert!(error.contains("studies are"), "{error}");
}

/// A class model raises the score; one whose class has zero gradient at the zero image starts from noise
/// and says so.
#[test]
fn class_models_climb() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let score = |text: &str, class: &str| -> f64 {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("class {class} ")))
            .unwrap();
        line.split("score ")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let make = |iterations: &str| {
        expect(
            0,
            &[
                "visualise",
                "--class",
                "goose",
                "--class",
                "90",
                "--iterations",
                iterations,
                "--out",
                out,
            ],
        )
        .0
    };
    let (first, later) = (make("2"), make("12"));
    assert!(
        score(&later, "99") > score(&first, "99") + 10.0,
        "{first}{later}"
    );
    assert!(
        later.contains("class 90 ")
            && later.contains("from noise: zero gradient at the zero image"),
        "{later}"
    );
    assert!(score(&later, "90") > 0.0);
    let picture = image::open(folder.path().join("99-goose.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (227, 227));
    assert!(folder.path().join("contact-sheet.png").is_file());
    let again = std::fs::read(folder.path().join("99-goose.png")).unwrap();
    make("12");
    assert_eq!(
        std::fs::read(folder.path().join("99-goose.png")).unwrap(),
        again,
        "the same bytes"
    );
    let (_, error) = expect(2, &["visualise", "--class", "crane", "--out", out]);
    assert!(error.contains("2 classes: 134 crane"), "{error}");
}

/// Completeness: integrated gradients add up to the score of the photo less that of the mean
/// colour.
#[test]
fn integrated_gradients_are_complete() {
    let classifier = Classifier::load(
        describe(Path::new("squeezenet1.1")).unwrap(),
        ProbeOptions::default(),
    )
    .unwrap();
    let mut worker = classifier.worker();
    let photo = image::open("tests/golden/photo.png").unwrap().to_rgb8();
    let photo = pixels(&image::imageops::crop_imm(&photo, 14, 14, 227, 227).to_image());
    let mean = ndarray::Array3::from_shape_fn((3, 227, 227), |(c, ..)| worker.mean_colour()[c]);
    let class = 967;
    let rise =
        worker.forward(photo.view()).unwrap()[class] - worker.forward(mean.view()).unwrap()[class];
    let steps = 64;
    let on_the_way =
        (0..steps).map(|i| &mean + &((&photo - &mean) * ((i as f32 + 0.5) / steps as f32)));
    let responses: Vec<_> = on_the_way
        .map(|picture| worker.gradients(picture.view(), &[class]).unwrap())
        .collect();
    let tensors: Vec<_> = responses
        .iter()
        .map(|response| LayerTensor {
            values: response.values[0].view(),
            gradient: response.gradients[0][0].view(),
        })
        .collect();
    let sum = (Method::find("integrated-gradients").unwrap().map)(&tensors).sum();
    assert!(
        (sum - rise).abs() < 0.03 * rise.abs(),
        "{sum} against {rise}"
    );
}
