//! Results to bytes: the summary block for eyes, the panel of one photo. Pure functions.

mod comparison;
mod panel;
mod summary;
mod table;

pub use comparison::{Compared, Comparison, comparison};
pub use panel::panel;
pub use summary::{Experiment, Summary};
pub use table::table;
