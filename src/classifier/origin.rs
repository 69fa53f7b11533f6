//! Where a description comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a description comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptionOrigin {
    /// A description file.
    File(PathBuf),
    /// A preset, a configuration or a name, in words: the model has no description file.
    Concluded(String),
}

impl fmt::Display for DescriptionOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Concluded(words) => f.write_str(words),
        }
    }
}
