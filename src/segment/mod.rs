//! From a saliency map to a mask and a box.
//!
//! ```text
//! saliency ─► seeds ─► colour models ─► energy ─► cut ─► component ─► box in the photo's pixels
//! ```
//!
//! In: a [`Saliency`] of anyone's, and the picture under it. Out: a [`Localisation`] box, and the
//! [`Stages`] on the way. [`cut`] is that line; [`threshold()`] and [`ConstantBoxOptions::localisation`]
//! are what it is compared with. Nothing here fails on a photo: each degenerate case has its
//! defined box and says so with a [`Flag`]. Left out are several objects of a class, and rounds of
//! cutting and learning anew (GrabCut's iterations). The [front page](crate) has an example.

mod colours;
mod component;
mod energy;
mod kernel;
mod seeds;
mod threshold;

use image::RgbImage;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use colours::{
    ColourFit, ColourOptions, Gaussian, Gmm, Samples, binary_splitting, expectation_maximisation,
    fit, start,
};
pub use component::{bounding_box, components, largest};
pub use energy::{CutOptions, Energy, Form, pairwise, unaries, unary};
pub use seeds::{Seed, SeedOptions, SeedRule, Seeds, quantile, seeds, sketch};
pub use threshold::{Extent, ThresholdOptions, ThresholdRule, threshold};

use crate::geometry::{BBox, Size};
use crate::saliency::Saliency;
use crate::stage::{Stage, StageObserver};

/// A degenerate case, and that its defined answer was given: the whole photo as the box.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The saliency is the same everywhere (a dead gradient among them), so it says nothing.
    ConstantMap,
    /// No pixel is left for one of the two colour models.
    NoSeeds,
    /// No pixel was labelled foreground.
    EmptyMask,
}

impl Flag {
    /// The flag as it is written in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConstantMap => "constant_map",
            Self::NoSeeds => "no_seeds",
            Self::EmptyMask => "empty_mask",
        }
    }
}

/// A box in a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Localisation {
    /// In pixels of the stored photo.
    pub bbox: BBox,
    /// Set where the box is a defined answer to a degenerate case.
    pub flag: Option<Flag>,
}

impl Localisation {
    fn whole(photo: Size, flag: Flag) -> Self {
        Self {
            bbox: BBox::whole(photo),
            flag: Some(flag),
        }
    }
}

/// What the stages of [`cut`] made, as far as they got: for pictures. All are [height, width] of
/// the frame.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// The seeds; none where no colours are learnt.
    pub seeds: Option<Seeds>,
    /// What the cut, or the threshold, took for foreground: `true`.
    pub mask: Option<Array2<bool>>,
    /// The component that the box bounds; none where the mask is empty.
    pub component: Option<Array2<bool>>,
}

/// The photo out of which a box is cut.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The photo, resized to the size of the saliency map.
    pub frame: &'a RgbImage,
    /// The size of the stored photo, in whose pixels the box is.
    pub photo: Size,
    /// Makes the colour models reproducible; it is derived from the photo's id and the class.
    pub rng_seed: u64,
}

/// Cuts the object out of the frame that `energy` has taken: by its colours, where `learnt` says how
/// these are learnt, and by its saliency map.
///
/// # Panics
/// When `energy` has taken no photo, or one of another size ([`Energy::set_photo`]).
pub fn cut(
    energy: &mut Energy,
    subject: &Subject<'_>,
    saliency: &Saliency,
    learnt: Option<(&SeedOptions, &ColourOptions)>,
    observe: StageObserver<'_>,
) -> (Localisation, Stages) {
    let Subject { frame, photo, rng_seed } = *subject;
    let mut stages = Stages::default();
    if saliency.is_constant() {
        return (Localisation::whole(photo, Flag::ConstantMap), stages);
    }
    if let Some((options, _)) = learnt {
        match seeds(saliency, options) {
            Ok(made) => stages.seeds = Some(made),
            Err(flag) => return (Localisation::whole(photo, flag), stages),
        }
        observe(Stage::Seeds);
    }
    let seeded = stages
        .seeds
        .as_ref()
        .zip(learnt.map(|(_, colours)| colours));
    energy.set_class(frame, Some(saliency), seeded, rng_seed, observe);
    let mask = energy.minimise();
    observe(Stage::Cut);
    let mask = stages.mask.insert(mask);
    let kept = stages
        .seeds
        .as_ref()
        .filter(|_| energy.form() == Form::Gsc)
        .map(|seeds| &seeds.hard);
    let component = largest(mask, kept);
    let localisation = match component.as_ref().and_then(bounding_box) {
        None => Localisation::whole(photo, Flag::EmptyMask),
        Some(bbox) => Localisation {
            bbox: bbox.mapped(Size::from_picture(frame), photo),
            flag: None,
        },
    };
    stages.component = component;
    observe(Stage::Component);
    (localisation, stages)
}

/// A box that does not look at the photo: the table `[constant-box]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConstantBoxOptions {
    /// The box's sides as a share of the photo's, in (0, 1].
    pub side: f64,
    /// Whether its edges are rounded to whole pixels, halves to even.
    pub rounded: bool,
}

impl ConstantBoxOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let fits = self.side > 0.0 && self.side <= 1.0;
        if fits {
            Ok(())
        } else {
            Err(format!("constant-box.side {} is not in (0, 1]", self.side))
        }
    }

    /// The centred box in a photo of this size.
    #[must_use]
    pub fn localisation(&self, photo: Size) -> Localisation {
        Localisation {
            bbox: BBox::centred(photo, self.side, self.rounded),
            flag: None,
        }
    }
}
