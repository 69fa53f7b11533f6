//! The tables `[[member]]` of a pipeline.

use std::path::PathBuf;

use onnx_grad::gradient::ReluRule;
use serde::{Deserialize, Serialize};

use crate::path_text;

/// Another classifier that looks at each photo: a table `[[member]]` of a pipeline. What it leaves
/// out is as for the first classifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MemberOptions {
    /// The model: a name, a description or an ONNX file.
    #[serde(with = "path_text")]
    pub model: PathBuf,
    /// In place of `view.scales`.
    pub scales: Option<Vec<f64>>,
    /// In place of `saliency.layers`.
    pub layers: Option<Vec<String>>,
    /// In place of `saliency.relu`.
    pub relu: Option<ReluRule>,
    /// In place of `head.file`.
    #[serde(
        default,
        with = "path_text::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub head: Option<PathBuf>,
}
