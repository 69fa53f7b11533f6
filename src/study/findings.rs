//! What a study found.

use serde::Serialize;

use super::line::StudyLine;

/// What a study found.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// What was compared.
    pub title: String,
    /// The dataset's name.
    pub dataset: String,
    /// The number of photos that were scored.
    pub images: usize,
    /// The file that lists the photos on which varied values were chosen.
    pub chosen_on: Option<String>,
    /// Whether photos are weighted.
    pub weighted: bool,
    /// The row that others are compared with.
    pub against: Option<String>,
    /// A line for each pipeline and model.
    pub lines: Vec<StudyLine>,
}
