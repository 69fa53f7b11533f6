//! Files of annotations in a folder that is read as photos alone. Their boxes and labels are not
//! read, which may not be what was meant.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::photo_search::first_paths;
use super::suspicion::Suspicion;

/// A file is recognised by so much of its start.
const START_BYTES: u64 = 1 << 16;

/// What is suspicious about a folder of photos in which these files, which are no pictures, are
/// left out.
pub(super) fn suspicion(root: &Path, left_out: &[PathBuf]) -> Option<Suspicion> {
    let (mut formats, mut files) = (Vec::new(), Vec::new());
    for path in left_out {
        if let Some(format) = format(path) {
            if !formats.contains(&format) {
                formats.push(format);
            }
            files.push(path.clone());
        }
    }
    let what = format!(
        "{} files look like annotations ({}) and are not read with a folder of photos: {}",
        files.len(),
        formats.join(", "),
        first_paths(&files, root)
    );
    let advice = "if their boxes are meant, give that file or folder as the dataset, in one of the \
                  layouts of `localise list layouts`";
    (!files.is_empty()).then(|| Suspicion::new(what, advice))
}

/// The format of annotations that a file seems to have.
fn format(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    if !["json", "txt", "xml", "csv"].contains(&&*extension) {
        return None;
    }
    let mut start = Vec::new();
    let file = File::open(path).ok()?;
    file.take(START_BYTES).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    let has_all = |words: &[&str]| words.iter().all(|word| start.contains(word));
    match &*extension {
        "json" if has_all(&["\"imagePath\"", "\"shapes\""]) => Some("LabelMe"),
        "json" if has_all(&["\"shape_attributes\""]) => Some("VIA"),
        // The lists of a COCO file are in any order, and the first may be longer than the start.
        "json" if has_all(&["\"images\""]) || has_all(&["\"bbox\""]) => Some("COCO"),
        "txt" if is_yolo(&start) => Some("YOLO"),
        "xml" if has_all(&["<annotation"]) => Some("VOC"),
        "csv" if has_box_columns(&start) => Some("CSV"),
        _ => None,
    }
}

/// Whether each line is a class and the numbers of a box or polygon, as shares of the photo's size.
/// The last line may be cut off.
fn is_yolo(start: &str) -> bool {
    let is_box = |line: &str| {
        let numbers: Option<Vec<f64>> = line.split(' ').map(|field| field.parse().ok()).collect();
        numbers.is_some_and(|numbers| {
            numbers.len() >= 5
                && numbers[0].fract() == 0.0
                && numbers[1..].iter().all(|share| (0.0..=1.0).contains(share))
        })
    };
    let mut lines = start.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next().is_some_and(is_box) && lines.next().is_none_or(is_box)
}

/// Whether a table's header names the edges of boxes.
fn has_box_columns(start: &str) -> bool {
    let header = start.lines().next().unwrap_or_default().to_lowercase();
    ["xmin", "x_min", "bbox", "predictionstring"]
        .iter()
        .any(|column| header.contains(column))
}
