//! Large weights, which are kept outside the models that sessions are created from.
//!
//! ONNX Runtime is handed them under their names. So no serialised model grows beyond protobuf's
//! limit of 2 GB, and models that have weights in common hold them once.

use std::collections::HashMap;
use std::sync::Arc;

use onnx_grad::onnx::proto::tensor_proto::{DataLocation, DataType};
use onnx_grad::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};
use ort::value::DynValue;

use super::error::ClassifierError;
use super::value::to_value;

/// Weights of at least this many bytes are extracted.
const MIN_EXTRACTED_BYTES: usize = 16 << 10;

/// Weights by name.
pub(super) type WeightsByName = HashMap<String, Arc<DynValue>>;

/// Moves the large weights out of a model, and returns them with their names. Weights that are in
/// `known` are shared; others are added to it.
pub(super) fn extract_weights(
    model: &mut ModelProto,
    known: &mut WeightsByName,
) -> Result<Vec<(String, Arc<DynValue>)>, ClassifierError> {
    let mut weights = Vec::new();
    for tensor in model
        .graph
        .iter_mut()
        .flat_map(|graph| &mut graph.initializer)
    {
        if !is_extracted(tensor) {
            continue;
        }
        let name = tensor.name().to_owned();
        let weight = match known.get(&name) {
            Some(weight) => weight.clone(),
            None => {
                let weight = Arc::new(to_value(tensor)?);
                known.insert(name.clone(), weight.clone());
                weight
            }
        };
        weights.push((name, weight));
        // This is how ONNX declares weights that are not in the file. The location is not read.
        tensor.raw_data = None;
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data = vec![StringStringEntryProto {
            key: Some("location".into()),
            value: Some("shared".into()),
        }];
    }
    Ok(weights)
}

/// Whether a weight is large, and of a type that [`to_value`] converts.
fn is_extracted(tensor: &TensorProto) -> bool {
    const TYPES: [DataType; 6] = [
        DataType::Float,
        DataType::Int64,
        DataType::Int32,
        DataType::Uint8,
        DataType::Int8,
        DataType::Bool,
    ];
    let is_large = tensor
        .raw_data
        .as_ref()
        .is_some_and(|raw| raw.len() >= MIN_EXTRACTED_BYTES);
    is_large && DataType::try_from(tensor.data_type()).is_ok_and(|kind| TYPES.contains(&kind))
}
