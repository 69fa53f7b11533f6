//! The entries of a COCO file. Each is read on its own, so that a fault is reported with the entry
//! and its key.
//!
//! Tools write numbers as text or as fractions (`451.0`), ids as numbers or as text, flags as
//! numbers, words or truth values, and Python writes NaN and Infinity, which JSON does not have. A
//! value that can mean only one thing is read as that.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The lists of a COCO file.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with the lists images, annotations and categories")]
pub(super) struct CocoLists<'a> {
    #[serde(borrow)]
    pub(super) images: Vec<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Vec<&'a RawValue>,
    #[serde(borrow)]
    pub(super) categories: Vec<&'a RawValue>,
}

/// The same text, in which NaN, Infinity and -Infinity are words in quotes.
pub(super) fn quote_non_finite(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !WORDS.iter().any(|word| text.contains(word)) {
        return text.into();
    }
    let mut quoted = String::with_capacity(text.len() + 64);
    let (mut rest, mut inside) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = WORDS
            .iter()
            .find(|word| !inside && rest.starts_with(**word));
        let length = match (c, word) {
            (_, Some(word)) => {
                quoted.extend(["\"", word, "\""]);
                rest = &rest[word.len()..];
                continue;
            }
            ('\\', None) if inside => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            ('"', None) => {
                inside = !inside;
                1
            }
            _ => c.len_utf8(),
        };
        quoted.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    quoted.into()
}

/// The id of a photo, a category or an annotation. Numbers come before text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum CocoId {
    /// A whole number, perhaps written as text.
    Number(i128),
    /// Any other text.
    Text(String),
}

impl CocoId {
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => match number.as_i128() {
                Some(whole) => Some(Self::Number(whole)),
                None => whole_number(value).map(|whole| Self::Number(whole.into())),
            },
            Value::String(text) => {
                let text = text.trim();
                // Not so 007, which may be another id than 7.
                match text.parse::<i128>() {
                    Ok(number) if number.to_string() == text => Some(Self::Number(number)),
                    _ => (!text.is_empty()).then(|| Self::Text(text.to_owned())),
                }
            }
            _ => None,
        }
    }
}

impl Display for CocoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// An entry of a list.
#[derive(Debug)]
pub(super) struct CocoEntry {
    /// What it is called in errors: by its id if it has one, or else by its place in the list.
    pub(super) name: String,
    fields: Map<String, Value>,
}

impl CocoEntry {
    /// The entry at `index` of a list of things that are called `kind`.
    pub(super) fn new(kind: &str, index: usize, raw: &RawValue) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_str(raw.get())
            .map_err(|_| format!("{kind} at index {index} is {}", shown_text(raw.get())))?;
        let id = fields.get("id").and_then(CocoId::from_json);
        let name = match id {
            Some(id) => format!("{kind} {id}"),
            None => format!("{kind} at index {index}"),
        };
        Ok(Self { name, fields })
    }

    /// The value of a key; `None` where it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str) -> Result<&Value, String> {
        self.get(key).ok_or_else(|| match self.fields.get(key) {
            Some(_) => format!("{}: {key} is null", self.name),
            None => format!("{}: {key} is missing", self.name),
        })
    }

    /// The fault that the value of a key is not what was expected.
    pub(super) fn unexpected(&self, key: &str, expected: &str) -> String {
        let found = self.fields.get(key).unwrap_or(&Value::Null);
        let found = shown_text(&found.to_string());
        format!("{}: {key} is {found}; expected {expected}", self.name)
    }

    pub(super) fn id(&self, key: &str) -> Result<CocoId, String> {
        let id = CocoId::from_json(self.require(key)?);
        id.ok_or_else(|| self.unexpected(key, "a whole number or a text"))
    }

    /// A text; a number stands for its digits.
    pub(super) fn text(&self, key: &str) -> Result<String, String> {
        match self.require(key)? {
            Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.unexpected(key, "a text")),
        }
    }

    /// A flag, which is not set where it is absent.
    pub(super) fn flag(&self, key: &str) -> Result<bool, String> {
        let Some(value) = self.get(key) else {
            return Ok(false);
        };
        let word = match value {
            Value::String(word) => word.trim().to_lowercase(),
            other => other.to_string(),
        };
        match &word[..] {
            "0" | "0.0" | "false" | "no" | "" => Ok(false),
            "1" | "1.0" | "true" | "yes" => Ok(true),
            _ => Err(self.unexpected(key, "0 or 1")),
        }
    }
}

/// A finite number, perhaps written as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number that is not negative, perhaps written as a fraction or as text. It is below 2^53,
/// so that it is exact.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    let is_whole = |v: &f64| v.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(v);
    number(value).filter(is_whole).map(|number| number as u64)
}

/// The beginning of a value's JSON.
fn shown_text(json: &str) -> String {
    const LENGTH: usize = 60;
    match json.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}...", &json[..end]),
        None => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(json: &str) -> CocoEntry {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        CocoEntry::new("annotation", 4, raw).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn numbers_that_json_does_not_have_are_quoted() {
        for (text, expected) in [
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            (
                r#"{"a": NaN, "b": [-Infinity,Infinity]}"#,
                r#"{"a": "NaN", "b": ["-Infinity","Infinity"]}"#,
            ),
            (
                r#"{"NaN": "is NaN", "b": NaN}"#,
                r#"{"NaN": "is NaN", "b": "NaN"}"#,
            ),
            (
                r#"["\"NaN", "\\", NaN, "é"]"#,
                r#"["\"NaN", "\\", "NaN", "é"]"#,
            ),
            (r#"["\é NaN"#, r#"["\é NaN"#),
        ] {
            assert_eq!(quote_non_finite(text), expected);
        }
    }

    #[test]
    fn values_that_mean_one_thing_are_read() {
        let id = |value: Value| CocoId::from_json(&value).map(|id| id.to_string());
        for (value, expected) in [
            (json!(7), Some("7")),
            (json!(7.0), Some("7")),
            (json!("7"), Some("7")),
            (json!(" x7 "), Some("x7")),
            (json!("007"), Some("007")),
            (json!(-1), Some("-1")),
            (
                json!(18_446_744_073_709_551_615_u64),
                Some("18446744073709551615"),
            ),
            (json!(7.5), None),
            (json!(""), None),
            (json!(true), None),
            (json!([7]), None),
        ] {
            assert_eq!(id(value.clone()).as_deref(), expected, "{value}");
        }
        for (value, expected) in [
            (json!(451.0), Some(451)),
            (json!("451"), Some(451)),
            (json!(" 451.0 "), Some(451)),
            (json!(0), Some(0)),
            (json!(451.5), None),
            (json!(-1), None),
            (json!("NaN"), None),
            (json!("451 px"), None),
            (json!(1e300), None),
        ] {
            assert_eq!(whole_number(&value), expected, "{value}");
        }
        for (value, expected) in [
            ("0", Ok(false)),
            ("1", Ok(true)),
            ("false", Ok(false)),
            ("true", Ok(true)),
            ("null", Ok(false)),
            ("\"0\"", Ok(false)),
            ("\"True\"", Ok(true)),
            ("1.0", Ok(true)),
            ("2", Err("annotation 918: iscrowd is 2; expected 0 or 1")),
            ("[]", Err("annotation 918: iscrowd is []; expected 0 or 1")),
        ] {
            let found = entry(&format!(r#"{{"id": "918", "iscrowd": {value}}}"#)).flag("iscrowd");
            assert_eq!(found, expected.map_err(str::to_owned), "{value}");
        }
        assert_eq!(entry("{}").flag("iscrowd"), Ok(false));
    }

    #[test]
    fn faults_name_the_entry_and_the_key() {
        let entry = entry(r#"{"id": null, "a": null, "name": ""}"#);
        assert_eq!(entry.name, "annotation at index 4");
        for (found, expected) in [
            (entry.id("a"), "annotation at index 4: a is null"),
            (entry.id("b"), "annotation at index 4: b is missing"),
        ] {
            assert_eq!(found, Err(expected.to_owned()));
        }
        let expected = "annotation at index 4: name is \"\"; expected a text";
        assert_eq!(entry.text("name"), Err(expected.to_owned()));
        let raw: &RawValue = serde_json::from_str("[1, 2]").expect("JSON");
        let error = CocoEntry::new("image", 0, raw).expect_err("a list");
        assert_eq!(error, "image at index 0 is [1, 2]");
    }
}
