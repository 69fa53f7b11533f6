//! Paths as text: for the names of photos, CSV, JSON and TOML.
//!
//! A path on Linux is any bytes, and text is UTF-8. A byte b of a path becomes `\xHH`, where HH are
//! its two hexadecimal digits in capitals, if
//!
//! * it is not part of valid UTF-8,
//! * it is part of a control character or of a separator of lines or paragraphs (U+2028, U+2029),
//! * it is part of a blank or byte-order mark at the beginning or end of the path, or
//! * it is a backslash that is followed by `xHH` in the path itself, so that it looks like an escape.
//!
//! Everything else stays as it is, so ordinary names do not change. Different paths have different
//! texts: [`decode`] gives back the bytes that were given to [`encode`]. A text is one line, and
//! nothing of it is lost where lists and tables are trimmed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serializer};

/// A path, or a part of one, as text.
pub(crate) fn encode(path: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in path.as_ref().as_encoded_bytes().utf8_chunks() {
        for (start, c) in chunk.valid().char_indices() {
            let escape = c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}')
                || escaped_byte(&chunk.valid().as_bytes()[start..]).is_some();
            if escape {
                push_escaped(&mut text, c);
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| escaped(*byte)));
    }
    escape_ends(&text)
}

/// The path whose text [`encode`] gave.
pub(crate) fn decode(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if let Some(byte) = escaped_byte(rest) {
            bytes.push(byte);
            rest = &rest[ESCAPE_LENGTH..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    OsString::from_vec(bytes).into()
}

/// Whether a text has escapes, so that it is not the path itself.
pub(crate) fn has_escapes(text: &str) -> bool {
    (0..text.len()).any(|start| escaped_byte(&text.as_bytes()[start..]).is_some())
}

/// The bytes of `\xHH`.
const ESCAPE_LENGTH: usize = 4;

fn escaped(byte: u8) -> String {
    format!("\\x{byte:02X}")
}

fn push_escaped(text: &mut String, c: char) {
    let mut bytes = [0; 4];
    text.extend(c.encode_utf8(&mut bytes).bytes().map(escaped));
}

/// The byte that the escape at the beginning of `text` stands for, if there is one.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = *text else {
        return None;
    };
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Escapes a blank or byte-order mark at the beginning and at the end, where readers cut it off.
fn escape_ends(text: &str) -> String {
    let is_cut_off = |c: &char| c.is_whitespace() || *c == '\u{FEFF}';
    let (mut start, mut end) = (String::new(), String::new());
    let mut middle = text.chars();
    if let Some(first) = text.chars().next().filter(is_cut_off) {
        push_escaped(&mut start, first);
        middle.next();
    }
    if let Some(last) = middle.clone().next_back().filter(is_cut_off) {
        push_escaped(&mut end, last);
        middle.next_back();
    }
    start + middle.as_str() + &end
}

/// Writes a path as its text: `#[serde(with = "crate::path_text")]`.
pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&encode(path))
}

/// Reads a path from its text.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    Ok(decode(&String::deserialize(from)?))
}

/// The same for a path that may be absent.
pub(crate) mod optional {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::path_text::{decode, encode};

    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_ref().map(encode).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        Ok(text.as_deref().map(decode))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn path(bytes: &[u8]) -> PathBuf {
        OsString::from_vec(bytes.to_vec()).into()
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "n02123045/chelsea.jpg",
            "K\u{e4}tzchen, \"grau\" 100%#1.jpg",
            "\u{732b}/\u{202e}gpj.\u{200f}a\u{3000}b.png",
            "back\\slash \\x \\xe4 \\xG0 \\u{FFFD}\u{fffd}.jpg",
        ] {
            assert_eq!(encode(name), name);
            assert_eq!(decode(name), Path::new(name));
        }
    }

    #[test]
    fn odd_names_are_escaped() {
        for (bytes, text) in [
            (&b"K\xe4tzchen.jpg"[..], "K\\xE4tzchen.jpg"),
            (b"K\\xE4tzchen.jpg", "K\\x5CxE4tzchen.jpg"),
            (b"K\\x5CxE4tzchen.jpg", "K\\x5Cx5CxE4tzchen.jpg"),
            (b"a\nb\tc\x1b[31m\x7f", "a\\x0Ab\\x09c\\x1B[31m\\x7F"),
            (b" a ", "\\x20a\\x20"),
            (b"  ", "\\x20\\x20"),
            (b" ", "\\x20"),
            (
                "\u{feff}a\u{3000}".as_bytes(),
                "\\xEF\\xBB\\xBFa\\xE3\\x80\\x80",
            ),
            ("a\u{2028}b".as_bytes(), "a\\xE2\\x80\\xA8b"),
            // The first byte of a character, and an encoded surrogate.
            (b"\xe4\xb8/\xed\xa0\x80", "\\xE4\\xB8/\\xED\\xA0\\x80"),
        ] {
            assert_eq!(encode(path(bytes)), text);
            assert_eq!(decode(text), path(bytes));
        }
    }

    proptest! {
        /// Bytes that are likely to meet an escape, and any bytes.
        #[test]
        fn every_path_has_a_text_of_its_own(
            bytes in prop_oneof![
                vec(select(b"\\x5CxE4 \n\xe4\xb8\x8d".to_vec()), 0..12),
                vec(any::<u8>(), 0..24),
            ],
        ) {
            let text = encode(path(&bytes));
            prop_assert_eq!(decode(&text), path(&bytes));
            prop_assert_eq!(text.trim(), &text);
            let starts_with_mark = text.starts_with('\u{feff}');
            prop_assert!(!starts_with_mark && !text.contains(char::is_control));
            let is_itself = str::from_utf8(&bytes).is_ok_and(|itself| itself == text);
            prop_assert_eq!(has_escapes(&text), !is_itself);
        }
    }
}
