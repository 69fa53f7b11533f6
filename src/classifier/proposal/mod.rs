//! Descriptions of models that have none: what the ONNX file itself, the configuration beside it, a
//! preset and the name of the file say.
//!
//! Layout, size and classes are read from the ONNX file. How pixels become numbers is in none, so it
//! comes from the first of these that there is:
//!
//! 1. the preset that the user names ([`Preset`](super::Preset));
//! 2. `preprocessor_config.json` or `config.json` in the model's folder, as transformers, Optimum and
//!    timm write them;
//! 3. the name of the file, where it is that of a usual network (`data/networks/files.toml`). This is
//!    a guess, which a note says.

mod classes;
mod configuration;
mod input;
mod known;
mod preprocessing;
mod propose;
mod timm;
mod transformers;

pub(super) use propose::{Hints, propose};
