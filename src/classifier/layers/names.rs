//! Names for feature maps that every network has.

use super::candidates::{LayerCandidate, UnreadEnd};
use crate::geometry::Size;

/// The names that are found from shapes where a description does not define them; `strideN` also
/// with other numbers.
pub const AUTOMATIC_NAMES: [&str; 8] = [
    "stride4", "stride8", "stride16", "stride32", "last", "inner", "fused", "head",
];

/// The stride of the feature maps with which localisation works best: in GoogLeNet and ResNet, the
/// stage before the last one.
const INNER_STRIDE: usize = 16;
/// The stride of the finer feature maps that are fused with the inner ones.
const FINE_STRIDE: usize = 8;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerName {
    /// The last feature map before the pooling, or before the class token is read.
    Last,
    /// The last block with this stride.
    Stride(usize),
    /// `stride16`, or the nearest stride that there is.
    Inner,
    /// `stride8`, where there is one, and the inner layer.
    Fused,
}

impl LayerName {
    /// The meaning of a name, if it has one.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "last" => Some(Self::Last),
            "inner" | "head" => Some(Self::Inner),
            "fused" => Some(Self::Fused),
            _ => {
                let stride = name.strip_prefix("stride")?.parse().ok()?;
                (stride > 0).then_some(Self::Stride(stride))
            }
        }
    }

    /// The feature maps that the name stands for.
    pub(super) fn choose<'a>(
        self,
        stages: &LayerStages<'a>,
    ) -> Result<Vec<&'a LayerCandidate>, String> {
        match self {
            Self::Last => Ok(vec![stages.last()?]),
            Self::Stride(stride) => match stages.with_stride(stride) {
                Some(stage) => Ok(vec![stages.end(stage)?]),
                None => {
                    let strides = stages.strides();
                    Err(format!("no feature map has stride {stride}: {strides}"))
                }
            },
            Self::Inner => Ok(vec![stages.end(stages.nearest(INNER_STRIDE))?]),
            Self::Fused => {
                let inner = stages.end(stages.nearest(INNER_STRIDE))?;
                let fine = match stages.with_stride(FINE_STRIDE) {
                    Some(stage) => Some(stages.end(stage)?),
                    None => None,
                };
                let fine = fine.filter(|fine| *fine != inner);
                Ok(fine.into_iter().chain([inner]).collect())
            }
        }
    }
}

/// The feature maps of a network, by their grids.
pub(super) struct LayerStages<'a> {
    /// All up to the last one.
    pub(super) candidates: &'a [LayerCandidate],
    /// The last one that the scores depend on.
    pub(super) last: &'a LayerCandidate,
    /// The end of a later block, if it cannot be read.
    pub(super) unread: Option<&'a UnreadEnd>,
    /// The size of the image.
    pub(super) image: Size,
}

impl<'a> LayerStages<'a> {
    /// The last feature map, if no later one is unread.
    fn last(&self) -> Result<&'a LayerCandidate, String> {
        match self.unread {
            None => Ok(self.last),
            Some(UnreadEnd { tensor, fault, .. }) => Err(format!(
                "`{tensor}`, with which the last block ends, cannot be read: it {fault}"
            )),
        }
    }

    /// A feature map with this stride, give or take half an octave; `None` if there is none.
    fn with_stride(&self, stride: usize) -> Option<&'a LayerCandidate> {
        let nearest = self.nearest(stride);
        (self.octaves(nearest, stride) < 0.5).then_some(nearest)
    }

    /// `|log₂ s − log₂ stride|` of a feature map with stride s.
    fn octaves(&self, candidate: &LayerCandidate, stride: usize) -> f64 {
        (candidate.layout.stride(self.image).log2() - (stride as f64).log2()).abs()
    }

    /// A feature map with the stride that is nearest to this one; of two, the finer.
    fn nearest(&self, stride: usize) -> &'a LayerCandidate {
        let distance = |candidate: &LayerCandidate| self.octaves(candidate, stride);
        self.candidates
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(self.last)
    }

    /// The output of the last block with the grid of a feature map.
    ///
    /// The network's last grid ends in its last feature map. Behind another one, what comes after
    /// its last sum or concatenation prepares the next stage already, as the expansion of
    /// `MobileNet`'s blocks does, and is not taken.
    fn end(&self, stage: &LayerCandidate) -> Result<&'a LayerCandidate, String> {
        let grid = stage.layout.grid;
        let is_unread = |unread: &UnreadEnd| unread.shape.contains(&grid.area());
        if grid == self.last.layout.grid && self.unread.is_none_or(is_unread) {
            return self.last();
        }
        let of_grid = || {
            let all = self.candidates.iter().rev();
            all.filter(|candidate| candidate.layout.grid == grid)
        };
        let joins = of_grid().find(|candidate| candidate.on_every_path && candidate.joins);
        let end = joins
            .or_else(|| of_grid().find(|candidate| candidate.on_every_path))
            .or_else(|| of_grid().next());
        Ok(end.unwrap_or(self.last))
    }

    /// The strides that there are, in words.
    fn strides(&self) -> String {
        let mut strides: Vec<String> = Vec::new();
        for candidate in self.candidates {
            let text = stride_text(candidate.layout.stride(self.image));
            if !strides.contains(&text) {
                strides.push(text);
            }
        }
        format!("the strides are {}", strides.join(", "))
    }
}

/// A stride, with a decimal where it is not a whole number.
pub(super) fn stride_text(stride: f64) -> String {
    let rounded = (10.0 * stride).round() / 10.0;
    rounded.to_string()
}
