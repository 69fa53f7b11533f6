//! Annotations in Pascal VOC's XML, which ILSVRC uses too. Coordinates are returned as the file
//! states them: whether they begin at 0 or at 1 depends on the dataset.

use std::path::Path;

use rayon::prelude::*;
use roxmltree::{Document, Node};

use super::decode::MAX_SIDE;
use crate::geometry::Size;

/// Larger files are refused, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// An annotation as the file states it.
#[derive(Debug, PartialEq)]
pub(super) struct Annotation {
    /// The name of the photo, without its extension.
    pub(super) filename: String,
    /// The photo's size.
    pub(super) size: Size,
    pub(super) objects: Vec<AnnotatedObject>,
}

/// An object as the file states it.
#[derive(Debug, PartialEq)]
pub(super) struct AnnotatedObject {
    pub(super) name: String,
    /// x_min, y_min, x_max, y_max.
    pub(super) corners: [f64; 4],
    pub(super) difficult: bool,
    /// Line and column of the box.
    pub(super) place: String,
}

/// Reads the annotations of photos, in the order of `ids`. An error names the file.
pub(super) fn read_all(folder: &Path, ids: Vec<&str>) -> Vec<Result<Annotation, String>> {
    ids.into_par_iter().map(|id| read(folder, id)).collect()
}

fn read(folder: &Path, id: &str) -> Result<Annotation, String> {
    let path = folder.join(id).with_added_extension("xml");
    let shown = path.display();
    if path
        .metadata()
        .is_ok_and(|metadata| metadata.len() > MAX_BYTES)
    {
        return Err(format!(
            "{shown}: the file is larger than 1 MiB, the limit for an annotation"
        ));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
    parse(&text).map_err(|e| format!("{shown}:{e}"))
}

/// Parses an annotation. Errors begin with line and column.
fn parse(text: &str) -> Result<Annotation, String> {
    // roxmltree refuses document type definitions, and with them entities.
    let document = Document::parse(text.trim_start_matches('\u{feff}'))
        .map_err(|e| format!("{}:{}: {e}", e.pos().row, e.pos().col))?;
    let root = document.root_element();
    let size = child(root, "size")?;
    let mut objects = Vec::new();
    for node in root.children().filter(|node| node.has_tag_name("object")) {
        objects.push(parse_object(node)?);
    }
    let filename = root
        .children()
        .find(|node| node.has_tag_name("filename"))
        .and_then(|node| node.text())
        .unwrap_or_default()
        .trim()
        .trim_end_matches(".JPEG")
        .trim_end_matches(".jpg");
    Ok(Annotation {
        filename: filename.to_owned(),
        size: Size::new(parse_side(size, "width")?, parse_side(size, "height")?),
        objects,
    })
}

fn parse_side(size: Node<'_, '_>, name: &str) -> Result<u32, String> {
    let value = child_number(size, name)?;
    if value.fract() == 0.0 && (1.0..=f64::from(MAX_SIDE)).contains(&value) {
        return Ok(value as u32);
    }
    Err(format!(
        "{}: <{name}> {value} is not a side of a photo: expected a whole number from 1 to \
         {MAX_SIDE}",
        position(size)
    ))
}

fn parse_object(node: Node<'_, '_>) -> Result<AnnotatedObject, String> {
    let bounds = child(node, "bndbox")?;
    let [x0, y0, x1, y1] = ["xmin", "ymin", "xmax", "ymax"].map(|name| child_number(bounds, name));
    Ok(AnnotatedObject {
        name: child_text(node, "name")?,
        corners: [x0?, y0?, x1?, y1?],
        difficult: child_text(node, "difficult").is_ok_and(|text| text == "1"),
        place: position(bounds),
    })
}

/// Line and column of a node.
fn position(node: Node<'_, '_>) -> String {
    let position = node.document().text_pos_at(node.range().start);
    format!("{}:{}", position.row, position.col)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Result<Node<'a, 'input>, String> {
    let found = node.children().find(|child| child.has_tag_name(name));
    found.ok_or_else(|| format!("{}: <{name}> is missing", position(node)))
}

fn child_text(node: Node<'_, '_>, name: &str) -> Result<String, String> {
    let child = child(node, name)?;
    match child.text() {
        Some(text) => Ok(text.trim().to_owned()),
        None => Err(format!("{}: <{name}> is empty", position(child))),
    }
}

fn child_number(node: Node<'_, '_>, name: &str) -> Result<f64, String> {
    let text = child_text(node, name)?;
    let finite = text.parse().ok().filter(|v: &f64| v.is_finite());
    finite.ok_or_else(|| format!("{}: <{name}> '{text}' is not a number", position(node)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The annotation of a photo of 500 x 375, as ILSVRC writes it.
    pub(in crate::dataset) fn xml(filename: &str, objects: &[(&str, [f64; 4])]) -> String {
        let object = |(name, [x0, y0, x1, y1]): &(&str, [f64; 4])| {
            format!(
                "<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>\
                 <difficult>0</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>\
                 <xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            )
        };
        let objects: Vec<_> = objects.iter().map(object).collect();
        format!(
            "<annotation>\n<folder>val</folder><filename>{filename}</filename>\
             <size><width>500</width><height>375</height><depth>3</depth></size>\n{}\n\
             </annotation>\n",
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
        assert_eq!(found.filename, "a");
        assert_eq!(found.size, Size::new(500, 375));
        assert_eq!(
            (found.objects[0].name.as_str(), found.objects[0].difficult),
            ("dog", true)
        );
        assert_eq!(found.objects[0].corners, [1.5, 2.0, 3.0, 4.0]);
        assert_eq!(parse(&xml("b", &[])).expect("no object").objects, []);
    }

    #[test]
    fn faults_name_their_place() {
        let bomb = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]>\
                    <annotation>&b;</annotation>";
        let good = xml("a", &[("dog", [0.0, 0.0, 1.0, 1.0])]);
        let cases = [
            ("<annotation><size>".into(), "1:"),
            (bomb.into(), "1:1"),
            (
                good.replace("375", "NaN"),
                "2:43: <height> 'NaN' is not a number",
            ),
            (
                good.replace("500", "0.5"),
                "<width> 0.5 is not a side of a photo: expected a whole number from 1 to 65535",
            ),
            (good.replace("bndbox", "box"), "3:1: <bndbox> is missing"),
            (
                good.replace("<ymax>1", "<ymax>1e400"),
                "<ymax> '1e400' is not a number",
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
