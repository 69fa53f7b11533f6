//! ILSVRC's classification and localisation task: the development kit's layout.
//!
//! * photos `ILSVRC2012_val_00000001.JPEG` and so on;
//! * one annotation XML a photo, 0-based with inclusive maxima (the devkit's reader subtracts
//!   nothing);
//! * `ILSVRC2012_validation_ground_truth.txt`: the ILSVRC ID of each photo, one a line;
//! * `ILSVRC2014_clsloc_validation_blacklist.txt`: numbers, from 1 on, of photos left out of
//!   localisation;
//! * `map_clsloc.txt`, where it is there: the order of `meta_clsloc.mat` as text, `WNID ID name` a
//!   line.
//!
//! ILSVRC IDs are not in the order of classifiers (sorted WordNet ids). The class is taken from the
//! annotation, which names the WordNet id; list and annotations together give the order of the IDs,
//! and they must not contradict each other or the map, or one of them is another edition.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::annotation::{self, Annotation};
use super::faults::Gate;
use super::label_order::LabelOrder;
use super::{Dataset, DatasetError, Photo, Profile, text, val};
use crate::classes::ClassList;
use crate::geometry::{BBox, Size};

/// Where the parts lie.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) images: PathBuf,
    pub(super) annotations: PathBuf,
    pub(super) ground_truth: PathBuf,
    pub(super) blacklist: PathBuf,
    pub(super) label_order: Option<PathBuf>,
}

/// Reads the truth of all photos, or of those in `wanted`.
pub(super) fn read(
    layout: &Layout,
    classes: ClassList,
    wanted: Option<&[String]>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let ids = text::numbers(&layout.ground_truth)?;
    let blacklist = val::blacklist(&layout.blacklist, ids.len())?;
    let mut order = LabelOrder::new(layout.label_order.as_deref(), &classes)?;
    let named = named(ids.len(), wanted);
    let annotations = annotation::read_all(
        &layout.annotations,
        named.iter().map(|(_, id)| id.as_str()).collect(),
    );

    let mut gate = Gate::new(lenient);
    let mut photos = Vec::new();
    for ((number, id), annotation) in named.into_iter().zip(annotations) {
        let xml = layout.annotations.join(&id).with_added_extension("xml");
        let (size, class, boxes) =
            match annotation.and_then(|a| truth(&a, &id, &classes, &mut gate, &xml)) {
                Ok(truth) => truth,
                Err(fault) => {
                    gate.faults.add(fault);
                    continue;
                }
            };
        if let Err(fault) = order.add(ids[number - 1], class, &classes) {
            gate.faults.add(format!(
                "{}:{number}: {id}: {fault}",
                layout.ground_truth.display()
            ));
        }
        photos.push(Photo {
            path: layout.images.join(&id).with_added_extension("JPEG"),
            size: Some(size),
            class: Some(class),
            boxes,
            blacklisted: blacklist.contains(&number),
            id,
            ..Photo::default()
        });
    }
    let (notes, edges) = gate.close()?;
    let files = vec![
        ("ground truth", layout.ground_truth.clone()),
        ("blacklist", layout.blacklist.clone()),
    ];
    let (profile, whole, ilsvrc_ids) = (Profile::Devkit, ids.len(), order.complete());
    Ok(Dataset {
        profile,
        whole,
        classes,
        ilsvrc_ids,
        photos,
        notes,
        edges,
        files,
        ..Dataset::default()
    })
}

/// Numbers and names of the photos 1 to `photos`, or of those in `wanted`.
fn named(photos: usize, wanted: Option<&[String]>) -> Vec<(usize, String)> {
    let wanted: Option<HashSet<&str>> =
        wanted.map(|names| names.iter().map(String::as_str).collect());
    let named = (1..=photos).map(|number| (number, format!("ILSVRC2012_val_{number:08}")));
    named
        .filter(|(_, id)| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.contains(id.as_str()))
        })
        .collect()
}

type Truth = (Size, usize, Vec<BBox>);

/// Size, class and boxes of an annotation whose boxes are 0-based and inclusive.
fn truth(
    annotation: &Annotation,
    id: &str,
    classes: &ClassList,
    gate: &mut Gate,
    path: &Path,
) -> Result<Truth, String> {
    let path = path.display();
    let Annotation {
        filename,
        size,
        objects,
    } = annotation;
    if !filename.is_empty() && filename != id {
        return Err(format!("{path}: it is the annotation of {filename}"));
    }
    let (mut class, mut boxes) = (None, Vec::new());
    for object in objects {
        let (wnid, place) = (&object.name, &object.place);
        let found = classes
            .class(wnid)
            .ok_or_else(|| format!("{path}:{place}: unknown class {wnid}"))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("{path}:{place}: a second class, {wnid}"));
        }
        let [x0, y0, x1, y1] = object.corners;
        let bbox = BBox::from_inclusive(x0, y0, x1, y1);
        boxes.extend(gate.pass(bbox, Some(*size), || format!("{path}:{place}")));
    }
    let class = class.ok_or_else(|| format!("{path}: no <object>"))?;
    Ok((*size, class, boxes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::annotation::tests::xml;
    use super::*;

    /// Photo, its annotated class and box, its ILSVRC ID.
    type IlsvrcCase = (&'static str, &'static str, [f64; 4], usize);

    const GOOD: [IlsvrcCase; 3] = [
        (
            "ILSVRC2012_val_00000001",
            "n01751748",
            [111., 108., 441., 193.],
            490,
        ),
        (
            "ILSVRC2012_val_00000002",
            "n09193705",
            [45., 49., 499., 162.],
            361,
        ),
        (
            "ILSVRC2012_val_00000003",
            "n01751748",
            [0., 0., 499., 374.],
            490,
        ),
    ];

    fn layout(cases: &[IlsvrcCase], blacklist: &str, map: Option<&str>) -> (TempDir, Layout) {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        for (id, wnid, corners, _) in cases {
            write(&format!("{id}.xml"), &xml(id, &[(wnid, *corners)]));
        }
        let ids: Vec<_> = cases.iter().map(|case| case.3.to_string()).collect();
        let layout = Layout {
            images: folder.path().to_owned(),
            annotations: folder.path().to_owned(),
            ground_truth: write("truth.txt", &ids.join("\r\n")),
            blacklist: write("blacklist.txt", blacklist),
            label_order: map.map(|text| write("map.txt", text)),
        };
        (folder, layout)
    }

    fn read_cases(cases: &[IlsvrcCase], blacklist: &str, map: Option<&str>) -> Result<Dataset, DatasetError> {
        let (_folder, layout) = layout(cases, blacklist, map);
        read(
            &layout,
            ClassList::read(ClassList::IMAGENET).expect("the classes"),
            None,
            false,
        )
    }

    /// The first photo of val is (111, 108, 441, 193), 0-based and inclusive. Carriage returns, no
    /// end of the last line, blank lines.
    #[test]
    fn odd_lists_are_read_and_boxes_become_half_open() {
        let dataset = read_cases(&GOOD, "2\n\n", Some("n01751748 490 sea_snake\r\n"))
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(dataset.photos[0].boxes, [BBox::new(111., 108., 442., 194.)]);
        assert_eq!(
            (dataset.photos[0].class, dataset.photos[0].size),
            (Some(65), Some([500, 375]))
        );
        assert_eq!(
            dataset
                .photos
                .iter()
                .map(|p| p.blacklisted)
                .collect::<Vec<_>>(),
            [false, true, false]
        );
        // Two of a thousand classes were seen.
        assert_eq!(dataset.ilsvrc_ids, None);
    }

    #[test]
    fn faults_are_named() {
        let mut wrong = [GOOD; 6];
        wrong[0][1].2 = [9., 0., 1., 1.];
        wrong[1][1].1 = "n00000000";
        wrong[2][1].3 = 490;
        wrong[3][2].3 = 12;
        wrong[4][1].3 = 1001;
        let expected = [
            "00000002.xml:4:1",
            "unknown class n00000000",
            "truth.txt:2: ILSVRC2012_val_00000002: ILSVRC ID 490 is n09193705 here, and n01751748 elsewhere",
            "truth.txt:3: ILSVRC2012_val_00000003: ILSVRC ID 12 is n01751748 here",
            "ILSVRC ID 1001 is not in 1..=1000",
        ];
        for (cases, expected) in wrong.iter().zip(expected) {
            let error = read_cases(cases, "", None).expect_err(expected).to_string();
            assert!(error.contains(expected.trim_end_matches(":4:1")), "{error}");
        }
        for (blacklist, map, expected) in [
            ("4", None, "blacklist.txt: photo 4, but there are 3"),
            ("1\nx", None, "blacklist.txt:2: 'x' is no number"),
            (
                "",
                Some("n01751748 12 sea_snake"),
                "and n01751748 elsewhere, which is 12",
            ),
            (
                "",
                Some("n01751748 490"),
                "map.txt:1: 2 fields stand where 3 should",
            ),
        ] {
            let error = read_cases(&GOOD, blacklist, map)
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
        let (folder, layout) = layout(&GOOD, "", None);
        fs::copy(
            folder.path().join(format!("{}.xml", GOOD[0].0)),
            folder.path().join(format!("{}.xml", GOOD[1].0)),
        )
        .expect("a copy");
        let classes = ClassList::read(ClassList::IMAGENET).expect("the classes");
        let error = read(&layout, classes, None, false)
            .expect_err("another photo's")
            .to_string();
        assert!(
            error.contains("it is the annotation of ILSVRC2012_val_00000001"),
            "{error}"
        );
    }
}
