//! The thresholds at which score maps are evaluated.

use std::str::FromStr;

use serde::Serialize;

/// The thresholds 0, step, 2 · step, ... below 1. In JSON this is the step, `"0.01"` or `"0.001"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Steps {
    /// 100 thresholds: the default of wsolevaluation's command line.
    #[serde(rename = "0.01")]
    Hundred,
    /// 1000 thresholds: the default of wsolevaluation's evaluator, which visits every grey level.
    #[serde(rename = "0.001")]
    Thousand,
}

impl FromStr for Steps {
    type Err = &'static str;

    fn from_str(step: &str) -> Result<Self, Self::Err> {
        match step {
            "0.01" => Ok(Self::Hundred),
            "0.001" => Ok(Self::Thousand),
            _ => Err("the step must be 0.01 or 0.001"),
        }
    }
}

impl Steps {
    /// The number of thresholds.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Hundred => 100,
            Self::Thousand => 1000,
        }
    }

    /// Threshold `n`, from 0, as NumPy's `arange` computes it.
    #[must_use]
    pub fn threshold(self, n: usize) -> f64 {
        let step = match self {
            Self::Hundred => 0.01,
            Self::Thousand => 0.001,
        };
        n as f64 * step
    }
}
