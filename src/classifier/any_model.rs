//! Any ONNX model, run as it is.

use onnx_grad::gradient::Runtime;
use onnx_grad::onnx;
use onnx_grad::onnx::proto::{ModelProto, TensorProto};
use ort::ep::CPU;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session as OrtSession, SessionInputValue};

use super::error::ClassifierError;
use super::library;
use super::timeout::run_with_timeout;
use super::value::{to_tensor_proto, to_value};
use super::weights::{WeightsByName, extract_weights};

/// Any ONNX model, run without optimisations and on one thread. The gradient compiler learns shapes
/// and constants from it.
#[derive(Debug)]
pub struct AnyModel(OrtSession);

impl AnyModel {
    /// A session of the model.
    ///
    /// # Errors
    /// [`ClassifierError::Library`] if there is no ONNX Runtime, or [`ClassifierError::Run`] with
    /// the runtime's message.
    pub fn new(model: &ModelProto) -> Result<Self, ClassifierError> {
        let environment = library::environment()?;
        let mut model = model.clone();
        let weights = extract_weights(&mut model, &mut WeightsByName::new())?;
        let build = || -> ort::Result<OrtSession> {
            let mut builder = OrtSession::builder(environment)?
                .with_optimization_level(GraphOptimizationLevel::Disable)?
                .with_execution_providers([CPU::default().with_arena_allocator(false).build()])?
                .with_prepacking(false)?
                .with_intra_threads(1)?;
            for (name, weight) in weights {
                builder = builder
                    .with_external_initializer(&name, weight.clone())?
                    .with_initializer(&name, weight)?;
            }
            builder.commit_from_memory(&onnx::encode(&model))
        };
        build()
            .map(Self)
            .map_err(|e| ClassifierError::Run(e.to_string()))
    }

    /// All outputs for named inputs.
    ///
    /// # Errors
    /// [`ClassifierError::Runtime`] or [`ClassifierError::Run`] with the runtime's message.
    pub fn run(&mut self, inputs: &[TensorProto]) -> Result<Vec<TensorProto>, ClassifierError> {
        let mut values: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for tensor in inputs {
            values.push((tensor.name().to_owned(), to_value(tensor)?.into()));
        }
        run_with_timeout(|options| {
            let outputs = self.0.run_with_options(values, options)?;
            outputs
                .iter()
                .map(|(name, value)| to_tensor_proto(name, &value))
                .collect()
        })
    }
}

/// ONNX Runtime as the gradient compiler sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnnxRuntime;

impl Runtime for OnnxRuntime {
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String> {
        AnyModel::new(model)
            .and_then(|mut model| model.run(std::slice::from_ref(input)))
            .map_err(|e| e.to_string())
    }
}

/// The runtime for [`onnx_grad::gradient::compile`].
#[must_use]
pub fn runtime() -> impl Runtime {
    OnnxRuntime
}
