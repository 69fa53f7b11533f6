//! Whether the labels of a file of predictions are classes of the dataset, and whether they would
//! be right more often if they meant something else.

use crate::dataset::{Dataset, Suspicion};
use crate::score::Label;

/// What labels may mean in place of what they are read as: another class for the class that was
/// read, or for the number that was written.
const MEANINGS: [&str; 4] = [
    "if they were one larger",
    "if they were one smaller",
    "if they were ILSVRC IDs",
    "if they were ILSVRC IDs less 1",
];

/// The labels of a file.
pub(super) struct LabelCheck<'a> {
    dataset: &'a Dataset,
    /// The class of each ILSVRC ID.
    class_of_id: Vec<Option<usize>>,
    labels: usize,
    /// The labels that are not classes, and the first of them.
    unknown: usize,
    example: String,
    /// For each photo: whether it has labels, and whether one of them is its class as they are
    /// read, and under each of [`MEANINGS`].
    photos: Vec<PhotoLabels>,
}

#[derive(Clone, Copy, Default)]
struct PhotoLabels {
    has_labels: bool,
    is_right: bool,
    would_be_right: [bool; MEANINGS.len()],
}

impl<'a> LabelCheck<'a> {
    pub(super) fn new(dataset: &'a Dataset) -> Self {
        let ids = dataset.ilsvrc_ids.as_deref().unwrap_or_default();
        let mut class_of_id = vec![None; ids.iter().max().map_or(0, |max| max + 1)];
        for (class, &id) in ids.iter().enumerate() {
            class_of_id[id] = Some(class);
        }
        Self {
            dataset,
            class_of_id,
            labels: 0,
            unknown: 0,
            example: String::new(),
            photos: vec![PhotoLabels::default(); dataset.photos.len()],
        }
    }

    /// Adds a label of the photo at this index: as it is written, and as it was read.
    pub(super) fn add(&mut self, photo: usize, written: &str, read: Label) {
        self.labels += 1;
        if read == Label::Other {
            self.unknown += 1;
            if self.example.is_empty() {
                written.clone_into(&mut self.example);
            }
        }
        let Some(truth) = self.dataset.photos[photo].class else {
            return;
        };
        let class = match read {
            Label::Class(class) => Some(class),
            _ => None,
        };
        let class_of_id = |id: usize| self.class_of_id.get(id).copied().flatten();
        let number: Option<usize> = written.parse().ok();
        let meanings = [
            class.map(|class| class + 1),
            class.and_then(|class| class.checked_sub(1)),
            number.and_then(class_of_id),
            number.and_then(|number| class_of_id(number + 1)),
        ];
        let labels = &mut self.photos[photo];
        labels.has_labels = true;
        labels.is_right |= class == Some(truth);
        for (would_be_right, meaning) in labels.would_be_right.iter_mut().zip(meanings) {
            *would_be_right |= meaning == Some(truth);
        }
    }

    /// What is suspicious about the labels. `expected` says what they are read as.
    pub(super) fn suspicions(&self, expected: &str) -> Vec<Suspicion> {
        let name = &self.dataset.name;
        let mut found = Vec::new();
        if 2 * self.unknown > self.labels {
            let (unknown, labels, example) = (self.unknown, self.labels, &self.example);
            let what = format!(
                "{unknown} of {labels} labels (such as {example}) are not classes of {name}: \
                 these guesses are wrong"
            );
            found.push(Suspicion::new(what, format!("labels are {expected}")));
        }
        let count = |is: &dyn Fn(&PhotoLabels) -> bool| {
            self.photos.iter().filter(|labels| is(labels)).count()
        };
        let photos = count(&|labels| labels.has_labels);
        let right = count(&|labels| labels.is_right);
        for (i, meaning) in MEANINGS.iter().enumerate() {
            let would_be_right = count(&|labels| labels.would_be_right[i]);
            // Neighbours in the list look alike, so some labels are one off by mistake.
            if would_be_right > 2 * right + 2 && 5 * would_be_right > photos {
                let what = format!(
                    "{right} of {photos} photos have their class among the labels as these are \
                     read, but {would_be_right} {meaning}"
                );
                found.push(Suspicion::new(what, format!("labels are {expected}")));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::ClassList;
    use crate::dataset::Photo;

    /// Twenty photos of the classes 0 to 19, of thirty. The ILSVRC IDs are in reversed order.
    fn twenty() -> Dataset {
        let photo = |class: usize| Photo {
            id: class.to_string(),
            class: Some(class),
            ..Photo::default()
        };
        Dataset {
            name: "twenty".into(),
            classes: ClassList::numbered(30),
            ilsvrc_ids: Some((1..=30).rev().collect()),
            photos: (0..20).map(photo).collect(),
            ..Dataset::default()
        }
    }

    /// The suspicions if `label` is what is written for a class, and labels are indices.
    fn suspicions(label: impl Fn(usize) -> String) -> Vec<String> {
        let dataset = twenty();
        let mut check = LabelCheck::new(&dataset);
        for class in 0..20 {
            let written = label(class);
            let index = written.parse().ok().filter(|index| *index < 30);
            check.add(class, &written, index.map_or(Label::Other, Label::Class));
        }
        let found = check.suspicions("indices");
        found.into_iter().map(|suspicion| suspicion.what).collect()
    }

    #[test]
    fn right_wrong_and_neighbouring_labels_are_not_suspicious() {
        let none = Vec::<String>::new();
        assert_eq!(suspicions(|class| class.to_string()), none);
        assert_eq!(suspicions(|class| (class + 5).to_string()), none);
        let neighbours = |class: usize| {
            if class.is_multiple_of(3) {
                class + 1
            } else {
                class
            }
        };
        assert_eq!(suspicions(|class| neighbours(class).to_string()), none);
        // A third of the labels are not classes.
        let thirds = |class: usize| {
            if class.is_multiple_of(3) {
                "?".into()
            } else {
                class.to_string()
            }
        };
        assert_eq!(suspicions(thirds), none);
    }

    #[test]
    fn labels_that_mean_something_else_are_named() {
        let cases: [(&dyn Fn(usize) -> String, &str); 5] = [
            (
                &|class| (class + 1).to_string(),
                "20 if they were one smaller",
            ),
            (
                &|class| class.checked_sub(1).map_or("0".into(), |n| n.to_string()),
                "19 if they were one larger",
            ),
            (&|class| (30 - class).to_string(), "if they were ILSVRC IDs"),
            (&|class| (29 - class).to_string(), "ILSVRC IDs less 1"),
            (
                &|class| format!("n{class:08}"),
                "20 of 20 labels (such as n00000000) are not classes of twenty",
            ),
        ];
        for (label, expected) in cases {
            let found = suspicions(label);
            assert!(
                found.len() == 1 && found[0].contains(expected),
                "{expected}: {found:?}"
            );
        }
    }
}
