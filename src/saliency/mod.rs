//! Saliency: where in a photo the classifier looks.
//!
//! ```text
//! photo ─► View (crops) ─► network_inputs ─► [network] ─► a map for each crop and layer ─► combine
//! ```
//!
//! In: a photo, and the network's tensors and their gradients for its crops. Out: a [`Saliency`]
//! map over the frame, in which the object is then cut out. The methods, from the gradient of
//! Simonyan et al. 2013 (section 3) on, are in [`METHODS`]. The network is run by
//! [`crate::classifier`], and the object's outline is found by [`crate::segment`]. Methods that hide
//! parts of the photo and watch the score say here what is hidden and what follows from the scores
//! ([`Hiding`]); [`crate::localiser`] shows the pictures to the network.

mod combine;
mod filters;
mod inputs;
mod map;
mod methods;
mod options;
mod prior;
mod rect;
mod resize;
mod view;
mod view_options;

pub(crate) use combine::fuse;
pub use combine::{Evidence, combine, mean_over_crops, saliency};
pub(crate) use filters::{gaussian_blur, min_max, resize_map};
pub use inputs::network_inputs;
pub use map::Saliency;
pub use methods::{
    Effect, Hidden, HiddenParts, Hiding, LayerTensor, METHODS, Masks, Method, RequiredTensors,
    Sampling, WatchedScore,
};
pub use options::{Averaging, SaliencyOptions};
pub use prior::Prior;
pub use rect::Rect;
pub(crate) use resize::resize_into;
pub use resize::{Filter, resize};
pub use view::{Crop, View};
pub use view_options::{ViewKind, ViewOptions};
