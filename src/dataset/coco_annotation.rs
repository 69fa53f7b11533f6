//! The annotations of a COCO file: boxes and segmentations of objects, and crowds.

use super::coco_json::{CocoEntry, number};
use super::segmentation::Segmentation;
use crate::geometry::{BBox, Size};

/// An object or a crowd.
#[derive(Debug)]
pub(super) struct CocoAnnotation {
    /// `None` for a crowd, whose box is not used.
    pub(super) bbox: Option<BBox>,
    pub(super) segmentation: Option<Segmentation>,
}

impl CocoAnnotation {
    /// The annotation of a photo of `size`.
    pub(super) fn parse(entry: &CocoEntry, size: Size) -> Result<Self, String> {
        let bbox = if entry.flag("iscrowd")? {
            None
        } else {
            Some(parse_box(entry)?)
        };
        let segmentation = match entry.get("segmentation") {
            Some(value) => Segmentation::from_json(value, size)
                .map_err(|e| format!("{}: segmentation: {e}", entry.name))?,
            None => None,
        };
        Ok(Self { bbox, segmentation })
    }
}

fn parse_box(entry: &CocoEntry) -> Result<BBox, String> {
    let values = entry.require("bbox")?.as_array();
    let numbers = values.and_then(|values| values.iter().map(number).collect::<Option<Vec<_>>>());
    let Some(&[x, y, width, height]) = numbers.as_deref() else {
        return Err(entry.unexpected("bbox", "[x, y, width, height]"));
    };
    Ok(BBox::new(x, y, x + width, y + height))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn parse(json: &str) -> Result<CocoAnnotation, String> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let entry = CocoEntry::new("annotation", 0, raw).expect("an object");
        CocoAnnotation::parse(&entry, Size::new(4, 3))
    }

    #[test]
    fn annotations_of_other_tools_are_read() {
        let expected = Some(BBox::new(0.5, 1.0, 2.75, 3.0));
        for (json, has_mask) in [
            (r#"{"bbox": [0.5, 1, 2.25, 2]}"#, false),
            (
                r#"{"bbox": ["0.5", "1", "2.25", "2.0"], "area": "NaN"}"#,
                false,
            ),
            (
                r#"{"bbox": [0.5, 1, 2.25, 2], "segmentation": null, "iscrowd": null}"#,
                false,
            ),
            (
                r#"{"bbox": [0.5, 1, 2.25, 2], "segmentation": [[]], "iscrowd": false}"#,
                false,
            ),
            (
                r#"{"bbox": [0.5, 1, 2.25, 2], "segmentation": {"counts": [6.0, 6]}}"#,
                true,
            ),
        ] {
            let found = parse(json).expect(json);
            assert_eq!(
                (found.bbox, found.segmentation.is_some()),
                (expected, has_mask),
                "{json}"
            );
        }
        let crowd = r#"{"iscrowd": true, "segmentation": {"counts": [6, 6]}}"#;
        let crowd = parse(crowd).expect("a crowd needs no box");
        assert_eq!((crowd.bbox, crowd.segmentation.is_some()), (None, true));
    }

    #[test]
    fn faults_name_the_annotation_and_the_key() {
        const EXPECTED: &str = "expected [x, y, width, height]";
        for (fields, expected) in [
            (r#""area": 1"#, "annotation 7: bbox is missing".to_owned()),
            (r#""bbox": null"#, "annotation 7: bbox is null".to_owned()),
            (
                r#""bbox": []"#,
                format!("annotation 7: bbox is []; {EXPECTED}"),
            ),
            (
                r#""bbox": [1, 2, 3]"#,
                format!("annotation 7: bbox is [1,2,3]; {EXPECTED}"),
            ),
            (
                r#""bbox": [1, 2, 3, 4, 5]"#,
                format!("annotation 7: bbox is [1,2,3,4,5]; {EXPECTED}"),
            ),
            (
                r#""bbox": [1, 2, "NaN", 4]"#,
                format!("annotation 7: bbox is [1,2,\"NaN\",4]; {EXPECTED}"),
            ),
            (
                r#""bbox": [1, 2, null, 4]"#,
                format!("annotation 7: bbox is [1,2,null,4]; {EXPECTED}"),
            ),
            (
                r#""bbox": {"x": 1}"#,
                format!("annotation 7: bbox is {{\"x\":1}}; {EXPECTED}"),
            ),
            (
                r#""bbox": "1 2 3 4""#,
                format!("annotation 7: bbox is \"1 2 3 4\"; {EXPECTED}"),
            ),
            (
                r#""iscrowd": 2"#,
                "annotation 7: iscrowd is 2; expected 0 or 1".to_owned(),
            ),
            (
                r#""bbox": [1, 2, 3, 4], "segmentation": {"counts": [6]}"#,
                "annotation 7: segmentation: the runs have 6 pixels".to_owned(),
            ),
        ] {
            let error = parse(&format!(r#"{{"id": 7, {fields}}}"#)).expect_err(fields);
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
