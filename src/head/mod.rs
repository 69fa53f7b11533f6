//! The foreground head: one 1 x 1 convolution on inner activations, which says of each position of
//! a photo whether an object covers it, of whatever class.
//!
//! ```text
//! activations A of inner layers ─► z = b + Σ wₖ f(Aₖ) ─► cost of the cut += weight · (z + shift)
//! ```
//!
//! In: the activations of a crop, [channels, height, width] for each layer. Out: z, the logarithm
//! of the odds that a position is foreground ([`Head::logits`]). Nobody draws a box for it:
//! [`crate::learn`] learns a head from the masks that a pipeline without a head cuts out. A head
//! belongs to one model file, and is a TOML file ([`Head::find`]).

mod file;
mod logits;
mod options;

pub(crate) use file::short_hash;
pub use file::{Head, LearnedOn};
pub(crate) use logits::finest;
pub use logits::{HeadLayer, Transform};
pub use options::HeadOptions;
