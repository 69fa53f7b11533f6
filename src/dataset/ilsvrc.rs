//! ILSVRC's classification and localisation task: the development kit's layout.
//!
//! * photos `ILSVRC2012_val_00000001.JPEG` and so on;
//! * one annotation XML a photo, 0-based with inclusive maxima (the devkit's reader subtracts nothing);
//! * `ILSVRC2012_validation_ground_truth.txt`: the ILSVRC ID of each photo, one a line;
//! * `ILSVRC2014_clsloc_validation_blacklist.txt`: numbers, from 1 on, of photos left out of localisation.
//!
//! ILSVRC IDs are not in the order of classifiers (sorted WordNet ids). The class is taken from the annotation, which
//! names the WordNet id; the ground-truth list must tell the same classes apart, or one of the two is another edition.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Dataset, Error, Faults, Photo, checked};
use crate::classifier::ClassList;
use crate::geometry::BBox;

/// Where the parts lie.
#[derive(Debug)]
pub(super) struct Layout {
    images: PathBuf,
    annotations: PathBuf,
    ground_truth: PathBuf,
    blacklist: PathBuf,
}

impl Layout {
    /// Looks for each part in the places named, seen from `root`.
    pub(super) fn find(root: &Path, places: [&[PathBuf]; 4]) -> Result<Self, Error> {
        let mut faults = Faults::default();
        let parts = ["photos", "annotations", "ground-truth list", "blacklist"];
        let [images, annotations, ground_truth, blacklist] = std::array::from_fn(|i| {
            let found = places[i].iter().map(|place| root.join(place)).find(|path| path.exists());
            if found.is_none() {
                let tried: Vec<_> = places[i].iter().map(|p| p.display().to_string()).collect();
                faults.add(format!("{}: no {}; looked for {}", root.display(), parts[i], tried.join(", ")));
            }
            found.unwrap_or_default()
        });
        faults.into_result()?;
        Ok(Self { images, annotations, ground_truth, blacklist })
    }
}

/// Reads the truth of all photos, or of those in `wanted`.
pub(super) fn read(layout: &Layout, classes: &ClassList, wanted: Option<&[String]>) -> Result<Dataset, Error> {
    let ids = numbers(&layout.ground_truth)?;
    let blacklist: HashSet<usize> = numbers(&layout.blacklist)?.into_iter().collect();
    if let Some(outside) = blacklist.iter().find(|&&n| n == 0 || n > ids.len()) {
        let (path, count) = (layout.blacklist.display(), ids.len());
        return Err(Error::one(format!("{path}: photo {outside}, but the ground-truth list has {count}")));
    }
    let wanted: Option<HashSet<_>> = wanted.map(|names| names.iter().map(String::as_str).collect());
    let named = (1..=ids.len()).map(|number| (number, format!("ILSVRC2012_val_{number:08}")));
    let named: Vec<_> = named.filter(|(_, id)| wanted.as_ref().is_none_or(|w| w.contains(id.as_str()))).collect();
    let read = |(number, id): (usize, String)| {
        let xml = layout.annotations.join(&id).with_added_extension("xml");
        let text = std::fs::read_to_string(&xml).map_err(|e| format!("{}: {e}", xml.display()))?;
        let (size, class, boxes, cut) = annotation(&text, classes).map_err(|e| format!("{}:{e}", xml.display()))?;
        let path = layout.images.join(&id).with_added_extension("JPEG");
        let blacklisted = blacklist.contains(&number);
        Ok((number, Photo { id, path, size, class: Some(class), boxes, blacklisted, weight: 1.0 }, cut))
    };
    let results: Vec<Result<_, String>> = named.into_par_iter().map(read).collect();

    let mut faults = Faults::default();
    let (mut photos, mut cut_off) = (Vec::new(), 0);
    let (mut class_of, mut id_of) = (HashMap::new(), HashMap::new());
    for result in results {
        let (number, photo, cut) = match result {
            Ok(read) => read,
            Err(fault) => {
                faults.add(fault);
                continue;
            }
        };
        let (id, class) = (ids[number - 1], photo.class.expect("annotated"));
        if *class_of.entry(id).or_insert(class) != class || *id_of.entry(class).or_insert(id) != id {
            let wnid = classes.wnid(class);
            faults.add(format!(
                "{}:{number}: ILSVRC ID {id} for {}, which is annotated as {wnid}: elsewhere the two do not go together",
                layout.ground_truth.display(),
                photo.id
            ));
        }
        cut_off += cut;
        photos.push(photo);
    }
    faults.into_result()?;
    let notes = if cut_off > 0 { vec![format!("{cut_off} boxes were cut off at their photo's edge")] } else { vec![] };
    Ok(Dataset { name: "ilsvrc".into(), photos, weighted: false, notes })
}

fn numbers(path: &Path) -> Result<Vec<usize>, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::one(format!("{}: {e}", path.display())))?;
    let number = |(i, line): (usize, &str)| {
        line.trim().parse().map_err(|_| Error::one(format!("{}:{}: '{line}' is no number", path.display(), i + 1)))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(number).collect()
}

type Annotation = ([u32; 2], usize, Vec<BBox>, usize);

/// Size, class and boxes of an annotation, and how many boxes were cut off. Errors begin with line and column.
fn annotation(text: &str, classes: &ClassList) -> Result<Annotation, String> {
    // roxmltree refuses document type definitions, and with them entities.
    let document = roxmltree::Document::parse(text).map_err(|e| format!("{}:{}: {e}", e.pos().row, e.pos().col))?;
    let at = |node: roxmltree::Node<'_, '_>| {
        let place = document.text_pos_at(node.range().start);
        format!("{}:{}", place.row, place.col)
    };
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        let found = node.children().find(|c| c.has_tag_name(name)).and_then(|c| c.text());
        found.map(|t| t.trim().to_owned()).ok_or_else(|| format!("{}: <{name}> is missing", at(node)))
    };
    let number = |node, name| {
        let text = child(node, name)?;
        text.parse::<f64>().map_err(|_| format!("{}: <{name}> '{text}' is no number", at(node)))
    };
    let root = document.root_element();
    let size =
        root.children().find(|c| c.has_tag_name("size")).ok_or_else(|| format!("{}: <size> is missing", at(root)))?;
    let size = [number(size, "width")? as u32, number(size, "height")? as u32];
    let (mut class, mut boxes, mut cut_off) = (None, Vec::new(), 0);
    for object in root.children().filter(|c| c.has_tag_name("object")) {
        let wnid = child(object, "name")?;
        let found = classes.class(&wnid).ok_or_else(|| format!("{}: unknown class {wnid}", at(object)))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("{}: a second class, {wnid}", at(object)));
        }
        let bounds = object.children().find(|c| c.has_tag_name("bndbox"));
        let bounds = bounds.ok_or_else(|| format!("{}: <bndbox> is missing", at(object)))?;
        let [x0, y0, x1, y1] = ["xmin", "ymin", "xmax", "ymax"].map(|name| number(bounds, name));
        let bbox = BBox::from_inclusive(x0?, y0?, x1?, y1?);
        let (bbox, cut) = checked(bbox, size).map_err(|fault| format!("{}: {fault}", at(bounds)))?;
        cut_off += usize::from(cut);
        boxes.push(bbox);
    }
    let class = class.ok_or_else(|| format!("{}: no <object>", at(root)))?;
    Ok((size, class, boxes, cut_off))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Annotation, String> {
        annotation(text, &ClassList::read("imagenet1k").expect("the classes"))
    }

    fn xml(objects: &str) -> String {
        format!("<annotation>\n<size><width>500</width><height>375</height></size>\n{objects}\n</annotation>")
    }

    fn object(wnid: &str, [x0, y0, x1, y1]: [i32; 4]) -> String {
        format!(
            "<object><name>{wnid}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>\
             <xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        )
    }

    /// The first photo of val: (111, 108, 441, 193), 0-based and inclusive.
    #[test]
    fn boxes_become_half_open() {
        let found = parse(&xml(&object("n01751748", [111, 108, 441, 193]))).expect("an annotation");
        assert_eq!(found, ([500, 375], 65, vec![BBox::new(111., 108., 442., 194.)], 0));
    }

    #[test]
    fn faults_name_their_place() {
        let bomb = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]><annotation>&b;</annotation>";
        let cases = [
            (xml(""), "no <object>"),
            (xml(&object("n00000000", [0, 0, 1, 1])), "3:1: unknown class n00000000"),
            (xml(&object("n01751748", [9, 0, 1, 1])), "inside out"),
            (xml(&[object("n01751748", [0, 0, 1, 1]), object("n01440764", [0, 0, 1, 1])].concat()), "a second class"),
            ("<annotation><size>".into(), "1:"),
            (bomb.into(), "1:1"),
        ];
        for (text, expected) in cases {
            let error = parse(&text).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
