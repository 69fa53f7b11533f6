//! Kaggle's submission: `ImageId,PredictionString`, where the string repeats `LABEL xmin ymin xmax
//! ymax` up to five times. Boxes are 0-based and inclusive. A label is a WordNet id, or the row of
//! `LOC_synset_mapping.txt` from 1 on; both are read. Rows stand in any order; a photo without a
//! row is one without a guess.

use std::path::Path;

use serde::Deserialize;

use super::{Dataset, DatasetError, Faults, Guess, Predictions, coordinate};
use crate::dataset::{bare, csv_rows};
use crate::geometry::BBox;
use crate::score::Label;

#[derive(Deserialize)]
struct KaggleSubmissionRow {
    #[serde(rename = "ImageId")]
    id: String,
    #[serde(rename = "PredictionString")]
    guesses: String,
}

/// With `numbered`, labels are numbers even where the classes' keys are too.
pub(super) fn read(path: &Path, dataset: &Dataset, numbered: bool) -> Result<Predictions, DatasetError> {
    let mut faults = Faults::default();
    let mut found = Predictions {
        classes: true,
        ..Predictions::nothing(dataset)
    };
    let places = dataset.places();
    let mut seen = vec![false; dataset.photos.len()];
    for (place, row) in csv_rows::<KaggleSubmissionRow>(path, "ImageId,PredictionString", &mut faults)? {
        let photo = match places.get(&row.id) {
            Some(photo) if !std::mem::replace(&mut seen[photo], true) => photo,
            Some(_) => {
                faults.add(format!("{place}: a second row for {}", row.id));
                continue;
            }
            None => {
                faults.add(format!("{place}: {}", super::unknown(dataset, &row.id)));
                continue;
            }
        };
        let words: Vec<_> = row.guesses.split_whitespace().collect();
        if words.len() % 5 != 0 {
            faults.add(format!(
                "{place}: {} words are not `LABEL xmin ymin xmax ymax` repeated",
                words.len()
            ));
        }
        for (rank, words) in words.chunks_exact(5).take(5).enumerate() {
            match guess(words, rank, dataset, numbered) {
                Ok(guess) => found.add(photo, guess),
                Err(fault) => faults.add(format!("{place}: guess {}: {fault}", rank + 1)),
            }
        }
    }
    faults.into_result()?;
    Ok(found)
}

fn guess(words: &[&str], rank: usize, dataset: &Dataset, numbered: bool) -> Result<Guess, String> {
    let by_number = || {
        words[0]
            .parse::<usize>()
            .ok()?
            .checked_sub(1)
            .filter(|&class| class < dataset.classes.len())
    };
    let class = dataset
        .classes
        .class(words[0])
        .filter(|_| !numbered)
        .or_else(by_number);
    let [x0, y0, x1, y1] = [1, 2, 3, 4].map(|i| coordinate(words[i]));
    Ok(Guess {
        label: class.map_or(Label::Other, Label::Class),
        rank: Some(rank),
        bbox: Some(BBox::from_inclusive(x0?, y0?, x1?, y1?)),
        confidence: None,
    })
}

pub(super) fn write(
    predictions: &Predictions,
    dataset: &Dataset,
    numbered: bool,
) -> Result<Vec<u8>, DatasetError> {
    predictions.need_classes()?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row = |id: &str, guesses: &str| {
        writer
            .write_record([id, guesses])
            .expect("memory takes all")
    };
    row("ImageId", "PredictionString");
    for photo in super::devkit::order(dataset) {
        let label = |class: usize| {
            if numbered {
                (class + 1).to_string()
            } else {
                dataset.classes.key(class).to_owned()
            }
        };
        let shown: Vec<_> = predictions
            .first_five(photo)
            .into_iter()
            .map(|guess| super::shown(guess, &label))
            .collect();
        let id = &dataset.photos[photo].id;
        row(bare(id).unwrap_or(id), &shown.join(" "));
    }
    Ok(writer.into_inner().expect("memory takes all"))
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
        read(&path, &two(), false)
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
        let labels: Vec<_> = found.photos[0]
            .guesses
            .iter()
            .map(|guess| guess.label)
            .collect();
        assert_eq!(
            labels,
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
        for numbered in [false, true] {
            let written = write(&found, &two(), numbered).unwrap_or_else(|e| panic!("{e}"));
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
