//! Datasets in Pascal VOC's form as labelImg, CVAT, Roboflow and scripts write them: each is read
//! as what it means, or ends before any work in an error with its place.

use std::fs;
use std::path::{Path, PathBuf};

use localise::dataset::{Dataset, Photo, Request};
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

/// An annotation of a photo of 96 x 72 pixels.
fn xml(name: &str, objects: &[(&str, [u32; 4])]) -> String {
    let object = |(class, [x0, y0, x1, y1]): &(&str, [u32; 4])| {
        format!(
            "<object><name>{class}</name><pose>Left</pose><truncated>0</truncated><difficult>0</difficult>\
             <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>\n"
        )
    };
    let objects: String = objects.iter().map(object).collect();
    format!(
        "<annotation>\n<folder>own</folder><filename>{name}.jpg</filename><path>/home/me/{name}.jpg</path>\
         <size><width>96</width><height>72</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )
}

/// Two photos, one of them with two classes, as VOC has them.
fn plain(folder: &Path) {
    write(
        folder,
        "Annotations/a.xml",
        xml("a", &[("cat", [1, 1, 48, 36]), ("dog", [10, 20, 96, 72])]),
    );
    write(
        folder,
        "Annotations/b.xml",
        xml("b", &[("cat", [5, 6, 7, 8])]),
    );
    write(folder, "ImageSets/Main/test.txt", "a\nb\n");
    for name in ["a", "b"] {
        let path = write(folder, &format!("JPEGImages/{name}.jpg"), "");
        fs::copy("tests/golden/photos/plain.jpg", path).unwrap();
    }
}

fn change(folder: &Path, name: &str, from: &str, to: &str) {
    let path = folder.join(name);
    let old = fs::read_to_string(&path).unwrap();
    assert!(old.contains(from), "{from} is not in {old}");
    fs::write(path, old.replace(from, to)).unwrap();
}

fn rename(folder: &Path, from: &str, to: &str) {
    let to = folder.join(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(folder.join(from), to).unwrap();
}

/// Saves a photo again in another format.
fn save_as(folder: &Path, from: &str, to: &str) {
    let path = folder.join(from);
    image::open(&path).unwrap().save(folder.join(to)).unwrap();
    fs::remove_file(path).unwrap();
}

/// A change of the plain dataset.
type Change = fn(&Path);

/// What all photos are asked for, whatever their files are called.
fn truth(photos: &[Photo]) -> Vec<Photo> {
    let without_path = |photo: &Photo| Photo {
        path: PathBuf::new(),
        ..photo.clone()
    };
    photos.iter().map(without_path).collect()
}

const SIZE: &str = "<size><width>96</width><height>72</height><depth>3</depth></size>";

#[test]
fn forms_of_other_tools_are_the_same_dataset() {
    let folder = TempDir::new().unwrap();
    plain(folder.path());
    let expected = opened(folder.path());
    assert_eq!(expected.notes, [""; 0]);
    let changes: [(&str, Change, &str); 24] = [
        (
            "size 0",
            |f| change(f, "Annotations/a.xml", ">96</width>", ">0</width>"),
            "1 annotations have no size",
        ),
        (
            "no size",
            |f| change(f, "Annotations/a.xml", SIZE, ""),
            "1 annotations have no size",
        ),
        (
            "empty size",
            |f| {
                change(
                    f,
                    "Annotations/b.xml",
                    SIZE,
                    "<size><width/><height/></size>",
                );
            },
            "1 annotations have no size",
        ),
        (
            "size as a fraction",
            |f| change(f, "Annotations/a.xml", "96</width>", "96.0</width>"),
            "",
        ),
        (
            "PNG",
            |f| save_as(f, "JPEGImages/a.jpg", "JPEGImages/a.png"),
            "",
        ),
        (
            "WebP",
            |f| save_as(f, "JPEGImages/b.jpg", "JPEGImages/b.webp"),
            "",
        ),
        (
            "capitals",
            |f| rename(f, "JPEGImages/b.jpg", "JPEGImages/b.JPEG"),
            "",
        ),
        (
            "no filename",
            |f| change(f, "Annotations/a.xml", "<filename>a.jpg</filename>", ""),
            "",
        ),
        (
            "filename without extension",
            |f| change(f, "Annotations/a.xml", "a.jpg</filename>", "a</filename>"),
            "",
        ),
        (
            "filename with a path",
            |f| {
                change(
                    f,
                    "Annotations/a.xml",
                    "a.jpg</filename>",
                    "C:\\x\\a.jpg</filename>",
                );
            },
            "",
        ),
        (
            "no difficult",
            |f| change(f, "Annotations/a.xml", "<difficult>0</difficult>", ""),
            "",
        ),
        (
            "words",
            |f| change(f, "Annotations/a.xml", "<difficult>0<", "<difficult>false<"),
            "",
        ),
        (
            "fractions",
            |f| change(f, "Annotations/a.xml", "48</xmax>", "48.00</xmax>"),
            "",
        ),
        (
            "order of edges",
            |f| {
                change(
                    f,
                    "Annotations/b.xml",
                    "<xmin>5</xmin><ymin>6</ymin>",
                    "<ymin>6</ymin><xmin>5</xmin>",
                );
            },
            "",
        ),
        (
            "byte-order mark",
            |f| {
                change(
                    f,
                    "Annotations/a.xml",
                    "<annotation>",
                    "\u{feff}<annotation>",
                );
            },
            "",
        ),
        (
            "Latin-1",
            |f| {
                let old = fs::read(f.join("Annotations/a.xml")).unwrap();
                let new = [
                    &b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!-- caf\xe9 -->"[..],
                    &old[..],
                ]
                .concat();
                fs::write(f.join("Annotations/a.xml"), new).unwrap();
            },
            "",
        ),
        (
            "UTF-16",
            |f| {
                let old = fs::read_to_string(f.join("Annotations/a.xml")).unwrap();
                let new: Vec<u8> = format!("\u{feff}{old}")
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect();
                fs::write(f.join("Annotations/a.xml"), new).unwrap();
            },
            "",
        ),
        (
            "no lists",
            |f| fs::remove_dir_all(f.join("ImageSets")).unwrap(),
            "",
        ),
        (
            "another list",
            |f| rename(f, "ImageSets/Main/test.txt", "ImageSets/Main/default.txt"),
            "",
        ),
        (
            "carriage returns",
            |f| drop(write(f, "ImageSets/Main/test.txt", "a\r\n\r\nb \r\n")),
            "",
        ),
        (
            "labels",
            |f| drop(write(f, "ImageSets/Main/test.txt", "a  1\nb -1\n")),
            "1 of 2 photos have the label -1",
        ),
        (
            "an annotation without objects",
            |f| {
                write(f, "Annotations/c.xml", xml("c", &[]));
                write(f, "ImageSets/Main/test.txt", "a\nb\nc\n");
            },
            "1 annotations have no object",
        ),
        (
            "other names of folders",
            |f| {
                rename(f, "Annotations", "annotations");
                rename(f, "JPEGImages", "images");
            },
            "",
        ),
        (
            "side by side",
            |f| {
                for name in ["a", "b"] {
                    rename(
                        f,
                        &format!("Annotations/{name}.xml"),
                        &format!("{name}.xml"),
                    );
                    rename(f, &format!("JPEGImages/{name}.jpg"), &format!("{name}.jpg"));
                }
                for name in ["Annotations", "JPEGImages", "ImageSets"] {
                    fs::remove_dir_all(f.join(name)).unwrap();
                }
            },
            "",
        ),
    ];
    for (name, change, note) in changes {
        let changed = TempDir::new().unwrap();
        plain(changed.path());
        change(changed.path());
        let found = opened(changed.path());
        assert_eq!(truth(&found.photos), truth(&expected.photos), "{name}");
        let noted = match note {
            "" => found.notes.is_empty(),
            note => found.notes.len() == 1 && found.notes[0].contains(note),
        };
        assert!(noted, "{name}: {:?}", found.notes);
        for photo in &found.photos {
            assert!(photo.path.is_file(), "{name}: {}", photo.path.display());
        }
    }
}

#[test]
fn what_may_mean_several_things_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let boxes = boxes(folder.path());
    let changes: [(&str, Change, &[&str]); 14] = [
        (
            "two photos",
            |f| {
                change(f, "Annotations/a.xml", "a.jpg</filename>", "a</filename>");
                fs::copy(f.join("JPEGImages/a.jpg"), f.join("JPEGImages/a.png")).unwrap();
            },
            &["a.xml: several photos could be meant: ", "a.jpg, ", "a.png"][..],
        ),
        (
            "no size, no photo",
            |f| {
                change(f, "Annotations/a.xml", SIZE, "");
                fs::remove_file(f.join("JPEGImages/a.jpg")).unwrap();
            },
            &[
                "a.xml: it has no size, and neither has its photo ",
                "JPEGImages/a.jpg",
            ],
        ),
        (
            "a negative size",
            |f| change(f, "Annotations/a.xml", ">96</width>", ">-96</width>"),
            &["a.xml:2:", "<width> -96 is not a side"],
        ),
        (
            "swapped corners",
            |f| change(f, "Annotations/b.xml", "<xmin>5</xmin>", "<xmin>50</xmin>"),
            &["b.xml:3:", "inverted (x_min >= x_max)"],
        ),
        (
            "outside",
            |f| {
                change(
                    f,
                    "Annotations/b.xml",
                    "<xmin>5</xmin><ymin>6</ymin><xmax>7</xmax>",
                    "<xmin>97</xmin><ymin>6</ymin><xmax>120</xmax>",
                );
            },
            &["b.xml:3:", "is outside the photo of 96 x 72"],
        ),
        (
            "no box",
            |f| change(f, "Annotations/b.xml", "bndbox", "robndbox"),
            &["b.xml:3:1: <bndbox> is missing"],
        ),
        (
            "decimal commas",
            |f| change(f, "Annotations/b.xml", "<xmin>5<", "<xmin>5,5<"),
            &["b.xml:3:", "<xmin> '5,5' is not a number"],
        ),
        (
            "a flag",
            |f| change(f, "Annotations/b.xml", "<difficult>0", "<difficult>maybe"),
            &["b.xml:3:1: <difficult> 'maybe' is neither 0 nor 1"],
        ),
        (
            "an encoding",
            |f| {
                change(
                    f,
                    "Annotations/b.xml",
                    "<annotation>",
                    "<?xml version=\"1.0\" encoding=\"EBCDIC-FR\"?><annotation>",
                );
            },
            &["b.xml: the declared encoding EBCDIC-FR is not known"],
        ),
        (
            "CVAT's own form",
            |f| {
                drop(write(
                    f,
                    "Annotations/b.xml",
                    "<annotations><version>1.1</version></annotations>",
                ));
            },
            &["b.xml:1:1: expected <annotation>, found <annotations>"],
        ),
        (
            "a name that is not there",
            |f| drop(write(f, "ImageSets/Main/test.txt", "a\nc\n")),
            &["test.txt:2: there is no annotation of c"],
        ),
        (
            "several lists",
            |f| {
                rename(f, "ImageSets/Main/test.txt", "ImageSets/Main/mine.txt");
                write(f, "ImageSets/Main/yours.txt", "a\n");
            },
            &["ImageSets/Main: which of the lists is meant: mine, yours?"],
        ),
        (
            "a photo of two annotations",
            |f| {
                write(f, "Annotations/c.xml", xml("b", &[("cat", [1, 1, 9, 9])]));
                write(f, "ImageSets/Main/test.txt", "a\nb\nc\n");
            },
            &["c.xml: its photo ", "b.jpg is also that of ", "b.xml"],
        ),
        (
            "one level too high",
            |f| {
                fs::create_dir(f.join("VOC2007")).unwrap();
                for name in ["Annotations", "JPEGImages", "ImageSets"] {
                    rename(f, name, &format!("VOC2007/{name}"));
                }
            },
            &["its annotations are deeper, in ", "VOC2007"],
        ),
    ];
    for (name, change, expected) in changes {
        let changed = TempDir::new().unwrap();
        plain(changed.path());
        change(changed.path());
        let error = refused(&["score", text(&boxes), "--dataset", text(changed.path())]);
        assert!(
            expected.iter().all(|part| error.contains(part)) && error.contains("help: "),
            "{name}: {error}"
        );
    }
}

/// Classes of a description, of the model, and of the annotations themselves.
#[test]
fn own_classes_are_read() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let data = root.join("data");
    plain(&data);
    for name in ["a", "b"] {
        change(&data, &format!("Annotations/{name}.xml"), "cat", "whiskers");
    }
    let found = opened(&data);
    let keys: Vec<_> = found
        .photos
        .iter()
        .map(|photo| (&photo.id[..], photo.class))
        .collect();
    assert_eq!(
        keys,
        [
            ("a/dog", Some(0)),
            ("a/whiskers", Some(1)),
            ("b/whiskers", Some(1))
        ]
    );
    let note = "the classes are the 2 names in the annotations, sorted: dog, whiskers";
    assert_eq!(found.notes, [note]);

    let description = "title = \"own\"\nkind = \"voc\"\nfolder = \"data\"\nannotations = [\".\"]\n";
    write(root, "lists/pets.txt", "whiskers\nhamster\ndog\n");
    let named = write(
        root,
        "own.toml",
        format!("{description}classes = \"lists/pets.txt\"\n"),
    );
    let pets = opened(&named);
    assert_eq!((pets.classes.len(), pets.photos[0].class), (3, Some(0)));
    let boxes = boxes(root);
    for (list, expected) in [
        ("voc", &["a.xml:3:", "unknown class whiskers"][..]),
        (
            "gone",
            &[
                "class list gone not found; looked for ",
                "data/classes/gone.csv",
            ],
        ),
    ] {
        fs::write(&named, format!("{description}classes = {list:?}\n")).unwrap();
        let error = refused(&["score", text(&boxes), "--dataset", text(&named)]);
        assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    }

    // The model's list, which is beside it, has all classes of the annotations.
    write(root, "pets.csv", "name\nwhiskers\ndog\n");
    let model = described(root, "pets", CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let out = root.join("out");
    let run = ["run", "--model", text(&model), "--pipeline", "single-warp"];
    let of_data = ["--dataset", text(&data), "--out", text(&out)];
    expect(0, &[&run[..], &of_data].concat());
    let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
    assert!(
        rows.contains("a/whiskers,0,") && rows.contains("a/dog,1,"),
        "{rows}"
    );

    // A model of other classes is refused.
    write(root, "pets.csv", "name\nwhiskers\nhamster\n");
    let error = refused(
        &[
            &run[..],
            &["--dataset", text(&data), "--out", text(&root.join("no"))],
        ]
        .concat(),
    );
    assert!(
        error.contains("the classes of data are those of the list annotations")
            && error.contains("are for pets"),
        "{error}"
    );
}

/// The inputs of the table of reports, through a whole run: the note is in the run, in its summary,
/// and in what the doctor says.
#[test]
fn reported_datasets_are_run() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    write(root, "own.txt", "tail\nwhiskers\n");
    for (name, classes, weights, photos, note) in [
        (
            "size-zero",
            "voc",
            "k: 4x3x3x3; w: 4x20",
            2,
            "1 annotations have no size; it was read from their photos",
        ),
        ("own-class", "own.txt", CONVOLUTION[1], 1, ""),
    ] {
        let data = Path::new("tests/golden/reports/voc").join(name);
        let model = described(root, classes, CONVOLUTION[0], weights, 1.0);
        let out = root.join(name);
        let of_data = ["--dataset", text(&data), "--model", text(&model)];
        let (_, told) = expect(
            0,
            &[
                &["run", "--pipeline", "single-warp", "--out", text(&out)],
                &of_data[..],
            ]
            .concat(),
        );
        let summary = fs::read_to_string(out.join("summary.json")).unwrap();
        let (checked, _) = expect(0, &[&["doctor"], &of_data[..]].concat());
        assert!(
            told.contains(note) && summary.contains(note) && checked.contains(note),
            "{told}\n{summary}\n{checked}"
        );
        let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
        assert_eq!(rows.lines().count(), 1 + photos, "{rows}");
    }
    let own = opened(Path::new("tests/golden/reports/voc/own-class"));
    assert_eq!(
        own.notes,
        ["the classes are the 1 names in the annotations, sorted: whiskers"]
    );
}
