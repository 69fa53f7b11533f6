//! The table `[head]` of a pipeline.

use std::path::PathBuf;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::path_text;

/// What a foreground head adds to the cut: the table `[head]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeadOptions {
    /// The head: a name in `data/heads`, or a file. By default it has the name of the model.
    #[serde(
        default,
        with = "path_text::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub file: Option<PathBuf>,
    /// The weight of the head against the map and the colours, 0 to 100.
    pub weight: f64,
    /// What is added to the logits before they are weighted, −100 to 100.
    #[serde(default)]
    pub shift: f64,
}

/// More decides a pixel anyway, and costs must fit into integers.
const MAX_EVIDENCE: f32 = 1e4;

impl HeadOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { weight, shift, .. } = *self;
        if !(0.0..=100.0).contains(&weight) {
            return Err(format!("head.weight {weight} is not in 0..100"));
        }
        if !(-100.0..=100.0).contains(&shift) {
            return Err(format!("head.shift {shift} is not in -100..100"));
        }
        Ok(())
    }

    /// weight · (z + shift): how much more each pixel costs as background than as foreground.
    #[must_use]
    pub fn evidence(&self, logits: &Array2<f32>) -> Array2<f32> {
        let (weight, shift) = (self.weight as f32, self.shift as f32);
        logits.mapv(|z| (weight * (z + shift)).clamp(-MAX_EVIDENCE, MAX_EVIDENCE))
    }
}
