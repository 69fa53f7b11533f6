//! Results to bytes: the summary for eyes, the page of whole runs, the panel of one photo. Pure
//! functions.

mod comparison;
mod layers;
mod page;
mod panel;
mod summary;
mod table;
mod terminal;

pub use comparison::{Compared, Comparison, Decider, comparison};
pub use layers::{Layers, Picture, small};
pub use page::{Choice, Page, PageFailure, PageRun, choices, page};
pub(crate) use panel::grid;
pub use panel::{panel, side_by_side};
pub use summary::{Experiment, Summary};
pub use table::table;
pub use terminal::terminal;
