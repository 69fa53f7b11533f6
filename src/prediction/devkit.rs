//! The ILSVRC development kit's submission (`readme.txt`, `eval_clsloc.m`): a line a photo, in the
//! order of file names.
//!
//! `LABEL xmin ymin xmax ymax` up to five times, best guess first; labels are ILSVRC IDs, boxes
//! 0-based and inclusive. Blanks, tabs and commas set numbers apart. What Octave makes of odd files
//! is kept: an empty line is skipped; numbers that are missing at a line's end are zeros; the last
//! guess of the widest line of a file, where it lacks a number, has a class and no box, in every
//! line. Two things are refused that the devkit takes: NaN, which it counts as a hit, and what is
//! no number at all.

use std::fmt::Write;
use std::path::Path;

use super::{Dataset, DatasetError, Faults, Guess, Predictions, coordinate};
use crate::geometry::BBox;
use crate::score::{Label, Predicted};

/// Numbers of a line that count: five guesses of a label and four coordinates.
const WIDEST: usize = 25;

/// The photos in the order of a submission: that of their names.
pub(super) fn order(dataset: &Dataset) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dataset.photos.len()).collect();
    order.sort_by(|&a, &b| dataset.photos[a].id.cmp(&dataset.photos[b].id));
    order
}

fn ids(dataset: &Dataset) -> Result<&[usize], DatasetError> {
    dataset.ilsvrc_ids.as_deref().ok_or_else(|| {
        DatasetError::new(format!(
            "{}: it does not tell which ILSVRC ID is which class, and a devkit submission is in these\n\
             help: name the dataset whole, or put map_clsloc.txt (devkit) or ascii_order_to_synset_order.txt (lists of \
             wsolevaluation) where data/README.md says",
            dataset.name
        ))
    })
}

pub(super) fn read(path: &Path, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let text = std::fs::read_to_string(path).map_err(|e| DatasetError::at(path, e))?;
    parse(&text, &path.display().to_string(), dataset)
}

fn parse(text: &str, name: &str, dataset: &Dataset) -> Result<Predictions, DatasetError> {
    let ids = ids(dataset)?;
    let mut class_of = vec![None; ids.len() + 1];
    ids.iter()
        .enumerate()
        .for_each(|(class, &id)| class_of[id] = Some(class));
    let photos = dataset.photos.len();
    let lines = lines(text, name, photos)?;
    let widest = lines.iter().map(Vec::len).max().unwrap_or(0).min(WIDEST);
    let mut found = Predictions {
        photos: vec![Predicted::default(); photos],
        classes: true,
        notes: vec![],
    };
    for (numbers, photo) in lines.iter().zip(order(dataset)) {
        let at = |place: usize| numbers.get(place).copied().unwrap_or(0.0);
        let guess = |rank: usize| {
            let first = 5 * rank;
            let whole =
                (at(first).fract() == 0.0 && at(first) >= 0.0).then_some(at(first) as usize);
            let class = whole.and_then(|label| class_of.get(label).copied().flatten());
            let [x0, y0, x1, y1] = [1, 2, 3, 4].map(|i| at(first + i));
            Guess {
                label: class.map_or(Label::Other, Label::Class),
                rank: Some(rank),
                bbox: (first + 5 <= widest).then(|| BBox::from_inclusive(x0, y0, x1, y1)),
                confidence: None,
            }
        };
        found.photos[photo].guesses = (0..widest.div_ceil(5)).map(guess).collect();
    }
    let short = lines
        .iter()
        .filter(|numbers| numbers.len() % 5 != 0 && numbers.len() < WIDEST)
        .count();
    if short > 0 {
        found.notes.push(format!(
            "{short} lines lack numbers at their end; they are read as 0, as the devkit does"
        ));
    }
    Ok(found)
}

/// The numbers of each line that has some, which must be one a photo.
fn lines(text: &str, name: &str, photos: usize) -> Result<Vec<Vec<f64>>, DatasetError> {
    let mut faults = Faults::default();
    let (mut lines, mut empty) = (Vec::new(), Vec::new());
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match numbers(line) {
            Ok(numbers) if numbers.is_empty() => empty.push(i + 1),
            Ok(numbers) => lines.push(numbers),
            Err((column, fault)) => faults.add(format!("{name}:{}:{column}: {fault}", i + 1)),
        }
    }
    faults.into_result()?;
    if lines.len() == photos {
        return Ok(lines);
    }
    let skipped = match empty.as_slice() {
        [] => String::new(),
        [first, ..] => format!(
            "; {} empty lines are skipped, the first is line {first}",
            empty.len()
        ),
    };
    Err(DatasetError::new(format!(
        "{name}: {} lines for {photos} photos{skipped}\nhelp: write one line a photo, in the order of file names; \
         `0 0 0 0 0` where there is no guess",
        lines.len()
    )))
}

/// The numbers of a line; a fault has its column, from 1 on.
fn numbers(line: &str) -> Result<Vec<f64>, (usize, String)> {
    let words = line
        .split([' ', '\t', ',', '\r'])
        .filter(|word| !word.is_empty());
    let column = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize + 1;
    words
        .map(|word| coordinate(word).map_err(|fault| (column(word), fault)))
        .collect()
}

pub(super) fn write(predictions: &Predictions, dataset: &Dataset) -> Result<Vec<u8>, DatasetError> {
    predictions.need_classes()?;
    let ids = ids(dataset)?;
    let mut text = String::new();
    for photo in order(dataset) {
        let label = |class: usize| ids[class].to_string();
        let shown: Vec<_> = predictions
            .first_five(photo)
            .into_iter()
            .map(|guess| super::shown(guess, &label))
            .collect();
        let line = if shown.is_empty() {
            "0 0 0 0 0".into()
        } else {
            shown.join(" ")
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
        // A line that is shorter than the widest is filled up with zeros: label 0 is no class.
        assert_eq!((a.guesses.len(), a.guesses[1].label), (2, Label::Other));
        assert_eq!(
            (b.guesses[0].label, b.guesses[1].label),
            (Label::Class(1), Label::Other)
        );
        assert_eq!(b.guesses[0].bbox.map(|b| b.x_min), Some(10.0));
        assert_eq!(
            (c.guesses[0].label, c.guesses[0].bbox.map(|b| b.x_max)),
            (Label::Class(2), Some(f64::INFINITY))
        );
        assert!(found.notes.is_empty());
    }

    #[test]
    fn missing_numbers_are_zeros_and_the_widest_line_loses_its_last_box() {
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
                "sub.txt:2:5: 'NaN' is not a number",
            ),
            (
                "3 0 0 9 4\n3 0 x 9 4\n3 0 0 9 4",
                "sub.txt:2:5: 'x' is no number",
            ),
            (
                "3 0 0 9 4\n\n3 0 0 9 4",
                "2 lines for 3 photos; 1 empty lines are skipped, the first is line 2",
            ),
            (
                "3 0 0 9 4\n3 0 0 9 4\n3 0 0 9 4\n3 0 0 9 4",
                "4 lines for 3 photos\n",
            ),
        ] {
            let error = parsed(text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let unknown = Dataset {
            ilsvrc_ids: None,
            ..three()
        };
        assert!(
            parse("", "sub.txt", &unknown)
                .expect_err("no IDs")
                .to_string()
                .contains("map_clsloc.txt")
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "3 0 0.5 9 4 1 2 2 3 3\n0 0 0 0 0\n4 1 1 5 5\n";
        let found = parsed(text).unwrap_or_else(|e| panic!("{e}"));
        let written = String::from_utf8(write(&found, &three()).unwrap_or_else(|e| panic!("{e}")))
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
        assert!(
            write(&late, &three())
                .expect_err("no first guess")
                .to_string()
                .contains("--classes top5")
        );
    }
}
