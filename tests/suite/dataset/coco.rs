//! COCO files as labelling tools and scripts write them: each is read as what it means, or ends
//! before any work in an error that names the annotation and its key.

use std::fs;
use std::path::Path;

use localise::dataset::{Dataset, Request};
use tempfile::TempDir;

use crate::support::models::{CONVOLUTION, described};
use crate::support::program::{expect, refused, text};
use crate::support::{boxes, write};

fn opened(path: &Path) -> Dataset {
    let request = Request {
        dataset: Some(path),
        ..Request::default()
    };
    Dataset::open(&request).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn good() -> String {
    fs::read_to_string("tests/golden/reports/coco/good.json").unwrap()
}

/// The inputs of the table of reports, and the same content in other encodings.
#[test]
fn reported_files_are_read() {
    let folder = TempDir::new().unwrap();
    let reports = Path::new("tests/golden/reports/coco");
    let expected = opened(&reports.join("good.json"));
    assert_eq!((expected.photos.len(), expected.notes.len()), (2, 0));
    let wide = |order: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{}", good())
            .encode_utf16()
            .flat_map(order)
            .collect()
    };
    let encoded = [
        wide(u16::to_le_bytes, "\u{feff}"),
        wide(u16::to_be_bytes, "\u{feff}"),
        wide(u16::to_le_bytes, ""),
    ];
    let encoded = encoded
        .iter()
        .enumerate()
        .map(|(i, bytes)| write(folder.path(), &format!("{i}.json"), bytes));
    let reported = ["bom.json", "float-size.json"].map(|name| reports.join(name));
    for path in reported.into_iter().chain(encoded) {
        let found = opened(&path);
        assert_eq!(found.photos.len(), 2);
        for (photo, same) in found.photos.iter().zip(&expected.photos) {
            assert_eq!((&photo.id, photo.size), (&same.id, same.size));
            assert_eq!((&photo.boxes, &photo.mask), (&same.boxes, &same.mask));
        }
    }
    let boxes = boxes(folder.path());
    let missing = reports.join("missing-bbox.json");
    let error = refused(&["score", text(&boxes), "--dataset", text(&missing)]);
    assert!(
        error.contains("missing-bbox.json: annotation 7: bbox is missing")
            && error.contains("--lenient-boxes"),
        "{error}"
    );
}

/// Each fault ends the program with the entry's id and the key at fault.
#[test]
fn faults_name_the_entry_and_the_key() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    for (from, to, expected) in [
        ("[10, 20, 200, 150]", "null", "annotation 1: bbox is null"),
        (
            "[10, 20, 200, 150]",
            "[]",
            "annotation 1: bbox is []; expected [x, y, width, height]",
        ),
        (
            "[10, 20, 200, 150]",
            "[10, NaN, 200, 150]",
            "annotation 1: bbox is [10,\"NaN\",200,150]",
        ),
        (
            "[10, 20, 200, 150]",
            "[10, 20, -200, 150]",
            "annotation 1 (image 1): box (10, 20, -190, 170) is inverted",
        ),
        (
            "[10, 20, 200, 150]",
            "[900, 20, 20, 15]",
            "annotation 1 (image 1): box (900, 20, 920, 35) is outside",
        ),
        (
            "\"iscrowd\": 0",
            "\"iscrowd\": \"perhaps\"",
            "annotation 1: iscrowd is \"perhaps\"; expected 0 or 1",
        ),
        (
            "\"image_id\": 2",
            "\"image_id\": 3",
            "annotation 918 (image 3): there is no such image",
        ),
        (
            "\"category_id\": 58",
            "\"category_id\": \"fifty\"",
            "annotation 918 (image 2): there is no category fifty",
        ),
        (
            "\"image_id\": 2, ",
            "",
            "annotation 918: image_id is missing",
        ),
        (
            "\"width\": 451",
            "\"width\": \"wide\"",
            "image 1: width is \"wide\"; expected a whole number",
        ),
        (
            "\"width\": 451",
            "\"width\": 0",
            "image 1: it has no width and height, and neither has ",
        ),
        (
            "\"id\": 2, \"width\"",
            "\"id\": 1, \"width\"",
            "image 1 occurs twice, with different content",
        ),
        (
            "\"id\": 58",
            "\"id\": 1",
            "category 1 occurs twice, with different content",
        ),
        (
            "[[10, 20, 210, 20, 210, 170, 10, 170]]",
            "[[10, 20, 210, 20, 210, 170, 10]]",
            "annotation 1: segmentation: a polygon has 7 numbers",
        ),
        (
            "[[10, 20, 210, 20, 210, 170, 10, 170]]",
            "{\"size\": [451, 300], \"counts\": [135300]}",
            "annotation 1: segmentation: its size is [451,300]; expected [300, 451]",
        ),
    ] {
        let changed = good().replacen(from, to, 1);
        assert_ne!(changed, good(), "{from}");
        let file = write(folder.path(), "changed.json", changed);
        let error = refused(&["score", text(&boxes), "--dataset", text(&file)]);
        assert!(
            error.contains(&format!("changed.json: {expected}")),
            "{expected}: {error}"
        );
    }
}

/// A file of annotations and its photos, each with its path in the dataset's folder.
struct Layout {
    /// What is given to the program.
    given: &'static str,
    file: &'static str,
    chelsea: &'static str,
    /// The photo's `file_name`, as JSON.
    file_name: &'static str,
}

/// Folders as CVAT and Roboflow have them, and file names of other computers. Each is run.
#[test]
fn photos_are_found_where_tools_put_them() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    write(
        root,
        "list.csv",
        "class_index,wnid,name\n0,1,cat\n1,58,hot dog\n",
    );
    let model = described(root, "list", CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let layout = |given, file, chelsea, file_name| Layout {
        given,
        file,
        chelsea,
        file_name,
    };
    let layouts = [
        layout("a.json", "a.json", "chelsea.jpg", "chelsea.jpg"),
        layout(".", "_annotations.coco.json", "chelsea.jpg", "chelsea.jpg"),
        layout(
            ".",
            "annotations/instances_default.json",
            "images/chelsea.jpg",
            "chelsea.jpg",
        ),
        layout(
            ".",
            "annotations/instances_train.json",
            "images/train/chelsea.jpg",
            "chelsea.jpg",
        ),
        layout("a.json", "a.json", "set/chelsea.jpg", "set/chelsea.jpg"),
        layout(
            "a.json",
            "a.json",
            "set/chelsea.jpg",
            r"D:\\photos\\set\\chelsea.jpg",
        ),
        layout(
            "a.json",
            "a.json",
            "chelsea.jpg",
            "https://example.org/photos/chelsea.jpg?full",
        ),
        layout(
            "a.json",
            "a.json",
            "chelsea.jpg",
            "/nowhere/photos/chelsea.jpg",
        ),
    ];
    for (number, case) in layouts.iter().enumerate() {
        let data = root.join(number.to_string());
        let Layout {
            given,
            file,
            chelsea,
            file_name,
        } = case;
        write(&data, file, good().replace("chelsea.jpg", file_name));
        let coffee = chelsea.replace("chelsea", "coffee");
        let coffee = coffee.replace("set/", "");
        for (name, to) in [("chelsea", *chelsea), ("coffee", &coffee)] {
            let photo = fs::read(format!("data/sample/images/{name}.jpg")).unwrap();
            write(&data, to, photo);
        }
        let (given, out) = (data.join(given), data.join("out"));
        let run = [
            "run",
            "--quiet",
            "--pipeline",
            "single-warp",
            "--model",
            text(&model),
        ];
        let of_data = ["--dataset", text(&given), "--out", text(&out)];
        expect(0, &[&run[..], &of_data].concat());
        let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
        assert!(
            rows.contains("1/1,0,") && rows.contains("2/58,1,"),
            "{file_name}: {rows}"
        );
    }
    let above = refused(&[
        "run",
        "--dataset",
        text(root),
        "--model",
        text(&model),
        "--out",
        text(&root.join("no")),
    ]);
    assert!(
        above.contains("its annotations are deeper, in ")
            && above.contains("_annotations.coco.json"),
        "{above}"
    );
}

/// Two splits in one folder of annotations: neither is chosen, and the photos are not read without
/// their boxes.
#[test]
fn several_coco_files_are_named() {
    let folder = TempDir::new().unwrap();
    for split in ["train", "val"] {
        let name = format!("annotations/instances_{split}.json");
        write(folder.path(), &name, good());
    }
    let request = Request {
        dataset: Some(folder.path()),
        ..Request::default()
    };
    let error = Dataset::open(&request).unwrap_err().to_string();
    assert!(
        error.contains("it has several COCO files: ")
            && error.contains("instances_train.json, ")
            && error.contains("instances_val.json"),
        "{error}"
    );
}
