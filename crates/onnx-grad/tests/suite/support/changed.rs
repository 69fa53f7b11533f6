//! A small model, and changes that break it.

use onnx_grad::onnx::encode;
use onnx_grad::onnx::proto::tensor_proto::DataLocation;
use onnx_grad::onnx::proto::{GraphProto, ModelProto, StringStringEntryProto, TensorProto};

use super::notation::written;

/// `y = x + w`, four numbers.
pub(crate) fn add() -> ModelProto {
    written(17, &[1, 4], "y = Add(x, w)", "w = [0.5, 1.5, 2.5, 3.5]")
}

/// [`add`] after a change, encoded.
pub(crate) fn with(change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = add();
    change(&mut model);
    encode(&model)
}

/// The graph of a model that has one.
pub(crate) fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

/// [`add`] after a change of its weight, encoded.
pub(crate) fn weight(change: impl FnOnce(&mut TensorProto)) -> Vec<u8> {
    with(|model| change(&mut graph(model).initializer[0]))
}

/// [`add`] with its weight in another file, encoded.
pub(crate) fn external(location: &str, more: &[(&str, &str)]) -> Vec<u8> {
    weight(|w| {
        let entry = |(k, v): (&str, &str)| StringStringEntryProto {
            key: Some(k.into()),
            value: Some(v.into()),
        };
        w.raw_data = None;
        w.data_location = Some(DataLocation::External as i32);
        w.external_data = [("location", location)]
            .iter()
            .chain(more)
            .map(|&e| entry(e))
            .collect();
    })
}
