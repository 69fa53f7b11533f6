//! The energy whose minimum is the cut.
//!
//! ```text
//! E(L) = Σₚ Dₚ(Lₚ) + Σ wₚ_q    the second sum is over neighbours p, q with different labels
//! ```
//!
//! The cost Dₚ of a label comes from the colour models, from the map, or from both ([`unaries()`]).
//! The weight wₚ_q ≥ 0 of a pair comes from the difference of its colours ([`pairwise()`]). With
//! two labels and weights that are not negative, the minimum is exact. There are two [`Form`]s of
//! the energy. They differ in nearly every constant, so results name the form and gamma.

mod minimum;
mod options;
pub(in crate::segment) mod pairwise;
pub(in crate::segment) mod unaries;
mod unary;

pub use minimum::{ColourTraining, Energy};
pub use options::{CutOptions, Form};
pub use pairwise::pairwise;
pub use unaries::unaries;
pub use unary::unary;
