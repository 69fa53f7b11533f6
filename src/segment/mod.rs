//! From a saliency map to a mask and a box.
//!
//! ```text
//! saliency ─► seeds ─► colour models ─► energy ─► cut ─► component ─► box in the photo's pixels
//! ```
//!
//! In: a [`Saliency`](crate::saliency::Saliency) map from any source, and the picture that it is
//! of. Out: the box, as a [`Localisation`], and the intermediate results, as [`Stages`]. [`cut()`]
//! goes through the stages above. [`threshold()`] and [`ConstantBoxOptions::localisation`] are
//! simpler rules to compare it with.
//!
//! No function here fails on a photo: there is a defined box for each degenerate case, and a
//! [`Flag`] that names the case. Several objects of one class are not separated, and the colour
//! models are not learnt again from the result of the cut, as GrabCut does. The
//! [crate documentation](crate) has an example.

mod colours;
mod component;
mod constant_box;
mod cut;
mod energy;
mod flag;
mod kernel;
mod localisation;
mod quantile;
mod seeds;
mod threshold;

pub use colours::{
    ColourFit, ColourOptions, Gaussian, Gmm, Samples, binary_splitting, expectation_maximisation,
    fit, k_means_mixture,
};
pub use component::{bounding_box, components, largest};
pub use constant_box::ConstantBoxOptions;
pub use cut::{LearningOptions, Subject, cut};
pub use energy::{ColourTraining, CutOptions, Energy, Form, pairwise, unaries, unary};
pub use flag::Flag;
pub use localisation::{Localisation, Stages};
pub use quantile::quantile;
pub use seeds::{Seed, SeedOptions, SeedRule, Seeds, format_seeds, seeds};
pub use threshold::{Extent, ThresholdOptions, ThresholdRule, threshold};
