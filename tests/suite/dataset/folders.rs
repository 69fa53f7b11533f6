//! Folders of photos as people have them: with what notebooks and systems leave behind, with links,
//! in many formats. What is left out is said by the run, the doctor, `show` and the summary.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use localise::dataset::{Dataset, Request};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{SEVEN, ended, expect, json, localise, lossy, run, text};
use crate::support::write;

const PHOTO: &str = "data/sample/images/chelsea.jpg";

/// Copies a photo to a path that may be in new folders.
fn photo(folder: &Path, name: &str) {
    write(folder, name, fs::read(PHOTO).unwrap());
}

/// The ids in the rows of a run.
fn ids(out: &Path) -> Vec<String> {
    let mut reader = csv::Reader::from_path(out.join("boxes.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| row[0].to_owned()).collect()
}

/// Runs on a folder, and checks which photos it has, and that the notes are all notes: in the run,
/// in its summary, in the report, in the doctor, and where the folder's photos are shown.
fn assert_found(folder: &Path, photos: &[&str], notes: &[&str]) {
    let results = TempDir::new().unwrap();
    let out = results.path().join("out");
    let mut command = localise();
    let arguments = ["run", "--pipeline", "centre-box", "--dataset", text(folder)];
    command
        .args(arguments)
        .args(["--out", text(&out), "--report"]);
    let (said, warned) = ended(0, &mut command);
    assert_eq!(ids(&out), photos);
    let summary = json(&out.join("summary.json"));
    let in_summary = summary["notes"].as_array().cloned().unwrap_or_default();
    let found: Vec<&str> = in_summary.iter().filter_map(Value::as_str).collect();
    let about_boxes = |note: &&str| !note.contains("box");
    assert_eq!(
        found
            .iter()
            .copied()
            .filter(about_boxes)
            .collect::<Vec<_>>(),
        notes
    );
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let (checked, _) = expect(0, &["doctor", "--dataset", text(folder)]);
    let shown = expect(
        0,
        &["show", "--json", "--pipeline", "centre-box", text(folder)],
    );
    assert_eq!(shown.0.lines().count(), photos.len(), "{}", shown.0);
    for note in notes {
        assert!(
            said.contains(note) && warned.contains(note),
            "{note}:\n{said}\n{warned}"
        );
        assert!(
            checked.contains(note) && shown.1.contains(note),
            "{checked}\n{}",
            shown.1
        );
        let in_page = serde_json::to_string(note).unwrap();
        assert!(page.contains(&in_page), "{in_page} is not in the report");
    }
}

#[test]
fn folders_of_reports_are_read() {
    let golden = |name: &str| Path::new("tests/golden/reports/folders").join(name);
    assert_found(
        &golden("notebook"),
        &["n02123045/chelsea.jpg"],
        &["1 hidden files and folders were left out: n02123045/.ipynb_checkpoints"],
    );
    assert_found(&golden("webp"), &["n02123045/a.webp"], &[]);
    assert_found(
        &golden("jfif"),
        &["n02123045/b.jfif", "n02123045/e.gif"],
        &[],
    );
}

/// Twenty AppleDouble files at the start of a dataset would end a run.
#[test]
fn debris_is_not_a_photo() {
    let folder = TempDir::new().unwrap();
    photo(folder.path(), "281/x.jpg");
    for i in 0..25 {
        write(
            folder.path(),
            &format!("281/._{i}.jpg"),
            b"\0\x05\x16\x07\0\x02\0\0Mac OS X",
        );
    }
    for name in [
        ".DS_Store",
        ".Trash-1000/files/x.jpg",
        "281/.thumbnails/x.jpg",
        "281/@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg",
        "281/Thumbs.db",
        "281/desktop.ini",
        "__MACOSX/281/._x.jpg",
    ] {
        write(folder.path(), name, fs::read(PHOTO).unwrap());
    }
    let note =
        "32 hidden files and folders were left out: .DS_Store, .Trash-1000, 281/._0.jpg, ...";
    assert_found(folder.path(), &["281/x.jpg"], &[note]);
}

#[test]
fn other_files_are_counted_and_named() {
    let folder = TempDir::new().unwrap();
    photo(folder.path(), "281/x.jpg");
    // As a browser saves it.
    photo(folder.path(), "281/y.jpg_large");
    for (name, content) in [
        ("281/IMG_1.HEIC", "\0\0\0\x18ftypheic"),
        ("281/IMG_2.avif", "\0\0\0\x18ftypavif"),
        ("281/x.txt", "a tabby"),
        ("281/y.txt", ""),
        ("README", "BM"),
    ] {
        write(folder.path(), name, content);
    }
    assert_found(
        folder.path(),
        &["281/x.jpg", "281/y.jpg_large"],
        &[
            "3 files that are not pictures were left out: 1 without extension, 2 .txt",
            "2 pictures in formats that are not supported were left out; convert them to JPEG or \
             PNG: 1 .avif, 1 .heic",
            "1 files are photos by their content, not by their names: 1 .jpg_large",
        ],
    );
}

/// Class folders that are links, two links to one folder, links to folders above, links to photos.
#[test]
fn linked_folders_are_followed_once() {
    let [folder, store] = [(); 2].map(|()| TempDir::new().unwrap());
    for name in ["cats/a.jpg", "cats/b.jpg", "pot/c.jpg"] {
        photo(store.path(), name);
    }
    photo(folder.path(), "967/d.jpg");
    let link = |target: PathBuf, name: &str| symlink(target, folder.path().join(name)).unwrap();
    link(store.path().join("cats"), "281");
    link(store.path().join("cats"), "282");
    link("..".into(), "967/all");
    link("../..".into(), "967/above-all");
    link(store.path().join("pot/c.jpg"), "967/e.jpg");
    link("d.jpg".into(), "967/f.jpg");
    assert_found(
        folder.path(),
        &[
            "281/a.jpg",
            "281/b.jpg",
            "967/d.jpg",
            "967/e.jpg",
            "967/f.jpg",
        ],
        &[
            "3 folders were left out where they occur again through a link: 282, 967/above-all, \
             967/all",
            "1 photos are links to others of these photos and count again: 967/f.jpg",
        ],
    );
}

/// A link to a photo that is gone is a photo that cannot be read. A class folder that is gone may
/// not be missed in silence.
#[test]
fn broken_links_are_named() {
    let folder = TempDir::new().unwrap();
    photo(folder.path(), "281/x.jpg");
    for name in ["281/y.jpg", "967"] {
        symlink("/nowhere/at/all", folder.path().join(name)).unwrap();
    }
    symlink("z.png", folder.path().join("281/z.png")).unwrap();
    let out = folder.path().join("out");
    let dataset = text(folder.path());
    let arguments = ["run", "--pipeline", "centre-box", "--dataset", dataset];
    let (said, _) = expect(3, &[&arguments[..], &["--out", text(&out)]].concat());
    let note = "note: 3 links lead nowhere: 281/y.jpg, 281/z.png, 967\n";
    assert!(
        said.contains("1 of 3 scored, 2 failed") && said.contains(note),
        "{said}"
    );
    let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
    for id in ["281/y.jpg", "281/z.png"] {
        assert!(failures.contains(&format!("\"id\":\"{id}\"")), "{failures}");
    }
    let (checked, _) = expect(2, &["doctor", "--dataset", dataset]);
    assert!(
        checked.contains("2 photos are missing: 281/y.jpg, 281/z.png"),
        "{checked}"
    );
}

/// An empty file is a photo by its name, and fails by name.
#[test]
fn empty_files_fail_by_name() {
    let folder = TempDir::new().unwrap();
    photo(folder.path(), "281/x.jpg");
    for name in ["281/y.jpg", "281/z.webp", "281/no-extension"] {
        write(folder.path(), name, "");
    }
    let out = TempDir::new().unwrap();
    let arguments = [
        "run",
        "--pipeline",
        "centre-box",
        "--dataset",
        text(folder.path()),
    ];
    let (said, _) = expect(3, &[&arguments[..], &["--out", text(out.path())]].concat());
    let note = "note: 1 files that are not pictures were left out: 1 without extension\n";
    assert!(
        said.contains("1 of 3 scored, 2 failed") && said.contains(note),
        "{said}"
    );
    let (checked, _) = expect(2, &["doctor", "--dataset", text(folder.path())]);
    let finding =
        "2 photos cannot be read: 281/y.jpg, 281/z.webp (cannot decode: the file is empty)";
    assert!(checked.contains(finding), "{checked}");
}

/// A folder without a photo that can be read is refused, and the message says what it has.
#[test]
fn a_folder_without_photos_says_what_it_has() {
    let cases: [(&[(&str, &str)], &str); 3] = [
        (
            &[("281/a.heic", ""), ("281/b.HEIC", "")],
            "and photos (2 pictures in formats that are not supported were left out; convert them \
             to JPEG or PNG: 2 .heic)",
        ),
        (
            &[(".cats/a.jpg", ""), ("._a.jpg", "")],
            "and photos (2 hidden files and folders were left out: ._a.jpg, .cats)",
        ),
        (
            &[("a.rar", "Rar!")],
            "and photos (1 files that are not pictures were left out: 1 .rar)",
        ),
    ];
    for (files, expected) in cases {
        let [folder, results] = [(); 2].map(|()| TempDir::new().unwrap());
        for (name, content) in files {
            write(folder.path(), name, content);
        }
        let dataset = text(folder.path());
        for command in [
            &["run", "--dataset"][..],
            &["show", "--pipeline", "centre-box"],
        ] {
            let mut command_line = localise();
            command_line
                .current_dir(&results)
                .args(command)
                .arg(dataset);
            let (_, error) = ended(2, &mut command_line);
            let expected = expected.strip_prefix(if command[0] == "show" {
                "and photos ("
            } else {
                ""
            });
            let expected = expected.unwrap().trim_end_matches(')');
            assert!(error.contains(expected), "{error}");
        }
        write(
            folder.path(),
            "own.toml",
            "title = \"x\"\nkind = \"folder\"\nfolder = \".\"\n",
        );
        let own = text(&folder.path().join("own.toml")).to_owned();
        let out = text(&results.path().join("out")).to_owned();
        let (_, error) = expect(2, &["run", "--dataset", &own, "--out", &out]);
        assert!(error.contains("own: it has no photos ("), "{error}");
    }
}

/// What is in a folder of predictions is not told by debris, and a cycle of links does not hang.
#[test]
fn folders_of_predictions_have_debris_too() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    run(
        &out,
        &["--pipeline", "single-warp", "--write-maps", "--write-masks"],
    );
    let [maps, masks] = ["maps", "masks"].map(|name| out.join(name));
    write(&masks, "._chelsea.npy", "AppleDouble");
    write(&masks, ".ipynb_checkpoints/x.npy", "");
    write(&maps, "__MACOSX/x.png", "");
    for (target, name) in [(".", "a"), (".", "b"), ("..", "c")] {
        symlink(target, masks.join(name)).unwrap();
    }
    let kind = |predictions: &Path| {
        let output = localise()
            .args(["score", text(predictions), "--dataset", SEVEN])
            .output();
        let output = output.unwrap();
        lossy(&output.stdout) + &lossy(&output.stderr)
    };
    // The photos have no masks, so maps are scored with its boxes, and masks are refused as such.
    assert!(kind(&maps).contains("MaxBoxAcc"), "{}", kind(&maps));
    let said_of_masks = kind(&masks);
    assert!(
        said_of_masks.contains("seven has no true masks"),
        "{said_of_masks}"
    );
    write(folder.path(), "empty/._a.png", "AppleDouble");
    let empty = kind(&folder.path().join("empty"));
    assert!(
        empty.contains("the format of the predictions is not recognised"),
        "{empty}"
    );
}

/// Annotations under names or in formats that are not read with a folder of photos: of each, the
/// boxes that are not read are suspicious; lists, settings and texts are not.
#[test]
fn annotations_that_are_not_read_are_suspicious() {
    let coco = fs::read_to_string("tests/golden/reports/coco/good.json").unwrap();
    let texts = [
        ("result.json", &*coco, "COCO"),
        ("labels/chelsea.txt", "3 0.5 0.5 0.25 0.125\n", "YOLO"),
        (
            "labels/two.txt",
            "0 0.5 0.5 1 1\n12 0.1 0.2 0.3 0.4",
            "YOLO",
        ),
        ("labels/part.txt", "0 0.5 0.25 1 1 0.75 0", "YOLO"),
        (
            "chelsea.json",
            r#"{"shapes": [], "imagePath": "chelsea.jpg"}"#,
            "LabelMe",
        ),
        (
            "via.json",
            r#"{"a": {"regions": [{"shape_attributes": {}}]}}"#,
            "VIA",
        ),
        (
            "train.csv",
            "filename,width,height,class,xmin,ymin,xmax,ymax\n",
            "CSV",
        ),
        ("notes.txt", "1 2 3\n", ""),
        ("sizes.txt", "chelsea 451 300 1 1", ""),
        ("config.json", r#"{"size": [224, 224]}"#, ""),
        ("names.csv", "name,author\n", ""),
    ];
    for (name, content, format) in texts {
        let folder = TempDir::new().unwrap();
        photo(folder.path(), "chelsea.jpg");
        write(folder.path(), name, content);
        let request = Request {
            dataset: Some(folder.path()),
            ..Request::default()
        };
        let dataset = Dataset::open(&request).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found: Vec<&str> = dataset.suspicions.iter().map(|s| &*s.what).collect();
        let expected = format!(
            "1 files look like annotations ({format}) and are not read with a folder of photos: \
             {name}"
        );
        let expected = if format.is_empty() {
            vec![]
        } else {
            vec![&*expected]
        };
        assert_eq!(found, expected, "{name}");
    }
}
