//! ILSVRC's validation set in the layouts that people have it in: all give the same photos, classes
//! and boxes, and the same pixels. What is incomplete, contradictory or not there is named.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use localise::dataset::{Dataset, Jpeg, Photo, Request, read};
use localise::geometry::Size;
use tempfile::TempDir;

use crate::support::ilsvrc::{ValPhoto, ValPhotos, pack};
use crate::support::program::{ended, localise, text};
use crate::support::write;

fn request(folder: &Path) -> Request<'_> {
    Request {
        dataset: Some(Path::new("ilsvrc-val")),
        data_dir: Some(folder),
        ..Request::default()
    }
}

fn refusal(folder: &Path) -> String {
    let error = Dataset::open(&request(folder)).expect_err("a refusal");
    error.to_string()
}

fn flat(photo: &ValPhoto) -> String {
    format!("photos/{}.JPEG", photo.name())
}

fn in_class_folders(photo: &ValPhoto) -> String {
    format!("val/{}/{}.JPEG", photo.wnid, photo.name())
}

fn as_hugging_face(photo: &ValPhoto) -> String {
    format!("photos/{}_{}.JPEG", photo.name(), photo.wnid)
}

/// Puts photos into a folder or an archive: flat, or as `name` says.
fn photos(set: &ValPhotos, root: &Path, place: &str, name: impl Fn(&ValPhoto) -> String) {
    let folder = root.join("packed");
    set.write_photos(&folder, |photo| {
        let name = name(photo);
        name.rsplit_once('/').unwrap().1.to_owned()
    });
    put(&folder, &root.join(place));
}

/// Puts annotations into a folder or an archive, where they are in `val/`.
fn xml(set: &ValPhotos, root: &Path, place: &str) {
    let folder = root.join("packed");
    set.write_xml(&folder, "val");
    put(&folder, &root.join(place));
}

fn put(folder: &Path, place: &Path) {
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    if place.extension().is_some() {
        pack(folder, place);
    } else {
        fs::rename(folder, place).unwrap();
    }
}

/// Writes Kaggle's tree.
fn kaggle(set: &ValPhotos, root: &Path) {
    let place = |photo: &ValPhoto| format!("ILSVRC/Data/CLS-LOC/val/{}.JPEG", photo.name());
    set.write_photos(root, place);
    set.write_xml(root, "ILSVRC/Annotations/CLS-LOC/val");
    write(root, "LOC_val_solution.csv", set.solutions());
    write(
        root,
        "ILSVRC/ImageSets/CLS-LOC/val.txt",
        "a list that is not read",
    );
}

/// Makes a layout in a folder.
type Layout = (&'static str, fn(&ValPhotos, &Path));

const LAYOUTS: [Layout; 16] = [
    (
        "photos in one folder, annotations in another",
        |set, root| {
            set.write_photos(root, flat);
            xml(set, root, "ILSVRC2012_bbox_val_v3");
        },
    ),
    (
        "torchvision's folders of classes, annotations as downloaded",
        |set, root| {
            set.write_photos(root, in_class_folders);
            xml(set, root, "ILSVRC2012_bbox_val_v3.tgz");
        },
    ),
    ("two downloads in one folder", |set, root| {
        photos(set, root, "ILSVRC2012_img_val.tar", flat);
        xml(set, root, "ILSVRC2012_bbox_val_v3.tgz");
    }),
    ("two downloads in two folders", |set, root| {
        photos(set, root, "images/ILSVRC2012_img_val.tar", flat);
        xml(set, root, "boxes/ILSVRC2012_bbox_val_v3.tgz");
    }),
    ("Hugging Face's archive", |set, root| {
        photos(set, root, "data/val_images.tar.gz", as_hugging_face);
        xml(set, root, "ILSVRC2012_bbox_val_v3.tgz");
    }),
    ("Hugging Face's names, Kaggle's table", |set, root| {
        set.write_photos(root, as_hugging_face);
        write(root, "LOC_val_solution.csv", set.solutions());
    }),
    ("Kaggle's tree", kaggle),
    ("Kaggle's archive", |set, root| {
        kaggle(set, &root.join("packed"));
        put(
            &root.join("packed"),
            &root.join("imagenet-object-localization-challenge.zip"),
        );
    }),
    (
        "Kaggle's table beside the archive of photos",
        |set, root| {
            photos(set, root, "ILSVRC2012_img_val.tar", flat);
            write(root, "LOC_val_solution.csv", set.solutions());
        },
    ),
    ("wsolevaluation's checkout", |set, root| {
        set.write_photos(root, |photo| {
            format!("dataset/ILSVRC/val/{}.JPEG", photo.name())
        });
        set.write_wsol_lists(root, "metadata/ILSVRC/test");
    }),
    (
        "wsolevaluation's lists beside folders of classes",
        |set, root| {
            set.write_photos(root, in_class_folders);
            set.write_wsol_lists(root, "lists");
        },
    ),
    ("zips of photos and annotations", |set, root| {
        photos(set, root, "val.zip", flat);
        xml(set, root, "annotations.zip");
    }),
    ("an archive for each class", |set, root| {
        set.write_photos(root, in_class_folders);
        let classes: BTreeSet<&String> = set.0.iter().map(|photo| &photo.wnid).collect();
        for wnid in classes {
            let folder = root.join("val").join(wnid);
            put(&folder, &folder.with_extension("tar"));
        }
        xml(set, root, "ILSVRC2012_bbox_val_v3");
    }),
    (
        "other letters in the extension, all in one folder",
        |set, root| {
            set.write_photos(root, |photo| format!("all/{}.jpg", photo.name()));
            set.write_xml(root, "all");
        },
    ),
    (
        "links to folders elsewhere, beside a training set",
        |set, root| {
            set.write_photos(&root.join(".elsewhere"), in_class_folders);
            set.write_xml(&root.join(".elsewhere"), "xml");
            symlink(root.join(".elsewhere/val"), root.join("val")).unwrap();
            symlink(root.join(".elsewhere/xml"), root.join("annotations")).unwrap();
            write(root, "train/n01440764/n01440764_18.JPEG", "not searched");
        },
    ),
    ("the development kit's lists too", |set, root| {
        photos(set, root, "ILSVRC2012_img_val.tar", flat);
        xml(set, root, "ILSVRC2012_bbox_val_v3.tgz");
        let kit = root.join("packed");
        for (shipped, name) in [
            (
                "ground_truth",
                "ILSVRC2014_clsloc_validation_ground_truth.txt",
            ),
            ("blacklist", "ILSVRC2014_clsloc_validation_blacklist.txt"),
        ] {
            let list = fs::read(format!("data/ilsvrc/{shipped}.txt")).unwrap();
            write(&kit, &format!("ILSVRC2014_devkit/data/{name}"), list);
        }
        let detection = "ILSVRC2014_devkit/data/ILSVRC2014_det_validation_blacklist.txt";
        write(&kit, detection, "a b c");
        put(&kit, &root.join("ILSVRC2014_devkit.tgz"));
    }),
];

/// Checks that all layouts of some photos give these photos, with their classes, boxes and pixels.
fn assert_layouts_agree(set: &ValPhotos) {
    let pixels = |path: &Path| read(path, Jpeg::Strict).unwrap_or_else(|e| panic!("{e}"));
    let originals: Vec<_> = set.0.iter().map(|photo| pixels(&photo.file)).collect();
    for (layout, make) in LAYOUTS {
        let root = TempDir::new().unwrap();
        make(set, root.path());
        let dataset =
            Dataset::open(&request(root.path())).unwrap_or_else(|e| panic!("{layout}: {e}"));
        assert_eq!(dataset.photos.len(), set.0.len(), "{layout}");
        assert_eq!(dataset.suspicions, [], "{layout}");
        assert_eq!(
            dataset.ilsvrc_ids.as_ref().unwrap()[..3],
            [449, 450, 442],
            "{layout}"
        );
        assert_eq!(dataset.sources.len(), 5, "{layout}: {:?}", dataset.sources);
        for ((photo, expected), original) in dataset.photos.iter().zip(&set.0).zip(&originals) {
            assert_eq!(photo.id, expected.name(), "{layout}");
            assert_eq!(
                dataset.classes.key(photo.class.unwrap()),
                expected.wnid,
                "{layout}"
            );
            let size = photo.size.unwrap();
            assert_eq!([size.width, size.height], expected.size, "{layout}");
            let boxes = photo
                .boxes
                .iter()
                .map(|b| [b.x_min, b.y_min, b.x_max - 1.0, b.y_max - 1.0]);
            let boxes: Vec<_> = boxes.map(|corners| corners.map(|v| v as u32)).collect();
            assert_eq!(boxes, expected.boxes, "{layout}");
            assert!(pixels(&photo.path) == *original, "{layout}");
        }
    }
}

#[test]
fn every_layout_gives_the_same_photos() {
    assert_layouts_agree(&ValPhotos::sample());
}

#[test]
fn every_layout_gives_the_same_original_photos() {
    if let Some(set) = ValPhotos::originals() {
        assert_eq!(set.0.len(), 42);
        assert_layouts_agree(&set);
    }
}

/// A run on archives gives the rows of a run on files.
#[test]
fn archives_give_the_rows_of_files() {
    let mut rows = Vec::new();
    for (layout, make) in [&LAYOUTS[0], &LAYOUTS[2], &LAYOUTS[7]] {
        let root = TempDir::new().unwrap();
        make(&ValPhotos::sample(), root.path());
        let out = root.path().join("out");
        let mut command = localise();
        command.args([
            "run",
            "--quiet",
            "--pipeline",
            "centre-box",
            "--dataset",
            "ilsvrc-val",
        ]);
        command.args(["--data-dir", text(root.path()), "--out", text(&out)]);
        ended(0, &mut command);
        rows.push((layout, fs::read(out.join("boxes.csv")).unwrap()));
    }
    for (layout, found) in &rows {
        assert!(*found == rows[0].1, "{layout}");
    }
}

/// Beside the lists in a folder, those that are shipped are not needed, but must agree.
#[test]
fn lists_of_another_edition_are_refused() {
    let shipped = |name: &str| fs::read_to_string(format!("data/ilsvrc/{name}.txt")).unwrap();
    let swapped = shipped("ground_truth").replacen("490\n361\n", "361\n490\n", 1);
    for (name, content, expected) in [
        (
            "ILSVRC2012_validation_ground_truth.txt",
            &*swapped,
            "ground_truth.txt:1: ILSVRC ID 361, but that of photo 1 of the validation set is 490 \
             (1 further lines differ)",
        ),
        (
            "map_clsloc.txt",
            "n01440764 1 tench\n",
            "n01440764 has ILSVRC ID 449 here but 1 elsewhere",
        ),
    ] {
        let root = TempDir::new().unwrap();
        LAYOUTS[0].1(&ValPhotos::sample(), root.path());
        write(root.path(), &format!("lists/{name}"), content);
        let error = refusal(root.path());
        assert!(error.contains(expected), "{expected}:\n{error}");
    }
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    write(
        root.path(),
        "a/ILSVRC2014_clsloc_validation_blacklist.txt",
        shipped("blacklist"),
    );
    write(
        root.path(),
        "b/ILSVRC2015_clsloc_validation_blacklist.txt",
        "36\n50\n",
    );
    let error = refusal(root.path());
    assert!(
        error.contains("are the same list with different content"),
        "{error}"
    );
}

/// A blacklist that counts from 0 counts as it is, and is warned of.
#[test]
fn another_blacklist_is_suspicious() {
    let shipped = fs::read_to_string("data/ilsvrc/blacklist.txt").unwrap();
    let from_zero: String = shipped
        .lines()
        .map(|line| format!("{}\n", line.parse::<usize>().unwrap() - 1))
        .collect();
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    let name = "lists/ILSVRC2014_clsloc_validation_blacklist.txt";
    write(root.path(), name, from_zero);
    let dataset = Dataset::open(&request(root.path())).unwrap();
    let [suspicion] = &dataset.suspicions[..] else {
        panic!("{:?}", dataset.suspicions)
    };
    let expected = "blacklist.txt: not the blacklist of the validation set: ";
    assert!(suspicion.what.contains(expected), "{suspicion}");
}

/// The annotation of a photo that has another class in ILSVRC's own list.
#[test]
fn boxes_of_another_class_are_refused() {
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    let mut photo = ValPhotos::sample().0.remove(0);
    photo.wnid = "n01440764".into();
    let name = format!("ILSVRC2012_bbox_val_v3/val/{}.xml", photo.name());
    write(root.path(), &name, photo.xml());
    let error = refusal(root.path());
    assert!(
        error.contains(&photo.name()) && error.contains("is n01440764 here but"),
        "{error}"
    );
}

#[test]
fn photos_in_the_folder_of_another_class_are_suspicious() {
    let root = TempDir::new().unwrap();
    ValPhotos::sample().write_photos(root.path(), |photo| {
        format!("val/n01440764/{}.JPEG", photo.name())
    });
    xml(&ValPhotos::sample(), root.path(), "ILSVRC2012_bbox_val_v3");
    let dataset = Dataset::open(&request(root.path())).unwrap();
    let found: Vec<&str> = dataset.suspicions.iter().map(|s| &*s.what).collect();
    let expected = "4 photos have another class in their name or folder than their boxes say: ";
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "{found:?}"
    );
}

/// A part of the annotations is lost: the photos without boxes are named.
#[test]
fn photos_without_boxes_are_suspicious() {
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    let lost = ValPhotos::sample().0[1].name();
    fs::remove_file(
        root.path()
            .join(format!("ILSVRC2012_bbox_val_v3/val/{lost}.xml")),
    )
    .unwrap();
    let dataset = Dataset::open(&request(root.path())).unwrap();
    assert_eq!(dataset.photos.len(), 3);
    let found: Vec<&str> = dataset.suspicions.iter().map(|s| &*s.what).collect();
    assert_eq!(
        found,
        [format!("1 photos have no boxes and are left out: {lost}")]
    );
}

#[test]
fn a_folder_without_boxes_says_what_it_has() {
    let root = TempDir::new().unwrap();
    assert!(refusal(root.path()).contains("it is empty"));
    write(root.path(), "README.md", "no data");
    assert!(refusal(root.path()).contains("there are 1 .md"));
    ValPhotos::sample().write_photos(root.path(), flat);
    assert!(refusal(root.path()).contains("there are 4 photos, 1 .md"));
}

/// A photo in two places counts once, and the note names the place that does not count.
#[test]
fn photos_in_two_places_count_once() {
    let root = TempDir::new().unwrap();
    LAYOUTS[2].1(&ValPhotos::sample(), root.path());
    ValPhotos::sample().write_photos(root.path(), in_class_folders);
    let dataset = Dataset::open(&request(root.path())).unwrap();
    assert_eq!(dataset.photos.len(), 4);
    assert!(
        dataset
            .photos
            .iter()
            .all(|photo| photo.path.starts_with(root.path().join("val")))
    );
    let note = "4 files are in a second place, which does not count: ILSVRC2012_img_val.tar/";
    assert!(
        dataset.notes.iter().any(|n| n.starts_with(note)),
        "{:?}",
        dataset.notes
    );
}

/// No photo at all stops before work; some that are missing are counted apart from bad ones.
#[test]
fn missing_photos_are_told_apart_from_bad_ones() {
    let root = TempDir::new().unwrap();
    xml(&ValPhotos::sample(), root.path(), "ILSVRC2012_bbox_val_v3");
    let out = root.path().join("out");
    let run = |code: i32| {
        let mut command = localise();
        command.args([
            "run",
            "--pipeline",
            "single-warp",
            "--dataset",
            "ilsvrc-val",
        ]);
        command.args(["--data-dir", text(root.path()), "--out", text(&out)]);
        ended(code, &mut command).1
    };
    let said = run(2);
    assert!(
        said.contains("none of its 4 photos is there; looked for ")
            && said.contains("has ILSVRC2012_bbox_val_v3"),
        "{said}"
    );
    assert!(!out.exists());
    ValPhotos::sample().write_photos(root.path(), flat);
    let names: Vec<String> = ValPhotos::sample().0.iter().map(ValPhoto::name).collect();
    fs::remove_file(root.path().join(format!("photos/{}.JPEG", names[1]))).unwrap();
    write(
        root.path(),
        &format!("photos/{}.JPEG", names[2]),
        "not a picture",
    );
    let warned = run(3);
    assert!(
        warned.contains("1 of 4 photos are missing, and count as wrong unless "),
        "{warned}"
    );
    let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
    let kinds: Vec<String> = failures
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(kinds, ["\"missing\"", "\"image\""]);
    let summary = fs::read_to_string(out.join("summary.json")).unwrap();
    let note = "1 photos are missing and 1 others failed; all of them count as wrong";
    assert!(summary.contains(note), "{summary}");
}

/// An archive of photos that is too large to unpack in memory is named, with what to do.
#[test]
fn a_large_compressed_archive_is_named() {
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    let archive = fs::File::create(root.path().join("val_images.tar.gz")).unwrap();
    archive.set_len(65 << 20).unwrap();
    let dataset = Dataset::open(&request(root.path())).unwrap();
    let note = "1 archives are compressed as a whole and are not searched; unpack them with gunzip, \
                and their tars are: val_images.tar.gz";
    assert_eq!(dataset.notes, [note]);
}

/// Of several sources of boxes one counts, and the others are named.
#[test]
fn boxes_that_do_not_count_are_named() {
    let root = TempDir::new().unwrap();
    kaggle(&ValPhotos::sample(), root.path());
    ValPhotos::sample().write_wsol_lists(root.path(), "lists");
    let dataset = Dataset::open(&request(root.path())).unwrap();
    let note = "the boxes of XML count; these have boxes too and are not read: LOC_val_solution.csv, \
                lists/localization.txt";
    assert!(
        dataset.notes.iter().any(|n| n == note),
        "{:?}",
        dataset.notes
    );
}

/// wsolevaluation's lists without sizes: those of the photos count, wherever they are. Boxes that
/// do not fit are told as with any other source.
#[test]
fn lists_of_wsolevaluation_are_checked_as_other_boxes() {
    let root = TempDir::new().unwrap();
    photos(
        &ValPhotos::sample(),
        root.path(),
        "ILSVRC2012_img_val.tar",
        flat,
    );
    ValPhotos::sample().write_wsol_lists(root.path(), "lists");
    fs::remove_file(root.path().join("lists/image_sizes.txt")).unwrap();
    let dataset = Dataset::open(&request(root.path())).unwrap();
    let sizes = |photos: &[Photo]| photos.iter().map(|p| p.size).collect::<Vec<_>>();
    let stated = ValPhotos::sample().0;
    let stated = stated.iter().map(|p| Some(Size::new(p.size[0], p.size[1])));
    assert_eq!(sizes(&dataset.photos), stated.collect::<Vec<_>>());

    let boxes = root.path().join("lists/localization.txt");
    let id = format!("val/{}.JPEG", ValPhotos::sample().0[0].name());
    let [text, labels] = ["localization", "class_labels"]
        .map(|name| fs::read_to_string(root.path().join(format!("lists/{name}.txt"))).unwrap());
    fs::write(&boxes, format!("{text}\n{id},9,2,3,4")).unwrap();
    assert!(refusal(root.path()).contains("is inverted"));
    let lenient = Dataset::open(&Request {
        lenient: true,
        ..request(root.path())
    });
    let notes = lenient.unwrap().notes;
    assert!(notes.iter().any(|n| n.contains("1 boxes")), "{notes:?}");

    fs::write(&boxes, text).unwrap();
    let unlabelled = labels.split_once('\n').unwrap().1;
    fs::write(root.path().join("lists/class_labels.txt"), unlabelled).unwrap();
    assert!(refusal(root.path()).contains("has no class"));
}

/// If no photo of the list is in the dataset, the error gives no example of a name.
#[test]
fn a_list_of_unknown_photos_gets_no_empty_example() {
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    write(root.path(), "list.txt", "val/n01491361/unknown.JPEG\n");
    let (folder, list) = (root.path(), root.path().join("list.txt"));
    let mut command = localise();
    command.args(["run", "--pipeline", "centre-box", "--dataset", "ilsvrc-val"]);
    command.args(["--data-dir", text(folder), "--images", text(&list)]);
    command.args(["--out", text(&folder.join("out"))]);
    let said = ended(2, &mut command).1;
    assert!(
        said.contains("unknown.JPEG is not in the dataset ilsvrc-val"),
        "{said}"
    );
    assert!(!said.contains("names like"), "{said}");
}

/// A part of the validation set is chosen by the paths of its photos, whatever the layout they were
/// listed in, or by the folder that has them.
#[test]
fn a_part_of_the_photos_is_chosen_by_paths_or_by_their_folder() {
    let root = TempDir::new().unwrap();
    LAYOUTS[0].1(&ValPhotos::sample(), root.path());
    let mut photos = ValPhotos::sample();
    photos.0.truncate(2);
    let expected: BTreeSet<String> = photos.0.iter().map(ValPhoto::name).collect();
    for (number, layout) in [flat, in_class_folders, as_hugging_face].iter().enumerate() {
        let paths: Vec<String> = photos.0.iter().map(layout).collect();
        let (list, folder) = (format!("list{number}"), format!("some{number}"));
        write(root.path(), &list, paths.join("\n"));
        let some = TempDir::new().unwrap();
        photos.write_photos(&some.path().join(&folder), layout);
        let folder = some.path().join(folder);
        image::RgbImage::new(2, 2)
            .save(folder.join("other.png"))
            .unwrap();
        for images in [root.path().join(list), folder] {
            let request = Request {
                images: Some(&images),
                ..request(root.path())
            };
            let dataset = Dataset::open(&request).unwrap_or_else(|e| panic!("{e}"));
            let ids: BTreeSet<String> = dataset
                .photos
                .iter()
                .map(|photo| photo.id.clone())
                .collect();
            assert_eq!(ids, expected, "{images:?}");
            let note = "1 photos in it are not in the dataset: other.png";
            let noted = dataset.notes.iter().any(|found| found.ends_with(note));
            assert_eq!(noted, images.is_dir(), "{:?}", dataset.notes);
        }
    }
    let nothing = TempDir::new().unwrap();
    let request = Request {
        images: Some(nothing.path()),
        ..request(root.path())
    };
    let error = Dataset::open(&request).expect_err("a refusal").to_string();
    assert!(
        error.contains("none of the 0 photos in it is in the dataset"),
        "{error}"
    );
}

/// A run of a few photos of which none is there says how many there are in all, and how to choose
/// those that are there; `doctor` counts them.
#[test]
fn a_part_of_the_photos_is_told_how_to_be_chosen() {
    let root = TempDir::new().unwrap();
    xml(&ValPhotos::sample(), root.path(), "ILSVRC2012_bbox_val_v3");
    let mut photos = ValPhotos::sample();
    // The first photo of the fixed shuffle is missing.
    let mut dataset = Dataset::open(&request(root.path())).unwrap();
    dataset.limit(1);
    photos
        .0
        .retain(|photo| photo.name() != dataset.photos[0].id);
    photos.write_photos(root.path(), flat);
    let command = |name: &str, more: &[&str], code: i32| {
        let mut command = localise();
        command.args([
            name,
            "--dataset",
            "ilsvrc-val",
            "--data-dir",
            text(root.path()),
        ]);
        ended(code, command.args(more))
    };
    let out = root.path().join("out");
    let run = [
        "--pipeline",
        "centre-box",
        "--limit",
        "1",
        "--out",
        text(&out),
    ];
    let said = command("run", &run, 2).1;
    for part in [
        "none of its 1 of 4 photos is there",
        "name their folder with --images",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let chosen = root.path().join("photos");
    let images = ["--images", text(&chosen)];
    command("run", &[&run[..], &images].concat(), 0);
    let checked = command("doctor", &[], 2).0;
    let present = "3 of 4 are there and were looked at, 3 decoded";
    assert!(checked.contains(present), "{checked}");
    let checked_part = command("doctor", &images, 0).0;
    assert!(
        checked_part.contains("3 looked at, 3 decoded"),
        "{checked_part}"
    );
}

/// As a folder of photos, ILSVRC's have no boxes: the folder says which dataset has them, and the
/// scores say that localisation has none.
#[test]
fn a_folder_of_validation_photos_names_their_dataset() {
    let root = TempDir::new().unwrap();
    ValPhotos::sample().write_photos(root.path(), in_class_folders);
    let mut command = localise();
    command.args([
        "run",
        "--pipeline",
        "centre-box",
        "--dataset",
        text(root.path()),
    ]);
    let (said, warned) = ended(0, command.args(["--out", text(&root.path().join("out"))]));
    assert!(
        warned.contains("the dataset `ilsvrc-val` reads them with their boxes"),
        "{warned}"
    );
    assert!(
        said.contains("no photo has a true box: localisation is not scored"),
        "{said}"
    );
}

/// Kaggle's table beside photos, without the rest of its tree, is read in any layout; the table alone
/// is no dataset.
#[test]
fn kaggles_table_beside_photos_is_enough() {
    let root = TempDir::new().unwrap();
    let set = ValPhotos::sample();
    set.write_photos(root.path(), flat);
    let table = write(root.path(), "LOC_val_solution.csv", set.solutions());
    let opened = |dataset: &Path| {
        Dataset::open(&Request {
            dataset: Some(dataset),
            ..Request::default()
        })
    };
    let dataset = opened(root.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(dataset.photos.len(), set.0.len());
    assert!(dataset.photos.iter().all(|photo| photo.path.is_file()));
    let error = opened(&table).expect_err("a refusal").to_string();
    assert!(
        error.contains("Kaggle's table is a part of a dataset"),
        "{error}"
    );
}
