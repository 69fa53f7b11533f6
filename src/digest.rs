//! SHA-256 in hexadecimal, as files and results name their contents.

use sha2::{Digest, Sha256};

/// The hash of these bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// The hash of all that went into `hash`.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
