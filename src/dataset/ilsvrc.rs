//! ILSVRC's classification and localisation task: the development kit's layout.
//!
//! * Photos are `ILSVRC2012_val_00000001.JPEG` and so on.
//! * There is one XML of annotations per photo, 0-based with inclusive maxima: the devkit's reader
//!   subtracts nothing.
//! * `ILSVRC2012_validation_ground_truth.txt` has the ILSVRC ID of each photo, one per line.
//! * `ILSVRC2014_clsloc_validation_blacklist.txt` has the numbers, from 1 on, of photos left out of
//!   localisation.
//! * `map_clsloc.txt`, which is optional, has the order of `meta_clsloc.mat` as text: one
//!   `WNID ID name` per line.
//!
//! ILSVRC IDs are not in the order of classifiers, which is that of sorted WordNet ids. The class
//! is taken from the annotation, which names the WordNet id. List and annotations together give the
//! order of the IDs. They must not contradict each other or the map: otherwise one of them is
//! another edition.

use std::collections::HashSet;
use std::path::PathBuf;

use super::annotation::{self, Annotation};
use super::error::DatasetError;
use super::ilsvrc_val;
use super::label_order::LabelOrder;
use super::photo::Photo;
use super::photo_list::PhotoList;
use super::profile::Profile;
use super::text;
use super::truth::Dataset;
use super::validator::BoxValidator;
use crate::classes::ClassList;
use crate::geometry::BBox;

/// Where the parts are.
#[derive(Debug)]
pub(super) struct IlsvrcFiles {
    /// The folder of photos.
    pub(super) images: PathBuf,
    /// The folder of XML files.
    pub(super) annotations: PathBuf,
    pub(super) ground_truth: PathBuf,
    pub(super) blacklist: PathBuf,
    pub(super) label_order: Option<PathBuf>,
}

/// Reads the truth of all photos, or of those in `selection`.
pub(super) fn read(
    files: &IlsvrcFiles,
    classes: ClassList,
    selection: Option<&PhotoList>,
    lenient: bool,
) -> Result<Dataset, DatasetError> {
    let ids = text::read_numbers(&files.ground_truth)?;
    let blacklist = ilsvrc_val::read_blacklist(&files.blacklist, ids.len())?;
    let mut order = LabelOrder::new(files.label_order.as_deref(), &classes)?;
    let names = photo_names(ids.len(), selection);
    let xml_of = |(_, name): &(usize, String)| files.annotations.join(format!("{name}.xml"));
    let annotations = annotation::read_all(&names.iter().map(xml_of).collect::<Vec<_>>());

    let mut validator = BoxValidator::new(lenient);
    let mut photos = Vec::new();
    for ((number, name), annotation) in names.into_iter().zip(annotations) {
        let truth =
            annotation.and_then(|a| photo_truth(&a, &name, &classes, files, &mut validator));
        let (class, photo) = match truth {
            Ok(truth) => truth,
            Err(fault) => {
                validator.faults.add(fault);
                continue;
            }
        };
        if let Err(fault) = order.add(ids[number - 1], class, &classes) {
            let list = files.ground_truth.display();
            let fault = format!("{list}:{number}: {name}: {fault}");
            validator.faults.add(fault);
        }
        photos.push(Photo {
            blacklisted: blacklist.contains(&number),
            ..photo
        });
    }
    let (notes, edges) = validator.finish()?;
    Ok(Dataset {
        profile: Profile::Devkit,
        total_photos: ids.len(),
        classes,
        ilsvrc_ids: order.complete(),
        photos,
        notes,
        edges,
        files: vec![
            ("ground truth", files.ground_truth.clone()),
            ("blacklist", files.blacklist.clone()),
        ],
        ..Dataset::default()
    })
}

/// Numbers and names of the photos 1 to `photos`, or of those in `selection`.
fn photo_names(photos: usize, selection: Option<&PhotoList>) -> Vec<(usize, String)> {
    let selected: Option<HashSet<&str>> =
        selection.map(|list| list.names.iter().map(|(_, name)| name.as_str()).collect());
    let is_selected = |name: &str| selected.as_ref().is_none_or(|names| names.contains(name));
    (1..=photos)
        .map(|number| (number, format!("ILSVRC2012_val_{number:08}")))
        .filter(|(_, name)| is_selected(name))
        .collect()
}

/// Class and photo of an annotation, whose boxes are 0-based and inclusive.
fn photo_truth(
    annotation: &Annotation,
    name: &str,
    classes: &ClassList,
    files: &IlsvrcFiles,
    validator: &mut BoxValidator,
) -> Result<(usize, Photo), String> {
    let xml = files.annotations.join(name).with_added_extension("xml");
    let xml = xml.display();
    let filename = annotation.filename.trim_end_matches(".JPEG");
    if !filename.is_empty() && filename != name {
        return Err(format!("{xml}: it is the annotation of {filename}"));
    }
    let size = annotation
        .size
        .ok_or_else(|| format!("{xml}: <size> is missing or 0"))?;
    let (mut class, mut boxes) = (None, Vec::new());
    for object in &annotation.objects {
        let (wnid, place) = (&object.name, &object.place);
        let found = classes
            .class(wnid)
            .ok_or_else(|| format!("{xml}:{place}: unknown class {wnid}"))?;
        if *class.get_or_insert(found) != found {
            return Err(format!("{xml}:{place}: a second class, {wnid}"));
        }
        let [x0, y0, x1, y1] = object.corners;
        let bbox = BBox::from_inclusive(x0, y0, x1, y1);
        let place = || format!("{xml}:{place}");
        boxes.extend(validator.check(bbox, Some(size), place));
    }
    let class = class.ok_or_else(|| format!("{xml}: no <object>"))?;
    let photo = Photo {
        id: name.to_owned(),
        path: files.images.join(name).with_added_extension("JPEG"),
        size: Some(size),
        class: Some(class),
        boxes,
        ..Photo::default()
    };
    Ok((class, photo))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::dataset::annotation::tests::xml;
    use crate::geometry::Size;

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

    fn write_files(
        cases: &[IlsvrcCase],
        blacklist: &str,
        map: Option<&str>,
    ) -> (TempDir, IlsvrcFiles) {
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
        let files = IlsvrcFiles {
            images: folder.path().to_owned(),
            annotations: folder.path().to_owned(),
            ground_truth: write("truth.txt", &ids.join("\r\n")),
            blacklist: write("blacklist.txt", blacklist),
            label_order: map.map(|text| write("map.txt", text)),
        };
        (folder, files)
    }

    fn read_cases(
        cases: &[IlsvrcCase],
        blacklist: &str,
        map: Option<&str>,
    ) -> Result<Dataset, DatasetError> {
        let (_folder, files) = write_files(cases, blacklist, map);
        read(
            &files,
            ClassList::read(ClassList::IMAGENET).expect("the classes"),
            None,
            false,
        )
    }

    /// The box of the first photo of val is (111, 108, 441, 193), 0-based and inclusive. The lists
    /// have carriage returns, blank lines and no newline at the end.
    #[test]
    fn odd_lists_are_read_and_boxes_become_half_open() {
        let dataset = read_cases(&GOOD, "2\n\n", Some("n01751748 490 sea_snake\r\n"))
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(dataset.photos[0].boxes, [BBox::new(111., 108., 442., 194.)]);
        assert_eq!(dataset.photos[0].class, Some(65));
        assert_eq!(dataset.photos[0].size, Some(Size::new(500, 375)));
        let blacklisted: Vec<_> = dataset.photos.iter().map(|p| p.blacklisted).collect();
        assert_eq!(blacklisted, [false, true, false]);
        // Two of a thousand classes were seen.
        assert_eq!(dataset.ilsvrc_ids, None);
    }

    #[test]
    fn faults_name_their_place() {
        let mut wrong = [GOOD; 5];
        wrong[0][1].2 = [9., 0., 1., 1.];
        wrong[1][1].1 = "n00000000";
        wrong[2][1].3 = 490;
        wrong[3][2].3 = 12;
        wrong[4][1].3 = 1001;
        let messages = [
            "/ILSVRC2012_val_00000002.xml:3:103: box (9, 0, 2, 2) is inverted (x_min >= x_max)",
            "/ILSVRC2012_val_00000002.xml:3:103: unknown class n00000000",
            "/truth.txt:2: ILSVRC2012_val_00000002: \
             ILSVRC ID 490 is n09193705 here but n01751748 elsewhere",
            "/truth.txt:3: ILSVRC2012_val_00000003: \
             n01751748 has ILSVRC ID 12 here but 490 elsewhere",
            "/truth.txt:2: ILSVRC2012_val_00000002: ILSVRC ID 1001 is not in 1..=1000",
        ];
        for (cases, expected) in wrong.iter().zip(messages) {
            let error = read_cases(cases, "", None).expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}\n{error}");
        }
    }

    #[test]
    fn faults_of_lists_name_their_place() {
        for (blacklist, map, expected) in [
            (
                "4",
                None,
                "/blacklist.txt: photo 4 does not exist: there are 3 photos",
            ),
            ("1\nx", None, "/blacklist.txt:2: 'x' is not a whole number"),
            (
                "",
                Some("n01751748 12 sea_snake"),
                "/truth.txt:1: ILSVRC2012_val_00000001: \
                 n01751748 has ILSVRC ID 490 here but 12 elsewhere",
            ),
            (
                "",
                Some("n01751748 490"),
                "/map.txt:1: expected 3 fields, found 2",
            ),
        ] {
            let error = read_cases(&GOOD, blacklist, map).expect_err(expected);
            let error = error.to_string();
            assert!(error.contains(expected), "{expected}\n{error}");
        }
    }

    #[test]
    fn the_annotation_of_another_photo_is_refused() {
        let (folder, files) = write_files(&GOOD, "", None);
        let xml = |i: usize| folder.path().join(format!("{}.xml", GOOD[i].0));
        fs::copy(xml(0), xml(1)).expect("a copy");
        let classes = ClassList::read(ClassList::IMAGENET).expect("the classes");
        let error =
            read(&files, classes, None, false).expect_err("the annotation of another photo");
        let expected = "00000002.xml: it is the annotation of ILSVRC2012_val_00000001";
        assert!(error.to_string().contains(expected), "{error}");
    }
}
