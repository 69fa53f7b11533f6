//! Degenerate cases of a box rule.

use serde::{Deserialize, Serialize};

/// A degenerate case, for which the box is nevertheless defined. It is the whole photo, except for
/// [`Flag::ExtremeAspect`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The saliency is the same everywhere, for example because all gradients are zero.
    ConstantMap,
    /// There is no pixel to learn one of the two colour models from.
    NoSeeds,
    /// No pixel was labelled foreground.
    EmptyMask,
    /// The photo is so elongated that it was squeezed before it was shown to the classifier. The box
    /// is found as in any other photo.
    ExtremeAspect,
}

impl Flag {
    /// The flag as it is written in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConstantMap => "constant_map",
            Self::NoSeeds => "no_seeds",
            Self::EmptyMask => "empty_mask",
            Self::ExtremeAspect => "extreme_aspect",
        }
    }
}
