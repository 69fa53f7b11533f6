//! What is predicted of one photo: guesses, each a class and a box.

use crate::dataset::Photo;
use crate::geometry::BBox;

/// The class that a guess names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// A class of the dataset, by index.
    Class(usize),
    /// Anything that is not a class of the dataset. Such a guess is never correct.
    Other,
    /// The photo's true class, whichever it is: the box was made for the true class.
    Truth,
}

impl Label {
    /// Whether this is the true class of a photo.
    pub(crate) fn is_true(self, truth: Option<usize>) -> bool {
        match self {
            Self::Class(class) => truth == Some(class),
            Self::Other => false,
            Self::Truth => true,
        }
    }
}

/// A class and a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The class.
    pub label: Label,
    /// The rank among the photo's guesses, from 0. `None` if no class was guessed.
    pub rank: Option<usize>,
    /// The box. `None` if the guess is only a class.
    pub bbox: Option<BBox>,
    /// The confidence in the guess, if its source states one. Scores depend on ranks and not on
    /// confidences.
    pub confidence: Option<f64>,
}

impl Guess {
    /// The index of the class, if it is one of the dataset's.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        match self.label {
            Label::Class(class) => Some(class),
            Label::Other | Label::Truth => None,
        }
    }
}

/// What is predicted of one photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicted {
    /// The guesses, best first.
    pub guesses: Vec<Guess>,
    /// Whether the photo failed or has no prediction. It then counts as wrong in every metric.
    pub failed: bool,
}

impl Predicted {
    /// The prediction of a photo that failed.
    pub(crate) fn failure() -> Self {
        Self {
            guesses: Vec::new(),
            failed: true,
        }
    }

    /// The guess whose box is drawn in pictures of the photo: the first box for the true class or,
    /// if the photo has no class, the first box for any class.
    #[must_use]
    pub fn guess_to_draw(&self, photo: &Photo) -> Option<&Guess> {
        let is_drawn = |guess: &&Guess| match guess.label {
            Label::Class(class) => photo.class.is_none_or(|truth| truth == class),
            Label::Truth => true,
            Label::Other => false,
        };
        self.guesses
            .iter()
            .filter(|guess| guess.bbox.is_some())
            .find(is_drawn)
    }
}
