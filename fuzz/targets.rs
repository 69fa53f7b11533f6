//! What reads the files of strangers, each as a function of any bytes that tells whether they were
//! read. A reader may refuse them, but must not panic, hang or use memory without bound.
//!
//! `scripts/fuzz` runs a target under libFuzzer for as long as wanted; the test
//! `dataset::strangers` runs all of them on some thousand mutations of `fuzz/seeds`.

use std::fs;
use std::path::{Path, PathBuf};

use localise::dataset::{Dataset, Jpeg, Request, decode};
use localise::prediction::{Format, Predictions, read_map};
use localise::results::FinishedRun;
use localise::run::{ExecutionOptions, merge};
use tempfile::TempDir;

/// A target by its name, which is also that of its folder in `fuzz/seeds`.
pub(crate) type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
#[allow(dead_code, reason = "a target of libFuzzer uses one function")]
pub(crate) const TARGETS: [Target; 7] = [
    ("photo", photo),
    ("voc", voc),
    ("coco", coco),
    ("box_table", box_table),
    ("devkit_list", devkit_list),
    ("score_map", score_map),
    ("run_folder", run_folder),
];

/// A photo of any format, read strictly and leniently.
pub(crate) fn photo(bytes: &[u8]) -> bool {
    [Jpeg::Lenient, Jpeg::Strict].map(|jpeg| decode(bytes, jpeg).is_ok())[1]
}

/// An annotation of VOC, beside the photo that it describes.
pub(crate) fn voc(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    folder.write("Annotations/a.xml", bytes);
    folder.write("ImageSets/Main/test.txt", b"a\n");
    folder.write("JPEGImages/a.png", PHOTO);
    folder.open("").is_some()
}

/// The annotations of a COCO dataset.
pub(crate) fn coco(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    folder.write("a.json", bytes);
    folder.write("a.png", PHOTO);
    folder.open("a.json").is_some()
}

/// A table of boxes: as true boxes, and as predictions in each format that is a table.
pub(crate) fn box_table(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    folder.write("boxes.csv", bytes);
    folder.write("a.png", PHOTO);
    let mut was_read = folder.open("boxes.csv").is_some();
    let sample = open("sample".as_ref()).expect("the sample that ships");
    for format in [
        Format::Rows,
        Format::Kaggle,
        Format::KaggleNumbered,
        Format::Coco,
    ] {
        was_read |= Predictions::read(&folder.path("boxes.csv"), format, &sample).is_ok();
    }
    was_read
}

/// A list of the ILSVRC devkit, of Kaggle, CUB or wsolevaluation; the first byte chooses which. The
/// other lists are in order.
pub(crate) fn devkit_list(bytes: &[u8]) -> bool {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return false;
    };
    let folder = Folder::new();
    let chosen = LISTS[usize::from(choice) % LISTS.len()].0;
    for (name, content) in LISTS {
        let content = if name == chosen {
            bytes
        } else {
            content.as_bytes()
        };
        folder.write(name, content);
    }
    let [_, _, wsol] = ["cub", "kaggle", "wsol"].map(|layout| folder.open(layout));
    let submission = folder.path("submission.txt");
    wsol.is_some_and(|wsol| Predictions::read(&submission, Format::Devkit, &wsol).is_ok())
}

/// A score map: the bytes alone, and followed by as many zeros as complete a map.
pub(crate) fn score_map(bytes: &[u8]) -> bool {
    let folder = Folder::new();
    let values = 224 * 224 * size_of::<f64>();
    let read = [0, values / 2, values].map(|zeros| {
        folder.write("a.npy", &[bytes, &vec![0; zeros]].concat());
        read_map(folder.0.path(), "a").is_ok()
    });
    read.contains(&true)
}

/// A file of a run's folder; the first byte chooses which. The other files are in order. The lines
/// of a journal are given their checksums, which no mutation would find.
pub(crate) fn run_folder(bytes: &[u8]) -> bool {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return false;
    };
    let folder = Folder::new();
    let chosen = RUN[usize::from(choice) % RUN.len()].0;
    for (name, content) in RUN {
        let content = if name == chosen { bytes } else { content };
        if name == JOURNAL {
            folder.write(name, &with_checksums(content));
        } else {
            folder.write(name, content);
        }
    }
    let execution = ExecutionOptions {
        out: folder.0.path().to_owned(),
        ..ExecutionOptions::default()
    };
    FinishedRun::open(folder.0.path()).is_ok() && merge(&execution, None, None).is_ok()
}

/// A PNG of 4 x 3 pixels.
const PHOTO: &[u8] = include_bytes!("seeds/photo/rgb.png");

const JOURNAL: &str = "shard-0.jsonl";

/// A run of the sample by `fast`.
const RUN: [(&str, &[u8]); 7] = [
    (JOURNAL, include_bytes!("run/journal.jsonl")),
    ("boxes.csv", include_bytes!("run/boxes.csv")),
    (
        "classes.csv",
        include_bytes!("../data/classes/imagenet1k.csv"),
    ),
    ("manifest.json", include_bytes!("run/manifest.json")),
    ("run.toml", include_bytes!("run/run.toml")),
    ("summary.json", include_bytes!("run/summary.json")),
    ("truth.csv", include_bytes!("run/truth.csv")),
];

/// Small datasets of the layouts that are lists.
const LISTS: [(&str, &str); 14] = [
    ("submission.txt", "1 0 0 2 2 2 1 1 3 2\n2 0 0 1 1\n"),
    ("cub/images.txt", "1 a.png\n2 b.png\n"),
    ("cub/image_class_labels.txt", "1 1\n2 2\n"),
    ("cub/classes.txt", "1 001.Albatross\n2 002.Bunting\n"),
    ("cub/train_test_split.txt", "1 0\n2 0\n"),
    (
        "cub/bounding_boxes.txt",
        "1 0.0 0.0 2.0 2.0\n2 1.0 1.0 2.0 1.0\n",
    ),
    ("wsol/image_ids.txt", "a\nb"),
    ("wsol/class_labels.txt", "a,0\nb,1"),
    ("wsol/image_sizes.txt", "a,4,3\nb,4,3"),
    ("wsol/localization.txt", "a,0,0,1,1\nb,1,1,3,2"),
    ("wsol/blacklist.txt", "2\n"),
    ("wsol/ascii_order_to_synset_order.txt", "2\n1\n"),
    (
        "kaggle/LOC_val_solution.csv",
        "ImageId,PredictionString\na,n01 0 0 1 1 \n",
    ),
    (
        "kaggle/LOC_synset_mapping.txt",
        "n01 one thing\nn02 another\n",
    ),
];

/// A folder that ends with its target.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder for the target's files"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn open(&self, name: &str) -> Option<Dataset> {
        open(&self.path(name))
    }
}

/// The dataset at a path, read strictly and leniently.
fn open(path: &Path) -> Option<Dataset> {
    let read = |lenient| {
        Dataset::open(&Request {
            dataset: Some(path),
            lenient,
            ..Request::default()
        })
    };
    let _ = read(true);
    read(false).ok()
}

fn with_checksums(lines: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        let json = line.strip_suffix(b"\n").unwrap_or(line);
        sealed.extend(format!("{:08x} ", crc32fast::hash(json)).bytes());
        sealed.extend(json);
        sealed.push(b'\n');
    }
    sealed
}
