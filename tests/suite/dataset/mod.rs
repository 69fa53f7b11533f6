//! Photos, annotations and descriptions, good and bad.

mod annotations;
mod descriptions;
mod doctor;
mod photos;
mod tables;
