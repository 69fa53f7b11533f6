//! Kaggle's submission: `ImageId,PredictionString`, where the string repeats `LABEL xmin ymin xmax
//! ymax` up to five times. Boxes are 0-based and inclusive. A label is a WordNet id, or the row of
//! `LOC_synset_mapping.txt` from 1; both are read. Rows may be in any order. A photo without a row
//! has no guess.

use std::path::Path;

use serde::Deserialize;

use super::checks::Checks;
use super::predictions::Predictions;
use super::submission::{GUESS_WORDS, ensure_classes, guesses_text, photos_by_name};
use super::text::{coordinate, unknown_photo};
use crate::dataset::{Dataset, DatasetError, Faults, KAGGLE, csv_rows, ilsvrc_val_name};
use crate::geometry::BBox;
use crate::score::{Guess, Label, MAX_GUESSES};

/// What the labels of a submission are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// The keys of classes, such as WordNet ids. Numbers are read too, unless they are keys.
    Keys,
    /// Numbers from 1, even if the keys of classes are numbers too.
    Numbers,
}

#[derive(Deserialize)]
struct KaggleSubmissionRow {
    #[serde(rename = "ImageId")]
    id: String,
    #[serde(rename = "PredictionString")]
    guesses: String,
}

pub(super) fn read(
    path: &Path,
    dataset: &Dataset,
    labels: Labels,
) -> Result<Predictions, DatasetError> {
    let mut faults = Faults::default();
    let mut predictions = Predictions {
        classes: true,
        ..Predictions::empty(dataset)
    };
    let index = dataset.photo_index();
    let mut has_row = vec![false; dataset.photos.len()];
    let rows: Vec<(String, KaggleSubmissionRow)> = csv_rows(path, &KAGGLE, &mut faults)?;
    let mut checks = Checks::new(dataset);
    for (place, row) in rows {
        let Some(photo) = index.get(&row.id) else {
            faults.add(format!("{place}: {}", unknown_photo(dataset, &row.id)));
            continue;
        };
        if has_row[photo] {
            faults.add(format!("{place}: a second row for {}", row.id));
            continue;
        }
        has_row[photo] = true;
        let words: Vec<&str> = row.guesses.split_whitespace().collect();
        let count = words.len();
        if !count.is_multiple_of(GUESS_WORDS) {
            faults.add(format!(
                "{place}: {count} words are not `LABEL xmin ymin xmax ymax` repeated"
            ));
        }
        let guesses = words.chunks_exact(GUESS_WORDS).take(MAX_GUESSES);
        for (rank, guess_words) in guesses.enumerate() {
            let guess = guess(guess_words, rank, dataset, labels).and_then(|guess| {
                checks.add_label(photo, guess_words[0], guess.label);
                let bbox = guess
                    .bbox
                    .map_or(Ok(()), |bbox| checks.add_box(photo, bbox));
                bbox.map(|()| guess)
            });
            match guess {
                Ok(guess) => predictions.add(photo, guess),
                Err(fault) => faults.add(format!("{place}: guess {}: {fault}", rank + 1)),
            }
        }
    }
    let expected = match labels {
        Labels::Keys => "keys of classes such as WordNet ids, or numbers of classes from 1",
        Labels::Numbers => "numbers of classes from 1",
    };
    predictions.suspicions = checks.finish(path, faults, expected)?;
    Ok(predictions)
}

/// The guess of a label and four coordinates.
fn guess(words: &[&str], rank: usize, dataset: &Dataset, labels: Labels) -> Result<Guess, String> {
    let label = words[0];
    let by_key = match labels {
        Labels::Keys => dataset.classes.class(label),
        Labels::Numbers => None,
    };
    let by_number = || {
        let class = label.parse::<usize>().ok()?.checked_sub(1)?;
        (class < dataset.classes.len()).then_some(class)
    };
    let [x_min, y_min, x_max, y_max] = [1, 2, 3, 4].map(|i| coordinate(words[i]));
    Ok(Guess {
        label: by_key.or_else(by_number).map_or(Label::Other, Label::Class),
        rank: Some(rank),
        bbox: Some(BBox::from_inclusive(x_min?, y_min?, x_max?, y_max?)),
        confidence: None,
    })
}

pub(super) fn encode(
    predictions: &Predictions,
    dataset: &Dataset,
    labels: Labels,
) -> Result<Vec<u8>, DatasetError> {
    ensure_classes(predictions)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write_row = |id: &str, guesses: &str| {
        writer
            .write_record([id, guesses])
            .expect("writing to a Vec cannot fail");
    };
    write_row("ImageId", "PredictionString");
    for photo in photos_by_name(dataset) {
        let guesses = guesses_text(predictions, photo, |class| match labels {
            Labels::Keys => dataset.classes.key(class).to_owned(),
            Labels::Numbers => (class + 1).to_string(),
        });
        let id = &dataset.photos[photo].id;
        write_row(ilsvrc_val_name(id).unwrap_or(id), &guesses);
    }
    Ok(writer.into_inner().expect("writing to a Vec cannot fail"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;

    fn two() -> Dataset {
        let photo = |id: &str| Photo {
            id: id.into(),
            class: Some(0),
            ..Photo::default()
        };
        let classes = ["n02119789", "n03995372"].map(|key| (key.to_owned(), String::new()));
        let classes = ClassList::new("two", classes).expect("two");
        Dataset {
            name: "two".into(),
            classes,
            photos: ["a", "b"].map(photo).into(),
            ..Dataset::default()
        }
    }

    fn read_text(text: &str) -> Result<Predictions, DatasetError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sub.csv");
        std::fs::write(&path, text).expect("a file");
        read(&path, &two(), Labels::Keys)
    }

    /// WordNet ids and numbers, a sixth guess, an unknown class, rows in any order; written and
    /// read again.
    #[test]
    fn odd_rows_are_read_and_written() {
        let six = "n02119789 0 0 9 4 2 1 1 2.5 2 n00000000 0 0 1 1 0 0 0 1 1 3 0 0 1 1 1 0 0 9 9";
        let found = read_text(&format!(
            "\u{feff}ImageId,PredictionString\r\nb,\r\na,{six} \r\n"
        ));
        let found = found.unwrap_or_else(|e| panic!("{e}"));
        let guessed: Vec<_> = found.photos[0]
            .guesses
            .iter()
            .map(|guess| guess.label)
            .collect();
        assert_eq!(
            guessed,
            [
                Label::Class(0),
                Label::Class(1),
                Label::Other,
                Label::Other,
                Label::Other
            ]
        );
        assert_eq!(
            found.photos[0].guesses[1].bbox,
            Some(BBox::new(1., 1., 3.5, 3.))
        );
        assert!(found.photos[1].guesses.is_empty());
        for labels in [Labels::Keys, Labels::Numbers] {
            let written = encode(&found, &two(), labels).unwrap_or_else(|e| panic!("{e}"));
            let again = read_text(&String::from_utf8(written).expect("text"))
                .unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again.photos, found.photos);
        }
    }

    #[test]
    fn faults_are_named() {
        for (rows, expected) in [
            ("z,1 0 0 1 1", "sub.csv:2: two has no photo called z"),
            ("a,1 0 0 1 1\na,1 0 0 1 1", "sub.csv:3: a second row for a"),
            ("a,1 0 0 1", "4 words"),
            (
                "a,1 0 0 1 1 2 0 nan 1 1",
                "sub.csv:2: guess 2: 'nan' is not a number",
            ),
        ] {
            let error = read_text(&format!("ImageId,PredictionString\n{rows}\n"))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
