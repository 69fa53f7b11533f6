//! The numbers of a summary: what each is called, where it stands, what it means, and which way is
//! better. One table, that `localise list metrics` prints; a test holds the printed summaries
//! against it.

/// A number of a summary.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// The profiles that have it.
    pub profile: &'static str,
    /// How its line in the printed table begins.
    pub line: &'static str,
    /// Where it stands in `summary.json` and in what `localise score --json` prints.
    pub key: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Whether more is better. Of an error, less is.
    pub higher_is_better: bool,
}

impl Metric {
    /// All are shares. Tables show them in per cent.
    pub const RANGE: &str = "0 to 1";
}

/// The profiles of boxes and classes.
const BOXES: &str = "boxes";

/// Every number that a summary prints, floors and groups by size aside, in the order of the printed
/// table. The profile `boxes` stands for those of datasets: devkit, kaggle, cub, voc, coco, boxes.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "gt_known_accuracy",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.50 ]",
        key: "metrics.gt_known_accuracy",
        what: "GT-known Loc: photos whose box for the true class has IoU 0.5 or more with a true box",
        higher_is_better: true,
    },
    Metric {
        name: "gt_known_accuracy_iou_30",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.30 ]",
        key: "metrics.gt_known_accuracy_iou_30",
        what: "the same with IoU 0.3 or more",
        higher_is_better: true,
    },
    Metric {
        name: "gt_known_accuracy_iou_70",
        profile: BOXES,
        line: "Localisation accuracy  true class known  [ IoU >= 0.70 ]",
        key: "metrics.gt_known_accuracy_iou_70",
        what: "the same with IoU 0.7 or more",
        higher_is_better: true,
    },
    Metric {
        name: "corloc",
        profile: BOXES,
        line: "CorLoc                 mean over classes [ IoU >= 0.50 ]",
        key: "metrics.corloc",
        what: "the GT-known accuracy of each class, averaged over classes",
        higher_is_better: true,
    },
    Metric {
        name: "mean_iou",
        profile: BOXES,
        line: "Mean IoU               true class known",
        key: "metrics.mean_iou",
        what: "the IoU of the box for the true class with the best true box, averaged over photos",
        higher_is_better: true,
    },
    Metric {
        name: "top1_localisation_error",
        profile: BOXES,
        line: "Localisation error     top-1             [ IoU >= 0.50 ]",
        key: "metrics.top1_localisation_error",
        what: "photos whose first guess is wrong in class or box",
        higher_is_better: false,
    },
    Metric {
        name: "top5_localisation_error",
        profile: BOXES,
        line: "Localisation error     top-5             [ IoU >= 0.50 ]",
        key: "metrics.top5_localisation_error",
        what: "photos none of whose five guesses is right in class and box: ILSVRC's measure",
        higher_is_better: false,
    },
    Metric {
        name: "top1_classification_error",
        profile: BOXES,
        line: "Classification error   top-1",
        key: "metrics.top1_classification_error",
        what: "photos whose first guess has the wrong class",
        higher_is_better: false,
    },
    Metric {
        name: "top5_classification_error",
        profile: BOXES,
        line: "Classification error   top-5",
        key: "metrics.top5_classification_error",
        what: "photos none of whose five guesses has the right class",
        higher_is_better: false,
    },
    Metric {
        name: "box_given_top5",
        profile: BOXES,
        line: "Box right              class in top 5",
        key: "metrics.box_given_top5",
        what: "of the photos whose class is among the five guesses, those with a right box for it",
        higher_is_better: true,
    },
    Metric {
        name: "max_box_acc",
        profile: "wsoleval",
        line: "MaxBoxAcc (V1)         largest contour",
        key: "maps.wsoleval.max_box_acc",
        what: "photos whose largest contour has IoU 0.5 or more, at the threshold that is best on them (an oracle)",
        higher_is_better: true,
    },
    Metric {
        name: "max_box_acc_v2",
        profile: "wsoleval",
        line: "MaxBoxAccV2            all contours, mean over IoU",
        key: "maps.wsoleval.max_box_acc_v2",
        what: "the best of all contours, the mean of IoU 0.3, 0.5 and 0.7, each at its best threshold (an oracle)",
        higher_is_better: true,
    },
    Metric {
        name: "pxap",
        profile: "wsoleval",
        line: "PxAP",
        key: "maps.pxap.pxap",
        what: "the area under the curve of pixel precision and recall, against true masks",
        higher_is_better: true,
    },
    Metric {
        name: "pointing_game",
        profile: "pointing",
        line: "Pointing game          mean over classes [ 15 pixels ]",
        key: "maps.pointing.accuracy",
        what: "photos whose map has its maximum on the object or within 15 pixels of it, averaged over classes",
        higher_is_better: true,
    },
    Metric {
        name: "energy_pointing_game",
        profile: "ebpg",
        line: "Energy pointing game   share inside the boxes",
        key: "maps.ebpg.inside",
        what: "the share of the map's sum that lies inside the true boxes, averaged over photos",
        higher_is_better: true,
    },
    Metric {
        name: "mask_iou",
        profile: "masks",
        line: "Mean IoU of masks",
        key: "masks.mask_iou",
        what: "the IoU of mask and true mask, averaged over photos",
        higher_is_better: true,
    },
    Metric {
        name: "pixel_accuracy",
        profile: "masks",
        line: "Pixel accuracy",
        key: "masks.pixel_accuracy",
        what: "the share of pixels that are labelled right, averaged over photos",
        higher_is_better: true,
    },
];
