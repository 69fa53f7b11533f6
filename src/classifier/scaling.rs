//! How pixel values are scaled for a network.

/// How pixel values are scaled: v in 0..=255 becomes (v · range / 255 − mean) / std.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    pub(super) range: f32,
    /// In RGB order; all the same for a grey input.
    pub(super) mean: [f32; 3],
    /// In RGB order; all the same for a grey input.
    pub(super) std: [f32; 3],
}

impl Scaling {
    /// The network's value for a pixel value of a channel (of RGB).
    pub(super) fn apply(&self, channel: usize, value: f32) -> f32 {
        (value * (self.range / 255.0) - self.mean[channel]) / self.std[channel]
    }

    /// Whether all channels are scaled alike.
    pub(super) fn is_uniform(&self) -> bool {
        let Self { mean, std, .. } = self;
        *mean == [mean[0]; 3] && *std == [std[0]; 3]
    }

    /// Refuses numbers that no pixel can be scaled with.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { range, mean, std } = self;
        if !(range.is_finite() && *range > 0.0) {
            return Err(format!("range {range} is not a positive number"));
        }
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err(format!("mean {mean:?} is not finite"));
        }
        if !std.iter().all(|std| std.is_finite() && *std != 0.0) {
            return Err(format!(
                "std {std:?} has a number that cannot be divided by"
            ));
        }
        Ok(())
    }
}
