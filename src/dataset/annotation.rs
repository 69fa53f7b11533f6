//! Annotations in Pascal VOC's XML, which ILSVRC and annotation tools use too. Coordinates are
//! returned as the file states them: whether they begin at 0 or at 1 depends on the dataset.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use roxmltree::{Document, Node, ParsingOptions, TextPos};

use super::decode::MAX_SIDE;
use super::encoding;
use crate::geometry::Size;
use crate::storage;

/// Larger files are refused, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// An annotation as the file states it.
#[derive(Debug, PartialEq)]
pub(super) struct Annotation {
    /// The name of the photo's file; empty where there is none.
    pub(super) filename: String,
    /// The photo's size. `None` where it is absent or 0, as some annotation tools write it.
    pub(super) size: Option<Size>,
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

/// Reads annotations, in the order of `paths`. An error names the file.
pub(super) fn read_all(paths: &[PathBuf]) -> Vec<Result<Annotation, String>> {
    paths.par_iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Annotation, String> {
    let shown = path.display();
    if storage::length(path).is_ok_and(|length| length > Some(MAX_BYTES)) {
        return Err(format!(
            "{shown}: the file is larger than 1 MiB, the limit for an annotation"
        ));
    }
    let bytes = storage::read(path).map_err(|e| format!("{shown}: {e}"))?;
    let text = encoding::decode_xml(&bytes).map_err(|e| format!("{shown}: {e}"))?;
    parse(&text).map_err(|e| format!("{shown}:{e}"))
}

/// Parses an annotation. Errors begin with line and column.
fn parse(text: &str) -> Result<Annotation, String> {
    // An entity could name another file, or fill the memory.
    if let Some(start) = text.find("<!ENTITY") {
        let line = text[..start].matches('\n').count() + 1;
        let column = start - text[..start].rfind('\n').map_or(0, |end| end + 1) + 1;
        return Err(format!(
            "{line}:{column}: the DTD declares an entity; entities are not read"
        ));
    }
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)
        .map_err(|e| format!("{}: {e}", line_and_column(e.pos())))?;
    let root = document.root_element();
    if !root.has_tag_name("annotation") {
        let (place, found) = (position(root), root.tag_name().name());
        return Err(format!("{place}: expected <annotation>, found <{found}>"));
    }
    let mut objects = Vec::new();
    for node in root.children().filter(|node| node.has_tag_name("object")) {
        objects.push(parse_object(node)?);
    }
    Ok(Annotation {
        filename: optional_text(root, "filename")?.unwrap_or_default(),
        size: parse_size(root)?,
        objects,
    })
}

fn parse_size(root: Node<'_, '_>) -> Result<Option<Size>, String> {
    let Some(size) = optional(root, "size")? else {
        return Ok(None);
    };
    let [width, height] = ["width", "height"].map(|name| parse_side(size, name));
    Ok(width?
        .zip(height?)
        .map(|(width, height)| Size::new(width, height)))
}

/// A side of the photo; `None` where it is absent or 0.
fn parse_side(size: Node<'_, '_>, name: &str) -> Result<Option<u32>, String> {
    let Some(text) = optional_text(size, name)? else {
        return Ok(None);
    };
    let value = parse_number(size, name, &text)?;
    if value == 0.0 {
        return Ok(None);
    }
    if value.fract() == 0.0 && (1.0..=f64::from(MAX_SIDE)).contains(&value) {
        return Ok(Some(value as u32));
    }
    Err(format!(
        "{}: <{name}> {value} is not a side of a photo: expected a whole number from 1 to \
         {MAX_SIDE}",
        position(size)
    ))
}

fn parse_object(node: Node<'_, '_>) -> Result<AnnotatedObject, String> {
    let bounds = required(node, "bndbox")?;
    let [x0, y0, x1, y1] = ["xmin", "ymin", "xmax", "ymax"].map(|name| {
        let text = required_text(bounds, name)?;
        parse_number(bounds, name, &text)
    });
    Ok(AnnotatedObject {
        name: required_text(node, "name")?,
        corners: [x0?, y0?, x1?, y1?],
        difficult: parse_flag(node, "difficult")?,
        place: position(bounds),
    })
}

/// A flag, which is not set where it is absent or empty.
fn parse_flag(node: Node<'_, '_>, name: &str) -> Result<bool, String> {
    let text = optional_text(node, name)?.unwrap_or_default();
    match text.to_lowercase().as_str() {
        "" | "0" | "0.0" | "false" | "no" | "none" | "unspecified" => Ok(false),
        "1" | "1.0" | "true" | "yes" => Ok(true),
        _ => {
            let place = position(node);
            Err(format!("{place}: <{name}> '{text}' is neither 0 nor 1"))
        }
    }
}

fn parse_number(node: Node<'_, '_>, name: &str, text: &str) -> Result<f64, String> {
    let finite = text.parse().ok().filter(|v: &f64| v.is_finite());
    finite.ok_or_else(|| format!("{}: <{name}> '{text}' is not a number", position(node)))
}

/// Line and column of a node.
fn position(node: Node<'_, '_>) -> String {
    line_and_column(node.document().text_pos_at(node.range().start))
}

fn line_and_column(position: TextPos) -> String {
    format!("{}:{}", position.row, position.col)
}

/// The child of this name, in any namespace. It is an error if there are two.
fn optional<'a, 'input>(
    node: Node<'a, 'input>,
    name: &str,
) -> Result<Option<Node<'a, 'input>>, String> {
    let mut found = node.children().filter(|child| child.has_tag_name(name));
    let first = found.next();
    match found.next() {
        Some(second) => Err(format!("{}: a second <{name}>", position(second))),
        None => Ok(first),
    }
}

fn required<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Result<Node<'a, 'input>, String> {
    optional(node, name)?.ok_or_else(|| format!("{}: <{name}> is missing", position(node)))
}

/// All text in the child of this name, trimmed; `None` where there is none.
fn optional_text(node: Node<'_, '_>, name: &str) -> Result<Option<String>, String> {
    Ok(optional(node, name)?.and_then(text_in))
}

fn required_text(node: Node<'_, '_>, name: &str) -> Result<String, String> {
    let child = required(node, name)?;
    text_in(child).ok_or_else(|| format!("{}: <{name}> is empty", position(child)))
}

/// The text in a node, which comments may interrupt.
fn text_in(node: Node<'_, '_>) -> Option<String> {
    let parts = node.descendants().filter(Node::is_text);
    let text: String = parts.filter_map(|part| part.text()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
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

    /// Blanks in the text, other tags, fractions.
    #[test]
    fn odd_annotations_are_read() {
        let text = xml("a.jpg", &[("dog", [1.5, 2.0, 3.0, 4.0])]);
        let text = text
            .replace("<name>dog", "<name>\n dog \n")
            .replace("<difficult>0", "<difficult>1");
        let found = parse(&text).expect("an annotation");
        assert_eq!(found.filename, "a.jpg");
        assert_eq!(found.size, Some(Size::new(500, 375)));
        assert_eq!(
            (found.objects[0].name.as_str(), found.objects[0].difficult),
            ("dog", true)
        );
        assert_eq!(found.objects[0].corners, [1.5, 2.0, 3.0, 4.0]);
        assert_eq!(parse(&xml("b", &[])).expect("no object").objects, []);
    }

    const DIFFICULT: &str = "<difficult>0</difficult>";

    /// What in a good file becomes what, and whether the object is then difficult.
    const VARIANTS: [(&str, &str, bool); 16] = [
        (DIFFICULT, "", false),
        (DIFFICULT, "<difficult/>", false),
        (DIFFICULT, "<difficult>Unspecified</difficult>", false),
        (DIFFICULT, "<difficult>False</difficult>", false),
        (DIFFICULT, "<difficult>True</difficult>", true),
        (DIFFICULT, "<difficult>1.0</difficult>", true),
        (
            "<truncated>0</truncated>",
            "<truncated>1</truncated><occluded>x</occluded>",
            false,
        ),
        ("<pose>Unspecified</pose>", "", false),
        (
            "<xmin>1</xmin><ymin>2</ymin>",
            "<ymin> 2.0 </ymin><xmin>1e0</xmin>",
            false,
        ),
        (
            "<annotation>",
            "<annotation xmlns=\"http://example.org/voc\">",
            false,
        ),
        (
            "<annotation>",
            "<!DOCTYPE annotation SYSTEM \"voc.dtd\"><annotation>",
            false,
        ),
        (
            "<annotation>",
            "<!DOCTYPE annotation>\n<annotation verified=\"yes\">",
            false,
        ),
        ("dog", "d<!-- a comment -->og", false),
        ("dog", "<![CDATA[dog]]>", false),
        (
            "<bndbox>",
            "<polygon><x1>9</x1><y1>9</y1></polygon><bndbox>",
            false,
        ),
        (
            "<bndbox>",
            "<part><name>head</name><bndbox/></part><bndbox>",
            false,
        ),
    ];

    /// What labelImg, CVAT, Roboflow and converters write in place of VOC's own form.
    #[test]
    fn annotations_of_other_tools_are_read() {
        let good = xml("a.jpg", &[("dog", [1.0, 2.0, 3.0, 4.0])]);
        let size = "<size><width>500</width><height>375</height><depth>3</depth></size>";
        for (from, to) in [
            (size, ""),
            (size, "<size/>"),
            (
                size,
                "<size><width>0</width><height>0</height><depth/></size>",
            ),
            (size, "<size><width>500</width><height></height></size>"),
        ] {
            let found = parse(&good.replace(from, to)).expect(to);
            assert_eq!((found.size, found.objects.len()), (None, 1), "{to}");
        }
        for (from, to, expected) in VARIANTS {
            assert!(good.contains(from), "{from}");
            let found = parse(&good.replace(from, to)).expect(to).objects;
            let expected = AnnotatedObject {
                name: "dog".into(),
                corners: [1.0, 2.0, 3.0, 4.0],
                difficult: expected,
                place: found[0].place.clone(),
            };
            assert_eq!(found, [expected], "{to}");
        }
    }

    #[test]
    fn faults_name_their_place() {
        let bomb = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]>\
                    <annotation>&b;</annotation>";
        let good = xml("a", &[("dog", [0.0, 0.0, 1.0, 1.0])]);
        let cases = [
            ("<annotation><size>".into(), "1:"),
            (bomb.into(), "1:14: the DTD declares an entity"),
            (good.replace("dog", "&dog;"), "3:15: "),
            (
                good.replace("annotation>", "annotations>"),
                "1:1: expected <annotation>, found <annotations>",
            ),
            (
                good.replace("<name>dog", "<name>cat</name><name>dog"),
                "a second <name>",
            ),
            (
                good.replace("<difficult>0", "<difficult>2"),
                "3:1: <difficult> '2' is neither 0 nor 1",
            ),
            (good.replace("500", "-1"), "<width> -1 is not a side"),
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
