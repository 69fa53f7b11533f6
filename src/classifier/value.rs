//! Between ONNX messages and values of ONNX Runtime.

use onnx_grad::onnx::proto::TensorProto;
use onnx_grad::onnx::proto::tensor_proto::DataType;
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};

use super::error::ClassifierError;

/// A tensor of an ONNX file as a value of the runtime.
pub(super) fn to_value(tensor: &TensorProto) -> Result<DynValue, ClassifierError> {
    let shape = tensor.shape();
    let raw = || tensor.raw_data.clone().unwrap_or_default();
    let integers = || tensor.integers().map_err(ClassifierError::Run);
    let value = match DataType::try_from(tensor.data_type()) {
        Ok(DataType::Float) => {
            let floats = tensor.floats().map_err(ClassifierError::Run)?;
            Tensor::from_array((shape, floats)).map(Tensor::into_dyn)
        }
        Ok(DataType::Uint8) => Tensor::from_array((shape, raw().to_vec())).map(Tensor::into_dyn),
        Ok(DataType::Int8) => {
            let bytes: Vec<_> = raw().iter().map(|&b| b as i8).collect();
            Tensor::from_array((shape, bytes)).map(Tensor::into_dyn)
        }
        Ok(DataType::Bool) => {
            let booleans: Vec<_> = raw().iter().map(|&b| b != 0).collect();
            Tensor::from_array((shape, booleans)).map(Tensor::into_dyn)
        }
        Ok(DataType::Int32) => {
            let integers: Vec<_> = integers()?.iter().map(|&v| v as i32).collect();
            Tensor::from_array((shape, integers)).map(Tensor::into_dyn)
        }
        _ => Tensor::from_array((shape, integers()?)).map(Tensor::into_dyn),
    };
    value.map_err(|e| ClassifierError::Run(e.to_string()))
}

/// A value of the runtime as a tensor of an ONNX file.
pub(super) fn to_tensor_proto(name: &str, value: &DynValue) -> ort::Result<TensorProto> {
    macro_rules! tensor {
        ($type:ty, $kind:expr, $bytes:expr) => {{
            let (shape, data) = value.try_extract_tensor::<$type>()?;
            let dims: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
            let raw = data.iter().flat_map($bytes).collect();
            TensorProto::from_raw(name, &dims, $kind, raw)
        }};
    }
    let element = match value.dtype() {
        ValueType::Tensor { ty, .. } => Some(*ty),
        _ => None,
    };
    Ok(match element {
        Some(TensorElementType::Int64) => tensor!(i64, DataType::Int64, |v| v.to_le_bytes()),
        Some(TensorElementType::Int32) => tensor!(i32, DataType::Int32, |v| v.to_le_bytes()),
        Some(TensorElementType::Uint8) => tensor!(u8, DataType::Uint8, |v| v.to_le_bytes()),
        Some(TensorElementType::Int8) => tensor!(i8, DataType::Int8, |v| v.to_le_bytes()),
        Some(TensorElementType::Bool) => tensor!(bool, DataType::Bool, |&v| [u8::from(v)]),
        _ => tensor!(f32, DataType::Float, |v| v.to_le_bytes()),
    })
}
