//! ONNX Runtime sessions behind arrays and ONNX messages: all of `ort`'s types stay in this file and the next door.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::ArrayD;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::session::{Session as OrtSession, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};

use super::{Error, library};
use crate::gradient;
use crate::onnx;
use crate::onnx::proto::tensor_proto::{DataLocation, DataType};
use crate::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};

/// Weights from this many bytes on are handed to all sessions instead of lying in each one's model.
const SHARED_FROM: usize = 16 << 10;

/// Large weights by name.
type Weights = HashMap<String, Arc<DynValue>>;

/// What the sessions of a model share: its graph, its large weights, their packed forms.
pub(super) struct Runner {
    /// The model without its large weights.
    bytes: Vec<u8>,
    weights: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({} bytes, {} shared weights)", self.bytes.len(), self.weights.len())
    }
}

impl Runner {
    /// Runners of two models that have weights in common.
    pub(super) fn pair(first: ModelProto, second: ModelProto) -> Result<[Self; 2], Error> {
        library::environment()?;
        let mut weights = Weights::new();
        let packed = PrepackedWeights::new();
        Ok([Self::new(first, &mut weights, &packed)?, Self::new(second, &mut weights, &packed)?])
    }

    fn new(mut model: ModelProto, known: &mut Weights, packed: &PrepackedWeights) -> Result<Self, Error> {
        let mut weights = Vec::new();
        for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer) {
            if tensor.raw_data.as_ref().is_none_or(|raw| raw.len() < SHARED_FROM) {
                continue;
            }
            let name = tensor.name().to_owned();
            let weight = match known.get(&name) {
                Some(weight) => weight.clone(),
                None => known.entry(name.clone()).or_insert(Arc::new(value(tensor)?)).clone(),
            };
            weights.push((name, weight));
            // ONNX's form for weights that are not in the file; the session is given them under their names.
            tensor.raw_data = None;
            tensor.data_location = Some(DataLocation::External as i32);
            tensor.external_data =
                vec![StringStringEntryProto { key: Some("location".into()), value: Some("shared".into()) }];
        }
        Ok(Self { bytes: onnx::encode(&model), weights, packed: packed.clone() })
    }

    /// A session on one thread: the workers are the parallelism, and one thread keeps sums in one order.
    pub(super) fn session(&self) -> Result<Session, Error> {
        let build = || {
            let mut builder = OrtSession::builder(library::environment().expect("loaded by pair"))?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_deterministic_compute(true)?
                .with_prepacked_weights(&self.packed)?;
            for (name, weight) in &self.weights {
                // The first for the graph's optimisers, the second for the sharing of packed forms.
                builder =
                    builder.with_external_initializer(name, weight.clone())?.with_initializer(name, weight.clone())?;
            }
            builder.commit_from_memory(&self.bytes)
        };
        let session: ort::Result<_> = build();
        session.map(Session).map_err(|e| Error::Run(format!("ONNX Runtime refuses the model: {e}")))
    }
}

/// One session.
#[derive(Debug)]
pub(super) struct Session(OrtSession);

impl Session {
    /// The named float32 outputs for named float32 inputs.
    pub(super) fn run<const N: usize>(
        &mut self,
        inputs: &[(&str, ArrayD<f32>)],
        outputs: [&str; N],
    ) -> Result<[ArrayD<f32>; N], Error> {
        let mut run = || -> ort::Result<Vec<ArrayD<f32>>> {
            let mut feed: Vec<(&str, SessionInputValue<'_>)> = Vec::new();
            for (name, array) in inputs {
                feed.push((name, Tensor::from_array(array.clone())?.into()));
            }
            let results = self.0.run(feed)?;
            outputs.iter().map(|name| Ok(results[*name].try_extract_array::<f32>()?.to_owned())).collect()
        };
        let results = run().map_err(|e| Error::Run(format!("ONNX Runtime failed: {e}")))?;
        Ok(results.try_into().expect("one array per name"))
    }
}

/// Runs a model once without optimising it. See [`super::run_once`].
pub(super) fn run_once(model: &ModelProto, inputs: &[TensorProto]) -> Result<Vec<TensorProto>, Error> {
    let environment = library::environment()?;
    let mut feed: Vec<(String, SessionInputValue<'_>)> = Vec::new();
    for tensor in inputs {
        feed.push((tensor.name().to_owned(), value(tensor)?.into()));
    }
    let run = || -> ort::Result<Vec<TensorProto>> {
        let mut session = OrtSession::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .with_intra_threads(1)?
            .commit_from_memory(&onnx::encode(model))?;
        let results = session.run(feed)?;
        let tensor = |(name, value): (&str, ort::value::ValueRef<'_>)| match element(value.dtype()) {
            Some(TensorElementType::Int64) => {
                let (shape, data) = value.try_extract_tensor::<i64>()?;
                Ok(TensorProto::from_integers(name, &sizes(shape), data))
            }
            Some(TensorElementType::Int32) => {
                let (shape, data) = value.try_extract_tensor::<i32>()?;
                let raw = data.iter().flat_map(|v| v.to_le_bytes()).collect();
                Ok(TensorProto::from_raw(name, &sizes(shape), DataType::Int32, raw))
            }
            Some(TensorElementType::Bool) => {
                let (shape, data) = value.try_extract_tensor::<bool>()?;
                let raw = data.iter().map(|&v| u8::from(v)).collect();
                Ok(TensorProto::from_raw(name, &sizes(shape), DataType::Bool, raw))
            }
            Some(TensorElementType::Float64) => {
                let (shape, data) = value.try_extract_tensor::<f64>()?;
                let raw = data.iter().flat_map(|v| v.to_le_bytes()).collect();
                Ok(TensorProto::from_raw(name, &sizes(shape), DataType::Double, raw))
            }
            _ => {
                let (shape, data) = value.try_extract_tensor::<f32>()?;
                Ok(TensorProto::from_floats(name, &sizes(shape), data))
            }
        };
        results.iter().map(tensor).collect()
    };
    run().map_err(|e| Error::Run(e.to_string()))
}

fn element(kind: &ValueType) -> Option<TensorElementType> {
    if let ValueType::Tensor { ty, .. } = kind { Some(*ty) } else { None }
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

fn value(tensor: &TensorProto) -> Result<DynValue, Error> {
    let shape = tensor.shape();
    let value = match tensor.floats() {
        Ok(values) => Tensor::from_array((shape, values)).map(Tensor::into_dyn),
        Err(_) => Tensor::from_array((shape, tensor.integers().map_err(Error::Run)?)).map(Tensor::into_dyn),
    };
    value.map_err(|e| Error::Run(e.to_string()))
}

/// ONNX Runtime as the gradient compiler sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runtime;

impl gradient::Runtime for Runtime {
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String> {
        run_once(model, std::slice::from_ref(input)).map_err(|e| e.to_string())
    }
}
