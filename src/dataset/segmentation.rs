//! COCO's three forms of a segmentation.

use serde_json::{Map, Value};

use super::coco_json::{number, whole_number};
use super::run_lengths::{self, Runs};
use crate::geometry::Size;

/// An object's pixels as a COCO file stores them.
#[derive(Clone, Debug, PartialEq)]
pub enum Segmentation {
    /// Polygons x₀, y₀, x₁, y₁, ... whose union is the object, in continuous pixels of the photo.
    Polygons(Vec<Vec<f64>>),
    /// Lengths of runs.
    Counts {
        /// In pixels, column by column; background and object alternate, background first.
        counts: Vec<u32>,
    },
    /// Lengths of runs, compressed.
    Text {
        /// In COCO's encoding as text.
        counts: String,
    },
}

impl Segmentation {
    /// The segmentation in a photo of `size`; `None` for an empty one, which data without
    /// segmentations often have.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn from_json(value: &Value, size: Size) -> Result<Option<Self>, String> {
        match value {
            Value::Null => Ok(None),
            Value::Array(items) => {
                let polygons = parse_polygons(items)?;
                for points in &polygons {
                    run_lengths::to_fine_grid(points)?;
                }
                Ok((!polygons.is_empty()).then_some(Self::Polygons(polygons)))
            }
            Value::Object(fields) if fields.is_empty() => Ok(None),
            Value::Object(fields) => {
                let found = parse_run_lengths(fields, size)?;
                found.runs(size)?;
                Ok(Some(found))
            }
            _ => Err("it is neither polygons nor run lengths".into()),
        }
    }

    /// The masks whose union is the object, in a photo of `size`.
    pub(super) fn runs(&self, size: Size) -> Result<Vec<Runs>, String> {
        match self {
            Self::Polygons(polygons) => polygons
                .iter()
                .map(|points| Runs::from_polygon(points, size))
                .collect(),
            Self::Counts { counts } => Ok(vec![Runs::from_counts(counts, size)?]),
            Self::Text { counts } => Ok(vec![Runs::from_text(counts, size)?]),
        }
    }
}

/// Polygons, in any of these forms: a list of polygons, one polygon, or the points of one. A polygon
/// is x₀, y₀, x₁, y₁, ... or a list of points. A polygon of one or two points encloses nothing, and
/// is left out.
fn parse_polygons(items: &[Value]) -> Result<Vec<Vec<f64>>, String> {
    let is_point = |item: &Value| {
        let point = item.as_array();
        point.is_some_and(|point| point.len() == 2 && point.iter().all(|v| number(v).is_some()))
    };
    let is_one = items
        .iter()
        .all(|item| !item.is_array() && !item.is_object())
        || items.len() > 2 && items.iter().all(is_point);
    let polygons = if is_one {
        vec![parse_points(items)?]
    } else {
        let points = |item: &Value| match item {
            Value::Array(points) => parse_points(points),
            _ => Err("it is a mixture of lists and other values".to_owned()),
        };
        items.iter().map(points).collect::<Result<_, _>>()?
    };
    Ok(polygons
        .into_iter()
        .filter(|points| points.len() > 4)
        .collect())
}

/// The coordinates of a polygon's points.
fn parse_points(items: &[Value]) -> Result<Vec<f64>, String> {
    let mut coordinates = Vec::with_capacity(items.len());
    for item in items {
        let point = match item {
            Value::Array(point) if point.len() == 2 => &point[..],
            single => std::slice::from_ref(single),
        };
        for value in point {
            let coordinate = number(value);
            coordinates.push(coordinate.ok_or_else(|| format!("a coordinate is {value}"))?);
        }
    }
    Ok(coordinates)
}

/// Run lengths `{size: [height, width], counts}`.
fn parse_run_lengths(fields: &Map<String, Value>, size: Size) -> Result<Segmentation, String> {
    if let Some(stated) = fields.get("size") {
        let sides = stated
            .as_array()
            .map(|sides| sides.iter().map(whole_number));
        let sides: Option<Vec<u64>> = sides.and_then(Iterator::collect);
        if sides != Some(vec![size.height.into(), size.width.into()]) {
            return Err(format!(
                "its size is {stated}; expected [{}, {}], the photo's height and width",
                size.height, size.width
            ));
        }
    }
    match fields.get("counts") {
        Some(Value::String(counts)) => Ok(Segmentation::Text {
            counts: counts.clone(),
        }),
        Some(Value::Array(counts)) => {
            let parse = |value: &Value| {
                let count = whole_number(value).and_then(|count| u32::try_from(count).ok());
                count.ok_or_else(|| format!("a run of {value} pixels"))
            };
            let counts = counts.iter().map(parse).collect::<Result<_, _>>()?;
            Ok(Segmentation::Counts { counts })
        }
        _ => Err("its counts are neither a list nor a text".into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIZE: Size = Size::new(4, 3);

    #[test]
    fn forms_of_other_tools_are_read() {
        let square = vec![0., 0., 2., 0., 2., 3., 0., 3.];
        let polygon = Some(Segmentation::Polygons(vec![square]));
        let counts = vec![6, 3, 3];
        let runs = Some(Segmentation::Counts { counts });
        for (value, expected) in [
            (json!([[0, 0, 2, 0, 2, 3, 0, 3]]), &polygon),
            (json!([0, 0, 2, 0, 2, 3, 0, 3]), &polygon),
            (json!([["0", "0", 2.0, 0, 2, 3, 0, 3]]), &polygon),
            (json!([[[0, 0], [2, 0], [2, 3], [0, 3]]]), &polygon),
            (json!([[0, 0], [2, 0], [2, 3], [0, 3]]), &polygon),
            (
                json!([[0, 0, 2, 0, 2, 3, 0, 3], [1, 1, 2, 2], []]),
                &polygon,
            ),
            (json!({"size": [3, 4], "counts": [6, 3, 3]}), &runs),
            (
                json!({"size": [3.0, 4.0], "counts": [6.0, 3.0, 3.0]}),
                &runs,
            ),
            (
                json!({"size": ["3", "4"], "counts": ["6", "3", "3"]}),
                &runs,
            ),
            (json!({"counts": [6, 3, 3]}), &runs),
            (json!([]), &None),
            (json!([[]]), &None),
            (json!({}), &None),
            (json!(null), &None),
            (json!([[0, 0, 2, 0]]), &None),
        ] {
            assert_eq!(
                Segmentation::from_json(&value, SIZE).as_ref(),
                Ok(expected),
                "{value}"
            );
        }
        let text = json!({"size": [3, 4], "counts": "633"});
        let found = Segmentation::from_json(&text, SIZE);
        assert!(
            matches!(found, Ok(Some(Segmentation::Text { .. }))),
            "{found:?}"
        );
    }

    #[test]
    fn faults_are_named() {
        for (value, expected) in [
            (json!([[0, 0, 2, 0, 2, 3, 0]]), "a polygon has 7 numbers"),
            (
                json!([[0, 0, 2, 0, 2, "NaN", 0, 3]]),
                "a coordinate is \"NaN\"",
            ),
            (json!([[0, 0, 2, 0, 2, null, 0, 3]]), "a coordinate is null"),
            (
                json!([[0, 0, 2, 0, 2, 1e9, 0, 3]]),
                "more than 1000000 pixels out",
            ),
            (
                json!([[0, 0, 2, 0, 2, 3], 7]),
                "a mixture of lists and other values",
            ),
            (
                json!({"size": [4, 3], "counts": [6, 3, 3]}),
                "its size is [4,3]; expected [3, 4]",
            ),
            (json!({"size": 12, "counts": [6, 3, 3]}), "its size is 12"),
            (
                json!({"counts": [6, 3, 4]}),
                "the runs have 13 pixels, but the photo of 4 x 3 has 12",
            ),
            (json!({"counts": [6, 3.5, 2.5]}), "a run of 3.5 pixels"),
            (json!({"counts": [6, -3, 9]}), "a run of -3 pixels"),
            (json!({"counts": "b'63'"}), "byte 1 of the runs is 39"),
            (
                json!({"counts": null}),
                "its counts are neither a list nor a text",
            ),
            (
                json!({"size": [3, 4]}),
                "its counts are neither a list nor a text",
            ),
            (json!("[[0, 0]]"), "it is neither polygons nor run lengths"),
            (json!(7), "it is neither polygons nor run lengths"),
        ] {
            let error = Segmentation::from_json(&value, SIZE).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
