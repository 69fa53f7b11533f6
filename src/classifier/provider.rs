//! What networks are run on: the processor, or an accelerator through one of ONNX Runtime's
//! execution providers.
//!
//! On the processor each worker has a session of its own on one thread. An accelerator serves all
//! workers through one session, photo after photo, while they decode and cut: its memory holds one
//! copy of the network, and its own parallelism is inside a run, which takes a crop with all its
//! classes at once. Crops are not batched: the forward half of a gradient model is that of one
//! picture.
//!
//! Accelerators are cargo features (`cuda`, `tensorrt`, `coreml`, `openvino`) and need
//! an ONNX Runtime library built with them. None has been tried on hardware yet.

use ort::ep::ExecutionProviderDispatch;
use serde::{Deserialize, Serialize};

/// What networks are run on.
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
    /// The provider for a session: one that is not there is an error, never a silent fall back to
    /// the processor.
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
