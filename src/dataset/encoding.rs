//! The text of a file, whatever its encoding: UTF-8, UTF-16, or the one that an XML file declares.
//!
//! Bytes that do not fit the encoding are an error. They are never replaced.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The text of `bytes`, without a byte-order mark. UTF-16 is recognised by its mark, or by the zero
/// byte of its first character; everything else is UTF-8.
pub(super) fn decode(bytes: &[u8]) -> Result<String, String> {
    decode_declared(bytes, None)
}

/// The text of an XML file. Its declaration names the encoding where no byte-order mark does.
pub(super) fn decode_xml(bytes: &[u8]) -> Result<String, String> {
    decode_declared(bytes, declared_encoding(bytes))
}

fn decode_declared(bytes: &[u8], declared: Option<&str>) -> Result<String, String> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (encoding_without_mark(bytes, declared)?, 0),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
    match text {
        Some(text) => Ok(text.into_owned()),
        None if encoding == UTF_8 => {
            let place = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
            Err(format!(
                "byte {place} is not UTF-8, and no other encoding is declared"
            ))
        }
        None => Err(format!("the bytes are not {}", encoding.name())),
    }
}

fn encoding_without_mark(
    bytes: &[u8],
    declared: Option<&str>,
) -> Result<&'static Encoding, String> {
    match bytes {
        [0, second, ..] if *second != 0 => return Ok(UTF_16BE),
        [first, 0, ..] if *first != 0 => return Ok(UTF_16LE),
        _ => {}
    }
    let Some(label) = declared else {
        return Ok(UTF_8);
    };
    // Python's names of encodings (latin-1, utf_8) differ from the web's in such signs.
    let plain = label.replace(['-', '_'], "");
    let found = [label, &plain]
        .iter()
        .find_map(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    match found {
        // A declaration that can be read byte by byte is not in UTF-16.
        Some(encoding) if [UTF_16BE, UTF_16LE].contains(&encoding) => Ok(UTF_8),
        Some(encoding) => Ok(encoding),
        None => Err(format!(
            "the declared encoding {label} is not known; save the file as UTF-8"
        )),
    }
}

/// The encoding that an XML declaration names: `<?xml version="1.0" encoding="NAME"?>`.
fn declared_encoding(bytes: &[u8]) -> Option<&str> {
    let start = bytes.strip_prefix(b"<?xml")?;
    let end = start.windows(2).take(200).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&start[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| ['"', '\''].contains(c))?;
    value[1..].split(quote).next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_recognised() {
        let wide = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let little: Vec<u8> = wide("<é>").into_iter().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = wide("<é>").into_iter().flat_map(u16::to_be_bytes).collect();
        let declared = |label: &str, rest: &[u8]| {
            let declaration = format!("<?xml version='1.0' encoding='{label}'?>");
            [declaration.as_bytes(), rest].concat()
        };
        for (bytes, expected) in [
            ("<é>".as_bytes().to_vec(), "<é>"),
            ([&b"\xEF\xBB\xBF"[..], "<é>".as_bytes()].concat(), "<é>"),
            (little.clone(), "<é>"),
            (big.clone(), "<é>"),
            ([&b"\xFF\xFE"[..], &little[..]].concat(), "<é>"),
            ([&b"\xFE\xFF"[..], &big[..]].concat(), "<é>"),
            (declared("ISO-8859-1", b"<\xE9>"), "<é>"),
            (declared("latin-1", b"<\xE9>"), "<é>"),
            (declared("windows-1252", b"<\x80>"), "<€>"),
            (declared("GB2312", b"<\xC3\xA8>"), "<猫>"),
            (declared("Shift_JIS", b"<\x94\x4C>"), "<猫>"),
            (declared("UTF-16", "<é>".as_bytes()), "<é>"),
            (declared("utf_8", "<é>".as_bytes()), "<é>"),
        ] {
            let text = decode_xml(&bytes).expect(expected);
            assert!(
                text.ends_with(expected) && !text.starts_with('\u{feff}'),
                "{text}"
            );
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for (bytes, expected) in [
            (
                &b"<\xE9>"[..],
                "byte 1 is not UTF-8, and no other encoding is declared",
            ),
            (
                b"<?xml version='1.0' encoding='EBCDIC-X'?>",
                "encoding EBCDIC-X is not known",
            ),
            (
                b"<?xml encoding=\"Shift_JIS\"?><\x94",
                "the bytes are not Shift_JIS",
            ),
            (b"\xFF\xFE<\0\x00\xD8", "the bytes are not UTF-16LE"),
        ] {
            let error = decode_xml(bytes).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
