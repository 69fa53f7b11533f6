//! Moments of weighted colours, and the Gaussian that has them.

use nalgebra::{Matrix3, Vector3};

use super::gmm::Gaussian;
use crate::segment::kernel::lanes::{Column, Sums};

/// Σ w · (1, x, y, z, xx, xy, xz, yy, yz, zz) over colours (x, y, z) relative to an origin.
///
/// f32 is precise enough for the sums of a block, because the origin is near the mean. The sums of
/// all blocks are added in f64.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Moments {
    origin: [f32; 3],
    sums: Sums<10>,
}

impl Moments {
    /// The moments of no colours, relative to this origin.
    pub(in crate::segment) fn about(origin: [f32; 3]) -> Self {
        Self {
            origin,
            sums: Sums::ZERO,
        }
    }

    /// Adds the colours of a block. `weight(i)` is the weight of the i-th element.
    #[inline(always)]
    pub(in crate::segment) fn add(&mut self, colour: &[Column; 3], weight: impl Fn(usize) -> f32) {
        let [red, green, blue] = colour;
        let [r, g, b] = self.origin;
        self.sums.add(|i| {
            let (w, x, y, z) = (weight(i), red.0[i] - r, green.0[i] - g, blue.0[i] - b);
            let (wx, wy, wz) = (w * x, w * y, w * z);
            [
                w,
                wx,
                wy,
                wz,
                wx * x,
                wx * y,
                wx * z,
                wy * y,
                wy * z,
                wz * z,
            ]
        });
    }

    /// The mean colour; the origin if the total weight is 0.
    pub(in crate::segment) fn mean(&self) -> Vector3<f64> {
        let [w, x, y, z, ..] = self.sums.totals();
        let origin = Vector3::from(self.origin.map(f64::from));
        if w > 0.0 {
            origin + Vector3::new(x, y, z) / w
        } else {
            origin
        }
    }

    /// The Gaussian with this mean and with the covariance
    /// Σ w xxᵀ / Σ w − x̄x̄ᵀ + `regulariser` · I. Its weight is its share of `total`. `None` if the
    /// total weight is 0.
    pub(in crate::segment) fn gaussian(&self, total: f64, regulariser: f64) -> Option<Gaussian> {
        let sums = self.sums.totals();
        let weight = sums[0];
        if weight <= 1e-10 {
            return None;
        }
        let [_, x, y, z, xx, xy, xz, yy, yz, zz] = sums.map(|sum| sum / weight);
        let shift = Vector3::new(x, y, z);
        let square = Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz);
        let covariance = square - shift * shift.transpose() + Matrix3::identity() * regulariser;
        Some(Gaussian::new(weight / total, self.mean(), covariance))
    }
}
