//! Datasets: photos with their classes, true boxes and masks.
//!
//! A [`Request`] names what to read: a dataset that has a description (`data/NAME.toml`), or the
//! path of a description, of a file of boxes, or of a folder whose layout is recognised by the
//! files in it. [`Dataset::open`] returns a [`Dataset`]. Each layout has a file of this module, and
//! its reader converts to the one box convention of [`crate::geometry`].
//!
//! In VOC and COCO, objects of several classes can be asked for in one photo. Such a photo appears
//! once for each of them, under the name `PHOTO/CLASS`, so that the code behind this module deals
//! with one class per photo.
//!
//! The truth is read at once, and an error lists all its faults. What is read although it probably
//! means something else is in [`Dataset::suspicions`]. Photos and masks are read when
//! they are needed ([`read`], [`Mask::read`]), photos as they are stored: nothing is downloaded,
//! resized or rotated.

mod annotation;
mod box_edges;
mod box_row;
mod box_table;
mod coco;
mod coco_annotation;
mod coco_image;
mod coco_json;
mod coco_reader;
mod columns;
mod cub;
mod decode;
mod description;
mod encoding;
mod error;
mod file_column;
mod folder;
mod folder_files;
mod gif_photo;
mod ilsvrc;
mod jpeg;
mod kaggle;
mod libjpeg;
mod mask;
mod open;
mod photo;
mod photo_list;
mod photo_search;
mod profile;
mod request;
mod run_lengths;
mod segmentation;
mod shard_names;
mod stated_boxes;
mod suspicion;
mod table;
mod text;
mod tiff_photo;
mod truth;
mod unread_annotations;
mod validator;
mod voc;
mod voc_classes;
mod voc_files;
mod voc_list;
mod webdataset;
mod weights;
mod wsol;
mod wsol_lists;

pub use box_edges::BoxEdges;
pub use box_table::write_csv;
pub(crate) use columns::{CLASS, Column, EDGES, KAGGLE, SIZE};
pub(crate) use decode::read_size as read_photo_size;
pub use decode::{Jpeg, PhotoReadError, decode, read};
pub use description::{LAYOUTS, title};
pub use error::DatasetError;
pub(crate) use error::Faults;
pub(crate) use folder_files::FolderFiles;
pub(crate) use ilsvrc::photo_name as ilsvrc_val_name;
pub(crate) use mask::read_grey;
pub use mask::{Mask, TrueMask};
pub use photo::Photo;
#[cfg(feature = "cli")]
pub(crate) use photo_search::PhotoSearch;
pub use profile::Profile;
pub use request::Request;
pub use segmentation::Segmentation;
#[cfg(feature = "cli")]
pub(crate) use shard_names::is_pattern;
pub(crate) use stated_boxes::StatedBoxes;
pub use suspicion::Suspicion;
pub(crate) use table::csv_rows;
pub(crate) use text::read_numbers;
pub use truth::{Dataset, PhotoIndex};
