//! ILSVRC's validation set for classification and localisation, as people have it.
//!
//! Photos, boxes and lists are found below the data folder by their own names, in whatever folders
//! and archives they are ([`search`]):
//!
//! * Photos are `ILSVRC2012_val_00000001.JPEG`, or `ILSVRC2012_val_00000001_n01751748.JPEG` as
//!   Hugging Face names them.
//! * Boxes come from the XML of `ILSVRC2012_bbox_val_v3.tgz`, from Kaggle's `LOC_val_solution.csv`,
//!   or from wsolevaluation's `localization.txt`. All are 0-based with inclusive maxima: the devkit's
//!   reader subtracts nothing.
//! * The lists of the development kit are shipped ([`lists`]): the ILSVRC ID of each photo, the
//!   numbers of the photos that are left out of localisation, and the order of the ILSVRC IDs.
//!   Lists that are found count instead, and must have the same content.
//!
//! So the photos and the boxes are enough. The photos are those that have boxes. ILSVRC IDs are not
//! in the order of classifiers, which is that of sorted WordNet ids.

mod boxes;
mod label_order;
mod lists;
mod photo_name;
mod places;
mod read;
mod search;

pub(super) use label_order::{LabelOrder, read_list as read_label_order};
pub(crate) use photo_name::photo_name;
pub(super) use photo_name::{
    NO_BLACKLIST, PHOTOS, name_of, number_in_path, photo_number, read_blacklist,
};
pub(super) use read::read;
