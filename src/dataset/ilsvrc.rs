//! ILSVRC's classification and localisation task: the development kit's layout.
//!
//! * photos `ILSVRC2012_val_00000001.JPEG` and so on;
//! * one annotation XML a photo, 0-based with inclusive maxima (the devkit's reader subtracts nothing);
//! * `ILSVRC2012_validation_ground_truth.txt`: the ILSVRC ID of each photo, one a line;
//! * `ILSVRC2014_clsloc_validation_blacklist.txt`: numbers, from 1 on, of photos left out of localisation;
//! * `map_clsloc.txt`, where it is there: the order of `meta_clsloc.mat` as text, `WNID ID name` a line.
//!
//! ILSVRC IDs are not in the order of classifiers (sorted WordNet ids). The class is taken from the annotation, which
//! names the WordNet id; list and annotations together give the order of the IDs, and they must not contradict each other
//! or the map, or one of them is another edition.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::annotation::{self, Annotation};
use super::faults::Gate;
use super::{Dataset, Error, Photo, Profile, text};
use crate::classes::ClassList;
use crate::geometry::BBox;

/// How many photos the validation set has.
pub(super) const VAL_PHOTOS: usize = 50_000;

/// What is said where there is none.
pub(super) const NO_BLACKLIST: &str =
    "no blacklist lies here: every photo counts in localisation, unlike in the devkit";

/// What the devkit and Kaggle call a photo of the validation set: `ILSVRC2012_val_00000001`, where wsolevaluation has
/// `val/ILSVRC2012_val_00000001.JPEG`. `None` for any other name.
pub(crate) fn bare(id: &str) -> Option<&str> {
    let name = id.strip_prefix("val/").unwrap_or(id);
    let name = name.strip_suffix(".JPEG").unwrap_or(name);
    let digits = name.strip_prefix("ILSVRC2012_val_")?;
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// The number of a photo of the validation set, from 1 on: that in its name. 0 for any other name.
pub(super) fn number(id: &str) -> usize {
    bare(id).and_then(|name| name.rsplit('_').next()?.parse().ok()).unwrap_or(0)
}

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
) -> Result<Dataset, Error> {
    let ids = text::numbers(&layout.ground_truth)?;
    let blacklist = blacklist(&layout.blacklist, ids.len())?;
    let wanted: Option<HashSet<_>> = wanted.map(|names| names.iter().map(String::as_str).collect());
    let named = (1..=ids.len()).map(|number| (number, format!("ILSVRC2012_val_{number:08}")));
    let named: Vec<_> = named.filter(|(_, id)| wanted.as_ref().is_none_or(|w| w.contains(id.as_str()))).collect();
    let annotations = read_all(&layout.annotations, named.iter().map(|(_, id)| id.as_str()).collect());

    let mut gate = Gate::new(lenient);
    let mut photos = Vec::new();
    let mut order = LabelOrder::new(&classes);
    if let Some(map) = &layout.label_order {
        order.read(map, &classes)?;
    }
    for ((number, id), annotation) in named.into_iter().zip(annotations) {
        let xml = layout.annotations.join(&id).with_added_extension("xml");
        let truth = annotation.and_then(|a| truth(&a, &id, &classes, &mut gate, &xml));
        let (size, class, boxes) = match truth {
            Ok(truth) => truth,
            Err(fault) => {
                gate.faults.add(fault);
                continue;
            }
        };
        if let Err(fault) = order.add(ids[number - 1], class, &classes) {
            gate.faults.add(format!("{}:{number}: {id}: {fault}", layout.ground_truth.display()));
        }
        photos.push(Photo {
            path: layout.images.join(&id).with_added_extension("JPEG"),
            size: Some(size),
            class: Some(class),
            boxes,
            blacklisted: blacklist.contains(&number),
            weight: 1.0,
            id,
            ..Photo::default()
        });
    }
    let (notes, edges) = gate.close()?;
    let files = vec![("ground truth", layout.ground_truth.clone()), ("blacklist", layout.blacklist.clone())];
    let ilsvrc_ids = order.complete();
    let whole = ids.len();
    Ok(Dataset {
        profile: Profile::Devkit,
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

/// No annotation is larger.
const MOST_BYTES: u64 = 1 << 20;

/// The annotations of photos, in their order; a fault in place of one names the file.
pub(super) fn read_all(folder: &Path, ids: Vec<&str>) -> Vec<Result<Annotation, String>> {
    let read = |id: &str| {
        let path = folder.join(id).with_added_extension("xml");
        let shown = path.display();
        let large = path.metadata().is_ok_and(|metadata| metadata.len() > MOST_BYTES);
        if large {
            return Err(format!("{shown}: it is larger than 1 MiB, and no annotation is"));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
        annotation::parse(&text).map_err(|e| format!("{shown}:{e}"))
    };
    ids.into_par_iter().map(read).collect()
}

type Truth = ([u32; 2], usize, Vec<BBox>);

/// Size, class and boxes of an annotation whose boxes are 0-based and inclusive.
fn truth(
    annotation: &Annotation,
    id: &str,
    classes: &ClassList,
    gate: &mut Gate,
    path: &Path,
) -> Result<Truth, String> {
    let path = path.display();
    let Annotation { filename, size, objects } = annotation;
    if !filename.is_empty() && filename != id {
        return Err(format!("{path}: it is the annotation of {filename}"));
    }
    let (mut class, mut boxes) = (None, Vec::new());
    for object in objects {
        let (wnid, place) = (&object.name, &object.place);
        let found = classes.class(wnid).ok_or_else(|| format!("{path}:{place}: unknown class {wnid}"))?;
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

/// The numbers, from 1 on, of the photos left out of localisation.
pub(super) fn blacklist(path: &Path, photos: usize) -> Result<HashSet<usize>, Error> {
    let numbers = text::numbers(path)?;
    if let Some(outside) = numbers.iter().find(|&&n| n == 0 || n > photos) {
        return Err(Error::of(path, format!("photo {outside}, but there are {photos}")));
    }
    Ok(numbers.into_iter().collect())
}

/// The ILSVRC IDs by class that `map_clsloc.txt` tells.
pub(super) fn label_map(path: &Path, classes: &ClassList) -> Result<Option<Vec<usize>>, Error> {
    let mut order = LabelOrder::new(classes);
    order.read(path, classes)?;
    Ok(order.complete())
}

/// Which ILSVRC ID is which class, as far as has been seen.
struct LabelOrder {
    /// By class.
    ids: Vec<Option<usize>>,
    /// By ILSVRC ID − 1.
    classes: Vec<Option<usize>>,
}

impl LabelOrder {
    fn new(classes: &ClassList) -> Self {
        Self { ids: vec![None; classes.len()], classes: vec![None; classes.len()] }
    }

    fn add(&mut self, id: usize, class: usize, classes: &ClassList) -> Result<(), String> {
        let Some(place) = id.checked_sub(1).and_then(|place| self.classes.get_mut(place)) else {
            return Err(format!("ILSVRC ID {id} is not in 1..={}", classes.len()));
        };
        let (known_class, known_id) = (*place.get_or_insert(class), *self.ids[class].get_or_insert(id));
        if known_class != class || known_id != id {
            return Err(format!(
                "ILSVRC ID {id} is {} here, and {} elsewhere, which is {known_id}: list and annotations are of \
                 different editions, or the list is in another order",
                classes.key(class),
                classes.key(known_class)
            ));
        }
        Ok(())
    }

    /// Adds the lines of `map_clsloc.txt`.
    fn read(&mut self, path: &Path, classes: &ClassList) -> Result<(), Error> {
        text::each(path, |line| {
            let [wnid, id, _] = text::fields::<3>(line, ' ')?;
            let id = id.parse().map_err(|_| format!("'{id}' is no ILSVRC ID"))?;
            let class = classes.class(wnid).ok_or_else(|| format!("unknown class {wnid}"))?;
            self.add(id, class, classes)
        })?;
        Ok(())
    }

    /// The IDs by class, where all are known.
    fn complete(self) -> Option<Vec<usize>> {
        self.ids.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::annotation::tests::xml;
    use super::*;

    /// Photo, its annotated class and box, its ILSVRC ID.
    type Case = (&'static str, &'static str, [f64; 4], usize);

    const GOOD: [Case; 3] = [
        ("ILSVRC2012_val_00000001", "n01751748", [111., 108., 441., 193.], 490),
        ("ILSVRC2012_val_00000002", "n09193705", [45., 49., 499., 162.], 361),
        ("ILSVRC2012_val_00000003", "n01751748", [0., 0., 499., 374.], 490),
    ];

    fn layout(cases: &[Case], blacklist: &str, map: Option<&str>) -> (TempDir, Layout) {
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

    fn read_cases(cases: &[Case], blacklist: &str, map: Option<&str>) -> Result<Dataset, Error> {
        let (_folder, layout) = layout(cases, blacklist, map);
        read(&layout, ClassList::read(ClassList::IMAGENET).expect("the classes"), None, false)
    }

    /// The first photo of val is (111, 108, 441, 193), 0-based and inclusive. Carriage returns, no end of the last line,
    /// blank lines.
    #[test]
    fn odd_lists_are_read_and_boxes_become_half_open() {
        let dataset = read_cases(&GOOD, "2\n\n", Some("n01751748 490 sea_snake\r\n")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(dataset.photos[0].boxes, [BBox::new(111., 108., 442., 194.)]);
        assert_eq!((dataset.photos[0].class, dataset.photos[0].size), (Some(65), Some([500, 375])));
        assert_eq!(dataset.photos.iter().map(|p| p.blacklisted).collect::<Vec<_>>(), [false, true, false]);
        // Two of a thousand classes were seen.
        assert_eq!(dataset.ilsvrc_ids, None);
    }

    #[test]
    fn one_photo_has_two_names() {
        assert_eq!(bare("val/ILSVRC2012_val_00000036.JPEG"), Some("ILSVRC2012_val_00000036"));
        assert_eq!(
            (number("ILSVRC2012_val_00000036"), number("n02119789/a.JPEG"), number("ILSVRC2012_val_3")),
            (36, 0, 0)
        );
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
            ("", Some("n01751748 12 sea_snake"), "and n01751748 elsewhere, which is 12"),
            ("", Some("n01751748 490"), "map.txt:1: 2 fields stand where 3 should"),
        ] {
            let error = read_cases(&GOOD, blacklist, map).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let (folder, layout) = layout(&GOOD, "", None);
        fs::copy(folder.path().join(format!("{}.xml", GOOD[0].0)), folder.path().join(format!("{}.xml", GOOD[1].0)))
            .expect("a copy");
        let classes = ClassList::read(ClassList::IMAGENET).expect("the classes");
        let error = read(&layout, classes, None, false).expect_err("another photo's").to_string();
        assert!(error.contains("it is the annotation of ILSVRC2012_val_00000001"), "{error}");
    }
}
