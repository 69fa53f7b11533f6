//! A study: many pipelines over one dataset, compared in one table.
//!
//! ```text
//! STUDY.toml ─► entries (pipelines) ─► plan (what they share) ─► [photo by photo] ─► lines ─► table
//! ```
//!
//! In: a [`Study`], written in TOML. Out: [`Findings`], with a [`StudyLine`] for each pipeline and
//! model, and their [`table()`]. Each shared stage is computed once: pipelines that ask the network
//! the same question share its answer, and pipelines that make the same saliency map share the map,
//! so a grid of box rules costs one backward pass per photo. A study writes nothing but its table.
//! It has no journal, so a study that is stopped starts again from the beginning.

mod choose;
mod diagnosis;
mod entries;
mod file;
mod findings;
mod line;
mod plan;
mod run;
mod table;
mod worker;

pub use diagnosis::Diagnosis;
pub use file::{ParameterGrid, Study, StudyRow};
pub use findings::Findings;
pub use line::{Against, StudyLine};
pub use run::StudyOptions;
pub use table::table;
