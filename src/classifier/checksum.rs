//! The identity of a model.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use onnx_grad::onnx::{self, OnnxError};
use sha2::{Digest, Sha256};

use super::error::ClassifierError;
use crate::digest;

/// The SHA-256 of a model in hexadecimal: of its file, followed by the files in which it stores
/// weights.
///
/// # Errors
/// [`ClassifierError::Model`] if a file cannot be read or is not a model.
pub fn sha256(path: &Path) -> Result<String, ClassifierError> {
    let mut hash = Sha256::new();
    for file in onnx::files(path)? {
        update_with_file(&mut hash, &file)
            .map_err(|source| OnnxError::Io { path: file, source })?;
    }
    Ok(digest::hex(hash))
}

fn update_with_file(hash: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            n => hash.update(&chunk[..n]),
        }
    }
}
