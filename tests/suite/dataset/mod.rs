//! Photos, annotations and descriptions, good and bad.

mod annotations;
mod archives;
mod coco;
mod descriptions;
mod doctor;
mod folders;
mod foreign_tables;
mod ilsvrc_layouts;
mod jpeg_encoder;
mod jpegs;
mod names;
mod photos;
mod sample;
mod strangers;
mod tables;
mod voc;
