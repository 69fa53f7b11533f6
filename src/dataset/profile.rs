//! Metric profiles: where the rules for a dataset's boxes come from.

use serde::{Deserialize, Serialize};

/// Where the rules for a dataset's boxes come from. Every number is reported with this name.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The ILSVRC devkit, with its blacklist if the dataset has one.
    #[default]
    Devkit,
    /// Kaggle's ImageNet challenge: the devkit without a blacklist.
    Kaggle,
    /// CUB-200-2011.
    Cub,
    /// Pascal VOC.
    Voc,
    /// COCO.
    Coco,
    /// Boxes from any other source.
    Boxes,
}

impl Profile {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Devkit => "devkit",
            Self::Kaggle => "kaggle",
            Self::Cub => "cub",
            Self::Voc => "voc",
            Self::Coco => "coco",
            Self::Boxes => "boxes",
        }
    }

    /// Whether a photo has one class, which can be guessed. If it has several, each is asked for
    /// separately.
    #[must_use]
    pub fn guesses_classes(self) -> bool {
        !matches!(self, Self::Voc | Self::Coco)
    }
}
