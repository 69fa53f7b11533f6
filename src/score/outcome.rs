//! The guesses of one photo compared with its ground truth.

use super::constants::{HALF_AREA, IOU_THRESHOLD};
use super::guess::Predicted;
use crate::dataset::Photo;
use crate::geometry::BBox;

/// How the guesses of a photo compare with its ground truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The photo's weight.
    pub weight: f64,
    /// The true class, if there is one.
    pub class: Option<usize>,
    /// Whether the photo counts in localisation: it has a true box and is not blacklisted.
    pub counts_in_localisation: bool,
    /// Whether the photo has a true box. Without a blacklist it would count in localisation.
    pub has_boxes: bool,
    /// The rank, from 0, of the first guess of the true class.
    pub class_rank: Option<usize>,
    /// The rank, from 0, of the first guess of the true class with a correct box: one with an IoU
    /// of at least 1/2 with any true box.
    pub hit_rank: Option<usize>,
    /// The IoU, in 0..=1, of the first box for the true class with the true box that it overlaps
    /// best. `None` if no guess has such a box, or the photo no true box; 0 for a photo with true
    /// boxes that failed.
    pub iou: Option<f64>,
    /// The share of the photo that its largest true box covers, in 0..=1. `None` if the photo's
    /// size is not known or it has no true box.
    pub largest_box_share: Option<f64>,
    /// Whether the centred box of half the photo's area, with its edges rounded to whole pixels, is
    /// correct. This is the floor to compare with. `None` if the photo's size is not known.
    pub centre_box_is_correct: Option<bool>,
}

impl Outcome {
    /// Compares by the devkit's rule (`eval_clsloc.m`). Boxes are neither clipped to the photo nor
    /// rounded, a class may be guessed again with another box, and two guesses may match the same
    /// true box.
    #[must_use]
    pub fn new(photo: &Photo, predicted: &Predicted) -> Self {
        let best_iou = |bbox: &BBox| {
            let ious = photo.boxes.iter().map(|truth| bbox.iou(truth));
            ious.fold(0.0, f64::max)
        };
        // The rank and best IoU of each guess of the true class.
        let guesses_of_truth: Vec<(Option<usize>, Option<f64>)> = predicted
            .guesses
            .iter()
            .filter(|guess| guess.label.is_true(photo.class))
            .map(|guess| (guess.rank, guess.bbox.as_ref().map(best_iou)))
            .collect();
        let is_correct = |iou: Option<f64>| iou.is_some_and(|iou| iou >= IOU_THRESHOLD);
        let first_iou = guesses_of_truth.iter().find_map(|&(_, iou)| iou);
        let largest = photo.boxes.iter().map(BBox::area).reduce(f64::max);
        Self {
            weight: photo.weight,
            class: photo.class,
            counts_in_localisation: photo.counts_in_localisation(),
            has_boxes: !photo.boxes.is_empty(),
            class_rank: guesses_of_truth.iter().filter_map(|&(rank, _)| rank).min(),
            hit_rank: guesses_of_truth
                .iter()
                .filter(|&&(_, iou)| is_correct(iou))
                .filter_map(|&(rank, _)| rank)
                .min(),
            iou: first_iou
                .or(predicted.failed.then_some(0.0))
                .filter(|_| !photo.boxes.is_empty()),
            largest_box_share: photo
                .size
                .zip(largest)
                .map(|(size, area)| (area / BBox::whole(size).area()).min(1.0)),
            centre_box_is_correct: photo
                .size
                .map(|size| best_iou(&BBox::centred(size, HALF_AREA, true)) >= IOU_THRESHOLD),
        }
    }

    /// Whether one of the first `k` guesses has the true class. If not, the photo counts in the
    /// devkit's classification error at `k`.
    #[must_use]
    pub fn class_in_top(&self, k: usize) -> bool {
        self.class_rank.is_some_and(|rank| rank < k)
    }

    /// Whether one of the first `k` guesses has the true class and a correct box. If not, the photo
    /// counts in the devkit's localisation error at `k`.
    #[must_use]
    pub fn hit_in_top(&self, k: usize) -> bool {
        self.hit_rank.is_some_and(|rank| rank < k)
    }

    /// Whether the first box for the true class has an IoU of at least `threshold`, in 0..=1, with
    /// a true box; a box is correct from [`IOU_THRESHOLD`] on. `false` if there is no such box.
    #[must_use]
    pub fn iou_at_least(&self, threshold: f64) -> bool {
        self.iou.is_some_and(|iou| iou >= threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::super::guess::{Guess, Label};
    use super::*;
    use crate::geometry::Size;

    /// A class and a box of inclusive corners.
    type ClassAndCorners = (usize, [f64; 4]);

    fn photo(boxes: &[[f64; 4]]) -> Photo {
        let boxes = boxes
            .iter()
            .map(|&[x0, y0, x1, y1]| BBox::from_inclusive(x0, y0, x1, y1))
            .collect();
        Photo {
            size: Some(Size::square(100)),
            class: Some(7),
            boxes,
            ..Photo::default()
        }
    }

    /// The outcome of guesses in this order.
    fn outcome(photo: &Photo, guesses: &[ClassAndCorners]) -> Outcome {
        let guess = |(rank, &(class, [x0, y0, x1, y1])): (usize, &ClassAndCorners)| Guess {
            label: Label::Class(class),
            rank: Some(rank),
            bbox: Some(BBox::from_inclusive(x0, y0, x1, y1)),
            confidence: None,
        };
        let predicted = Predicted {
            guesses: guesses.iter().enumerate().map(guess).collect(),
            failed: false,
        };
        Outcome::new(photo, &predicted)
    }

    const WHOLE: [f64; 4] = [0., 0., 9., 9.];
    const HALF: [f64; 4] = [0., 0., 9., 4.];
    const FAR: [f64; 4] = [50., 50., 59., 59.];

    /// Guesses for a photo, and the ranks that they have.
    struct Case<'a> {
        what: &'a str,
        photo: &'a Photo,
        guesses: Vec<ClassAndCorners>,
        class_rank: Option<usize>,
        hit_rank: Option<usize>,
    }

    /// The mistakes that an evaluator may make, one a case.
    #[test]
    fn each_trap() {
        let one = photo(&[WHOLE]);
        let two = photo(&[FAR, WHOLE]);
        let of_one = |what, guesses, class_rank, hit_rank| Case {
            what,
            photo: &one,
            guesses,
            class_rank,
            hit_rank,
        };
        let cases = [
            of_one("IoU exactly one half", vec![(7, HALF)], Some(0), Some(0)),
            of_one("a pixel less", vec![(7, [0., 0., 8., 4.])], Some(0), None),
            of_one(
                "adjacent pixels",
                vec![(7, [10., 0., 19., 9.])],
                Some(0),
                None,
            ),
            Case {
                photo: &two,
                ..of_one("the second true box", vec![(7, WHOLE)], Some(0), Some(0))
            },
            of_one(
                "right class with wrong box, wrong class with right box",
                vec![(7, FAR), (8, WHOLE)],
                Some(0),
                None,
            ),
            of_one(
                "the class again with another box",
                vec![(7, FAR), (7, WHOLE)],
                Some(0),
                Some(1),
            ),
            of_one("no guess", vec![], None, None),
            of_one(
                "an inverted box",
                vec![(7, [9., 9., 0., 0.])],
                Some(0),
                None,
            ),
            of_one(
                "a fractional box",
                vec![(3, WHOLE), (7, [0.5, 0.5, 9.25, 9.25])],
                Some(1),
                Some(1),
            ),
        ];
        for case in cases {
            let found = outcome(case.photo, &case.guesses);
            assert_eq!(
                (found.class_rank, found.hit_rank),
                (case.class_rank, case.hit_rank),
                "{}",
                case.what
            );
        }
    }

    #[test]
    fn gt_known_accuracy_takes_the_first_box_for_the_true_class() {
        let one = photo(&[WHOLE]);
        assert_eq!(outcome(&one, &[(7, FAR), (7, WHOLE)]).iou, Some(0.0));
        assert_eq!(outcome(&one, &[(8, WHOLE)]).iou, None);
    }

    #[test]
    fn without_a_true_box_there_is_no_iou() {
        let none = photo(&[]);
        let found = outcome(&none, &[(7, WHOLE)]);
        assert_eq!(
            (found.iou, found.class_rank, found.hit_rank),
            (None, Some(0), None)
        );
        assert_eq!(Outcome::new(&none, &Predicted::failure()).iou, None);
    }

    #[test]
    fn the_largest_box_has_a_share_of_the_photo() {
        let two = photo(&[FAR, WHOLE]);
        assert_eq!(outcome(&two, &[]).largest_box_share, Some(0.01));
    }

    #[test]
    fn a_box_without_class_is_for_the_true_one() {
        let one = photo(&[[0., 0., 9., 9.]]);
        let outcome = |label| {
            let guess = Guess {
                label,
                rank: None,
                bbox: Some(one.boxes[0]),
                confidence: None,
            };
            let predicted = Predicted {
                guesses: vec![guess],
                failed: false,
            };
            Outcome::new(&one, &predicted)
        };
        let truth = outcome(Label::Truth);
        assert_eq!((truth.iou, truth.class_rank), (Some(1.0), None));
        assert_eq!(outcome(Label::Other).iou, None);
        assert_eq!(Outcome::new(&one, &Predicted::failure()).iou, Some(0.0));
    }
}
