//! Rows: a table with a row for each box, in the program's convention (0-based, max exclusive). The
//! columns may be in any order, and may be called as in other programs.
//!
//! `image_id,x_min,y_min,x_max,y_max` are required. `class_index` is the class of the box: its
//! index, its key or its name. Without it, or where it is empty, the box is for the photo's true
//! class; so it is if all boxes have the same word there, which is not a class of the dataset.
//! `rank` is the rank of the class, from 1. Without it, the guesses of a photo are ordered by
//! falling `probability` (also called `score` or `confidence`), or else as their rows are. A row
//! whose `status` is `error` states that the photo failed. `width` and `height` are the photo's
//! size, and are only compared with that of the dataset.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::predictions::Predictions;
use super::row_order::{RowGuess, ordered};
use super::text::{coordinate, unknown_photo};
use crate::dataset::{
    CLASS, Column, Dataset, DatasetError, EDGES, Faults, SIZE, Suspicion, csv_rows,
};
use crate::geometry::{BBox, Size};
use crate::score::{Guess, Label};

const COLUMNS: [Column; 11] = [
    Column::required(
        "image_id",
        &[
            "image",
            "imagename",
            "filename",
            "file",
            "imagepath",
            "photo",
        ],
    ),
    EDGES[0],
    EDGES[1],
    EDGES[2],
    EDGES[3],
    CLASS,
    Column::optional("rank", &[]).of_numbers(),
    Column::optional(
        "probability",
        &["score", "scores", "confidence", "conf", "prob"],
    )
    .of_numbers(),
    Column::optional("status", &[]),
    SIZE[0],
    SIZE[1],
];

#[derive(Deserialize)]
struct PredictionRow {
    image_id: String,
    #[serde(default)]
    class_index: String,
    rank: Option<usize>,
    probability: Option<f64>,
    #[serde(default)]
    x_min: String,
    #[serde(default)]
    y_min: String,
    #[serde(default)]
    x_max: String,
    #[serde(default)]
    y_max: String,
    status: Option<String>,
    width: Option<f64>,
    height: Option<f64>,
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let mut faults = Faults::default();
    let index = dataset.photo_index();
    let mut rows = csv_rows::<PredictionRow>(path, &COLUMNS, &mut faults)?;
    let mut labels = RowLabels::new(dataset);
    let common_word = drop_common_word(&mut rows, &mut labels);
    let mut checks = Checks::new(dataset);
    let (mut guesses, mut other_sizes) = (Vec::new(), Vec::new());
    for (place, row) in rows {
        let Some(photo) = index.get(&row.image_id) else {
            let fault = unknown_photo(dataset, &row.image_id);
            faults.add(format!("{place}: {fault}"));
            continue;
        };
        if row.status.as_deref() == Some("error") {
            continue;
        }
        let label = labels.label(&row.class_index);
        if label != Label::Truth {
            checks.add_label(photo, &row.class_index, label);
        }
        let guess = row.guess(label).and_then(|guess| {
            let bbox = guess
                .bbox
                .map_or(Ok(()), |bbox| checks.add_box(photo, bbox));
            bbox.map(|()| guess)
        });
        match guess {
            Ok(guess) => {
                if row.has_other_size(&guess, dataset.photos[photo].size) {
                    other_sizes.push(place.clone());
                }
                guesses.push(RowGuess {
                    place,
                    photo,
                    guess,
                });
            }
            Err(fault) => faults.add(format!("{place}: {fault}")),
        }
    }
    let mut predictions = ordered(guesses, dataset, &mut faults);
    let expected = "indices of classes from 0, their keys or their names";
    let found = checks.finish(path, faults, expected)?;
    predictions.suspicions.extend(found);
    predictions.suspicions.extend(common_word);
    predictions
        .suspicions
        .extend(suspicious_sizes(&other_sizes));
    let has_classes = predictions
        .photos
        .iter()
        .flat_map(|photo| &photo.guesses)
        .any(|guess| guess.label != Label::Truth);
    predictions.classes = has_classes && dataset.profile.guesses_classes();
    Ok(predictions)
}

/// The labels of rows, each looked up once.
struct RowLabels<'a> {
    dataset: &'a Dataset,
    known: HashMap<String, Label>,
}

impl<'a> RowLabels<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            known: HashMap::new(),
        }
    }

    fn label(&mut self, text: &str) -> Label {
        if let Some(label) = self.known.get(text) {
            return *label;
        }
        let label = self.look_up(text);
        self.known.insert(text.to_owned(), label);
        label
    }

    fn look_up(&self, text: &str) -> Label {
        if text.is_empty() {
            return Label::Truth;
        }
        let classes = &self.dataset.classes;
        let class = match whole_number(text) {
            Some(index) => usize::try_from(index)
                .ok()
                .filter(|index| *index < classes.len()),
            None => classes
                .class(text)
                .or_else(|| classes.class_with_name(text)),
        };
        class.map_or(Label::Other, Label::Class)
    }
}

/// A whole number, as `3` or `3.0`.
fn whole_number(text: &str) -> Option<i64> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// Takes the labels away if all are the same word, which is not a class: then the boxes are those
/// of one kind of object, such as `thing`.
fn drop_common_word(
    rows: &mut [(String, PredictionRow)],
    labels: &mut RowLabels<'_>,
) -> Option<Suspicion> {
    let word = rows.first()?.1.class_index.clone();
    let is_common = rows.iter().all(|(_, row)| row.class_index == word);
    let is_class = whole_number(&word).is_some() || labels.label(&word) != Label::Other;
    if !is_common || is_class {
        return None;
    }
    for (_, row) in rows {
        row.class_index.clear();
    }
    let what = format!(
        "all boxes have the label {word}, which is not a class of the dataset: they are taken for \
         the true classes of their photos"
    );
    let advice = "leave out the column, or write classes";
    Some(Suspicion::new(what, advice))
}

/// `places` are the rows that state another size.
fn suspicious_sizes(places: &[String]) -> Option<Suspicion> {
    let first = places.first()?;
    let what = format!(
        "{} rows state another size of their photo than the dataset; the first is {first}",
        places.len()
    );
    let advice = "are the boxes in the pixels of a resized copy? they must be in those of the \
                  stored photos";
    Some(Suspicion::new(what, advice))
}

impl PredictionRow {
    /// The row as a guess with the rank that is written, from 0.
    fn guess(&self, label: Label) -> Result<Guess, String> {
        let rank = match self.rank {
            Some(rank) => Some(rank.checked_sub(1).ok_or("ranks begin at 1")?),
            None => None,
        };
        if self.probability.is_some_and(f64::is_nan) {
            return Err("the score is not a number".into());
        }
        let edge = |name: &str, text: &str| {
            coordinate(text.trim()).map_err(|fault| format!("{name} {fault}"))
        };
        let bbox = BBox::new(
            edge("x_min", &self.x_min)?,
            edge("y_min", &self.y_min)?,
            edge("x_max", &self.x_max)?,
            edge("y_max", &self.y_max)?,
        );
        Ok(Guess {
            label,
            rank,
            bbox: Some(bbox),
            confidence: self.probability,
        })
    }

    /// Whether the row states another size of its photo. In some tables, the columns hold the size
    /// of the box.
    fn has_other_size(&self, guess: &Guess, size: Option<Size>) -> bool {
        let (Some(width), Some(height), Some(size)) = (self.width, self.height, size) else {
            return false;
        };
        let is_size_of_box = guess.bbox.is_some_and(|bbox| {
            let differs = |a: f64, b: f64| (a - b).abs() > 1.0;
            !differs(bbox.x_max - bbox.x_min, width) && !differs(bbox.y_max - bbox.y_min, height)
        });
        !is_size_of_box && [width, height] != [size.width, size.height].map(f64::from)
    }
}

/// The columns that are written, one row for each guess.
#[derive(Serialize)]
struct WrittenRow<'a> {
    image_id: &'a str,
    class_index: Option<i64>,
    rank: Option<usize>,
    probability: Option<f64>,
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

/// The rows of a table. Guesses without a box are left out.
pub(super) fn encode(predictions: &Predictions, dataset: &Dataset) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (photo, predicted) in dataset.photos.iter().zip(&predictions.photos) {
        for guess in &predicted.guesses {
            let Some(BBox {
                x_min,
                y_min,
                x_max,
                y_max,
            }) = guess.bbox
            else {
                continue;
            };
            let row = WrittenRow {
                image_id: &photo.id,
                class_index: match guess.label {
                    Label::Class(class) => Some(class as i64),
                    Label::Other => Some(-1),
                    Label::Truth => None,
                },
                rank: guess.rank.map(|rank| rank + 1),
                probability: guess.confidence,
                x_min,
                y_min,
                x_max,
                y_max,
            };
            writer.serialize(row).expect("writing to a Vec cannot fail");
        }
    }
    writer.into_inner().expect("writing to a Vec cannot fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;

    fn three() -> Dataset {
        let photo = |id: &str| Photo {
            id: id.into(),
            class: Some(7),
            ..Photo::default()
        };
        let (photos, classes) = (["a", "b", "c"].map(photo).into(), ClassList::numbered(10));
        Dataset {
            name: "three".into(),
            photos,
            classes,
            ..Dataset::default()
        }
    }

    fn read_text(text: &str) -> Result<Predictions, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).expect("a file");
        read(&path, &three())
    }

    fn valid(text: &str) -> Predictions {
        read_text(text).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Columns in another order, ranks in no order, a photo that failed, one that is missing.
    #[test]
    fn odd_rows_are_read() {
        let found = valid(
            "\u{feff}class_index,image_id,rank,x_min,y_min,x_max,y_max,status\r\n\
             7,a,2,0,0,1,1,ok\r\n3,a,1,0.5,0,inf,2,ok\r\n7,b,,,,,,error\r\n",
        );
        let labels: Vec<_> = found.photos[0]
            .guesses
            .iter()
            .map(|guess| (guess.label, guess.rank))
            .collect();
        assert_eq!(
            labels,
            [(Label::Class(3), Some(0)), (Label::Class(7), Some(1))]
        );
        assert_eq!(
            found.photos[0].guesses[0].bbox,
            Some(BBox::new(0.5, 0., f64::INFINITY, 2.))
        );
        assert_eq!(
            (
                found.photos[1].failed,
                found.photos[2].failed,
                found.classes
            ),
            (true, true, true)
        );
        let mut noted = found.clone();
        noted.note_missing(&three());
        assert_eq!(
            noted.notes,
            ["2 of 3 photos have no prediction (b, c); they count as wrong"]
        );
        let plain = valid("image_id,x_min,y_min,x_max,y_max\na,0,0,1,1\n");
        assert_eq!(
            (plain.classes, plain.photos[0].guesses[0].label),
            (false, Label::Truth)
        );
        let ordered =
            valid("image_id,x_min,y_min,x_max,y_max,class_index\na,0,0,1,1,4\na,0,0,1,1,5\n");
        assert_eq!(ordered.photos[0].guesses[1].rank, Some(1));
    }

    #[test]
    fn faults_are_named() {
        let header = "image_id,x_min,y_min,x_max,y_max";
        let cases = [
            (
                format!("{header}\nz,0,0,1,1\n"),
                "rows.csv:2: three has no photo called z; its photos have names like a",
            ),
            (
                format!("{header}\na,NaN,0,1,1\n"),
                "rows.csv:2: x_min 'NaN' is not a number (the devkit",
            ),
            (
                format!("{header}\na,0,,1,1\n"),
                "rows.csv:2: y_min '' is not a number",
            ),
            (format!("{header}\na,0,0,1\n"), "rows.csv: CSV error"),
            (
                format!("{header},rank,class_index\na,0,0,1,1,0,7\n"),
                "rows.csv:2: ranks begin at 1",
            ),
            (
                format!("{header},rank,class_index\na,0,0,1,1,1,7\na,0,0,1,1,1,8\n"),
                "rows.csv:3: a second guess of the same rank for a",
            ),
        ];
        for (text, expected) in cases {
            let error = read_text(&text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        // A class that the dataset does not have is a wrong guess.
        let other = valid(&format!("{header},class_index\na,0,0,1,1,10\n"));
        assert_eq!(other.photos[0].guesses[0].label, Label::Other);
    }
}
