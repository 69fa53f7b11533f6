//! Saliency: where the classifier looks.
//!
//! ```text
//! photo ─► view (crops) ─► what is shown of each ─► [network] ─► a map per crop and layer ─► one map over the frame
//! ```
//!
//! In: a photo, and what the network says of its crops: tensors and their gradients. Out: one map
//! over the frame in which the object is then cut out. Simonyan et al. 2013, section 3, and what
//! came after it: [`METHODS`]. The network is left to [`crate::classifier`], the object's border to
//! [`crate::segment`]. Methods that hide parts of the photo and look at the score are left out.

mod map;
mod methods;
mod options;
mod shown;
mod view;

pub use map::{Evidence, Saliency, combine, saliency};
pub(crate) use map::{blurred, extremes};
pub use methods::{METHODS, Method, Shown, LayerTensor, Wanted};
pub use options::{Averaging, Prior, SaliencyOptions};
pub use shown::shown;
pub(crate) use view::resize_any;
pub use view::{Crop, Filter, Rect, View, ViewKind, ViewOptions, resize};
