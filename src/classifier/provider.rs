//! The device that networks are run on: the processor, or an accelerator through one of ONNX
//! Runtime's execution providers.
//!
//! On the processor, each worker has its own session on one thread. On an accelerator, all workers
//! share one session and take turns while the others decode and cut. So its memory holds one copy
//! of the network, and it is parallel within a run, which processes one crop for all classes at
//! once. Crops are not batched, because a gradient model computes the forward half for one picture.
//!
//! Each accelerator is a cargo feature (`cuda`, `tensorrt`, `coreml`, `openvino`) and needs an ONNX
//! Runtime library that was built with it. None has been tried on hardware yet.

use ort::ep::ExecutionProviderDispatch;
use serde::{Deserialize, Serialize};

/// The device that networks are run on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's CUDA. Untested on hardware.
    #[cfg(feature = "cuda")]
    Cuda,
    /// NVIDIA's TensorRT. Untested on hardware.
    #[cfg(feature = "tensorrt")]
    TensorRt,
    /// Apple's CoreML. Untested on hardware.
    #[cfg(feature = "coreml")]
    CoreMl,
    /// Intel's OpenVINO. Untested on hardware.
    #[cfg(feature = "openvino")]
    OpenVino,
}

impl Provider {
    /// The execution provider for a session; `None` for the processor. If the provider is missing,
    /// creating the session fails. ONNX Runtime would otherwise silently use the processor.
    pub(super) fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let provider: Option<ExecutionProviderDispatch> = match self {
            Self::Cpu => None,
            #[cfg(feature = "cuda")]
            Self::Cuda => Some(ort::ep::CUDA::default().build()),
            #[cfg(feature = "tensorrt")]
            Self::TensorRt => Some(ort::ep::TensorRT::default().build()),
            #[cfg(feature = "coreml")]
            Self::CoreMl => Some(ort::ep::CoreML::default().build()),
            #[cfg(feature = "openvino")]
            Self::OpenVino => Some(ort::ep::OpenVINO::default().build()),
        };
        provider.map(ExecutionProviderDispatch::error_on_failure)
    }
}
