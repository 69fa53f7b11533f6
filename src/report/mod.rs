//! Results to bytes: the summary block for eyes, the panel of one photo. Pure functions.

mod comparison;
mod panel;
mod summary;
mod table;

pub use comparison::{Compared, Comparison, comparison};
pub(crate) use panel::grid;
pub use panel::{panel, side_by_side};
pub use summary::{Experiment, Summary};
pub use table::table;
