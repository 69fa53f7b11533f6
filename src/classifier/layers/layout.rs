//! How the numbers of a feature map are laid out in its tensor.

use std::fmt;

use ndarray::{Array3, ArrayView3, ShapeBuilder};

use super::shaped_graph::ShapedGraph;
use crate::geometry::Size;

/// The order of a feature map's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisOrder {
    /// [1, C, H, W], as convolutions have it.
    ChannelsFirst,
    /// [1, H, W, C], as in Swin and in networks of TensorFlow.
    ChannelsLast,
    /// [1, T, C] or [T, 1, C], as in vision transformers: T = H · W positions row by row, and
    /// `extra` tokens that belong to none, such as those of the class.
    Tokens {
        /// The number of tokens without a position.
        extra: usize,
    },
    /// [1, C, T].
    TokensLast {
        /// The number of tokens without a position.
        extra: usize,
    },
}

impl AxisOrder {
    /// The number of tokens without a position.
    #[must_use]
    pub fn extra(self) -> usize {
        match self {
            Self::ChannelsFirst | Self::ChannelsLast => 0,
            Self::Tokens { extra } | Self::TokensLast { extra } => extra,
        }
    }
}

impl fmt::Display for AxisOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChannelsFirst => "channels first",
            Self::ChannelsLast => "channels last",
            Self::Tokens { .. } => "tokens",
            Self::TokensLast { .. } => "tokens last",
        })?;
        match self.extra() {
            0 => Ok(()),
            extra => write!(f, " + {extra} extra"),
        }
    }
}

/// Where the numbers of a feature map are in its tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLayout {
    /// The order of the axes.
    pub form: AxisOrder,
    /// The number of channels.
    pub channels: usize,
    /// The grid of positions.
    pub grid: Size,
    /// The index of the first number.
    start: usize,
    /// The distances between neighbouring channels, rows and columns.
    strides: [usize; 3],
}

impl FeatureLayout {
    /// The layout of `tensor`, or what is wrong with its shape.
    pub(super) fn find(
        graph: &ShapedGraph<'_>,
        tensor: &str,
        shape: &[usize],
    ) -> Result<Self, String> {
        let text = format!("has shape {shape:?}");
        match shape[..] {
            [1, a, b, c] => graph.grid_layout(tensor, [a, b, c], &text),
            [1, a, b] => graph.token_layout(tensor, [a, b], &text),
            [_, 1, channels] | [_, channels] => match graph.tokens(tensor, 0) {
                Some(tokens) => Ok(Self::tokens(tokens, channels)),
                None => Err(graph.not_tokens(&text)),
            },
            [parts, .., _] if shape.len() > 2 && parts > 1 => Err(format!(
                "{text}: it is divided into {parts} windows or heads; take a tensor from before or \
                 after the division"
            )),
            _ => Err(format!("{text}, which is not that of a feature map")),
        }
    }

    /// The attention of a transformer's block, [1, heads, tokens, tokens]: a map of tokens by tokens
    /// for each head.
    pub(in crate::classifier) fn attention(tensor: &str, shape: &[usize]) -> Result<Self, String> {
        match *shape {
            [1, heads, queries, keys] => Ok(Self::channels_first([heads, queries, keys])),
            _ => Err(format!("the attention `{tensor}` has shape {shape:?}")),
        }
    }

    fn channels_first([channels, height, width]: [usize; 3]) -> Self {
        Self {
            form: AxisOrder::ChannelsFirst,
            channels,
            grid: Size::new(width as u32, height as u32),
            start: 0,
            strides: [height * width, width, 1],
        }
    }

    fn channels_last([height, width, channels]: [usize; 3]) -> Self {
        Self {
            form: AxisOrder::ChannelsLast,
            channels,
            grid: Size::new(width as u32, height as u32),
            start: 0,
            strides: [1, width * channels, channels],
        }
    }

    fn tokens(tokens: Tokens, channels: usize) -> Self {
        let width = tokens.grid.width as usize;
        Self {
            form: AxisOrder::Tokens {
                extra: tokens.extra,
            },
            channels,
            grid: tokens.grid,
            start: tokens.first * channels,
            strides: [1, width * channels, channels],
        }
    }

    fn tokens_last(tokens: Tokens, channels: usize, count: usize) -> Self {
        Self {
            form: AxisOrder::TokensLast {
                extra: tokens.extra,
            },
            channels,
            grid: tokens.grid,
            start: tokens.first,
            strides: [count, tokens.grid.width as usize, 1],
        }
    }

    /// The feature map [channels, height, width] from the values of the tensor, or those of its
    /// gradient, in their order.
    ///
    /// # Panics
    /// If there are fewer values than the tensor has.
    #[must_use]
    pub fn read(&self, values: &[f32]) -> Array3<f32> {
        let (height, width) = self.grid.shape();
        let shape = (self.channels, height, width).strides(self.strides.into());
        let map = ArrayView3::from_shape(shape, &values[self.start..]);
        let map = map.expect("a layout lies inside its tensor");
        Array3::from_shape_fn(map.dim(), |place| map[place])
    }

    /// The side of the square of the image that a position stands for, in pixels:
    /// `√(H W / h w)` for a grid of h x w on an image of H x W.
    #[must_use]
    pub fn stride(&self, image: Size) -> f64 {
        (image.area() as f64 / self.grid.area() as f64).sqrt()
    }
}

impl ShapedGraph<'_> {
    /// The layout of a tensor [1, a, b, c], where two neighbouring axes are a grid.
    fn grid_layout(
        &self,
        tensor: &str,
        sides: [usize; 3],
        text: &str,
    ) -> Result<FeatureLayout, String> {
        let producer = self.graph.producer(tensor);
        if producer.is_some_and(|node| node.op_type() == "Pad") {
            return Err(format!("{text} with a padding; take the tensor before it"));
        }
        let [a, b, c] = sides;
        match (self.grids.contain(b, c), self.grids.contain(a, b)) {
            (true, false) => Ok(FeatureLayout::channels_first(sides)),
            (false, true) => Ok(FeatureLayout::channels_last(sides)),
            (true, true) => match self.channels_are_last(tensor) {
                Some(false) => Ok(FeatureLayout::channels_first(sides)),
                Some(true) => Ok(FeatureLayout::channels_last(sides)),
                None => Err(format!("{text}, which is channels first or channels last")),
            },
            (false, false) => Err(format!(
                "{text}, in which no two axes are a grid of positions of the {} image",
                self.image
            )),
        }
    }

    /// The layout of a tensor [1, a, b], where one of the axes has tokens.
    fn token_layout(
        &self,
        tensor: &str,
        [a, b]: [usize; 2],
        text: &str,
    ) -> Result<FeatureLayout, String> {
        match (self.tokens(tensor, 1), self.tokens(tensor, 2)) {
            (Some(tokens), None) => Ok(FeatureLayout::tokens(tokens, b)),
            (None, Some(tokens)) => Ok(FeatureLayout::tokens_last(tokens, a, b)),
            (Some(_), Some(_)) => Err(format!(
                "{text}, where either of two axes could be the tokens"
            )),
            (None, None) => Err(self.not_tokens(text)),
        }
    }
}

/// The tokens of an axis that belong to positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    /// The index of the first one.
    pub(super) first: usize,
    /// The number of other tokens.
    pub(super) extra: usize,
    /// The grid of positions.
    pub(super) grid: Size,
}
