//! Sessions of ONNX Runtime for a compiled model.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayD;
use onnx_grad::onnx;
use onnx_grad::onnx::proto::ModelProto;
use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::session::{Session as OrtSession, SessionInputValue};
use ort::value::{DynValue, Tensor};

use super::error::ClassifierError;
use super::library;
use super::timeout::run_with_timeout;
use super::weights::{WeightsByName, extract_weights};

/// What all sessions of a model share: its graph, its large weights, and their packed forms.
pub(super) struct SharedModel {
    /// The serialised model without its large weights.
    bytes: Vec<u8>,
    weights: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
    /// On an accelerator, the one session of all workers.
    session: Mutex<Option<Session>>,
}

impl fmt::Debug for SharedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, weights) = (self.bytes.len(), self.weights.len());
        write!(f, "SharedModel({bytes} bytes, {weights} shared weights)")
    }
}

impl SharedModel {
    /// Models that share the weights that they have in common.
    pub(super) fn several(models: Vec<ModelProto>) -> Result<Vec<Self>, ClassifierError> {
        library::environment()?;
        let mut weights = WeightsByName::new();
        let packed = PrepackedWeights::new();
        models
            .into_iter()
            .map(|model| Self::new(model, &mut weights, &packed))
            .collect()
    }

    fn new(
        mut model: ModelProto,
        known: &mut WeightsByName,
        packed: &PrepackedWeights,
    ) -> Result<Self, ClassifierError> {
        let weights = extract_weights(&mut model, known)?;
        Ok(Self {
            bytes: onnx::encode(&model),
            weights,
            packed: packed.clone(),
            session: Mutex::default(),
        })
    }

    /// A session for one worker: a new one on the processor, or the shared one of an accelerator.
    pub(super) fn session(&self) -> Result<Session, ClassifierError> {
        let Some(accelerator) = library::settings().provider.dispatch() else {
            return self.build(&[]);
        };
        // The lock is held while the session is built, so that other workers wait for it.
        let mut shared = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match &*shared {
            Some(session) => Ok(session.clone()),
            None => Ok(shared.insert(self.build(&[accelerator])?).clone()),
        }
    }

    /// A session that runs on one thread. Parallelism comes from the number of workers, and one
    /// thread keeps the order of sums, and so the results, the same.
    fn build(
        &self,
        accelerators: &[ExecutionProviderDispatch],
    ) -> Result<Session, ClassifierError> {
        let environment = library::environment()?;
        let build = || -> ort::Result<OrtSession> {
            let mut builder = OrtSession::builder(environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_deterministic_compute(true)?
                .with_execution_providers(accelerators)?
                .with_prepacked_weights(&self.packed)?;
            for (name, weight) in &self.weights {
                // The first call is for the optimisers of the graph, the second for sharing packed
                // weights.
                builder = builder
                    .with_external_initializer(name, weight.clone())?
                    .with_initializer(name, weight.clone())?;
            }
            builder.commit_from_memory(&self.bytes)
        };
        match build() {
            Ok(session) => Ok(Session(Arc::new(Mutex::new(session)))),
            Err(e) => Err(ClassifierError::Run(format!(
                "ONNX Runtime does not accept the model: {e}"
            ))),
        }
    }
}

/// The value of one input of a model.
#[derive(Clone, Debug)]
pub(super) enum InputValue {
    Floats(ArrayD<f32>),
    /// A vector of int64.
    Integers(Vec<i64>),
}

/// One session. Only the session of an accelerator is used by several workers.
#[derive(Clone, Debug)]
pub(super) struct Session(Arc<Mutex<OrtSession>>);

impl Session {
    /// The named float32 outputs for named inputs.
    pub(super) fn run(
        &self,
        inputs: Vec<(&str, InputValue)>,
        outputs: &[String],
    ) -> Result<Vec<ArrayD<f32>>, ClassifierError> {
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        run_with_timeout(|options| {
            let mut values: Vec<(&str, SessionInputValue<'_>)> = Vec::new();
            for (name, value) in inputs {
                let value = match value {
                    InputValue::Floats(array) => Tensor::from_array(array)?.into(),
                    InputValue::Integers(list) => Tensor::from_array(([list.len()], list))?.into(),
                };
                values.push((name, value));
            }
            let results = session.run_with_options(values, options)?;
            let mut arrays = Vec::new();
            for name in outputs {
                arrays.push(
                    results[name.as_str()]
                        .try_extract_array::<f32>()?
                        .to_owned(),
                );
            }
            Ok(arrays)
        })
    }
}
