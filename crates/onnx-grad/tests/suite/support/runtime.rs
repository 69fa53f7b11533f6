//! ONNX Runtime for the tests and the fuzz target of this crate, which itself has none.
//!
//! `ort` loads the library that `ORT_DYLIB_PATH` names. `.cargo/config.toml` sets this variable to
//! the one that `scripts/fetch-onnxruntime` fetches. A test that finds no library fails.

use onnx_grad::gradient::Runtime;
use onnx_grad::onnx;
use onnx_grad::onnx::proto::tensor_proto::DataType;
use onnx_grad::onnx::proto::{ModelProto, TensorProto};
use ort::ep::CPU;
use ort::session::SessionInputValue;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};

/// ONNX Runtime as the gradient compiler uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrtRuntime;

impl Runtime for OrtRuntime {
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String> {
        OrtModel::new(model)?.run(std::slice::from_ref(input))
    }
}

/// A session of a model, unoptimised and on one thread: every node is run as it is in the file, and
/// sums have one order.
#[derive(Debug)]
pub(crate) struct OrtModel(ort::session::Session);

impl OrtModel {
    /// # Errors
    /// The message of ONNX Runtime, which refuses the model.
    pub(crate) fn new(model: &ModelProto) -> Result<Self, String> {
        let build = || {
            ort::session::Session::builder(environment())?
                .with_optimization_level(GraphOptimizationLevel::Disable)?
                .with_execution_providers([CPU::default().with_arena_allocator(false).build()])?
                .with_prepacking(false)?
                .with_intra_threads(1)?
                .commit_from_memory(&onnx::encode(model))
        };
        let session: ort::Result<_> = build();
        session.map(Self).map_err(|e| e.to_string())
    }

    /// All outputs for named inputs.
    ///
    /// # Errors
    /// The message of ONNX Runtime.
    pub(crate) fn run(&mut self, inputs: &[TensorProto]) -> Result<Vec<TensorProto>, String> {
        let mut feed: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for input in inputs {
            feed.push((input.name().to_owned(), to_value(input)?.into()));
        }
        let outputs = self.0.run(feed).map_err(|e| e.to_string())?;
        outputs
            .iter()
            .map(|(name, value)| to_tensor(name, &value).map_err(|e| e.to_string()))
            .collect()
    }
}

/// Runs a model once.
///
/// # Errors
/// The message of ONNX Runtime.
pub(crate) fn run(model: &ModelProto, inputs: &[TensorProto]) -> Result<Vec<TensorProto>, String> {
    OrtModel::new(model)?.run(inputs)
}

fn to_value(tensor: &TensorProto) -> Result<DynValue, String> {
    let shape = tensor.shape();
    let bytes = tensor.raw_data.clone().unwrap_or_default().to_vec();
    let value = match DataType::try_from(tensor.data_type()) {
        Ok(DataType::Float) => Tensor::from_array((shape, tensor.floats()?)).map(Tensor::into_dyn),
        Ok(DataType::Uint8) => Tensor::from_array((shape, bytes)).map(Tensor::into_dyn),
        Ok(DataType::Int8) => {
            let values: Vec<_> = bytes.iter().map(|&b| b as i8).collect();
            Tensor::from_array((shape, values)).map(Tensor::into_dyn)
        }
        Ok(DataType::Bool) => {
            let values: Vec<_> = bytes.iter().map(|&b| b != 0).collect();
            Tensor::from_array((shape, values)).map(Tensor::into_dyn)
        }
        Ok(DataType::Int32) => {
            let values: Vec<_> = tensor.integers()?.iter().map(|&v| v as i32).collect();
            Tensor::from_array((shape, values)).map(Tensor::into_dyn)
        }
        _ => Tensor::from_array((shape, tensor.integers()?)).map(Tensor::into_dyn),
    };
    value.map_err(|e| e.to_string())
}

fn to_tensor(name: &str, value: &DynValue) -> ort::Result<TensorProto> {
    macro_rules! tensor {
        ($type:ty, $kind:ident, $to_bytes:expr) => {{
            let (shape, data) = value.try_extract_tensor::<$type>()?;
            let shape: Vec<_> = shape.iter().map(|&n| n as usize).collect();
            let bytes = data.iter().flat_map($to_bytes).collect();
            TensorProto::from_raw(name, &shape, DataType::$kind, bytes)
        }};
    }
    let element = match value.dtype() {
        ValueType::Tensor { ty, .. } => Some(*ty),
        _ => None,
    };
    Ok(match element {
        Some(TensorElementType::Int64) => tensor!(i64, Int64, |v| v.to_le_bytes()),
        Some(TensorElementType::Int32) => tensor!(i32, Int32, |v| v.to_le_bytes()),
        Some(TensorElementType::Uint8) => tensor!(u8, Uint8, |v| v.to_le_bytes()),
        Some(TensorElementType::Int8) => tensor!(i8, Int8, |v| v.to_le_bytes()),
        Some(TensorElementType::Bool) => tensor!(bool, Bool, |&v| [u8::from(v)]),
        _ => tensor!(f32, Float, |v| v.to_le_bytes()),
    })
}

/// The one environment of the process.
///
/// # Panics
/// When there is no library.
fn environment() -> &'static ort::environment::Environment {
    use std::sync::OnceLock;
    static ENVIRONMENT: OnceLock<ort::environment::Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let path = std::env::var_os("ORT_DYLIB_PATH")
            .expect("ORT_DYLIB_PATH names the library; scripts/fetch-onnxruntime fetches one");
        ort::init_from(&path)
            .unwrap_or_else(|e| panic!("{}: {e}; run scripts/fetch-onnxruntime", path.display()))
            .with_name("onnx-grad")
            .build()
            .unwrap_or_else(|e| panic!("ONNX Runtime does not start: {e}"))
    })
}
