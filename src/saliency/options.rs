//! How a map is made: what a pipeline says of it.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::methods::{Method, Shown, Wanted};
use onnx_grad::gradient::ReluRule;

/// How a map is made: the table `[saliency]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaliencyOptions {
    /// The method.
    pub method: &'static Method,
    /// How the gradient passes a ReLU, in place of the method's own rule: guided LayerCAM, for one.
    pub relu: Option<ReluRule>,
    /// What is averaged over overlapping crops.
    #[serde(default)]
    pub average: Averaging,
    /// The feature maps, for a method that wants them: names of tensors, or names that the model's
    /// description gives to some. Of several, each map is divided by its mean, and they are added.
    #[serde(default)]
    pub layers: Vec<String>,
    /// How many pictures are shown of each crop, for a method that shows several, or where there is
    /// noise: 1 to 1000.
    #[serde(default = "one")]
    pub samples: usize,
    /// The standard deviation of the noise, as a share of the range of the crop's pixel values, in
    /// 0..=1.
    #[serde(default)]
    pub noise: f64,
    /// Where the object is likely before anything is seen.
    pub prior: Option<Prior>,
    /// The standard deviation of a Gaussian that smooths the map, as a share of the frame's longer
    /// side, in 0..=0.5.
    #[serde(default)]
    pub smooth: f64,
}

const fn one() -> usize {
    1
}

impl SaliencyOptions {
    /// How the gradient passes a ReLU.
    #[must_use]
    pub fn relu(&self) -> ReluRule {
        self.relu.unwrap_or(self.method.relu)
    }

    /// The same with another method and its own rule of the ReLU, and where that wants something
    /// which is not here: the layers that the model's description calls `last`; 25 pictures with 15
    /// % noise (Smilkov et al. 2017 advise 10 to 20 %); a path of 32 steps.
    #[must_use]
    pub fn with_method(&self, method: &'static Method) -> Self {
        let noisy = method.shown == Shown::Noisy && self.noise == 0.0;
        let (noise, samples) = match method.shown {
            Shown::Crop => (0.0, 1),
            Shown::Path => (0.0, 32),
            Shown::Noisy if noisy => (0.15, 25),
            Shown::Noisy => (self.noise, self.samples),
        };
        let layers = match method.wanted {
            Wanted::Picture => vec![],
            _ if self.layers.is_empty() => vec!["last".into()],
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

    /// Whether each crop is shown once and as it is.
    #[must_use]
    pub fn shows_crops(&self) -> bool {
        self.method.shown == Shown::Crop && self.noise == 0.0
    }

    /// Whether the network is asked the same as for `other`: the same tensors at the same pictures.
    #[must_use]
    pub fn shows_as(&self, other: &Self) -> bool {
        let asked = |options: &Self| {
            let Self {
                method: Method { wanted, shown, .. },
                samples,
                ..
            } = *options;
            (
                options.relu(),
                wanted,
                shown,
                samples,
                options.noise,
                options.layers.clone(),
            )
        };
        asked(self) == asked(other)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let Self {
            method:
                Method {
                    name,
                    wanted,
                    shown,
                    ..
                },
            samples,
            noise,
            smooth,
            ..
        } = self;
        let shares = [("noise", noise, 1.0), ("smooth", smooth, 0.5)];
        if let Some(Prior { x, y, deviation }) = self.prior
            && !([x, y].iter().all(|share| (0.0..=1.0).contains(share)) && deviation > 0.0)
        {
            return Err(format!(
                "saliency.prior: x {x} and y {y} are shares, deviation {deviation} is above 0"
            ));
        }
        if let Some((key, share, most)) = shares
            .into_iter()
            .find(|(_, share, most)| !(0.0..=*most).contains(*share))
        {
            return Err(format!("saliency.{key} {share} is not in 0..{most}"));
        }
        match (wanted, shown) {
            (Wanted::Picture, _) if !self.layers.is_empty() => Err(format!(
                "saliency.layers: {name} looks at the picture alone\nhelp: --set saliency.layers=[]"
            )),
            (Wanted::Layers | Wanted::Both, _) if self.layers.is_empty() => Err(format!(
                "saliency.layers: {name} wants feature maps\nhelp: --set 'saliency.layers=[\"last\"]', or their tensors"
            )),
            (_, Shown::Noisy) if *noise == 0.0 || *samples < 2 => Err(format!(
                "saliency.noise and saliency.samples: {name} wants several noisy pictures\nhelp: --set \
                 saliency.noise=0.15 --set saliency.samples=25"
            )),
            (_, Shown::Path) if *noise > 0.0 => Err(format!(
                "saliency.noise: {name} shows a path without noise\nhelp: --set saliency.noise=0"
            )),
            (_, Shown::Crop) if *samples > 1 && *noise == 0.0 => Err(format!(
                "saliency.samples {samples}: without noise they are all the same\nhelp: --set saliency.samples=1, or \
                 some saliency.noise"
            )),
            _ if !(1..=1000).contains(samples) => {
                Err(format!("saliency.samples {samples} is not in 1..1000"))
            }
            _ => Ok(()),
        }
    }
}

/// A Gaussian over the frame by which the map is multiplied: photographers put their subjects near
/// the middle.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// Its centre, as a share of the width, in 0..=1.
    pub x: f64,
    /// Its centre, as a share of the height, in 0..=1.
    pub y: f64,
    /// Its standard deviation, as a share of either side, above 0.
    pub deviation: f64,
}

impl Prior {
    /// `exp(−((u − x)² + (v − y)²) / 2σ²)` at each pixel's centre (u, v).
    pub(super) fn multiply(&self, map: &mut Array2<f32>) {
        let (height, width) = map.dim();
        for ((row, column), value) in map.indexed_iter_mut() {
            let (u, v) = (
                (column as f64 + 0.5) / width as f64,
                (row as f64 + 0.5) / height as f64,
            );
            let square = (u - self.x).powi(2) + (v - self.y).powi(2);
            *value *= (-square / (2.0 * self.deviation * self.deviation)).exp() as f32;
        }
    }
}

/// What is averaged over overlapping crops; the paper does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Averaging {
    /// The maps: the maximum over channels of the absolute gradient, then the mean over crops.
    #[default]
    Absolute,
    /// The maps, each over its own mean: for crops of several sizes, whose gradients are of several
    /// magnitudes.
    Relative,
    /// The gradients: their mean over crops, then the maximum over channels of its absolute value.
    Signed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prior_is_a_gaussian_around_its_centre() {
        let mut map = Array2::ones((1, 4));
        Prior {
            x: 0.625,
            y: 0.5,
            deviation: 0.25,
        }
        .multiply(&mut map);
        let expected =
            [2.0f32, 1.0, 0.0, 1.0].map(|deviations| (-deviations * deviations / 2.0).exp());
        assert!(
            map.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{map}"
        );
    }
}
