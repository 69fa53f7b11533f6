//! Predictions from any source, read and written in the formats of the field. Each format is one
//! file of this module, with its reader and its writer.
//!
//! The input is a file or folder, and the dataset to which it refers. The output is what is
//! predicted of each photo, in the dataset's order, with boxes in the program's one convention
//! ([`crate::geometry`]). Whether a prediction is correct is decided by [`crate::score`]. A photo
//! without any prediction has failed. A photo that is not in the dataset is an error, and so are
//! inverted and normalised boxes. What is only suspicious is in [`Predictions::suspicions`].
//!
//! ```
//! use localise::dataset::{Dataset, Request};
//! use localise::prediction::{Format, Predictions};
//!
//! let request = Request { dataset: Some("sample".as_ref()), ..Request::default() };
//! let dataset = Dataset::open(&request)?;
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("rows.csv");
//! // The true box of the coffee, and the upper half of that of the fig.
//! let rows = "image_id,x_min,y_min,x_max,y_max\ncoffee,172,17,411,308\nfig,420,246,717,382\n";
//! std::fs::write(&file, rows)?;
//! let boxes = Predictions::read(&file, Format::Rows, &dataset)?;
//! let ious: Vec<_> = boxes.outcomes(&dataset).iter().map(|outcome| outcome.iou).collect();
//! let names: Vec<_> = dataset.photos.iter().map(|photo| photo.id.as_str()).collect();
//! assert_eq!(names[..4], ["chelsea", "coffee", "rocket", "fig"]);
//! assert_eq!(ious[..4], [Some(0.0), Some(1.0), Some(0.0), Some(0.5)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod coco;
mod devkit;
mod format;
mod kaggle;
mod kind;
mod labels;
mod map;
mod mask;
mod photo_files;
mod predictions;
mod row_order;
mod rows;
mod submission;
mod text;

pub use format::Format;
pub use kind::PredictionKind;
pub use map::{encode_map, map_name, map_outcomes, read_map};
pub use mask::{encode_mask, mask_outcomes, read_mask};
pub use predictions::Predictions;
