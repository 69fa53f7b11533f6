//! Guesses against the truth of one photo.

use super::{HALF_AREA, IOU_THRESHOLD};
use crate::dataset::Photo;
use crate::geometry::BBox;

/// What a guess says the object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// This class of the dataset.
    Class(usize),
    /// Something that is no class of the dataset: never right.
    Other,
    /// The photo's class, whichever it is: a box that was made for the true class.
    Truth,
}

/// A class and a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The class.
    pub label: Label,
    /// The place among the photo's guesses, from 0. `None` where no class was guessed.
    pub rank: Option<usize>,
    /// The box. `None` where the guess has a class alone.
    pub bbox: Option<BBox>,
    /// How sure the guess is, where its source says so. Ranks decide, not this.
    pub confidence: Option<f64>,
}

impl Guess {
    /// The class, where it is one of the dataset's.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        match self.label {
            Label::Class(class) => Some(class),
            Label::Other | Label::Truth => None,
        }
    }
}

/// What was said of a photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicted {
    /// The guesses, best first.
    pub guesses: Vec<Guess>,
    /// Whether the photo failed or is missing: it is wrong in everything.
    pub failed: bool,
}

impl Predicted {
    /// The guess that stands for the photo in pictures: the first box for its true class or, where
    /// it has none, for any.
    #[must_use]
    pub fn shown(&self, photo: &Photo) -> Option<&Guess> {
        let is_shown = |guess: &&Guess| match guess.label {
            Label::Class(class) => photo.class.is_none_or(|truth| truth == class),
            Label::Truth => true,
            Label::Other => false,
        };
        self.guesses
            .iter()
            .filter(|guess| guess.bbox.is_some())
            .find(is_shown)
    }
}

/// How the guesses of a photo compare with its truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The photo's weight.
    pub weight: f64,
    /// The true class, where there is one.
    pub class: Option<usize>,
    /// Whether the photo counts in localisation.
    pub localised: bool,
    /// Whether it does without the blacklist.
    pub boxed: bool,
    /// The first place, from 0, at which a guess has the true class.
    pub class_rank: Option<usize>,
    /// The first place, from 0, at which a guess has the true class and a right box: IoU of at
    /// least 1/2 with any true box.
    pub hit_rank: Option<usize>,
    /// The best IoU, in 0..=1, with a true box of the first box for the true class. `None` where no
    /// guess has one; 0 for a photo that failed.
    pub iou: Option<f64>,
    /// The share of the photo that its largest true box covers, in 0..=1.
    pub largest: Option<f64>,
    /// Whether the centred box of half the photo's area, its edges rounded, is right: the floor.
    /// `None` where the photo's size is not known.
    pub centre: Option<bool>,
}

impl Outcome {
    /// The devkit's rule (`eval_clsloc.m`): boxes are neither cut off at the photo's edge nor
    /// rounded, a class may be guessed again with another box, and two guesses may use one true
    /// box.
    #[must_use]
    pub fn of(photo: &Photo, predicted: &Predicted) -> Self {
        let best_iou = |bbox: &BBox| {
            photo
                .boxes
                .iter()
                .map(|truth| bbox.iou(truth))
                .fold(0.0, f64::max)
        };
        let right: Vec<_> = predicted
            .guesses
            .iter()
            .filter(|guess| match guess.label {
                Label::Class(class) => photo.class == Some(class),
                Label::Other => false,
                Label::Truth => true,
            })
            .map(|guess| (guess.rank, guess.bbox.as_ref().map(best_iou)))
            .collect();
        let size = photo.size.unwrap_or_default();
        let centre = BBox::centred(size, HALF_AREA, true);
        let largest = photo.boxes.iter().map(BBox::area).reduce(f64::max);
        Self {
            weight: photo.weight,
            class: photo.class,
            localised: photo.localised(),
            boxed: !photo.boxes.is_empty(),
            class_rank: right.iter().filter_map(|(rank, _)| *rank).min(),
            hit_rank: right
                .iter()
                .filter(|(_, iou)| iou.is_some_and(|iou| iou >= IOU_THRESHOLD))
                .filter_map(|r| r.0)
                .min(),
            iou: right
                .iter()
                .find_map(|(_, iou)| *iou)
                .or(predicted.failed.then_some(0.0)),
            largest: photo
                .size
                .and(largest)
                .map(|area| (area / BBox::whole(size).area()).min(1.0)),
            centre: photo.size.map(|_| best_iou(&centre) >= IOU_THRESHOLD),
        }
    }

    /// Whether one of the first `k` guesses has the true class. Where not, the photo counts in the
    /// devkit's classification error at `k`.
    #[must_use]
    pub fn class_in_top(&self, k: usize) -> bool {
        self.class_rank.is_some_and(|rank| rank < k)
    }

    /// Whether one of the first `k` guesses has the true class and a right box. Where not, the
    /// photo counts in the devkit's localisation error at `k`.
    #[must_use]
    pub fn hit_in_top(&self, k: usize) -> bool {
        self.hit_rank.is_some_and(|rank| rank < k)
    }

    /// Whether the first box for the true class has at least this IoU, 0..=1, with a true box;
    /// right is [`IOU_THRESHOLD`]. `false` where there is no such box.
    #[must_use]
    pub fn iou_at_least(&self, least: f64) -> bool {
        self.iou.is_some_and(|iou| iou >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(boxes: &[[f64; 4]]) -> Photo {
        let boxes = boxes
            .iter()
            .map(|&[x0, y0, x1, y1]| BBox::from_inclusive(x0, y0, x1, y1))
            .collect();
        Photo {
            size: Some([100, 100]),
            class: Some(7),
            boxes,
            ..Photo::default()
        }
    }

    /// Class, box of inclusive corners; ranks as they stand.
    fn outcome(photo: &Photo, guesses: &[(usize, [f64; 4])]) -> Outcome {
        let guess = |(rank, &(class, [x0, y0, x1, y1])): (usize, &(usize, [f64; 4]))| Guess {
            label: Label::Class(class),
            rank: Some(rank),
            bbox: Some(BBox::from_inclusive(x0, y0, x1, y1)),
            confidence: None,
        };
        Outcome::of(
            photo,
            &Predicted {
                guesses: guesses.iter().enumerate().map(guess).collect(),
                failed: false,
            },
        )
    }

    /// What an evaluator may get wrong, one trap a line.
    #[test]
    fn each_trap() {
        let (whole, half, far) = ([0., 0., 9., 9.], [0., 0., 9., 4.], [50., 50., 59., 59.]);
        let one = photo(&[whole]);
        type GuessCase<'a> = (
            &'a str,
            &'a Photo,
            &'a [(usize, [f64; 4])],
            Option<usize>,
            Option<usize>,
        );
        let cases: [GuessCase<'_>; 9] = [
            ("IoU exactly one half", &one, &[(7, half)], Some(0), Some(0)),
            (
                "a pixel less",
                &one,
                &[(7, [0., 0., 8., 4.])],
                Some(0),
                None,
            ),
            (
                "adjacent pixels",
                &one,
                &[(7, [10., 0., 19., 9.])],
                Some(0),
                None,
            ),
            (
                "the second true box",
                &photo(&[far, whole]),
                &[(7, whole)],
                Some(0),
                Some(0),
            ),
            (
                "right class with wrong box, wrong class with right box",
                &one,
                &[(7, far), (8, whole)],
                Some(0),
                None,
            ),
            (
                "the class again with another box",
                &one,
                &[(7, far), (7, whole)],
                Some(0),
                Some(1),
            ),
            ("no guess", &one, &[], None, None),
            (
                "a box inside out",
                &one,
                &[(7, [9., 9., 0., 0.])],
                Some(0),
                None,
            ),
            (
                "a fractional box",
                &one,
                &[(3, whole), (7, [0.5, 0.5, 9.25, 9.25])],
                Some(1),
                Some(1),
            ),
        ];
        for (what, photo, guesses, class_rank, hit_rank) in cases {
            let found = outcome(photo, guesses);
            assert_eq!(
                (found.class_rank, found.hit_rank),
                (class_rank, hit_rank),
                "{what}"
            );
        }
        // GT-known takes the first box for the true class.
        assert_eq!(outcome(&one, &[(7, far), (7, whole)]).iou, Some(0.0));
        assert_eq!(outcome(&one, &[(8, whole)]).iou, None);
        assert_eq!(outcome(&photo(&[far, whole]), &[]).largest, Some(0.01));
    }

    #[test]
    fn a_box_without_class_is_for_the_true_one() {
        let one = photo(&[[0., 0., 9., 9.]]);
        let guess = |label| Guess {
            label,
            rank: None,
            bbox: Some(one.boxes[0]),
            confidence: None,
        };
        let of = |label| {
            Outcome::of(
                &one,
                &Predicted {
                    guesses: vec![guess(label)],
                    failed: false,
                },
            )
        };
        assert_eq!(
            (of(Label::Truth).iou, of(Label::Truth).class_rank),
            (Some(1.0), None)
        );
        assert_eq!(of(Label::Other).iou, None);
        assert_eq!(
            Outcome::of(
                &one,
                &Predicted {
                    guesses: vec![],
                    failed: true
                }
            )
            .iou,
            Some(0.0)
        );
    }
}
