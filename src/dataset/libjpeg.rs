//! The error handler that libjpeg calls, in place of its own, which ends the process.
//!
//! It reports by unwinding: `mozjpeg-sys` compiles libjpeg with unwind tables, libjpeg has nothing
//! to clean up but what [`mozjpeg::Decompress`] frees when it is dropped, and [`catch`] ends the
//! unwinding.

use std::io;
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys::{self as sys, jpeg_common_struct, jpeg_error_mgr};

use super::decode::{Jpeg, PhotoReadError};

/// The warnings after which the pixels are right: they are of a header, or of an end marker that is
/// missing. All others are of damaged data.
const HARMLESS: [c_int; 4] = [
    // "Unknown Adobe color transform code 3"
    sys::JWRN_ADOBE_XFORM,
    // "Warning: unknown JFIF revision number 2.01"
    sys::JWRN_JFIF_MAJOR,
    // "Premature end of JPEG file": if pixels are missing too, another warning follows.
    sys::JWRN_JPEG_EOF,
    // "Invalid SOS parameters for sequential JPEG", which have no meaning there.
    sys::JWRN_NOT_SEQUENTIAL,
];

/// A handler for libjpeg calls inside of [`catch`]: errors unwind, and damaged data too, unless
/// `jpeg` is lenient.
#[allow(unsafe_code, reason = "libjpeg is C")]
pub(super) fn error_manager(jpeg: Jpeg) -> jpeg_error_mgr {
    // SAFETY: the struct is plain C data: numbers, nullable pointers and optional functions. Zero is
    // valid for all of them, and `jpeg_std_error` fills them in.
    let mut manager = unsafe {
        let mut manager: jpeg_error_mgr = std::mem::zeroed();
        sys::jpeg_std_error(&mut manager);
        manager
    };
    manager.error_exit = Some(on_error);
    manager.emit_message = Some(match jpeg {
        Jpeg::Strict => on_message,
        Jpeg::Lenient => ignore,
    });
    manager
}

/// Runs a call of libjpeg whose handler is an [`error_manager`].
///
/// # Errors
/// [`PhotoReadError::Damaged`] for damaged data, [`PhotoReadError::Picture`] for all else.
pub(super) fn catch<T>(call: impl FnOnce() -> io::Result<T>) -> Result<T, PhotoReadError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(PhotoReadError::picture),
        Err(payload) => Err(*payload
            .downcast::<PhotoReadError>()
            .unwrap_or_else(|other| resume_unwind(other))),
    }
}

extern "C-unwind" fn on_error(decoder: &mut jpeg_common_struct) {
    resume_unwind(Box::new(PhotoReadError::Picture(message(decoder))));
}

/// Called for warnings (level −1) and for traces (level 0 and above).
extern "C-unwind" fn on_message(decoder: &mut jpeg_common_struct, level: c_int) {
    if level < 0 && is_damage(decoder) {
        resume_unwind(Box::new(PhotoReadError::Damaged(message(decoder))));
    }
}

extern "C-unwind" fn ignore(_: &mut jpeg_common_struct, _: c_int) {}

#[allow(unsafe_code, reason = "libjpeg is C")]
fn is_damage(decoder: &jpeg_common_struct) -> bool {
    // SAFETY: libjpeg sets this pointer to its error manager before it reports anything.
    let manager = unsafe { &*decoder.err };
    if manager.msg_code == sys::JWRN_EXTRANEOUS_DATA {
        // "Corrupt JPEG data: 7 extraneous bytes before marker 0xd9". Junk may stand between
        // segments; but before a restart marker (0xD0 to 0xD7) it is data that was not understood.
        return matches!(manager.msg_parm._bindgen_data_[1], 0xD0..=0xD7);
    }
    !HARMLESS.contains(&manager.msg_code)
}

/// What libjpeg reports, in its words.
#[allow(unsafe_code, reason = "libjpeg is C")]
fn message(decoder: &mut jpeg_common_struct) -> String {
    // `mozjpeg-sys` declares the buffer as shared and of 80 bytes. libjpeg writes to it, at most
    // `JMSG_LENGTH_MAX` bytes, which are 200.
    type Declared = unsafe extern "C-unwind" fn(&mut jpeg_common_struct, &[u8; 80]);
    type Format = unsafe extern "C-unwind" fn(&mut jpeg_common_struct, *mut u8);
    let mut text = [0; 200];
    // SAFETY: libjpeg sets the pointer to its error manager before it reports anything. `Format`
    // differs from the declaration in the kind of one pointer, and points to enough bytes.
    unsafe {
        if let Some(format) = (*decoder.err).format_message {
            std::mem::transmute::<Declared, Format>(format)(decoder, text.as_mut_ptr());
        }
    }
    let end = text
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).into_owned()
}
