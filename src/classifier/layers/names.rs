//! Names for feature maps that every network has.

use super::candidates::Candidate;
use crate::geometry::Size;

/// The names that are found from shapes where a description does not define them; `strideN` also
/// with other numbers.
pub const AUTOMATIC_NAMES: [&str; 8] = [
    "stride8", "stride16", "stride32", "last", "inner", "fused", "head", "stride4",
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

    /// The feature maps that the name stands for. `last` is the last one that the scores depend on.
    pub(super) fn choose<'a>(
        self,
        candidates: &'a [Candidate],
        last: &'a Candidate,
        image: Size,
    ) -> Result<Vec<&'a Candidate>, String> {
        let stages = Stages {
            candidates,
            last,
            image,
        };
        let of_stride = |stride: usize| {
            let nearest = stages.nearest(stride);
            let distance = nearest.layout.stride(image).log2() - (stride as f64).log2();
            (distance.abs() < 0.5).then(|| stages.end(nearest.layout.grid))
        };
        match self {
            Self::Last => Ok(vec![last]),
            Self::Stride(stride) => of_stride(stride)
                .map(|end| vec![end])
                .ok_or_else(|| format!("no feature map has stride {stride}: {}", stages.strides())),
            Self::Inner => Ok(vec![stages.end(stages.nearest(INNER_STRIDE).layout.grid)]),
            Self::Fused => {
                let inner = stages.end(stages.nearest(INNER_STRIDE).layout.grid);
                let fine = of_stride(FINE_STRIDE).filter(|fine| *fine != inner);
                Ok(fine.into_iter().chain([inner]).collect())
            }
        }
    }
}

/// The feature maps of a network, by their grids.
struct Stages<'a> {
    candidates: &'a [Candidate],
    last: &'a Candidate,
    image: Size,
}

impl<'a> Stages<'a> {
    /// A feature map with the stride that is nearest to this one; of two, the finer.
    fn nearest(&self, stride: usize) -> &'a Candidate {
        let distance = |candidate: &&Candidate| {
            (candidate.layout.stride(self.image).log2() - (stride as f64).log2()).abs()
        };
        self.candidates
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(self.last)
    }

    /// The output of the last block with this grid.
    ///
    /// The network's last grid ends in its last feature map. Behind another one, what comes after
    /// its last sum or concatenation prepares the next stage already, as the expansion of
    /// `MobileNet`'s blocks does, and is not taken.
    fn end(&self, grid: Size) -> &'a Candidate {
        if grid == self.last.layout.grid {
            return self.last;
        }
        let of_grid = || {
            let all = self.candidates.iter().rev();
            all.filter(|candidate| candidate.layout.grid == grid)
        };
        let joins = of_grid().find(|candidate| candidate.on_every_path && candidate.joins);
        joins
            .or_else(|| of_grid().find(|candidate| candidate.on_every_path))
            .or_else(|| of_grid().next())
            .unwrap_or(self.last)
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
