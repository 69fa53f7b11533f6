//! `localise show`: panels, methods side by side, folders, the photos of a run, JSON, terminals;
//! and the cuts that it writes.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::models::{CONVOLUTION, small_model};
use crate::support::program::{ended, expect, localise, run, text};

#[test]
fn show_draws_a_panel() {
    let folder = TempDir::new().unwrap();
    let panel = folder.path().join("panel.png");
    let out = panel.to_str().unwrap();
    let (said, _) = expect(0, &["show", "coffee", "--dataset", "sample", "--out", out]);
    assert!(
        said.contains("class 967 espresso (n07920052), rank 1") && said.contains("IoU"),
        "{said}"
    );
    // Three lines, six tiles of 384 x 256 with captions, and the legend, with gaps of 8 pixels.
    assert_eq!(
        image::image_dimensions(&panel).unwrap(),
        (3 * 384 + 4 * 8, 3 * 22 + 2 * (22 + 256) + 22 + 5 * 8)
    );
    expect(
        0,
        &[
            "show",
            "data/sample/images/fig.jpg",
            "--class",
            "n07753113",
            "--pipeline",
            "single-warp",
            "--out",
            out,
        ],
    );
    expect(
        0,
        &[
            "show",
            "data/sample/images/fig.jpg",
            "--pipeline",
            "centre-box",
            "--out",
            out,
        ],
    );
}

#[test]
fn a_cut_is_exported_and_solved() {
    let folder = TempDir::new().unwrap();
    let [panel, cut] =
        ["panel.png", "cut.max"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let show = [
        "show",
        "fig",
        "--dataset",
        "sample",
        "--pipeline",
        "single-warp",
        "--out",
        &panel,
        "--dimacs",
        &cut,
    ];
    expect(0, &show);
    let (solved, _) = expect(0, &["maxflow", &cut]);
    let flow = solved
        .strip_prefix("flow ")
        .and_then(|flow| flow.trim_end().parse::<i64>().ok());
    assert!(flow.is_some_and(|flow| flow > 0), "{solved}");

    let broken = fs::read_to_string(&cut)
        .unwrap()
        .replacen("\na 1 ", "\na 2 ", 1);
    fs::write(&cut, broken).unwrap();
    let (_, bad_arc) = expect(2, &["maxflow", &cut]);
    assert!(
        bad_arc.contains("cut.max: line ") && bad_arc.contains(" from 2 to "),
        "{bad_arc}"
    );
    expect(2, &["maxflow", "no-such-file.max"]);
    let (_, no_cut) = expect(
        2,
        &[
            &show[..4],
            &[
                "--pipeline",
                "centre-box",
                "--out",
                &panel,
                "--dimacs",
                &cut,
            ],
        ]
        .concat(),
    );
    assert!(
        no_cut.contains("--dimacs: this pipeline made no cut of fig"),
        "{no_cut}"
    );
}

/// Section 4 of the paper as one picture, and beside it methods that need layers or noise.
#[test]
fn methods_are_shown_side_by_side() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("panel.png");
    let methods = ["gradient", "deconvnet", "guided", "layer-cam", "smoothgrad"];
    let arguments = [
        "show",
        "data/sample/images/chelsea.jpg",
        "--pipeline",
        "fong-gradient",
        "--set",
        "threshold.fong-compat=false",
        "--class",
        "Egyptian cat",
        "--method",
        &methods.join(","),
        "--out",
        out.to_str().unwrap(),
    ];
    let (text, _) = expect(0, &arguments);
    for method in methods {
        assert!(text.contains(&format!("\n{method}: box (")), "{text}");
    }
    assert!(text.contains("class 285 Egyptian cat"), "{text}");
    let panel = image::open(&out).unwrap().to_rgb8();
    // Two lines; for each method a rule, a line and tiles of 384 x 255 with captions; the legend.
    let row_height = 1 + 22 + (22 + 255) + 3 * 8;
    assert_eq!(
        panel.dimensions(),
        (3 * 384 + 4 * 8, 2 * 22 + 5 * row_height + 22 + 3 * 8)
    );
    // The maps, the middle column, all differ.
    let map = |row: u32| {
        let row_end = 8 + 2 * 22 + (row + 1) * row_height;
        image::imageops::crop_imm(&panel, 2 * 8 + 384, row_end - 255, 384, 255).to_image()
    };
    let maps: Vec<_> = (0..5).map(map).collect();
    assert!((1..5).all(|i| maps[..i].iter().all(|earlier| *earlier != maps[i])));
    let (_, error) = expect(2, &[&arguments[..9], &["guidde"]].concat());
    assert!(error.contains("the nearest is guided"), "{error}");
}

/// A bad photo is named, and the others are shown all the same.
#[test]
fn a_folder_is_shown_without_its_broken_photo() {
    let folder = TempDir::new().unwrap();
    let [photos, panels] = ["photos", "panels"].map(|name| folder.path().join(name));
    fs::create_dir(&photos).unwrap();
    for name in ["coffee.jpg", "fig.jpg"] {
        fs::copy(format!("data/sample/images/{name}"), photos.join(name)).unwrap();
    }
    fs::write(photos.join("drum.jpg"), "no picture").unwrap();
    let (out, error) = expect(
        3,
        &[
            "show",
            text(&photos),
            "--pipeline",
            "centre-box",
            "--out",
            text(&panels),
        ],
    );
    assert!(error.contains("drum.jpg: cannot decode"), "{error}");
    let shown = ["coffee.jpg-panel.png", "fig.jpg-panel.png"].map(|name| panels.join(name));
    assert!(
        shown
            .iter()
            .all(|panel| panel.is_file() && out.contains(text(panel))),
        "{out}"
    );
    assert_eq!(fs::read_dir(&panels).unwrap().count(), 2);
}

/// With the model, pipeline, seed and truth of the run, what is printed is what its rows contain.
#[test]
fn a_runs_photos_are_shown_as_it_saw_them() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    run(
        &out,
        &[
            "--pipeline",
            "single-warp",
            "--set",
            "cut.gamma=20",
            "--seed",
            "5",
            "--limit",
            "3",
        ],
    );
    let mut reader = csv::Reader::from_path(out.join("boxes.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let photos: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    let (said, _) = expect(
        0,
        &[&["show", "--json", "--run", text(&out)], &photos[..]].concat(),
    );
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for (row, line) in rows.iter().zip(&lines) {
        let cell = |name: &str| &row[columns.iter().position(|column| column == name).unwrap()];
        let number = |name: &str| cell(name).parse::<f64>().unwrap();
        assert_eq!(line["image_id"], cell("image_id"));
        for name in ["class_index", "rank"] {
            assert_eq!(line[name].as_f64(), Some(number(name)), "{line}");
        }
        for name in ["probability", "iou"] {
            // Six decimals.
            assert!(
                (line[name].as_f64().unwrap() - number(name)).abs() < 1e-6,
                "{name}: {line}"
            );
        }
        let corners = ["x_min", "y_min", "x_max", "y_max"].map(number);
        assert_eq!(line["box"], Value::from(corners.to_vec()));
    }
}

#[test]
fn a_terminal_gets_half_blocks_and_no_file() {
    let folder = TempDir::new().unwrap();
    let photo = fs::canonicalize("data/sample/images/chelsea.jpg").unwrap();
    let mut show = localise();
    show.current_dir(folder.path()).args([
        "show",
        text(&photo),
        "--pipeline",
        "centre-box",
        "--terminal",
    ]);
    let (said, _) = ended(0, &mut show);
    assert!(
        said.contains("chelsea: class ") && said.matches('▀').count() > 80,
        "{said}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_photo_or_a_class_that_is_not_known_has_a_nearest() {
    let (_, unknown_photo) = expect(2, &["show", "cofee", "--dataset", "sample"]);
    assert!(
        unknown_photo.contains("sample has no photo called cofee\nhelp: the nearest is coffee"),
        "{unknown_photo}"
    );
    let (_, unknown_class) = expect(
        2,
        &[
            "show",
            "data/sample/images/coffee.jpg",
            "--class",
            "expresso",
        ],
    );
    assert!(
        unknown_class.contains("--class: no class is called expresso")
            && unknown_class.contains("did you mean 967"),
        "{unknown_class}"
    );
}

#[test]
fn a_class_has_a_name_an_index_and_a_wordnet_id() {
    let of = |class: &str| {
        let photo = "data/sample/images/coffee.jpg";
        expect(
            0,
            &[
                "show",
                photo,
                "--class",
                class,
                "--pipeline",
                "centre-box",
                "--json",
            ],
        )
        .0
    };
    let [name, index, wnid] = ["espresso", "967", "n07920052"].map(of);
    assert!(
        name.contains("\"class_index\":967,") && name == index && name == wnid,
        "{name}{index}{wnid}"
    );
}

/// The gradient of a mean is the same everywhere: a map of gradients is made of the layers before
/// the last one, whatever layers the pipeline names for its own method.
#[test]
fn a_method_is_shown_with_layers_that_suit_it() {
    let folder = TempDir::new().unwrap();
    let model = small_model(folder.path(), CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let mut description = fs::read_to_string(&model).unwrap();
    description += "[layers]\nlast = [\"r\"]\ninner = [\"c\"]\n";
    fs::write(&model, description).unwrap();
    let methods = ["gradient-norm", "layer-cam", "grad-cam"];
    let cam = [
        "--set",
        "saliency.method=cam",
        "--set",
        "saliency.layers=[\"last\"]",
    ];
    for (pipeline, settings) in [
        ("single-warp", &[][..]),
        ("fong-gradient", &[]),
        ("layer-cam", &[]),
        ("layer-cam", &cam),
    ] {
        let show = [
            "show",
            "data/sample/images/coffee.jpg",
            "--json",
            "--model",
            text(&model),
            "--pipeline",
            pipeline,
            "--method",
            &methods.join(","),
            "--class",
            "0",
        ];
        let said = expect(0, &[&show[..], settings].concat()).0;
        let records: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(records.len(), methods.len(), "{said}");
        for record in records {
            assert_ne!(record["flag"], "constant_map", "{pipeline}: {record}");
        }
    }
}
