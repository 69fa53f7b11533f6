//! Weights stored in other files. Nothing outside the model's own folder is opened.
//!
//! Older runtimes follow `..`, absolute paths and symbolic links out of the folder (CVE-2022-25882,
//! CVE-2024-27318, CVE-2025-51480), so every tensor is checked here before any runtime sees the
//! model.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use super::error::OnnxError;
use super::proto::{
    GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto,
    tensor_proto::DataLocation,
};

/// Reads every external tensor of the model in `path` into the message, including those of
/// subgraphs and attributes.
///
/// # Errors
/// [`OnnxError::External`] for a location that is absolute, is outside the folder, is not a regular
/// file, or is too short.
pub(super) fn read_in(model: &mut ModelProto, path: &Path) -> Result<(), OnnxError> {
    let mut visit = |tensor: &mut TensorProto| {
        if tensor.data_location() != DataLocation::External {
            return Ok(());
        }
        let location = entry(tensor, "location").unwrap_or_default().to_owned();
        let bytes = read(tensor, &location, path).map_err(|reason| OnnxError::External {
            path: path.into(),
            tensor: tensor.name().into(),
            location,
            reason,
        })?;
        tensor.raw_data = Some(bytes.into());
        tensor.external_data.clear();
        tensor.data_location = None;
        Ok(())
    };
    in_model(model, &mut visit)
}

/// The files beside `path` in which the model stores weights, sorted and without repetition. They
/// are not opened.
pub(super) fn files(model: &mut ModelProto, path: &Path) -> Vec<PathBuf> {
    let mut files = BTreeSet::new();
    let mut visit = |tensor: &mut TensorProto| {
        if tensor.data_location() == DataLocation::External {
            files.extend(entry(tensor, "location").map(|location| path.with_file_name(location)));
        }
        Ok(())
    };
    in_model(model, &mut visit).expect("the visitor returns no error");
    files.into_iter().collect()
}

/// Moves the large weights of the graph to `file`, which will be called `path` when it is read.
pub(super) fn write_out(
    model: &mut ModelProto,
    file: &mut impl Write,
    path: &Path,
) -> io::Result<()> {
    /// In bytes. Smaller weights stay in the message, as optimisers look at shapes and axes.
    const LARGE: usize = 4096;
    let location = path.file_name().unwrap_or_default().to_string_lossy();
    let mut offset = 0;
    for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer) {
        let Some(raw) = tensor.raw_data.take_if(|raw| raw.len() >= LARGE) else {
            continue;
        };
        file.write_all(&raw)?;
        let entries = [
            ("location", location.to_string()),
            ("offset", offset.to_string()),
            ("length", raw.len().to_string()),
        ];
        let entry = |(key, value): (&str, String)| StringStringEntryProto {
            key: Some(key.into()),
            value: Some(value),
        };
        tensor.external_data = entries.map(entry).into();
        tensor.data_location = Some(DataLocation::External as i32);
        offset += raw.len();
    }
    Ok(())
}

type Visitor<'a> = &'a mut dyn FnMut(&mut TensorProto) -> Result<(), OnnxError>;

fn in_model(model: &mut ModelProto, visit: Visitor<'_>) -> Result<(), OnnxError> {
    model
        .graph
        .as_mut()
        .map_or(Ok(()), |graph| in_graph(graph, &mut *visit))?;
    model
        .functions
        .iter_mut()
        .flat_map(|f| &mut f.node)
        .try_for_each(|node| in_node(node, &mut *visit))
}

fn in_graph(graph: &mut GraphProto, visit: Visitor<'_>) -> Result<(), OnnxError> {
    graph.initializer.iter_mut().try_for_each(&mut *visit)?;
    for sparse in &mut graph.sparse_initializer {
        sparse
            .values
            .iter_mut()
            .chain(&mut sparse.indices)
            .try_for_each(&mut *visit)?;
    }
    graph
        .node
        .iter_mut()
        .try_for_each(|node| in_node(node, visit))
}

fn in_node(node: &mut NodeProto, visit: Visitor<'_>) -> Result<(), OnnxError> {
    for attribute in &mut node.attribute {
        attribute
            .t
            .iter_mut()
            .chain(&mut attribute.tensors)
            .try_for_each(&mut *visit)?;
        attribute
            .g
            .iter_mut()
            .chain(&mut attribute.graphs)
            .try_for_each(|graph| in_graph(graph, visit))?;
    }
    Ok(())
}

fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor
        .external_data
        .iter()
        .find(|e| e.key() == key)
        .map(StringStringEntryProto::value)
}

fn read(tensor: &TensorProto, location: &str, model: &Path) -> Result<Vec<u8>, String> {
    let relative = Path::new(location);
    if location.is_empty()
        || !relative
            .components()
            .all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
    {
        return Err("which is outside the model's folder".into());
    }
    let folder = model
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|e| e.to_string())?;
    let file = folder
        .join(relative)
        .canonicalize()
        .map_err(|e| format!("which cannot be read: {e}"))?;
    if !file.starts_with(&folder) {
        return Err("which is outside the model's folder".into());
    }
    let metadata = file.metadata().map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("which is not a regular file".into());
    }
    let number = |key, default| match entry(tensor, key) {
        None => Ok(default),
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| format!("with the {key} '{text}', which is not a size")),
    };
    let offset = number("offset", 0)?;
    let length = number("length", metadata.len().saturating_sub(offset))?;
    if offset
        .checked_add(length)
        .is_none_or(|end| end > metadata.len())
    {
        return Err(format!(
            "{length} bytes from byte {offset} on, but the file has {}",
            metadata.len()
        ));
    }
    let mut bytes = Vec::new();
    let mut file = File::open(file).map_err(|e| e.to_string())?;
    file.seek(SeekFrom::Start(offset))
        .map_err(|e| e.to_string())?;
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::AttributeProto;

    fn external(location: &str, extra: &[(&str, &str)]) -> TensorProto {
        let entry = |(k, v): (&str, &str)| StringStringEntryProto {
            key: Some(k.into()),
            value: Some(v.into()),
        };
        TensorProto {
            name: Some("w".into()),
            data_type: Some(1),
            dims: vec![2],
            data_location: Some(DataLocation::External as i32),
            external_data: [("location", location)]
                .iter()
                .chain(extra)
                .map(|&e| entry(e))
                .collect(),
            ..Default::default()
        }
    }

    /// A model with the tensor in a subgraph of an attribute, which is easily forgotten.
    fn model(tensor: TensorProto) -> ModelProto {
        let inner = GraphProto {
            initializer: vec![tensor],
            ..Default::default()
        };
        let attribute = AttributeProto {
            g: Some(inner),
            ..Default::default()
        };
        let node = NodeProto {
            attribute: vec![attribute],
            ..Default::default()
        };
        ModelProto {
            graph: Some(GraphProto {
                node: vec![node],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn only_regular_files_under_the_models_folder_are_read() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("model");
        std::fs::create_dir_all(folder.join("sub")).expect("a folder");
        std::fs::write(outer.path().join("secret.bin"), [0; 8]).expect("a file");
        std::fs::write(
            folder.join("sub/w.bin"),
            [0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64],
        )
        .expect("a file");
        std::os::unix::fs::symlink("../secret.bin", folder.join("link.bin")).expect("a link");
        let path = folder.join("m.onnx");

        let mut good = model(external("sub/w.bin", &[("offset", "4"), ("length", "8")]));
        read_in(&mut good, &path).expect("a good location");
        let graph = good.graph.expect("a graph").node[0].attribute[0]
            .g
            .clone()
            .expect("a subgraph");
        assert_eq!(graph.initializer[0].floats().expect("floats"), [1.0, 2.0]);

        let absolute = outer.path().join("secret.bin");
        let cases = [
            (external("../secret.bin", &[]), "outside the model's folder"),
            (
                external(absolute.to_str().expect("a path"), &[]),
                "outside the model's folder",
            ),
            (external("link.bin", &[]), "outside the model's folder"),
            (external("sub", &[]), "not a regular file"),
            (external("gone.bin", &[]), "cannot be read"),
            (
                external("sub/w.bin", &[("length", "1125899906842624")]),
                "but the file has 12",
            ),
            (external("sub/w.bin", &[("offset", "-4")]), "not a size"),
        ];
        for (tensor, expected) in cases {
            let message = read_in(&mut model(tensor), &path)
                .expect_err(expected)
                .to_string();
            assert!(
                message.contains(expected) && message.contains("tensor 'w' is stored in"),
                "{message}"
            );
        }
    }
}
