//! Saliency: where the classifier looks.
//!
//! In: a photo, and for each crop of it the gradient of a class score. Out: one map over the frame in which the
//! object is then cut out. Simonyan et al. 2013, section 3.

mod map;
mod view;

pub use map::{Averaging, Saliency, SaliencyOptions, combine, saliency};
pub(crate) use view::resize_any;
pub use view::{Crop, Filter, Rect, View, ViewKind, ViewOptions, resize};
