//! The saliency methods: one file each, and one line each in [`METHODS`].
//!
//! A method is a formula from tensors of the network to a map. Everything that is the same for all
//! methods is done in [`combine`](super::combine()): averaging over crops, mirror images and scales,
//! fusing layers, and smoothing.

mod formula;
mod hiding;
mod list;
mod method;
mod principal_component;
mod tokens;

mod ablation_cam;
mod attention_rollout;
mod cam;
mod contrastive_excitation;
mod deconvnet;
mod eigen_cam;
mod eigen_grad_cam;
mod excitation;
mod full_grad;
mod generic_attention;
mod grad_cam;
mod grad_cam_plus_plus;
mod gradient;
mod gradient_input;
mod gradient_norm;
mod guided;
mod hires_cam;
mod integrated;
mod kpca_cam;
mod layer_cam;
mod lrp;
mod occlusion;
mod relevance_cam;
mod rise;
mod score_cam;
mod smoothgrad;
mod vargrad;
mod x_grad_cam;

pub use hiding::{Hidden, HiddenParts, Hiding, Masks, WatchedScore};
pub use list::METHODS;
pub use method::{Effect, LayerTensor, Method, RequiredTensors, Sampling};
