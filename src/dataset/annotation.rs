//! Annotations in Pascal VOC's XML, which ILSVRC uses too. Coordinates are given as they stand:
//! whether they begin at 0 or at 1 is the dataset's affair.

use std::path::Path;

use rayon::prelude::*;
use roxmltree::{Document, Node};

use crate::geometry::Size;
use super::MAX_SIDE;

/// An annotation as it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Annotation {
    /// The name of the photo, without its extension.
    pub(super) filename: String,
    /// Width and height, pixels.
    pub(super) size: Size,
    pub(super) objects: Vec<Object>,
}

/// An object as it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Object {
    pub(super) name: String,
    /// x_min, y_min, x_max, y_max.
    pub(super) corners: [f64; 4],
    pub(super) difficult: bool,
    /// Line and column.
    pub(super) place: String,
}

/// No annotation is larger.
const MAX_BYTES: u64 = 1 << 20;

/// The annotations of photos, in their order; a fault in place of one names the file.
pub(super) fn read_all(folder: &Path, ids: Vec<&str>) -> Vec<Result<Annotation, String>> {
    let read = |id: &str| {
        let path = folder.join(id).with_added_extension("xml");
        let shown = path.display();
        let large = path
            .metadata()
            .is_ok_and(|metadata| metadata.len() > MAX_BYTES);
        if large {
            return Err(format!(
                "{shown}: it is larger than 1 MiB, and no annotation is"
            ));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
        parse(&text).map_err(|e| format!("{shown}:{e}"))
    };
    ids.into_par_iter().map(read).collect()
}

/// Reads an annotation. Errors begin with line and column.
fn parse(text: &str) -> Result<Annotation, String> {
    // roxmltree refuses document type definitions, and with them entities.
    let document = Document::parse(text.trim_start_matches('\u{feff}'))
        .map_err(|e| format!("{}:{}: {e}", e.pos().row, e.pos().col))?;
    let root = document.root_element();
    let size = child(root, "size")?;
    let side = |name| {
        let value = number(size, name)?;
        let whole = value.fract() == 0.0 && (1.0..=f64::from(MAX_SIDE)).contains(&value);
        if whole {
            Ok(value as u32)
        } else {
            Err(format!(
                "{}: <{name}> {value} is no side of a photo",
                at(size)
            ))
        }
    };
    let objects = root
        .children()
        .filter(|c| c.has_tag_name("object"))
        .map(object)
        .collect::<Result<_, _>>()?;
    let filename = root
        .children()
        .find(|c| c.has_tag_name("filename"))
        .and_then(|c| c.text())
        .unwrap_or_default();
    let filename = filename
        .trim()
        .trim_end_matches(".JPEG")
        .trim_end_matches(".jpg")
        .to_owned();
    Ok(Annotation {
        filename,
        size: Size::new(side("width")?, side("height")?),
        objects,
    })
}

fn object(node: Node<'_, '_>) -> Result<Object, String> {
    let bounds = child(node, "bndbox")?;
    let [x0, y0, x1, y1] = ["xmin", "ymin", "xmax", "ymax"].map(|name| number(bounds, name));
    Ok(Object {
        name: value(node, "name")?,
        corners: [x0?, y0?, x1?, y1?],
        difficult: value(node, "difficult").is_ok_and(|text| text == "1"),
        place: at(bounds),
    })
}

fn at(node: Node<'_, '_>) -> String {
    let place = node.document().text_pos_at(node.range().start);
    format!("{}:{}", place.row, place.col)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Result<Node<'a, 'input>, String> {
    let found = node.children().find(|c| c.has_tag_name(name));
    found.ok_or_else(|| format!("{}: <{name}> is missing", at(node)))
}

fn value(node: Node<'_, '_>, name: &str) -> Result<String, String> {
    let node = child(node, name)?;
    node.text()
        .map(|text| text.trim().to_owned())
        .ok_or_else(|| format!("{}: <{name}> is empty", at(node)))
}

fn number(node: Node<'_, '_>, name: &str) -> Result<f64, String> {
    let text = value(node, name)?;
    let finite = text.parse().ok().filter(|v: &f64| v.is_finite());
    finite.ok_or_else(|| format!("{}: <{name}> '{text}' is no number", at(node)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The annotation of a photo of 500 x 375, as ILSVRC writes it.
    pub(in crate::dataset) fn xml(filename: &str, objects: &[(&str, [f64; 4])]) -> String {
        let object = |(name, [x0, y0, x1, y1]): &(&str, [f64; 4])| {
            format!(
                "<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>\
                 <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            )
        };
        let objects: Vec<_> = objects.iter().map(object).collect();
        format!(
            "<annotation>\n<folder>val</folder><filename>{filename}</filename>\
             <size><width>500</width><height>375</height><depth>3</depth></size>\n{}\n</annotation>\n",
            objects.join("\n")
        )
    }

    /// A byte-order mark, blanks in the text, other tags, fractions.
    #[test]
    fn odd_annotations_are_read() {
        let text = xml("a.jpg", &[("dog", [1.5, 2.0, 3.0, 4.0])]);
        let text = text
            .replace("<name>dog", "<name>\n dog \n")
            .replace("<difficult>0", "<difficult>1");
        let found = parse(&format!("\u{feff}{text}")).expect("an annotation");
        assert_eq!((found.filename.as_str(), found.size), ("a", [500, 375]));
        assert_eq!(
            (found.objects[0].name.as_str(), found.objects[0].difficult),
            ("dog", true)
        );
        assert_eq!(found.objects[0].corners, [1.5, 2.0, 3.0, 4.0]);
        assert_eq!(parse(&xml("b", &[])).expect("no object").objects, []);
    }

    #[test]
    fn faults_name_their_place() {
        let bomb = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]><annotation>&b;</annotation>";
        let good = xml("a", &[("dog", [0.0, 0.0, 1.0, 1.0])]);
        let cases = [
            ("<annotation><size>".into(), "1:"),
            (bomb.into(), "1:1"),
            (
                good.replace("375", "NaN"),
                "2:43: <height> 'NaN' is no number",
            ),
            (good.replace("500", "0.5"), "<width> 0.5 is no side"),
            (good.replace("bndbox", "box"), "3:1: <bndbox> is missing"),
            (
                good.replace("<ymax>1", "<ymax>1e400"),
                "<ymax> '1e400' is no number",
            ),
            (
                good.replace("<name>dog</name>", "<name/>"),
                "<name> is empty",
            ),
        ];
        for (text, expected) in cases {
            let error = parse(&text).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
