//! The table `[cut]` of a pipeline.

use grid_maxflow::Neighbours;
use serde::{Deserialize, Serialize};

/// The energy of a cut: the table `[cut]` of a pipeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CutOptions {
    /// The form of the energy.
    #[serde(rename = "energy")]
    pub form: Form,
    /// The strength of smoothing, 0 to 10,000: the cost of different labels for two neighbouring
    /// pixels of the same colour.
    pub gamma: f64,
    /// The weight k of the map, 0 to 1000: the cost of foreground at a pixel of saliency h is lower
    /// by k · ln(h / (level · mean h)). Without colour models, the map decides alone.
    #[serde(default)]
    pub map: f64,
    /// The saliency that favours neither label, as a multiple of the mean, above 0.
    #[serde(default = "one")]
    pub level: f64,
}

const fn one() -> f64 {
    1.0
}

impl CutOptions {
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self {
            gamma, map, level, ..
        } = *self;
        if !(0.0..=10_000.0).contains(&gamma) {
            return Err(format!("cut.gamma {gamma} is not in 0..10000"));
        }
        if !(0.0..=1000.0).contains(&map) {
            return Err(format!("cut.map {map} is not in 0..1000"));
        }
        if !(level > 0.0 && level.is_finite()) {
            return Err(format!("cut.level {level} is not above 0"));
        }
        Ok(())
    }
}

/// The form of the energy.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Boykov and Jolly's energy as in Oxford's `gsc-1.2`: RGB in 0..=1, posteriors, 4 neighbours.
    /// Costs are multiplied by 50 and rounded to integers.
    Gsc,
    /// GrabCut's energy (Rother, Kolmogorov and Blake 2004): RGB in 0..=255, likelihoods, 8
    /// neighbours. Costs are multiplied by 1000 and rounded to integers.
    Grabcut8,
}

impl Form {
    /// The largest value of a colour channel.
    pub(in crate::segment) const fn range(self) -> f64 {
        match self {
            Self::Gsc => 1.0,
            Self::Grabcut8 => 255.0,
        }
    }

    /// The factor that costs are multiplied by before they are rounded to integers.
    pub(in crate::segment) const fn scale(self) -> f64 {
        match self {
            Self::Gsc => 50.0,
            Self::Grabcut8 => 1000.0,
        }
    }

    pub(in crate::segment) const fn neighbours(self) -> Neighbours {
        match self {
            Self::Gsc => Neighbours::Four,
            Self::Grabcut8 => Neighbours::Eight,
        }
    }
}
