//! The sample that ships: its photos, their true boxes and their terms.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use csv::StringRecord;

/// The rows of a table of `data/sample` or `tests/seven`, and a reader of their columns.
struct Table {
    header: StringRecord,
    rows: Vec<StringRecord>,
}

impl Table {
    fn read(path: &str) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        Self {
            header: reader.headers().unwrap().clone(),
            rows: reader.records().map(Result::unwrap).collect(),
        }
    }

    /// The cell of a row.
    fn cell<'a>(&self, row: &'a StringRecord, column: &str) -> &'a str {
        let place = self.header.iter().position(|name| name == column);
        &row[place.unwrap_or_else(|| panic!("no column {column}"))]
    }

    /// The cells of a column, each once.
    fn set(&self, column: &str) -> BTreeSet<&str> {
        self.rows.iter().map(|row| self.cell(row, column)).collect()
    }
}

/// Every photo has its author, its page or package, its licence and what was changed; each licence
/// allows copying and changing.
#[test]
fn each_photo_of_the_sample_names_its_author_and_terms() {
    let [boxes, terms] =
        ["boxes", "attribution"].map(|name| Table::read(&format!("data/sample/{name}.csv")));
    let ids = boxes.set("image_id");
    assert_eq!((ids.len(), terms.rows.len()), (30, 30));
    assert_eq!(ids, terms.set("image_id"));
    for row in &terms.rows {
        for column in [
            "author",
            "page_or_package",
            "licence",
            "original_file",
            "original_size",
            "changes",
        ] {
            assert!(!terms.cell(row, column).is_empty(), "{row:?}: {column}");
        }
        let licence = terms.cell(row, "licence");
        let known = [
            "CC0",
            "public domain (CC0)",
            "CC BY 2.0",
            "CC BY 4.0",
            "CC BY-SA 4.0",
        ];
        assert!(known.contains(&licence), "{row:?}");
        let page = terms.cell(row, "page_or_package");
        assert!(
            licence != "CC BY 2.0" || page.contains("flickr.com/"),
            "{row:?}"
        );
    }
    for document in ["README.md", "data/README.md"] {
        let text = fs::read_to_string(document).unwrap();
        assert!(
            text.contains("sample/attribution.csv") && text.contains("CC BY 2.0"),
            "{document}"
        );
    }
}

/// The table has the photos in the folder and no others, with their true sizes; together they are
/// small enough for a program.
#[test]
fn the_sample_is_its_table() {
    let boxes = Table::read("data/sample/boxes.csv");
    let folder = fs::read_dir("data/sample/images").unwrap();
    let files: BTreeSet<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    let sample = Path::new("data/sample");
    let named: BTreeSet<PathBuf> = boxes
        .set("file")
        .iter()
        .map(|file| sample.join(file))
        .collect();
    assert_eq!(files, named);
    for row in &boxes.rows {
        let [width, height] =
            ["width", "height"].map(|column| boxes.cell(row, column).parse().unwrap());
        let photo = sample.join(boxes.cell(row, "file"));
        assert_eq!(
            image::image_dimensions(photo).unwrap(),
            (width, height),
            "{row:?}"
        );
    }
    let bytes: u64 = files
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    assert!(bytes < 1_800_000, "{bytes}");
}

/// `tests/seven` has rows of the sample's table, with the paths of the same photos.
#[test]
fn the_seven_photos_of_the_tests_are_of_the_sample() {
    let [all, seven] =
        ["data/sample", "tests/seven"].map(|folder| Table::read(&format!("{folder}/boxes.csv")));
    assert_eq!(
        (seven.set("image_id").len(), &seven.header),
        (7, &all.header)
    );
    for row in &seven.rows {
        let row: StringRecord = row
            .iter()
            .map(|cell| cell.trim_start_matches("../../data/sample/"))
            .collect();
        assert!(all.rows.contains(&row), "{row:?}");
    }
}
