//! The table `[saliency]` of a pipeline.

use std::fmt;

use onnx_grad::gradient::{RelevanceRule, ReluRule};
use serde::{Deserialize, Serialize};

use super::methods::{Effect, Method, RequiredTensors, Sampling};
use super::prior::Prior;
use crate::remedy::Refused;

/// How a map is made: the table `[saliency]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaliencyOptions {
    /// The method.
    pub method: &'static Method,
    /// How the gradient passes a ReLU, in place of the method's own rule. With
    /// [`ReluRule::Guided`], LayerCAM for example becomes guided LayerCAM.
    pub relu: Option<ReluRule>,
    /// What is averaged over overlapping crops.
    #[serde(default)]
    pub average: Averaging,
    /// The feature maps, for a method that needs them: names of tensors, or names that the model's
    /// description defines. If there are several, the map of each is divided by its mean, and then
    /// the maps are added.
    #[serde(default)]
    pub layers: Vec<String>,
    /// How many pictures are made of each crop, for a method that uses several, or if there is
    /// noise; for RISE, how many masks: 1 to 10,000.
    #[serde(default = "one")]
    pub samples: usize,
    /// The standard deviation of the noise, as a share of the range of the crop's pixel values, in
    /// 0..=1.
    #[serde(default)]
    pub noise: f64,
    /// Where the object is likely to be, whatever the photo shows.
    pub prior: Option<Prior>,
    /// The standard deviation of the Gaussian that smooths the map, as a share of the frame's
    /// longer side, in 0..=0.5.
    #[serde(default)]
    pub smooth: f64,
}

/// The method, its rule for the ReLU where that is not its own, and the layers: `gradient-norm, ReLU
/// guided, layer inner`.
impl fmt::Display for SaliencyOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.method.name)?;
        if let Some(rule) = self.relu {
            write!(f, ", ReLU {}", format!("{rule:?}").to_lowercase())?;
        }
        match &self.layers[..] {
            [] => Ok(()),
            [layer] => write!(f, ", layer {layer}"),
            layers => write!(f, ", layers {}", layers.join(" + ")),
        }
    }
}

const fn one() -> usize {
    1
}

/// The largest value of [`SaliencyOptions::samples`].
const MAX_SAMPLES: usize = 10_000;

impl SaliencyOptions {
    /// How the gradient passes a ReLU, where the method uses the gradient.
    #[must_use]
    pub fn relu(&self) -> ReluRule {
        match self.method.effect {
            Effect::Gradient(own) => self.relu.unwrap_or(own),
            Effect::Relevance(_) | Effect::Hidden(_) => ReluRule::Gradient,
        }
    }

    /// The rule by which relevance is handed back, where the method uses relevance.
    #[must_use]
    pub fn relevance(&self) -> Option<RelevanceRule> {
        match self.method.effect {
            Effect::Relevance(rule) => Some(rule),
            Effect::Gradient(_) | Effect::Hidden(_) => None,
        }
    }

    /// The same options with another method and its own rule for the ReLU.
    ///
    /// Values that the method needs and that are not set get defaults: the method's usual layers; 25
    /// pictures with 15 % noise (Smilkov et al. 2017 recommend 10 to 20 %); a path of 32 steps; 1000
    /// random masks, a quarter of those of Petsiuk et al. 2018.
    /// Layers that are set are kept only for a method with the same usual layers: between the last
    /// feature maps and a mean over positions, for example, gradients are the same everywhere.
    #[must_use]
    pub fn with_method(&self, method: &'static Method) -> Self {
        let (noise, samples) = match method.sampling {
            Sampling::Crop => (0.0, 1),
            Sampling::Path => (0.0, 32),
            Sampling::RandomlyHidden => (0.0, 1000),
            Sampling::Noisy if self.noise == 0.0 => (0.15, 25),
            Sampling::Noisy => (self.noise, self.samples),
        };
        let layers = match method.tensors {
            RequiredTensors::Picture | RequiredTensors::Attention => vec![],
            _ if self.layers.is_empty() || self.method.usual_layers != method.usual_layers => {
                vec![method.usual_layers.into()]
            }
            _ => self.layers.clone(),
        };
        Self {
            method,
            relu: None,
            noise,
            samples,
            layers,
            ..self.clone()
        }
    }

    /// Whether the network is given each crop once and unchanged.
    #[must_use]
    pub fn uses_plain_crops(&self) -> bool {
        self.method.sampling == Sampling::Crop
            && self.noise == 0.0
            && !matches!(self.method.effect, Effect::Hidden(_))
    }

    /// Whether the network would be asked for the same tensors of the same pictures with `other`,
    /// so that both maps can be made from one [`Evidence`](super::Evidence).
    #[must_use]
    pub fn shares_evidence_with(&self, other: &Self) -> bool {
        let hides = |options: &Self| matches!(options.method.effect, Effect::Hidden(_));
        (self.method == other.method || !hides(self) && !hides(other))
            && self.relu() == other.relu()
            && self.relevance() == other.relevance()
            && self.method.tensors == other.method.tensors
            && self.method.sampling == other.method.sampling
            && self.samples == other.samples
            && self.noise == other.noise
            && self.layers == other.layers
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        if let Some(prior) = &self.prior {
            prior.check()?;
        }
        for (key, share, max) in [("noise", self.noise, 1.0), ("smooth", self.smooth, 0.5)] {
            if !(0.0..=max).contains(&share) {
                return Err(format!("saliency.{key} {share} is not in 0..{max}").into());
            }
        }
        self.check_layers()?;
        self.check_effect()?;
        self.check_sampling()
    }

    /// Whether the method uses the gradient that other keys change.
    fn check_effect(&self) -> Result<(), Refused> {
        let Method { name, tensors, .. } = self.method;
        if self.relu.is_some() && !matches!(self.method.effect, Effect::Gradient(_)) {
            return Err(Refused::with_advice(
                format!("saliency.relu: {name} does not use the gradient"),
                "remove saliency.relu",
            ));
        }
        let is_plain = matches!(self.method.effect, Effect::Hidden(_))
            || *tensors == RequiredTensors::Attention;
        if self.noise > 0.0 && is_plain {
            return Err(Refused::with_advice(
                format!("saliency.noise: {name} takes no noise"),
                "saliency.noise = 0",
            ));
        }
        Ok(())
    }

    /// Whether the method and the layers fit together.
    fn check_layers(&self) -> Result<(), Refused> {
        let name = self.method.name;
        match (self.method.tensors, self.layers.is_empty()) {
            (RequiredTensors::Picture, false) => Err(Refused::with_advice(
                format!("saliency.layers: {name} uses only the picture"),
                "saliency.layers = []",
            )),
            (RequiredTensors::Attention, false) => Err(Refused::with_advice(
                format!("saliency.layers: {name} uses the attention of all blocks"),
                "saliency.layers = []",
            )),
            (RequiredTensors::Layers | RequiredTensors::Both, true) => {
                let usual = self.method.usual_layers;
                Err(Refused::with_advice(
                    format!("saliency.layers: {name} needs feature maps"),
                    format!("saliency.layers = [\"{usual}\"], or the names of tensors"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the method, the noise and the number of samples fit together.
    fn check_sampling(&self) -> Result<(), Refused> {
        let Self {
            samples,
            noise,
            method: Method { name, sampling, .. },
            ..
        } = *self;
        match sampling {
            Sampling::Noisy if noise == 0.0 || samples < 2 => Err(Refused::with_advice(
                format!("saliency.noise and saliency.samples: {name} needs several noisy pictures"),
                "saliency.noise = 0.15 and saliency.samples = 25",
            )),
            Sampling::RandomlyHidden if samples < 2 => Err(Refused::with_advice(
                format!("saliency.samples: {name} needs many random masks"),
                "saliency.samples = 1000",
            )),
            Sampling::Path if noise > 0.0 => Err(Refused::with_advice(
                format!("saliency.noise: {name} follows a path and takes no noise"),
                "saliency.noise = 0",
            )),
            Sampling::Crop if samples > 1 && noise == 0.0 => Err(Refused::with_advice(
                format!("saliency.samples {samples}: without noise, all samples are the same"),
                "saliency.samples = 1, or saliency.noise above 0",
            )),
            _ if !(1..=MAX_SAMPLES).contains(&samples) => {
                Err(format!("saliency.samples {samples} is not in 1..{MAX_SAMPLES}").into())
            }
            _ => Ok(()),
        }
    }
}

/// What is averaged over overlapping crops. The paper does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Averaging {
    /// The maps: first the maximum over channels of the absolute gradient, then the mean over
    /// crops.
    #[default]
    Absolute,
    /// The maps, each divided by its mean: for crops of different scales, whose gradients have
    /// different magnitudes.
    Relative,
    /// The gradients: first their mean over crops, then the maximum over channels of its absolute
    /// value.
    Signed,
}
