//! `localise doctor` on a clean dataset and on ones with a planted fault each.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::support::program::{expect, run, text};
use crate::support::shared;
use crate::support::wsol::{Wsol, write_ids};

/// The class that the default model sees in each sample photo: what it is right in, so that the
/// order of labels shows.
static SEEN: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    run(&out, &["--pipeline", "fong-gradient", "--classes", "top5"]);
    let rows = fs::read_to_string(out.join("boxes.csv")).unwrap();
    let fields = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect::<Vec<_>>());
    fields
        .filter(|fields| fields[2] == "1")
        .map(|fields| fields[1].parse().unwrap())
        .collect()
});

/// The sample photos, three times over, so that there are enough to check labels.
fn clean(folder: &Path) -> Wsol {
    let mut lists = Wsol::sample(folder, 3);
    lists.labels = SEEN.repeat(3);
    lists
}

/// What the doctor says of the lists in a folder.
fn checked(code: i32, lists: &Wsol, folder: &Path) -> String {
    lists.write(folder);
    expect(code, &["doctor", "--dataset", text(folder)]).0
}

#[test]
fn nothing_is_found_on_a_clean_dataset() {
    let folder = TempDir::new().unwrap();
    let said_of_lists = checked(0, &clean(folder.path()), folder.path());
    assert!(
        said_of_lists.ends_with("no faults found\n")
            && said_of_lists.contains("21 photos")
            && said_of_lists.contains("top-1 "),
        "{said_of_lists}"
    );
    let said_of_sample = expect(0, &["doctor", "--dataset", "sample"]).0;
    assert!(
        said_of_sample.ends_with("no faults found\n") && said_of_sample.contains("ONNX Runtime 1."),
        "{said_of_sample}"
    );
}

/// A way to corrupt the lists, or the files in their folder.
type Plant = fn(&mut Wsol, &Path);

#[test]
fn each_planted_fault_is_caught() {
    let plants: [(&str, Plant, &str); 12] = [
        (
            "a missing photo",
            |l, folder| fs::remove_file(folder.join(&l.ids[4])).unwrap(),
            "1 photos are missing: val/ILSVRC2012_val_00000005",
        ),
        (
            "a photo cut short",
            |l, folder| {
                let bytes = fs::read(folder.join(&l.ids[1])).unwrap();
                fs::write(folder.join(&l.ids[1]), &bytes[..bytes.len() * 9 / 10]).unwrap();
            },
            "1 photos cannot be read: val/ILSVRC2012_val_00000002",
        ),
        (
            "a page in place of a photo",
            |l, folder| fs::write(folder.join(&l.ids[0]), "<html>not found</html>").unwrap(),
            "1 photos cannot be read",
        ),
        (
            "width and height swapped",
            |l, _| l.sizes.iter_mut().for_each(|size| size.reverse()),
            "21 photos have width and height swapped",
        ),
        (
            "photos of another size",
            |l, _| l.sizes[2] = [2000, 2000],
            "1 photos are of another size than their annotations say",
        ),
        (
            "boxes that begin at 1",
            |l, _| l.boxes.iter_mut().for_each(|b| b.1 = b.1.map(|v| v + 1.0)),
            "they are 1-based, and are read as 0-based",
        ),
        (
            "exclusive maxima",
            |l, _| {
                l.boxes
                    .iter_mut()
                    .for_each(|(_, [_, _, x, y])| (*x, *y) = (*x + 1.0, *y + 1.0));
            },
            "their maxima are exclusive, and are read as inclusive",
        ),
        (
            "width and height in place of the far corner",
            |l, _| {
                l.boxes
                    .iter_mut()
                    .for_each(|(_, [a, b, c, d])| (*c, *d) = (*c - *a, *d - *b));
            },
            "boxes are inverted or outside their photo",
        ),
        (
            "labels that begin at 1",
            |l, _| l.labels.iter_mut().for_each(|label| *label += 1),
            "the labels begin at 1; subtract 1",
        ),
        (
            "labels in the devkit's order",
            |l, folder| {
                let ids = write_ids(folder);
                l.labels
                    .iter_mut()
                    .for_each(|label| *label = ids[*label] - 1);
            },
            "the labels are ILSVRC IDs less 1, in the devkit's order",
        ),
        (
            "a photo listed twice",
            |l, _| l.ids[1] = l.ids[0].clone(),
            "image_ids.txt:2: duplicate id",
        ),
        (
            "a label outside the list",
            |l, _| l.labels[3] = 1000,
            "00000004.JPEG has a label outside the class list",
        ),
    ];
    for (what, plant, expected) in plants {
        let folder = TempDir::new().unwrap();
        let mut lists = clean(folder.path());
        plant(&mut lists, folder.path());
        let said = checked(2, &lists, folder.path());
        assert!(
            said.contains(expected) && said.contains("\nhelp: "),
            "{what}:\n{said}"
        );
    }
}

/// VOC's annotations begin at 1: ones that begin at 0 are told by their boxes.
#[test]
fn annotations_that_begin_at_0_are_not_those_of_voc() {
    let folder = TempDir::new().unwrap();
    for name in ["ImageSets/Main", "Annotations", "JPEGImages"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    fs::copy(
        "data/sample/images/chelsea.jpg",
        folder.path().join("JPEGImages/000001.jpg"),
    )
    .unwrap();
    fs::write(folder.path().join("ImageSets/Main/test.txt"), "000001\n").unwrap();
    let annotate = |min: i32, max: i32| {
        let xml = format!(
            "<annotation><filename>000001.jpg</filename><size><width>451</width><height>300</height></size><object><name>cat\
             </name><bndbox><xmin>{min}</xmin><ymin>{min}</ymin><xmax>{max}</xmax><ymax>{max}</ymax></bndbox></object></annotation>"
        );
        fs::write(folder.path().join("Annotations/000001.xml"), xml).unwrap();
    };
    let path = folder.path().to_str().unwrap();
    // The classes are VOC's, the default model's ImageNet's: no fault unless that model was asked
    // for.
    annotate(1, 300);
    let by_default = expect(0, &["doctor", "--dataset", path]).0;
    assert!(
        by_default.contains("not checked: the classes of ")
            && by_default.contains(" are those of the list voc, but the scores of squeezenet1.1"),
        "{by_default}"
    );
    let with_model = expect(
        2,
        &["doctor", "--dataset", path, "--model", "squeezenet1.1"],
    )
    .0;
    assert!(
        with_model.contains("1 fault found") && with_model.contains("those of the list voc"),
        "{with_model}"
    );
    annotate(0, 299);
    let zero_based = expect(2, &["doctor", "--dataset", path]).0;
    assert!(
        zero_based.contains("1 of 1 boxes begin one pixel before the photo: they are 0-based"),
        "{zero_based}"
    );
}

/// The lists of ILSVRC, each corrupted: the devkit's label order, blacklist and ground truth are
/// known by their hashes.
#[test]
fn other_editions_of_the_ilsvrc_lists_are_reported() {
    let Some(truth) = shared("data/ilsvrc_val_truth") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let copy = |name: &str| assert!(fs::copy(truth.join(name), folder.path().join(name)).is_ok());
    let names = [
        "image_ids.txt",
        "class_labels.txt",
        "image_sizes.txt",
        "localization.txt",
        "blacklist.txt",
    ];
    names.iter().for_each(|name| copy(name));
    copy("ascii_order_to_synset_order.txt");
    let checked = || expect(2, &["doctor", "--dataset", folder.path().to_str().unwrap()]).0;
    // The photos are not here; nothing else is wrong.
    assert!(
        checked().contains("\n1 fault found") && checked().contains("50000 photos are missing")
    );
    for (name, from, to, expected) in [
        (
            "blacklist.txt",
            "36\n",
            "37\n",
            "blacklist.txt: not the known blacklist: 1762 numbers",
        ),
        (
            "ascii_order_to_synset_order.txt",
            "449\n450\n",
            "450\n449\n",
            "not the known label order",
        ),
    ] {
        let text = fs::read_to_string(truth.join(name)).unwrap();
        fs::write(folder.path().join(name), text.replacen(from, to, 1)).unwrap();
        assert!(checked().contains(expected), "{}", checked());
        fs::remove_file(folder.path().join(name)).unwrap();
        copy(name);
    }
}

#[test]
fn an_invalid_library_or_model_is_a_finding() {
    let folder = TempDir::new().unwrap();
    let wrong = folder.path().join("libonnxruntime.so");
    fs::write(&wrong, "no library").unwrap();
    let bad_library = expect(2, &["doctor", "--onnxruntime", wrong.to_str().unwrap()]).0;
    assert!(
        bad_library.contains("does not load from")
            && bad_library.contains("scripts/fetch-onnxruntime"),
        "{bad_library}"
    );
    let model = folder.path().join("squeezenet1.1.onnx");
    fs::write(&model, "no model").unwrap();
    let bad_model = expect(2, &["doctor", "--model", model.to_str().unwrap()]).0;
    assert!(
        bad_model.contains("squeezenet1.1.onnx") && bad_model.contains("1 fault found"),
        "{bad_model}"
    );
}
