//! What a head is learned from.

use std::path::PathBuf;

use super::fit::FitOptions;
use crate::classifier::ModelDescription;
use crate::dataset::{Dataset, Jpeg};
use crate::pipeline::Pipeline;

/// What a head is learned from, and how.
#[derive(Debug)]
pub struct LearnOptions {
    /// The photos. Their boxes are not looked at; a photo without a class counts as what the model
    /// guesses.
    pub dataset: Dataset,
    /// The model.
    pub description: ModelDescription,
    /// The pipeline that cuts out the masks, without a head. Its name is part of the result.
    pub pipeline: Pipeline,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// The tensors of the layers that the head looks at.
    pub tensors: Vec<String>,
    /// How many directions of the features are used. By default they are half of the features, and
    /// at most 256.
    pub components: Option<usize>,
    /// How damaged JPEGs are treated.
    pub jpeg: Jpeg,
    /// Mixed into the seed of every random choice.
    pub rng_seed: u64,
    /// How many worker threads to use; 0 for one on each core. The head does not depend on it.
    pub threads: usize,
    /// A folder for what was computed of each photo, so that an interrupted call is resumed. It is
    /// removed at the end.
    pub work: PathBuf,
}

/// The weight of the penalty on the weights of whitened features.
const PENALTY: f64 = 1e-3;
/// The largest default number of directions.
const MAX_COMPONENTS: usize = 256;

impl LearnOptions {
    /// How a head on so many features is fitted.
    pub(super) fn fit(&self, features: usize) -> FitOptions {
        let default = (features / 2).clamp(1, MAX_COMPONENTS);
        FitOptions {
            components: self.components.unwrap_or(default).min(features),
            penalty: PENALTY,
        }
    }
}
