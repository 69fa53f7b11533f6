//! The catalogue of metrics: their names, where they are found, what they mean, and which direction
//! is better. `localise list metrics` prints it, and summaries and reports are made from it.

use super::floors::Floor;
use super::interval::Rate;
use super::metrics::Metrics;

/// A metric of a summary. All metrics are shares in 0..=1, which tables show in percent.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// The profile that has it. `boxes` stands for the profiles of datasets: devkit, kaggle, cub,
    /// voc, coco and boxes.
    pub profile: &'static str,
    /// The beginning of its line in the printed summary.
    pub line: &'static str,
    /// Its path in `summary.json` and in the output of `localise score --json`.
    pub key: &'static str,
    /// What it means.
    pub what: &'static str,
    /// Whether a higher value is better. For an error, a lower one is.
    pub higher_is_better: bool,
    /// How it is read from the scores of boxes; `None` for a metric of maps or masks.
    pub boxes: Option<BoxMetric>,
}

/// How a metric of boxes is read from their scores, and its name in reports.
#[derive(Clone, Copy, Debug)]
pub struct BoxMetric {
    /// A short title.
    pub title: &'static str,
    /// What is compared.
    pub detail: &'static str,
    /// Whether this is the metric by which a method is judged. Summaries show all floors beside it,
    /// and only that of the centred box of half the area beside others.
    pub is_primary: bool,
    /// Reads the metric.
    pub value: fn(&Metrics) -> Option<Rate>,
    /// Reads what a constant box scores; `None` for a metric that needs guessed classes.
    pub floor: Option<fn(&Floor) -> Option<FloorValue>>,
}

/// What a constant box scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FloorValue {
    /// A share with its interval.
    Rate(Rate),
    /// A mean without interval.
    Mean(f64),
}

impl FloorValue {
    /// The value alone.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Rate(rate) => rate.value,
            Self::Mean(value) => value,
        }
    }
}

impl Metric {
    /// The range of every metric.
    pub const RANGE: &str = "0 to 1";
}

/// The name for the profiles of datasets.
const BOXES: &str = "boxes";

const TRUE_CLASS_KNOWN: &str = "true class known";
const CLASS_AND_BOX: &str = "class and box";
const CLASS_ALONE: &str = "class alone";

/// Every metric of a summary, in the order of the printed table.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "gt_known_accuracy",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.50 ]",
        key: "metrics.gt_known_accuracy",
        what: "GT-known Loc: photos whose box for the true class has IoU 0.5 or more with a true \
            box",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "Accuracy, IoU ≥ 0.5",
            detail: TRUE_CLASS_KNOWN,
            is_primary: true,
            value: |metrics| metrics.gt_known_accuracy,
            floor: Some(|floor| floor.gt_known_accuracy.map(FloorValue::Rate)),
        }),
    },
    Metric {
        name: "gt_known_accuracy_iou_30",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.30 ]",
        key: "metrics.gt_known_accuracy_iou_30",
        what: "the same with IoU 0.3 or more",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "Accuracy, IoU ≥ 0.3",
            detail: TRUE_CLASS_KNOWN,
            is_primary: false,
            value: |metrics| metrics.gt_known_accuracy_iou_30,
            floor: Some(|floor| floor.gt_known_accuracy_iou_30.map(FloorValue::Rate)),
        }),
    },
    Metric {
        name: "gt_known_accuracy_iou_70",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.70 ]",
        key: "metrics.gt_known_accuracy_iou_70",
        what: "the same with IoU 0.7 or more",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "Accuracy, IoU ≥ 0.7",
            detail: TRUE_CLASS_KNOWN,
            is_primary: false,
            value: |metrics| metrics.gt_known_accuracy_iou_70,
            floor: Some(|floor| floor.gt_known_accuracy_iou_70.map(FloorValue::Rate)),
        }),
    },
    Metric {
        name: "corloc",
        profile: BOXES,
        line: "CorLoc                 mean over classes [ IoU >= 0.50 ]",
        key: "metrics.corloc",
        what: "the GT-known accuracy of each class, averaged over classes",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "CorLoc",
            detail: "mean over classes, IoU ≥ 0.5",
            is_primary: false,
            value: |metrics| metrics.corloc,
            floor: Some(|floor| floor.corloc.map(FloorValue::Mean)),
        }),
    },
    Metric {
        name: "mean_iou",
        profile: BOXES,
        line: "Mean IoU               true class known",
        key: "metrics.mean_iou",
        what: "the IoU of the box for the true class with the best true box, averaged over photos",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "Mean IoU",
            detail: TRUE_CLASS_KNOWN,
            is_primary: false,
            value: |metrics| metrics.mean_iou,
            floor: Some(|floor| floor.mean_iou.map(FloorValue::Mean)),
        }),
    },
    Metric {
        name: "top1_localisation_error",
        profile: BOXES,
        line: "Localisation error     top-1             [ IoU >= 0.50 ]",
        key: "metrics.top1_localisation_error",
        what: "photos whose first guess is wrong in class or box",
        higher_is_better: false,
        boxes: Some(BoxMetric {
            title: "Localisation error, top-1",
            detail: CLASS_AND_BOX,
            is_primary: false,
            value: |metrics| metrics.top1_localisation_error,
            floor: None,
        }),
    },
    Metric {
        name: "top5_localisation_error",
        profile: BOXES,
        line: "Localisation error     top-5             [ IoU >= 0.50 ]",
        key: "metrics.top5_localisation_error",
        what: "photos none of whose five guesses is right in class and box: ILSVRC's measure",
        higher_is_better: false,
        boxes: Some(BoxMetric {
            title: "Localisation error, top-5",
            detail: CLASS_AND_BOX,
            is_primary: false,
            value: |metrics| metrics.top5_localisation_error,
            floor: None,
        }),
    },
    Metric {
        name: "top1_classification_error",
        profile: BOXES,
        line: "Classification error   top-1",
        key: "metrics.top1_classification_error",
        what: "photos whose first guess has the wrong class",
        higher_is_better: false,
        boxes: Some(BoxMetric {
            title: "Classification error, top-1",
            detail: CLASS_ALONE,
            is_primary: false,
            value: |metrics| metrics.top1_classification_error,
            floor: None,
        }),
    },
    Metric {
        name: "top5_classification_error",
        profile: BOXES,
        line: "Classification error   top-5",
        key: "metrics.top5_classification_error",
        what: "photos none of whose five guesses has the right class",
        higher_is_better: false,
        boxes: Some(BoxMetric {
            title: "Classification error, top-5",
            detail: CLASS_ALONE,
            is_primary: false,
            value: |metrics| metrics.top5_classification_error,
            floor: None,
        }),
    },
    Metric {
        name: "box_given_top5",
        profile: BOXES,
        line: "Box right              class in top 5",
        key: "metrics.box_given_top5",
        what: "of the photos whose class is among the five guesses, those with a right box for it",
        higher_is_better: true,
        boxes: Some(BoxMetric {
            title: "Box right",
            detail: "class among five",
            is_primary: false,
            value: |metrics| metrics.box_given_top5,
            floor: None,
        }),
    },
    Metric {
        name: "max_box_acc",
        profile: "wsoleval",
        line: "MaxBoxAcc (V1)         largest contour",
        key: "maps.wsoleval.max_box_acc",
        what: "photos whose largest contour has IoU 0.5 or more, at the threshold that is best \
            on them (an oracle)",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "max_box_acc_v2",
        profile: "wsoleval",
        line: "MaxBoxAccV2            all contours, mean over IoU",
        key: "maps.wsoleval.max_box_acc_v2",
        what: "the best of all contours, the mean of IoU 0.3, 0.5 and 0.7, each at its best \
            threshold (an oracle)",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "pxap",
        profile: "wsoleval",
        line: "PxAP",
        key: "maps.pxap.pxap",
        what: "the area under the curve of pixel precision and recall, against true masks",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "pointing_game",
        profile: "pointing",
        line: "Pointing game          mean over classes [ 15 pixels ]",
        key: "maps.pointing.accuracy",
        what: "photos whose map has its maximum on the object or within 15 pixels of it, \
            averaged over classes",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "energy_pointing_game",
        profile: "ebpg",
        line: "Energy pointing game   share inside the boxes",
        key: "maps.ebpg.inside",
        what: "the share of the map's sum that is inside the true boxes, averaged over photos",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "mask_iou",
        profile: "masks",
        line: "Mean IoU of masks",
        key: "masks.mask_iou",
        what: "the IoU of mask and true mask, averaged over photos",
        higher_is_better: true,
        boxes: None,
    },
    Metric {
        name: "pixel_accuracy",
        profile: "masks",
        line: "Pixel accuracy",
        key: "masks.pixel_accuracy",
        what: "the share of pixels that are labelled right, averaged over photos",
        higher_is_better: true,
        boxes: None,
    },
];
