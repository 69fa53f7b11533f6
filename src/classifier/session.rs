//! ONNX Runtime sessions behind arrays and ONNX messages: all of `ort`'s types stay in this file
//! and the next door.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use ndarray::ArrayD;
use ort::ep::{CPU, ExecutionProviderDispatch};
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::session::{RunOptions, Session as OrtSession, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType, ValueType};

use super::{ClassifierError, library};
use onnx_grad::gradient;
use onnx_grad::onnx;
use onnx_grad::onnx::proto::tensor_proto::{DataLocation, DataType};
use onnx_grad::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};

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
    /// The session of all workers, where an accelerator serves them.
    shared: Mutex<Option<Session>>,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Runner({} bytes, {} shared weights)",
            self.bytes.len(),
            self.weights.len()
        )
    }
}

impl Runner {
    /// Runners of two models that have weights in common.
    pub(super) fn pair(first: ModelProto, second: ModelProto) -> Result<[Self; 2], ClassifierError> {
        library::environment()?;
        let mut weights = Weights::new();
        let packed = PrepackedWeights::new();
        Ok([
            Self::new(first, &mut weights, &packed)?,
            Self::new(second, &mut weights, &packed)?,
        ])
    }

    fn new(
        mut model: ModelProto,
        known: &mut Weights,
        packed: &PrepackedWeights,
    ) -> Result<Self, ClassifierError> {
        let weights = take_weights(&mut model, known)?;
        Ok(Self {
            bytes: onnx::encode(&model),
            weights,
            packed: packed.clone(),
            shared: Mutex::default(),
        })
    }

    /// A session for one worker: its own, or that of an accelerator, which serves all.
    pub(super) fn session(&self) -> Result<Session, ClassifierError> {
        let Some(accelerator) = library::settings().provider.dispatch() else {
            return self.build(&[]);
        };
        // Held while it is built: the others wait for the one session.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shared {
            Some(session) => Ok(session.clone()),
            None => Ok(shared.insert(self.build(&[accelerator])?).clone()),
        }
    }

    /// A session on one thread: the workers are the parallelism, and one thread keeps sums in one
    /// order.
    fn build(&self, accelerators: &[ExecutionProviderDispatch]) -> Result<Session, ClassifierError> {
        let build = || {
            let mut builder = OrtSession::builder(library::environment().expect("loaded by pair"))?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_deterministic_compute(true)?
                .with_execution_providers(accelerators)?
                .with_prepacked_weights(&self.packed)?;
            for (name, weight) in &self.weights {
                // The first for the graph's optimisers, the second for the sharing of packed forms.
                builder = builder
                    .with_external_initializer(name, weight.clone())?
                    .with_initializer(name, weight.clone())?;
            }
            builder.commit_from_memory(&self.bytes)
        };
        let session: ort::Result<_> = build();
        session
            .map(|session| Session(Arc::new(Mutex::new(session))))
            .map_err(|e| ClassifierError::Run(format!("ONNX Runtime refuses the model: {e}")))
    }
}

/// Takes the large weights out of a model, to be handed to its sessions under their names. So no
/// message grows beyond what protobuf can hold, and models that have weights in common hold them
/// once.
fn take_weights(
    model: &mut ModelProto,
    known: &mut Weights,
) -> Result<Vec<(String, Arc<DynValue>)>, ClassifierError> {
    let mut weights = Vec::new();
    for tensor in model.graph.iter_mut().flat_map(|g| &mut g.initializer) {
        if !shareable(tensor) {
            continue;
        }
        let name = tensor.name().to_owned();
        let weight = match known.get(&name) {
            Some(weight) => weight.clone(),
            None => known
                .entry(name.clone())
                .or_insert(Arc::new(value(tensor)?))
                .clone(),
        };
        weights.push((name, weight));
        // ONNX's form for weights that are not in the file.
        tensor.raw_data = None;
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data = vec![StringStringEntryProto {
            key: Some("location".into()),
            value: Some("shared".into()),
        }];
    }
    Ok(weights)
}

/// Whether a weight is large, and of a type that [`value`] makes.
fn shareable(tensor: &TensorProto) -> bool {
    const TYPES: [DataType; 6] = [
        DataType::Float,
        DataType::Int64,
        DataType::Int32,
        DataType::Uint8,
        DataType::Int8,
        DataType::Bool,
    ];
    tensor
        .raw_data
        .as_ref()
        .is_some_and(|raw| raw.len() >= SHARED_FROM)
        && DataType::try_from(tensor.data_type()).is_ok_and(|kind| TYPES.contains(&kind))
}

/// What goes into a model.
#[derive(Clone, Debug)]
pub(super) enum Feed {
    Floats(ArrayD<f32>),
    Integers(Vec<i64>),
}

/// One session. Only that of an accelerator is ever waited for.
#[derive(Clone, Debug)]
pub(super) struct Session(Arc<Mutex<OrtSession>>);

impl Session {
    /// The named float32 outputs for named inputs.
    pub(super) fn run(
        &self,
        inputs: Vec<(&str, Feed)>,
        outputs: &[String],
    ) -> Result<Vec<ArrayD<f32>>, ClassifierError> {
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limited(|options| {
            let mut feed: Vec<(&str, SessionInputValue<'_>)> = Vec::new();
            for (name, value) in inputs {
                let value = match value {
                    Feed::Floats(array) => Tensor::from_array(array)?.into(),
                    Feed::Integers(list) => Tensor::from_array(([list.len()], list))?.into(),
                };
                feed.push((name, value));
            }
            let results = session.run_with_options(feed, options)?;
            outputs
                .iter()
                .map(|name| {
                    Ok(results[name.as_str()]
                        .try_extract_array::<f32>()?
                        .to_owned())
                })
                .collect()
        })
    }
}

/// One run of the runtime, which is ended when it takes longer than
/// [`Settings::run_timeout`](super::Settings).
fn limited<T>(run: impl FnOnce(&RunOptions) -> ort::Result<T>) -> Result<T, ClassifierError> {
    let limit = library::settings().run_timeout;
    let failed = |e: ort::Error| ClassifierError::Runtime(e.to_string());
    let options = RunOptions::new().map_err(failed)?;
    let (finished, watched) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let options = &options;
        let watchdog = scope.spawn(move || {
            let late = watched.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            late && options.terminate().is_ok()
        });
        let result = run(options);
        drop(finished);
        match watchdog.join() {
            Ok(true) if result.is_err() => Err(ClassifierError::Run(format!(
                "a run passed {} s and was ended",
                limit.as_secs_f64()
            ))),
            _ => result.map_err(failed),
        }
    })
}

/// Any ONNX model as it is, unoptimised and on one thread: what the gradient compiler's probe
/// needs, and its tests.
#[derive(Debug)]
pub struct AnyModel(OrtSession);

impl AnyModel {
    /// A session of the model.
    ///
    /// # Errors
    /// The runtime's message, or that of a missing library.
    pub fn new(model: &ModelProto) -> Result<Self, ClassifierError> {
        let environment = library::environment()?;
        let mut model = model.clone();
        let weights = take_weights(&mut model, &mut Weights::new())?;
        let build = || {
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
        let session: ort::Result<_> = build();
        session.map(Self).map_err(|e| ClassifierError::Run(e.to_string()))
    }

    /// All outputs for named inputs.
    ///
    /// # Errors
    /// The runtime's message.
    pub fn run(&mut self, inputs: &[TensorProto]) -> Result<Vec<TensorProto>, ClassifierError> {
        let mut feed: Vec<(String, SessionInputValue<'_>)> = Vec::new();
        for tensor in inputs {
            feed.push((tensor.name().to_owned(), value(tensor)?.into()));
        }
        limited(|options| {
            self.0
                .run_with_options(feed, options)?
                .iter()
                .map(|(name, value)| message(name, &value))
                .collect()
        })
    }
}

/// A value of the runtime as an ONNX message.
fn message(name: &str, value: &DynValue) -> ort::Result<TensorProto> {
    macro_rules! tensor {
        ($type:ty, $kind:expr, $bytes:expr) => {{
            let (shape, data) = value.try_extract_tensor::<$type>()?;
            TensorProto::from_raw(
                name,
                &sizes(shape),
                $kind,
                data.iter().flat_map($bytes).collect(),
            )
        }};
    }
    Ok(match element(value.dtype()) {
        Some(TensorElementType::Int64) => tensor!(i64, DataType::Int64, |v| v.to_le_bytes()),
        Some(TensorElementType::Int32) => tensor!(i32, DataType::Int32, |v| v.to_le_bytes()),
        Some(TensorElementType::Uint8) => tensor!(u8, DataType::Uint8, |v| v.to_le_bytes()),
        Some(TensorElementType::Int8) => tensor!(i8, DataType::Int8, |v| v.to_le_bytes()),
        Some(TensorElementType::Bool) => tensor!(bool, DataType::Bool, |&v| [u8::from(v)]),
        _ => tensor!(f32, DataType::Float, |v| v.to_le_bytes()),
    })
}

fn element(kind: &ValueType) -> Option<TensorElementType> {
    if let ValueType::Tensor { ty, .. } = kind {
        Some(*ty)
    } else {
        None
    }
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

fn value(tensor: &TensorProto) -> Result<DynValue, ClassifierError> {
    let shape = tensor.shape();
    let raw = || tensor.raw_data.clone().unwrap_or_default();
    let value = match DataType::try_from(tensor.data_type()) {
        Ok(DataType::Float) => {
            Tensor::from_array((shape, tensor.floats().map_err(ClassifierError::Run)?)).map(Tensor::into_dyn)
        }
        Ok(DataType::Uint8) => Tensor::from_array((shape, raw().to_vec())).map(Tensor::into_dyn),
        Ok(DataType::Int8) => {
            let signed: Vec<_> = raw().iter().map(|&b| b as i8).collect();
            Tensor::from_array((shape, signed)).map(Tensor::into_dyn)
        }
        Ok(DataType::Bool) => {
            let truths: Vec<_> = raw().iter().map(|&b| b != 0).collect();
            Tensor::from_array((shape, truths)).map(Tensor::into_dyn)
        }
        Ok(DataType::Int32) => {
            let narrow: Vec<_> = tensor
                .integers()
                .map_err(ClassifierError::Run)?
                .iter()
                .map(|&v| v as i32)
                .collect();
            Tensor::from_array((shape, narrow)).map(Tensor::into_dyn)
        }
        _ => Tensor::from_array((shape, tensor.integers().map_err(ClassifierError::Run)?))
            .map(Tensor::into_dyn),
    };
    value.map_err(|e| ClassifierError::Run(e.to_string()))
}

/// ONNX Runtime as the gradient compiler sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnnxRuntime;

impl gradient::Runtime for OnnxRuntime {
    fn run(&self, model: &ModelProto, input: &TensorProto) -> Result<Vec<TensorProto>, String> {
        AnyModel::new(model)
            .and_then(|mut model| model.run(std::slice::from_ref(input)))
            .map_err(|e| e.to_string())
    }
}
