//! The submission of the ILSVRC development kit (`readme.txt`, `eval_clsloc.m`): a line for each
//! photo, in the order of file names.
//!
//! A line is `LABEL xmin ymin xmax ymax` up to five times, best guess first. Labels are ILSVRC IDs,
//! boxes are 0-based and inclusive, and numbers are separated by blanks, tabs and commas. Odd files
//! are read as Octave reads them in the devkit: empty lines are skipped; numbers that are missing
//! at the end of a line are zeros; and if the last guess of a file's longest line is incomplete,
//! that guess has a class and no box in every line. Two things are refused that the devkit accepts:
//! NaN, which it counts as a hit, and words that are not numbers.

use std::fmt::Write;
use std::path::Path;

use super::checks::Checks;
use super::predictions::Predictions;
use super::submission::{GUESS_WORDS, ensure_classes, guesses_text, photos_by_name};
use super::text::coordinate;
use crate::dataset::{Dataset, DatasetError, Faults};
use crate::geometry::BBox;
use crate::score::{Guess, Label, MAX_GUESSES, Predicted};

/// The numbers of a line that count.
const MAX_NUMBERS: usize = MAX_GUESSES * GUESS_WORDS;

fn ilsvrc_ids(dataset: &Dataset) -> Result<&[usize], DatasetError> {
    dataset.ilsvrc_ids.as_deref().ok_or_else(|| {
        let fault = format!(
            "{}: the ILSVRC IDs of its classes are not known, and a devkit submission uses them",
            dataset.name
        );
        DatasetError::new(fault).or_advice(
            "name the dataset whole, or put map_clsloc.txt (devkit) or \
             ascii_order_to_synset_order.txt (lists of wsolevaluation) where data/README.md says",
        )
    })
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let text = std::fs::read_to_string(path).map_err(|e| DatasetError::at(path, e))?;
    parse(&text, &path.display().to_string(), dataset)
}

fn parse(text: &str, name: &str, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let ids = ilsvrc_ids(dataset)?;
    let mut class_of_id = vec![None; ids.len() + 1];
    for (class, &id) in ids.iter().enumerate() {
        class_of_id[id] = Some(class);
    }
    let lines = lines(text, name, dataset.photos.len())?;
    let longest = lines
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or(0)
        .min(MAX_NUMBERS);
    let mut photos = vec![Predicted::default(); dataset.photos.len()];
    let mut checks = Checks::new(dataset);
    for (numbers, photo) in lines.iter().zip(photos_by_name(dataset)) {
        photos[photo].guesses = (0..longest.div_ceil(GUESS_WORDS))
            .map(|rank| guess(numbers, rank, longest, &class_of_id))
            .collect();
        check(&mut checks, photo, numbers, &photos[photo].guesses);
    }
    let incomplete = lines
        .iter()
        .filter(|numbers| numbers.len() % GUESS_WORDS != 0 && numbers.len() < MAX_NUMBERS)
        .count();
    let note = (incomplete > 0).then(|| {
        format!(
            "{incomplete} lines lack numbers at their end; these are read as 0, as the devkit does"
        )
    });
    let expected = "ILSVRC IDs, from 1 in the devkit's order";
    Ok(Predictions {
        photos,
        classes: true,
        notes: note.into_iter().collect(),
        suspicions: checks.suspicions(expected),
    })
}

/// Adds the complete guesses of a photo's line to the checks, without those whose label is 0: they
/// stand for no guess. The devkit accepts any boxes.
fn check(checks: &mut Checks<'_>, photo: usize, numbers: &[f64], guesses: &[Guess]) {
    let labels = numbers.chunks_exact(GUESS_WORDS).map(|words| words[0]);
    for (label, guess) in labels.zip(guesses).filter(|(label, _)| *label != 0.0) {
        checks.add_label(photo, &label.to_string(), guess.label);
        if let Some(bbox) = guess.bbox {
            // An inverted box is counted, and is not a fault.
            let _ = checks.add_box(photo, bbox);
        }
    }
}

/// A guess of a line. `longest` is the number of numbers in the longest line.
fn guess(numbers: &[f64], rank: usize, longest: usize, class_of_id: &[Option<usize>]) -> Guess {
    let first = GUESS_WORDS * rank;
    let [label, x_min, y_min, x_max, y_max] =
        std::array::from_fn(|i| numbers.get(first + i).copied().unwrap_or(0.0));
    let class = if label.fract() == 0.0 && label >= 0.0 {
        class_of_id.get(label as usize).copied().flatten()
    } else {
        None
    };
    let has_box = first + GUESS_WORDS <= longest;
    Guess {
        label: class.map_or(Label::Other, Label::Class),
        rank: Some(rank),
        bbox: has_box.then(|| BBox::from_inclusive(x_min, y_min, x_max, y_max)),
        confidence: None,
    }
}

/// The numbers of each line that is not empty. There must be one line for each photo.
fn lines(text: &str, name: &str, photos: usize) -> Result<Vec<Vec<f64>>, DatasetError> {
    let mut faults = Faults::default();
    let (mut lines, mut empty) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        match numbers(line) {
            Ok(numbers) if numbers.is_empty() => empty.push(number),
            Ok(numbers) => lines.push(numbers),
            Err(BadWord { column, fault }) => {
                faults.add(format!("{name}:{number}:{column}: {fault}"));
            }
        }
    }
    faults.into_result()?;
    if lines.len() == photos {
        return Ok(lines);
    }
    let skipped = empty.first().map_or(String::new(), |first: &usize| {
        let count = empty.len();
        format!("; {count} empty lines are skipped, the first is line {first}")
    });
    let fault = format!("{name}: {} lines for {photos} photos{skipped}", lines.len());
    let advice = "write one line for each photo, in the order of file names; `0 0 0 0 0` where \
                  there is no guess";
    Err(DatasetError::new(fault).or_advice(advice))
}

/// A word of a line that is not a number.
struct BadWord {
    /// The byte in the line at which the word begins, from 1.
    column: usize,
    fault: String,
}

/// The numbers of a line.
fn numbers(line: &str) -> Result<Vec<f64>, BadWord> {
    let words = line
        .split([' ', '\t', ',', '\r'])
        .filter(|word| !word.is_empty());
    words
        .map(|word| {
            coordinate(word).map_err(|fault| BadWord {
                column: word.as_ptr() as usize - line.as_ptr() as usize + 1,
                fault,
            })
        })
        .collect()
}

pub(super) fn encode(
    predictions: &Predictions,
    dataset: &Dataset,
) -> Result<Vec<u8>, DatasetError> {
    ensure_classes(predictions)?;
    let ids = ilsvrc_ids(dataset)?;
    let mut text = String::new();
    for photo in photos_by_name(dataset) {
        let guesses = guesses_text(predictions, photo, |class| ids[class].to_string());
        let line = if guesses.is_empty() {
            "0 0 0 0 0"
        } else {
            &guesses
        };
        let _ = writeln!(text, "{line}");
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;
    use crate::remedy::Remedy;

    fn three() -> Dataset {
        let photos = ["c", "a", "b"]
            .map(|id| Photo {
                id: id.into(),
                class: Some(0),
                ..Photo::default()
            })
            .into();
        let classes = ClassList::numbered(4);
        Dataset {
            name: "three".into(),
            classes,
            ilsvrc_ids: Some(vec![3, 1, 4, 2]),
            photos,
            ..Dataset::default()
        }
    }

    fn parsed(text: &str) -> Result<Predictions, DatasetError> {
        parse(text, "sub.txt", &three())
    }

    /// Lines are in the order of names, not of the dataset; labels are IDs.
    #[test]
    fn odd_lines_are_read() {
        let found = parsed("3\t0,0 9  4 \r\n 1 1e1 0 9 4 2.5 0 0 1 1\n\n4 0 0 inf 5")
            .unwrap_or_else(|e| panic!("{e}"));
        let [c, a, b] = &found.photos[..] else {
            panic!("three")
        };
        assert_eq!(a.guesses[0].label, Label::Class(0));
        assert_eq!(a.guesses[0].bbox, Some(BBox::new(0., 0., 10., 5.)));
        // A line that is shorter than the longest is padded with zeros: label 0 is not a class.
        assert_eq!((a.guesses.len(), a.guesses[1].label), (2, Label::Other));
        assert_eq!(
            (b.guesses[0].label, b.guesses[1].label),
            (Label::Class(1), Label::Other)
        );
        assert_eq!(b.guesses[0].bbox.map(|bbox| bbox.x_min), Some(10.0));
        assert_eq!(
            (c.guesses[0].label, c.guesses[0].bbox.map(|bbox| bbox.x_max)),
            (Label::Class(2), Some(f64::INFINITY))
        );
        assert!(found.notes.is_empty());
    }

    #[test]
    fn missing_numbers_are_zeros_and_the_longest_line_loses_its_last_box() {
        let found =
            parsed("3 0 0 9 4\n1 0 0 9\n4 0 0 9 4 3 1 2 3\n").unwrap_or_else(|e| panic!("{e}"));
        let [c, a, b] = &found.photos[..] else {
            panic!("three")
        };
        assert_eq!(
            b.guesses[0].bbox,
            Some(BBox::from_inclusive(0., 0., 9., 0.))
        );
        assert_eq!(
            (c.guesses[1].label, c.guesses[1].bbox),
            (Label::Class(0), None)
        );
        assert_eq!((a.guesses[1].bbox, found.notes.len()), (None, 1));
    }

    #[test]
    fn faults_have_line_and_column() {
        for (text, expected) in [
            (
                "3 0 0 9 4\n3 0 NaN 9 4\n3 0 0 9 4",
                "sub.txt:2:5: 'NaN' is not a number (the devkit",
            ),
            (
                "3 0 0 9 4\n3 0 x 9 4\n3 0 0 9 4",
                "sub.txt:2:5: 'x' is not a number",
            ),
            (
                "3 0 0 9 4\n\n3 0 0 9 4",
                "2 lines for 3 photos; 1 empty lines are skipped, the first is line 2",
            ),
            (
                "3 0 0 9 4\n3 0 0 9 4\n3 0 0 9 4\n3 0 0 9 4",
                "4 lines for 3 photos",
            ),
        ] {
            let error = parsed(text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let unknown = Dataset {
            ilsvrc_ids: None,
            ..three()
        };
        let remedy = parse("", "sub.txt", &unknown).expect_err("no IDs").remedy;
        assert!(
            matches!(&remedy, Some(Remedy::Advice(advice)) if advice.contains("map_clsloc.txt")),
            "{remedy:?}"
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "3 0 0.5 9 4 1 2 2 3 3\n0 0 0 0 0\n4 1 1 5 5\n";
        let found = parsed(text).unwrap_or_else(|e| panic!("{e}"));
        let written = String::from_utf8(encode(&found, &three()).unwrap_or_else(|e| panic!("{e}")))
            .expect("text");
        assert_eq!(
            parsed(&written).unwrap_or_else(|e| panic!("{e}")).photos,
            found.photos
        );
        let gt = Guess {
            label: Label::Class(0),
            rank: Some(70),
            bbox: None,
            confidence: None,
        };
        let mut late = found;
        late.photos[0].guesses = vec![gt];
        let error = encode(&late, &three()).expect_err("no first guess");
        assert_eq!(error.remedy, Some(Remedy::PredictedClasses));
    }
}
