//! The saliency methods: one file each, and one line each in [`METHODS`].
//!
//! A method is a formula from tensors of the network to a map. Everything that is the same for all
//! methods is done in [`combine`](super::combine()): averaging over crops, mirror images and scales,
//! fusing layers, and smoothing.

mod formula;
mod list;
mod method;
mod principal_component;

mod cam;
mod deconvnet;
mod eigen_cam;
mod eigen_grad_cam;
mod full_grad;
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
mod smoothgrad;
mod vargrad;
mod x_grad_cam;

pub use list::METHODS;
pub use method::{LayerTensor, Method, RequiredTensors, Sampling};
