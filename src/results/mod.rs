//! What a finished run says, as data: its rows, its failures, its numbers, its stored pictures.
//!
//! [`FinishedRun`] reads the folder that [`crate::run`] writes, and knows the name and format of
//! each file; `docs/run-folder.md` describes them. Reports, `show` and `compare` start from here.
//! Nothing in this module runs a network or draws a picture.

mod failures;
pub(crate) mod files;
mod finished;
mod pictures;
mod row;
mod run_options;
mod summary;

pub use failures::Failure;
pub use finished::{FinishedRun, Remark};
pub use pictures::{Layers, Picture, StoredPictures};
pub use row::{Row, RowStatus};
pub use run_options::RunOptions;
pub use summary::{Experiment, Summary};
