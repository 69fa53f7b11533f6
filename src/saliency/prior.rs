//! Where in a photo an object is likely to be.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// A Gaussian over the frame that the map is multiplied by, because photographers put their
/// subjects near the middle.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// The x coordinate of its centre, as a share of the width, in 0..=1.
    pub x: f64,
    /// The y coordinate of its centre, as a share of the height, in 0..=1.
    pub y: f64,
    /// Its standard deviation, as a share of the respective side, above 0.
    pub deviation: f64,
}

impl Prior {
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { x, y, deviation } = self;
        let centre_is_inside = (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y);
        if centre_is_inside && *deviation > 0.0 {
            Ok(())
        } else {
            Err(format!(
                "saliency.prior: x {x} and y {y} must be in 0..1, deviation {deviation} above 0"
            ))
        }
    }

    /// Multiplies each value by `exp(−((u − x)² + (v − y)²) / 2σ²)`, with (u, v) the centre of its
    /// pixel as shares of the sides.
    pub(super) fn multiply(&self, map: &mut Array2<f32>) {
        let (height, width) = map.dim();
        for ((row, column), value) in map.indexed_iter_mut() {
            let u = (column as f64 + 0.5) / width as f64;
            let v = (row as f64 + 0.5) / height as f64;
            let square = (u - self.x).powi(2) + (v - self.y).powi(2);
            *value *= (-square / (2.0 * self.deviation * self.deviation)).exp() as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prior_is_a_gaussian_around_its_centre() {
        let mut map = Array2::ones((1, 4));
        let prior = Prior {
            x: 0.625,
            y: 0.5,
            deviation: 0.25,
        };
        prior.multiply(&mut map);
        let expected =
            [2.0f32, 1.0, 0.0, 1.0].map(|deviations| (-deviations * deviations / 2.0).exp());
        assert!(
            map.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{map}"
        );
    }
}
