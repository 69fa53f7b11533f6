//! Boxes and submissions as other programs write them: each is read right, refused by name, or read
//! with a warning. All go through the program.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use localise::dataset::{Dataset, Photo, Request};
use localise::geometry::{BBox, Size};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{SEVEN, expect, scored, text};
use crate::support::write;
use crate::support::wsol::{Wsol, write_ids};

fn seven() -> Vec<Photo> {
    let request = Request {
        dataset: Some(Path::new(SEVEN)),
        ..Request::default()
    };
    Dataset::open(&request).unwrap().photos
}

/// The photos of [`SEVEN`], each with its first true box.
fn true_boxes() -> Vec<(String, Size, BBox)> {
    let photos = seven().into_iter();
    photos
        .map(|photo| (photo.id, photo.size.unwrap(), photo.boxes[0]))
        .collect()
}

/// A table of their true boxes, each changed.
fn table(header: &str, row: impl Fn(&str, Size, BBox) -> String) -> String {
    let mut text = format!("{header}\n");
    for (id, size, bbox) in true_boxes() {
        let _ = writeln!(text, "{}", row(&id, size, bbox));
    }
    text
}

const PLAIN: &str = "image_id,x_min,y_min,x_max,y_max";

fn plain_row(id: &str, bbox: BBox) -> String {
    format!(
        "{id},{},{},{},{}",
        bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max
    )
}

/// What the program says of boxes for these photos: the summary.
fn summary(content: impl AsRef<[u8]>, name: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), name, content);
    scored(&[text(&file), "--dataset", SEVEN])
}

fn mean_iou(summary: &Value) -> f64 {
    summary["metrics"]["mean_iou"]["value"].as_f64().unwrap()
}

fn warnings(summary: &Value) -> String {
    let warnings = summary["warnings"].as_array().cloned().unwrap_or_default();
    let texts: Vec<&str> = warnings.iter().map(|w| w.as_str().unwrap()).collect();
    texts.join("\n")
}

/// What the program says when it refuses boxes for these photos.
fn refusal(content: impl AsRef<[u8]>, name: &str) -> String {
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), name, content);
    expect(2, &["score", text(&file), "--dataset", SEVEN]).1
}

/// The tables of `tests/golden/reports`: four programs' spellings of the same boxes, and a table
/// with a bad row before the good one of each photo.
#[test]
fn reported_tables_are_read_or_warned_of() {
    let report = |name: &str| {
        let file = format!("tests/golden/reports/boxes/{name}.csv");
        scored(&[&file, "--dataset", SEVEN])
    };
    let plain = report("plain");
    assert_eq!((mean_iou(&plain), warnings(&plain)), (1.0, String::new()));
    for (name, warning) in [
        ("semicolon", ""),
        (
            "vott",
            "all boxes have the label thing, which is not a class",
        ),
        ("tfod", "6 rows state another size of their photo"),
    ] {
        let found = report(name);
        assert_eq!(found["metrics"], plain["metrics"], "{name}");
        assert!(warnings(&found).contains(warning), "{name}: {found}");
    }
    let bad_good = report("bad-good");
    assert!(mean_iou(&bad_good) < 0.1, "{bad_good}");
    let warned = warnings(&bad_good);
    assert!(
        warned.contains("7 photos have several rows, and there are neither ranks nor scores"),
        "{warned}"
    );
}

/// Separators, decimal commas, line ends, names of columns, names of photos.
#[test]
fn other_spellings_are_read() {
    let plain = table(PLAIN, |id, _, bbox| plain_row(id, bbox));
    let with = |separator: &str| plain.replace(',', separator);
    let german = table(&PLAIN.replace(',', ";"), |id, _, b| {
        let edges = [b.x_min, b.y_min, b.x_max, b.y_max].map(|edge| format!("{edge:.2}"));
        format!("{id};{}", edges.join(";").replace('.', ","))
    });
    let cases = [
        ("tabs", with("\t")),
        ("semicolons", with(";")),
        ("decimal commas", german),
        (
            "carriage returns and a mark",
            format!("\u{feff}{}", plain.replace('\n', "\r\n")),
        ),
        ("old line ends", plain.replace('\n', "\r")),
        ("blank lines", plain.replace('\n', "\n\n")),
        (
            "capitals",
            plain.replacen(PLAIN, "ImageID,XMin,YMin,XMax,YMax", 1),
        ),
        (
            "sides",
            plain.replacen(PLAIN, "filename,left,top,right,bottom", 1),
        ),
        (
            "numbered corners",
            plain.replacen(PLAIN, "Image,X1,Y1,X2,Y2", 1),
        ),
        (
            "another order",
            table("ymax,xmax,ymin,xmin,image", |id, _, b| {
                format!("{},{},{},{},{id}", b.y_max, b.x_max, b.y_min, b.x_min)
            }),
        ),
        (
            "names of files",
            table(PLAIN, |id, _, b| plain_row(&format!("{id}.jpg"), b)),
        ),
        (
            "paths",
            table(PLAIN, |id, _, b| plain_row(&format!("images/{id}.jpg"), b)),
        ),
        (
            "quotes and blanks",
            table(
                "\"image_id\", \"xmin\", \"ymin\", \"xmax\", \"ymax\"",
                |id, _, b| {
                    format!(
                        "\"{id}\", {}, {}, {}, {}",
                        b.x_min, b.y_min, b.x_max, b.y_max
                    )
                },
            ),
        ),
    ];
    for (what, content) in cases {
        let found = summary(content, "boxes.csv");
        assert_eq!(mean_iou(&found), 1.0, "{what}: {found}");
        assert_eq!(warnings(&found), "", "{what}");
    }
    assert_eq!(mean_iou(&summary(with("\t"), "boxes.TSV")), 1.0);
}

/// What cannot be read names the header that was found, and what is accepted.
#[test]
fn other_headers_are_refused_with_what_is_accepted() {
    let plain = table(PLAIN, |id, _, bbox| plain_row(id, bbox));
    let cases = [
        (
            plain.replacen(&format!("{PLAIN}\n"), "", 1),
            "missing; found chelsea,0,0,384,300; expected image_id (or image,",
        ),
        (
            plain.replacen(PLAIN, "image_id,x,y,width,height", 1),
            "columns x_min, y_min, x_max, y_max are missing; found image_id,x,y,width,height;",
        ),
        (
            plain.replacen(PLAIN, "image_id,x_min,y_min,left,y_max", 1),
            "columns x_max are missing; found image_id,x_min,y_min,left,y_max;",
        ),
        (
            plain.replacen(PLAIN, "image,filename,xmin,ymin,xmax", 1),
            "the columns image, filename may each be image_id: rename",
        ),
        (
            plain.replace(',', "|"),
            "found image_id|x_min|y_min|x_max|y_max;",
        ),
        (
            table(PLAIN, |id, _, _| format!("{id},\"0,5\",0,384,300")),
            "boxes.csv:2: x_min '0,5' is not a number",
        ),
    ];
    for (content, expected) in cases {
        let error = refusal(&content, "boxes.csv");
        assert!(error.contains(expected), "{expected} is not in {error}");
    }
    let utf16: Vec<u8> = "\u{feff}image_id\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(refusal(utf16, "boxes.csv").contains("the file is in UTF-16"));
}

/// Kaggle's and COCO's forms of a box, by its four stated numbers.
fn kaggle(numbers: impl Fn(Size, BBox) -> [f64; 4]) -> String {
    let photos = seven();
    let class = |id: &str| photos.iter().find(|p| p.id == id).unwrap().class.unwrap();
    table("ImageId,PredictionString", |id, size, bbox| {
        let [a, b, c, d] = numbers(size, bbox);
        format!("{id},{} {a} {b} {c} {d}", class(id) + 1)
    })
}

fn coco(numbers: impl Fn(Size, BBox) -> [f64; 4]) -> String {
    let result = |(photo, (id, size, bbox)): (Photo, (String, Size, BBox))| {
        serde_json::json!({
            "image_id": id, "category_id": photo.class, "score": 0.5, "bbox": numbers(size, bbox),
        })
    };
    let results: Vec<Value> = seven().into_iter().zip(true_boxes()).map(result).collect();
    serde_json::to_string(&results).unwrap()
}

fn corners(b: BBox) -> [f64; 4] {
    [b.x_min, b.y_min, b.x_max, b.y_max]
}

fn rows(numbers: impl Fn(Size, BBox) -> [f64; 4]) -> String {
    table(PLAIN, |id, size, bbox| {
        let [a, b, c, d] = numbers(size, bbox);
        format!("{id},{a},{b},{c},{d}")
    })
}

#[test]
fn inverted_boxes_are_refused_with_their_rows() {
    let swapped = |_: Size, b: BBox| [b.x_max, b.y_max, b.x_min, b.y_min];
    let in_x = |_: Size, b: BBox| [b.x_max, b.y_min, b.x_min, b.y_max];
    let as_sides = |_: Size, b: BBox| [b.x_min, b.y_min, b.x_max - b.x_min, b.y_max - b.y_min];
    let one = table(PLAIN, |id, _, b| match id {
        "fig" => format!("{id},717,518,420,246"),
        _ => plain_row(id, b),
    });
    let cases = [
        (
            rows(swapped),
            "csv",
            "boxes.csv:2: box (384, 300, 0, 0) is inverted",
            "corners are swapped",
        ),
        (
            rows(in_x),
            "csv",
            "boxes.csv:3: box (411, 17, 172, 308) is inverted",
            "in this order",
        ),
        (
            rows(as_sides),
            "csv",
            "boxes.csv:4: box (308, 126, 26, 281) is inverted",
            "x, y, width",
        ),
        (
            one,
            "csv",
            "boxes.csv:5: box (717, 518, 420, 246) is inverted",
            "--format",
        ),
        (
            kaggle(swapped),
            "csv",
            "boxes.csv:2: guess 1: box",
            "corners are swapped",
        ),
        (
            coco(|_, b| [b.x_max, b.y_max, b.x_min - b.x_max, b.y_min - b.y_max]),
            "json",
            "result 1 (chelsea): box (384, 300, 0, 0) is inverted",
            "corners are swapped",
        ),
    ];
    for (content, extension, expected, help) in cases {
        let error = refusal(&content, &format!("boxes.{extension}"));
        let (faults, advice) = error.split_once("help: ").unwrap_or((&error, ""));
        assert!(faults.contains(expected), "{expected} is not in {error}");
        assert!(advice.contains(help), "{help} is not in {error}");
    }
}

/// By fractions of the photo, in every format, and as YOLO's centres; and where they are rounded,
/// or where a box is not.
#[test]
fn normalised_boxes_are_refused_or_warned_of() {
    let parts = |size: Size, b: BBox| {
        let [width, height] = [size.width, size.height].map(f64::from);
        [
            b.x_min / width,
            b.y_min / height,
            b.x_max / width,
            b.y_max / height,
        ]
    };
    let sides = |size: Size, b: BBox| {
        let [x0, y0, x1, y1] = parts(size, b);
        [x0, y0, x1 - x0, y1 - y0]
    };
    let yolo = |size: Size, b: BBox| {
        let [x0, y0, x1, y1] = parts(size, b);
        [
            f64::midpoint(x0, x1),
            f64::midpoint(y0, y1),
            x1 - x0,
            y1 - y0,
        ]
    };
    for (content, extension) in [
        (rows(parts), "csv"),
        (kaggle(parts), "csv"),
        (coco(sides), "json"),
        (rows(yolo), "csv"),
    ] {
        let error = refusal(&content, &format!("boxes.{extension}"));
        let expected = "all 7 boxes are within 0..1: they are normalised";
        assert!(
            error.contains(expected) && error.contains("help: multiply x by the photo's width"),
            "{content}\n{error}"
        );
    }
    let rounded = rows(|size, b| parts(size, b).map(f64::round).map(|n| n.min(1.0)));
    let rounded = rounded
        .replace("0,1,0,1", "0,0,1,1")
        .replace("0,0,0,0", "0,0,1,1");
    let mixed = table(PLAIN, |id, size, b| match id {
        "fig" => plain_row(id, b),
        _ => {
            let [x0, y0, x1, y1] = parts(size, b);
            format!("{id},{x0},{y0},{x1},{y1}")
        }
    });
    for (content, expected) in [
        (rounded, "boxes are within 0..1: are they normalised?"),
        (mixed, "6 of 7 boxes are within 0..1: are they normalised?"),
    ] {
        let warned = warnings(&summary(content, "boxes.csv"));
        assert!(warned.contains(expected), "{warned}");
    }
}

/// In 224 x 224, 256 x 256 and per cent, in copies of half the size, and with the longer side 300.
#[test]
fn boxes_of_resized_copies_are_warned_of() {
    let to_square = |side: f64| {
        move |size: Size, b: BBox| {
            let [x, y] = [size.width, size.height].map(|n| side / f64::from(n));
            [b.x_min * x, b.y_min * y, b.x_max * x, b.y_max * y].map(f64::round)
        }
    };
    let by = |scale: f64| move |_: Size, b: BBox| corners(b).map(|edge| (edge * scale).round());
    let longer = |size: Size, b: BBox| {
        let scale = 300.0 / f64::from(size.width.max(size.height));
        corners(b).map(|edge| edge * scale)
    };
    let cases = [
        (
            rows(to_square(224.0)),
            "csv",
            "all 7 boxes are within 224 x 224 pixels",
        ),
        (
            rows(to_square(256.0)),
            "csv",
            "all 7 boxes are within 256 x 256 pixels",
        ),
        (
            rows(to_square(100.0)),
            "csv",
            "all 7 boxes are within 100 x 100 pixels",
        ),
        (
            rows(by(0.5)),
            "csv",
            "are they in the pixels of a resized copy",
        ),
        (
            rows(longer),
            "csv",
            "are they in the pixels of a resized copy",
        ),
        (
            kaggle(to_square(224.0)),
            "csv",
            "are they in the pixels of a resized copy",
        ),
        (
            coco(move |size, b| {
                let [x0, y0, x1, y1] = to_square(224.0)(size, b);
                [x0, y0, x1 - x0, y1 - y0]
            }),
            "json",
            "are they in the pixels of a resized copy",
        ),
    ];
    for (content, extension, expected) in cases {
        let warned = warnings(&summary(&content, &format!("boxes.{extension}")));
        assert!(warned.contains(expected), "{content}\n{warned}");
    }
    // Constant boxes are in the middle of the photos, whatever their size.
    for share in [0.2, 0.7, 1.0] {
        let centred = rows(|size, _| corners(BBox::centred(size, share, true)));
        assert_eq!(warnings(&summary(centred, "boxes.csv")), "", "{share}");
    }
}

#[test]
fn boxes_out_of_their_photos_are_warned_of() {
    let outside = "boxes reach more than one pixel out of their photo";
    let twice = rows(|_, b| corners(b).map(|edge| edge * 2.0));
    let negative = rows(|size, b| {
        let centre = [size.width, size.height].map(|n| f64::from(n) * 0.5);
        let [x, y] = centre;
        [b.x_min - x, b.y_min - y, b.x_max - x, b.y_max - y]
    });
    let as_sides = coco(|_, b| corners(b));
    for (content, name) in [
        (twice, "boxes.csv"),
        (negative, "boxes.csv"),
        (as_sides, "boxes.json"),
    ] {
        let warned = warnings(&summary(&content, name));
        assert!(warned.contains(outside), "{content}\n{warned}");
    }
    let before = rows(|_, b| corners(b).map(|edge| edge - 1.0));
    let of_before = warnings(&summary(before, "boxes.csv"));
    assert!(
        of_before.contains("begin one pixel before the photo"),
        "{of_before}"
    );
    let empty = rows(|_, b| [b.x_min, b.y_min, b.x_min, b.y_max]);
    let of_empty = warnings(&summary(empty, "boxes.csv"));
    assert!(
        of_empty.contains("7 boxes are empty, and never correct"),
        "{of_empty}"
    );
}

/// A bad row before the good one of each photo, with scores under several names.
#[test]
fn several_rows_of_a_photo_are_ranked_by_their_score() {
    let two_rows = |header: &str, scores: [&str; 2]| {
        table(&format!("{PLAIN},{header}"), |id, _, b| {
            let [bad, good] = scores;
            format!("{id},0,0,3,3,{bad}\n{},{good}", plain_row(id, b))
        })
    };
    for name in ["score", "Confidence", "prob", "probability"] {
        let found = summary(two_rows(name, ["0.1", "0.9"]), "boxes.csv");
        assert_eq!(
            (mean_iou(&found), warnings(&found)),
            (1.0, String::new()),
            "{name}"
        );
        let notes = found["notes"].to_string();
        assert!(notes.contains("ordered by falling score"), "{notes}");
        let reversed = summary(two_rows(name, ["0.9", "0.1"]), "boxes.csv");
        assert!(mean_iou(&reversed) < 0.1, "{name}");
    }
    let ranked = summary(two_rows("rank", ["2", "1"]), "boxes.csv");
    assert_eq!(mean_iou(&ranked), 1.0);
    let other = summary(two_rows("other", ["0.1", "0.9"]), "boxes.csv");
    assert!(
        warnings(&other).contains("7 photos have several rows"),
        "{other}"
    );
    for (scores, expected) in [
        (
            ["0.1", ""],
            "boxes.csv:3: no score, although other rows have one",
        ),
        (["NaN", "0.5"], "boxes.csv:2: the score is not a number"),
        (["high", "0.5"], "invalid float"),
    ] {
        let error = refusal(two_rows("score", scores), "boxes.csv");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn repeated_rows_and_photos_without_rows_are_named() {
    let plain = table(PLAIN, |id, _, bbox| plain_row(id, bbox));
    let rows_of = |n: usize| plain.lines().take(n + 1).map(|line| format!("{line}\n"));
    let repeated: String = rows_of(7).chain(rows_of(7).skip(3)).collect();
    let warned = warnings(&summary(repeated, "boxes.csv"));
    assert!(
        warned.contains("5 rows repeat a guess; the first is") && warned.contains("boxes.csv:9"),
        "{warned}"
    );
    let folder = TempDir::new().unwrap();
    let some: String = rows_of(2).collect();
    let some = write(folder.path(), "boxes.csv", some);
    let said = expect(3, &["score", text(&some), "--dataset", SEVEN]).0;
    let expected = "5 of 7 photos have no prediction (rocket, fig, spaniels, drum, dragonfly); they \
                    count as wrong";
    assert!(said.contains(expected), "{said}");
    for other in [
        "zebra,0,0,5,5",
        "val/coffee.jpg,0,0,5,5",
        "coffee.png,0,0,5,5",
    ] {
        let error = refusal(format!("{plain}{other}\n"), "boxes.csv");
        let id = other.split(',').next().unwrap();
        assert!(
            error.contains(&format!("boxes.csv:9: seven has no photo called {id}")),
            "{error}"
        );
    }
}

/// Labels in rows: indices, WordNet ids and names are read; other numbers and words are named.
#[test]
fn labels_of_rows_are_read_or_warned_of() {
    let photos = seven();
    let list = localise::classes::ClassList::read("imagenet1k").unwrap();
    let labelled = |label: &dyn Fn(usize) -> String| {
        table(&format!("{PLAIN},label"), |id, _, bbox| {
            let photo = photos.iter().find(|photo| photo.id == id).unwrap();
            format!("{},{}", plain_row(id, bbox), label(photo.class.unwrap()))
        })
    };
    let error = |summary: &Value| summary["classification_error_count"][0].as_u64();
    let right: [&dyn Fn(usize) -> String; 4] = [
        &|class| class.to_string(),
        &|class| format!("{class}.0"),
        &|class| list.key(class).to_owned(),
        // Two classes are called missile.
        &|class| match list.title(class) {
            "missile" => list.key(class).to_owned(),
            title => title.to_uppercase(),
        },
    ];
    for label in right {
        let content = labelled(label);
        let found = summary(&content, "boxes.csv");
        assert_eq!(
            (error(&found), warnings(&found)),
            (Some(0), String::new()),
            "{content}"
        );
    }
    let wrong: [(&dyn Fn(usize) -> String, &str); 4] = [
        (
            &|class| (class + 1).to_string(),
            "0 of 7 photos have their class among the labels",
        ),
        (
            &|class| (class - 1).to_string(),
            "but 7 if they were one larger",
        ),
        (
            &|class| format!("kind {class}"),
            "7 of 7 labels (such as kind ",
        ),
        (
            &|class| (class + 1000).to_string(),
            "7 of 7 labels (such as 1",
        ),
    ];
    for (label, expected) in wrong {
        let content = labelled(label);
        let found = summary(&content, "boxes.csv");
        assert_eq!(error(&found), Some(7), "{content}");
        assert!(warnings(&found).contains(expected), "{content}{found}");
    }
}

/// Kaggle's labels are numbers from 1 or WordNet ids; the devkit's are ILSVRC IDs.
#[test]
fn labels_of_submissions_are_warned_of() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let dataset = root.join("sample");
    let lists = Wsol::sample(&dataset, 1);
    lists.write(&dataset);
    let ids = write_ids(&dataset);
    let score = |name: &str, format: &str, line: &dyn Fn(usize, usize) -> String| {
        let lines: String = (0..7).map(|i| line(i, lists.labels[i]) + "\n").collect();
        let header = if format == "devkit" {
            ""
        } else {
            "ImageId,PredictionString\n"
        };
        let file = write(root, name, format!("{header}{lines}"));
        scored(&[text(&file), "--dataset", text(&dataset), "--format", format])
    };
    let kaggle = |label: &dyn Fn(usize) -> String| {
        let line = |i: usize, class: usize| {
            let [a, b, c, d] = lists.boxes[i].1;
            format!("{},{} {a} {b} {c} {d}", lists.ids[i], label(class))
        };
        score("kaggle.csv", "kaggle", &line)
    };
    let devkit = |label: &dyn Fn(usize) -> String| {
        let line = |i: usize, class: usize| {
            let [a, b, c, d] = lists.boxes[i].1;
            format!("{} {a} {b} {c} {d}", label(class))
        };
        score("devkit.txt", "devkit", &line)
    };
    assert_eq!(warnings(&kaggle(&|class| (class + 1).to_string())), "");
    assert_eq!(warnings(&devkit(&|class| ids[class].to_string())), "");
    for (found, expected) in [
        (
            kaggle(&|class| class.to_string()),
            "but 7 if they were one larger",
        ),
        (
            kaggle(&|class| (class + 2).to_string()),
            "but 7 if they were one smaller",
        ),
        (
            kaggle(&|_| "espresso".into()),
            "7 of 7 labels (such as espresso) are not classes",
        ),
        (
            kaggle(&|class| ids[class].to_string()),
            "7 if they were ILSVRC IDs",
        ),
        (
            devkit(&|class| (ids[class] - 1).to_string()),
            "7 if they were ILSVRC IDs less 1",
        ),
        (
            devkit(&|class| (ids[class] + 5000).to_string()),
            "7 of 7 labels (such as 5",
        ),
    ] {
        assert!(warnings(&found).contains(expected), "{expected}: {found}");
    }
}

/// The devkit accepts inverted boxes; they are counted.
#[test]
fn inverted_boxes_of_a_devkit_submission_are_warned_of() {
    let folder = TempDir::new().unwrap();
    let dataset = folder.path().join("sample");
    let lists = Wsol::sample(&dataset, 1);
    lists.write(&dataset);
    let ids = write_ids(&dataset);
    let line = |i: usize| {
        let [a, b, c, d] = lists.boxes[i].1;
        format!("{} {c} {d} {a} {b}\n", ids[lists.labels[i]])
    };
    let lines: String = (0..7).map(line).collect();
    let file = write(folder.path(), "boxes.txt", lines);
    let found = scored(&[text(&file), "--dataset", text(&dataset)]);
    let expected = "7 boxes are inverted, and never correct; the corners are swapped";
    assert!(warnings(&found).contains(expected), "{found}");
}

/// The text has the warnings too; with JSON they are also on stderr.
#[test]
fn warnings_are_shown() {
    let folder = TempDir::new().unwrap();
    let half = rows(|_, b| corners(b).map(|edge| edge * 0.5));
    let file = write(folder.path(), "boxes.csv", half);
    let arguments = ["score", text(&file), "--dataset", SEVEN];
    let (out, _) = expect(0, &arguments);
    assert!(out.contains("\n warning: all 7 boxes are "), "{out}");
    let (_, err) = expect(0, &[&arguments[..], &["--json"]].concat());
    assert!(err.contains("all 7 boxes are "), "{err}");
    let file = text(&file);
    let (_, compared) = expect(0, &["compare", file, file, "--dataset", SEVEN]);
    assert!(compared.contains("all 7 boxes are "), "{compared}");
    assert!(fs::metadata(file).is_ok());
}
