//! Degenerate cases of a box rule.

use serde::{Deserialize, Serialize};

/// A degenerate case. The box is then a defined one, namely the whole photo.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The saliency is the same everywhere, for example because all gradients are zero.
    ConstantMap,
    /// There is no pixel to learn one of the two colour models from.
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
