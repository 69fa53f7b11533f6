//! Reading and writing model files.

use std::fs;
use std::io::Write;
use std::path::Path;

use prost::Message;

use super::error::Error;
use super::external;
use super::proto::ModelProto;

/// The newest IR version whose messages [`super::proto`] knows. A newer file may hold fields that would be lost.
const IR_VERSION: i64 = 14;

/// The model in `path`, with the weights that it keeps in other files read in.
///
/// # Errors
/// [`Error`] when the file is unreadable, no ONNX model, of a newer IR version, or wants weights from outside its
/// own folder.
pub fn load(path: &Path) -> Result<ModelProto, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let mut model = decode(&bytes, path)?;
    external::read_in(&mut model, path)?;
    Ok(model)
}

/// The model in `bytes`; `origin` is the name that errors carry. Weights in other files stay where they are.
///
/// # Errors
/// [`Error::Format`] when the bytes are no ONNX model.
pub fn decode(bytes: &[u8], origin: &Path) -> Result<ModelProto, Error> {
    let format = |reason: String| Error::Format { path: origin.into(), reason };
    if bytes.is_empty() {
        return Err(format("the file is empty".into()));
    }
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(format("it is a git-lfs pointer; fetch the file itself with `git lfs pull`".into()));
    }
    let model = ModelProto::decode(bytes).map_err(|e| format(e.to_string()))?;
    if model.graph.as_ref().is_none_or(|g| g.node.is_empty()) {
        return Err(format("it holds no graph".into()));
    }
    match model.ir_version() {
        version if version > IR_VERSION => {
            Err(format(format!("IR version {version}; this program reads up to {IR_VERSION}")))
        }
        _ => Ok(model),
    }
}

/// The bytes of a model file.
#[must_use]
pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// Writes the model to `path` by way of a temporary file beside it, so that no reader sees a part.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn save(model: &ModelProto, path: &Path) -> Result<(), Error> {
    let part = path.with_extension("onnx.part");
    let publish = || {
        let mut file = fs::File::create(&part)?;
        file.write_all(&encode(model))?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    publish().map_err(|source| Error::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_named() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "the file is empty"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
            (b"<!DOCTYPE html><html>", "not a usable ONNX model"),
            (&[0x08, 99, 0x3a, 2, 0x0a, 0], "IR version 99"),
        ];
        for (bytes, expected) in cases {
            let message = decode(bytes, Path::new("m.onnx")).expect_err(expected).to_string();
            assert!(message.contains(expected) && message.starts_with("m.onnx"), "{message}");
        }
    }
}
