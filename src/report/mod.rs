//! Turns results into text, HTML and pictures: the table of numbers, the HTML report of one or
//! several runs, and panels of photos.
//!
//! In: [`crate::results`], and for panels what [`crate::localiser`] found. Out: text, HTML, pictures.
//! [`report()`] runs the photos that it shows once more, since a run stores no pictures; everything
//! else here is a pure function.

mod colours;
mod comparison;
mod layers;
mod learned;
mod legend;
mod lettering;
mod metric_line;
mod mosaic;
mod outlines;
mod overview;
mod page;
mod panel;
mod pictures;
mod short_table;
mod table;
mod terminal;
mod tiles;

pub use comparison::{Comparison, Decider, MetricComparison, comparison};
pub use learned::{learned_page, learned_table};
pub use mosaic::contact_sheet;
pub use overview::{ScoredResult, overview};
pub use page::{Report, ReportOptions, report};
pub use panel::{PanelPhoto, PanelResult, panel, panel_without_text};
pub use short_table::short_table;
pub use table::table;
pub use terminal::terminal;
