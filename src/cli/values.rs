//! The words by which options name the library's values.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use onnx_grad::gradient::ImageSize;

use crate::classifier::{Preset, Provider};
use crate::dataset::Jpeg;
use crate::localiser::Classes;
use crate::prediction::{Format, PredictionKind};
use crate::report::Decider;

/// Implements [`ValueEnum`] from a list of values, each with its name and its help.
macro_rules! value_enum {
    ($type:ty { $($(#[$attribute:meta])* $variant:ident => $name:literal, $help:literal;)* }) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$($(#[$attribute])* Self::$variant),*]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                $($(#[$attribute])* if *self == Self::$variant {
                    return Some(PossibleValue::new($name).help($help));
                })*
                None
            }
        }
    };
}

value_enum!(Classes {
    Gt => "gt", "The true class: enough for every metric in which the class is known";
    Top5 => "top5", "The five most probable classes and the true one: what a submission needs";
});

value_enum!(Jpeg {
    Strict => "strict", "Damaged JPEGs are an error";
    Lenient => "lenient", "Damaged JPEGs are read as far as possible; the rest is grey";
});

value_enum!(Provider {
    Cpu => "cpu", "The processor";
    #[cfg(feature = "cuda")]
    Cuda => "cuda", "NVIDIA's CUDA. Untested on hardware";
    #[cfg(feature = "tensorrt")]
    TensorRt => "tensorrt", "NVIDIA's TensorRT. Untested on hardware";
    #[cfg(feature = "coreml")]
    CoreMl => "coreml", "Apple's CoreML. Untested on hardware";
    #[cfg(feature = "openvino")]
    OpenVino => "openvino", "Intel's OpenVINO. Untested on hardware";
});

value_enum!(Preset {
    Torchvision => "torchvision", "RGB, ImageNet's mean and standard deviation";
    Timm => "timm", "The same: timm's default. Its networks for inputs in -1 to 1 are `tf`";
    Caffe => "caffe", "BGR, 0 to 255 less the mean colour";
    CaffeRgb => "caffe-rgb", "RGB, 0 to 255 less the mean colour";
    Keras => "keras", "Keras Applications, by the family in the file's name";
    Tf => "tf", "RGB, -1 to 1";
    Unit => "unit", "RGB, 0 to 1";
    Raw => "raw", "RGB, 0 to 255, for networks that scale the pixels themselves";
});

value_enum!(Decider {
    GtKnown => "gt-known", "The box for the true class";
    Top1 => "top1", "Class and box of the first guess";
    Top5 => "top5", "Class and box of one of five guesses";
    Top1Class => "top1-class", "The class of the first guess";
});

value_enum!(Format {
    Rows => "rows", "A table with a row for each box: the boxes.csv of a run, or \
        image_id,x_min,y_min,x_max,y_max and optionally class_index, rank";
    Devkit => "devkit", "A submission for the ILSVRC development kit";
    Kaggle => "kaggle", "A submission for Kaggle, with classes as WordNet ids, or as numbers";
    KaggleNumbered => "kaggle-numbered", "A submission for Kaggle, with classes as numbers from 1";
    Coco => "coco", "Results for COCO";
});

/// The formats of boxes, and the folders of pictures.
impl ValueEnum for PredictionKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Boxes(Format::Rows),
            Self::Boxes(Format::Devkit),
            Self::Boxes(Format::Kaggle),
            Self::Boxes(Format::KaggleNumbered),
            Self::Boxes(Format::Coco),
            Self::Maps,
            Self::Masks,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Boxes(format) => format.to_possible_value(),
            Self::Maps => {
                let help = "A folder of wsolevaluation's score maps, ID.npy";
                Some(PossibleValue::new("wsoleval-npy").help(help))
            }
            Self::Masks => Some(PossibleValue::new("masks").help("A folder of masks, ID.png")),
        }
    }
}

/// Parses a size like `224x224`.
pub(super) fn image_size(text: &str) -> Result<ImageSize, String> {
    let parse = || {
        let (width, height) = text.split_once('x')?;
        Some(ImageSize {
            width: width.parse().ok()?,
            height: height.parse().ok()?,
        })
    };
    parse().ok_or_else(|| "a size is written as WIDTHxHEIGHT, like 224x224".into())
}
