//! The files that ship with the program: pipelines, studies, descriptions of models and datasets,
//! class lists, and the sample's photos.
//!
//! All of them are embedded in the binary. A file of the same name on disk, below [`home`], wins.
//! Pipelines, studies and descriptions are looked up by name through a [`Catalog`]; the error for
//! an unknown name suggests the nearest one.

mod catalog;
mod embedded;
mod spelling;

#[cfg(feature = "cli")]
pub(crate) use catalog::Catalog;
pub(crate) use catalog::{DATASETS, HEADS, MODELS, PIPELINES, STUDIES};
#[cfg(feature = "cli")]
pub(crate) use embedded::Origin;
pub(crate) use embedded::{file, folder, home, text};
#[cfg(feature = "cli")]
pub(crate) use spelling::{nearest, none_called};
