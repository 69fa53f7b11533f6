//! Reading and writing model files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{self, WireType};

use super::atomic::write_atomically;
use super::check::check;
use super::error::OnnxError;
use super::external;
use super::proto::ModelProto;

/// The newest IR version whose messages [`super::proto`] contains. A newer file may have fields
/// that would be lost.
const IR_VERSION: i64 = 14;

/// The maximum length of a message, as readers count its bytes in a signed 32-bit integer.
const MESSAGE_LIMIT: usize = i32::MAX as usize;

/// Loads the model in `path`, including the weights that it stores in other files.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read, is not an ONNX model, has a newer IR version,
/// contradicts itself, or stores weights outside its own folder.
pub fn load(path: &Path) -> Result<ModelProto, OnnxError> {
    let bytes = fs::read(path).map_err(|source| OnnxError::Io {
        path: path.into(),
        source,
    })?;
    let mut model = decode(bytes, path)?;
    external::read_in(&mut model, path)?;
    // This also checks the weights from other files.
    model
        .graph
        .as_ref()
        .map_or(Ok(()), check)
        .map_err(|reason| OnnxError::Format {
            path: path.into(),
            reason,
        })?;
    Ok(model)
}

/// The files of a model: `path` itself, and those beside it that hold weights.
///
/// # Errors
/// [`OnnxError`] as for [`load`].
pub fn files(path: &Path) -> Result<Vec<PathBuf>, OnnxError> {
    let bytes = fs::read(path).map_err(|source| OnnxError::Io {
        path: path.into(),
        source,
    })?;
    let mut model = decode(bytes, path)?;
    Ok([vec![path.to_owned()], external::files(&mut model, path)].concat())
}

/// Decodes the model in `bytes`. Errors name it `origin`. Weights are slices of `bytes`; weights in
/// other files are not read.
///
/// # Errors
/// [`OnnxError::Format`] if the bytes are not an ONNX model, or one that contradicts itself.
pub fn decode(bytes: impl Into<Bytes>, origin: &Path) -> Result<ModelProto, OnnxError> {
    let bytes = bytes.into();
    let format = |reason: String| OnnxError::Format {
        path: origin.into(),
        reason,
    };
    if bytes.is_empty() {
        return Err(format("the file is empty".into()));
    }
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(format(
            "it is a git-lfs pointer; fetch the file itself with `git lfs pull`".into(),
        ));
    }
    let model = ModelProto::decode(bytes).map_err(|e| format(e.to_string()))?;
    if model.graph.as_ref().is_none_or(|g| g.node.is_empty()) {
        return Err(format("it has no graph".into()));
    }
    if model.ir_version() > IR_VERSION {
        let version = model.ir_version();
        return Err(format(format!(
            "IR version {version} is newer than {IR_VERSION}, the newest that is supported"
        )));
    }
    model.graph.as_ref().map_or(Ok(()), check).map_err(format)?;
    Ok(model)
}

/// The bytes of a model file. No reader accepts a file beyond the 2 GB of protobuf; [`save`] splits
/// a larger model.
#[must_use]
pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// Writes the model to `path`. It is written to a temporary file first, which is then renamed, so
/// that a reader sees either the old file or the complete new one. If the model is too large for
/// one protobuf message (2 GB), its large weights are stored in `path` + `.data`, as ONNX's
/// external data.
///
/// # Errors
/// If a file cannot be written.
pub fn save(model: ModelProto, path: &Path) -> io::Result<()> {
    save_within(model, path, MESSAGE_LIMIT)
}

fn save_within(mut model: ModelProto, path: &Path, limit: usize) -> io::Result<()> {
    if model.encoded_len() > limit {
        let data = path.with_added_extension("data");
        write_atomically(&data, |file| external::write_out(&mut model, file, &data))?;
    }
    write_atomically(path, |file| write(model, file))
}

/// Writes the message weight by weight, so that there is no second copy of a large model in memory.
///
/// In protocol buffers, a field that is a message consists of its key, its length and its content.
/// Fields may be in any order.
fn write(mut model: ModelProto, file: &mut impl Write) -> io::Result<()> {
    const GRAPH: u32 = 7; // of ModelProto
    const INITIALIZER: u32 = 5; // of GraphProto
    let mut graph = model.graph.take().unwrap_or_default();
    let weights = std::mem::take(&mut graph.initializer);
    let length = weights
        .iter()
        .map(|w| encoding::message::encoded_len(INITIALIZER, w))
        .sum::<usize>();

    let mut head = model.encode_to_vec();
    encoding::encode_key(GRAPH, WireType::LengthDelimited, &mut head);
    encoding::encode_varint((graph.encoded_len() + length) as u64, &mut head);
    graph.encode(&mut head)?;
    file.write_all(&head)?;
    for weight in weights {
        let mut bytes = Vec::new();
        encoding::message::encode(INITIALIZER, &weight, &mut bytes);
        file.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

    #[test]
    fn files_that_are_not_models_are_refused() {
        let cases: [(&'static [u8], &str); 4] = [
            (b"", "the file is empty"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git-lfs pointer",
            ),
            (b"<!DOCTYPE html><html>", "not a usable ONNX model"),
            (&[0x08, 99, 0x3a, 2, 0x0a, 0], "IR version 99"),
        ];
        for (bytes, expected) in cases {
            let message = decode(bytes, Path::new("m.onnx"))
                .expect_err(expected)
                .to_string();
            assert!(
                message.contains(expected) && message.starts_with("m.onnx"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_model_beyond_the_limit_keeps_its_weights_in_a_second_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let graph = GraphProto {
            node: vec![NodeProto {
                input: vec!["w".into()],
                output: vec!["y".into()],
                ..NodeProto::default()
            }],
            initializer: vec![
                TensorProto::from_floats("w", &[3000], &[0.5; 3000]),
                TensorProto::from_integers("small", &[1], &[7]),
                TensorProto::from_floats("v", &[2000], &[0.25; 2000]),
            ],
            ..GraphProto::default()
        };
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(graph),
            ..ModelProto::default()
        };
        for (limit, files) in [(MESSAGE_LIMIT, 1), (10_000, 2)] {
            let path = folder.path().join(format!("{limit}")).join("m.onnx");
            fs::create_dir(path.parent().expect("a folder")).expect("a folder");
            save_within(model.clone(), &path, limit).expect("written");
            assert_eq!(
                fs::read_dir(path.parent().expect("a folder"))
                    .expect("a folder")
                    .count(),
                files
            );
            assert_eq!(load(&path).expect("read back"), model, "limit {limit}");
        }
    }
}
