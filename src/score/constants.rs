//! The numbers of the rules by which boxes are scored.

/// The smallest IoU with a true box at which a box is correct (`eval_clsloc.m` of the ILSVRC
/// devkit).
pub const IOU_THRESHOLD: f64 = 0.5;

/// A more lenient, the usual and a stricter smallest IoU: those of MaxBoxAccV2 (Choe et al. 2020).
pub(super) const IOU_THRESHOLDS: [f64; 3] = [0.3, IOU_THRESHOLD, 0.7];

/// The number of guesses of a photo that count (`eval_clsloc.m`).
pub(crate) const MAX_GUESSES: usize = 5;

/// The side of the centred box of half the photo's area, as a share of the photo's side.
pub(super) const HALF_AREA: f64 = std::f64::consts::FRAC_1_SQRT_2;
