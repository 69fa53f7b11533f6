//! SHA-256 in hexadecimal, by which files and results identify contents.

use sha2::{Digest, Sha256};

/// The SHA-256 of these bytes, in hexadecimal.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// The SHA-256 of everything that was added to `hash`, in hexadecimal.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
