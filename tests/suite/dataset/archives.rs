//! Datasets in archives, annotations and masks included: the same truth as from their folders.

use std::fs;
use std::path::Path;
use std::process::Command;

use localise::dataset::{Dataset, DatasetError, Jpeg, Photo, Request, TrueMask, read};
use localise::geometry::Size;
use tempfile::TempDir;

use crate::support::write;

const SIZE: Size = Size {
    width: 40,
    height: 30,
};

/// Writes a small picture, of which a part is white.
fn picture(folder: &Path, name: &str) {
    let path = write(folder, name, "");
    image::GrayImage::from_fn(SIZE.width, SIZE.height, |x, _| {
        image::Luma([(x / 20 * 255) as u8])
    })
    .save(path)
    .unwrap();
}

const XML: &str = "<annotation><filename>a.png</filename><size><width>40</width><height>30</height></size>\
<object><name>cat</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>\
</annotation>";

const COCO: &str = r#"{"images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
"categories": [{"id": 3, "name": "cat"}],
"annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10, 9], "iscrowd": 0,
"segmentation": [[1, 2, 11, 2, 11, 11]]}]}"#;

const TABLE: &str = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n\
                     a,images/a.png,40,30,n02123045,281,0,0,20,30\n";

/// The files of each layout; those of pictures have no text.
const LAYOUTS: [(&str, &[(&str, &str)]); 5] = [
    (
        "voc",
        &[("Annotations/a.xml", XML), ("JPEGImages/a.png", "")],
    ),
    ("labelled", &[("x/a.xml", XML), ("x/a.png", "")]),
    ("coco", &[("_annotations.coco.json", COCO), ("a.png", "")]),
    (
        "cub",
        &[
            ("images.txt", "1 001.Auk/a.png\n"),
            ("image_class_labels.txt", "1 1\n"),
            ("classes.txt", "1 001.Auk\n"),
            ("train_test_split.txt", "1 0\n"),
            ("bounding_boxes.txt", "1 1.0 2.0 30.0 20.0\n"),
            ("images/001.Auk/a.png", ""),
            ("segmentations/001.Auk/a.png", ""),
        ],
    ),
    ("csv", &[("boxes.csv", TABLE), ("images/a.png", "")]),
];

fn open(dataset: &Path) -> Result<Dataset, DatasetError> {
    Dataset::open(&Request {
        dataset: Some(dataset),
        ..Request::default()
    })
}

/// The photos with their paths below `root`, and their masks.
fn truth(root: &Path) -> (Vec<Photo>, Vec<Option<TrueMask>>) {
    let dataset = open(root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    let mask = |photo: &Photo| photo.mask.as_ref().map(|mask| mask.read(SIZE).unwrap());
    let masks = dataset.photos.iter().map(mask).collect();
    let photos = dataset.photos.into_iter().map(|photo| {
        read(&photo.path, Jpeg::Strict).unwrap();
        Photo {
            path: photo.path.strip_prefix(root).unwrap().to_owned(),
            mask: None,
            ..photo
        }
    });
    (photos.collect(), masks)
}

#[test]
fn every_layout_may_be_in_an_archive() {
    let folder = TempDir::new().unwrap();
    for (layout, files) in LAYOUTS {
        let root = folder.path().join(layout);
        for (name, content) in files {
            if content.is_empty() {
                picture(&root, name);
            } else {
                write(&root, name, content);
            }
        }
        let expected = truth(&root);
        assert_eq!(expected.0.len(), 1, "{layout}");
        assert_eq!(expected.0[0].boxes.len(), 1, "{layout}");
        let script = format!(
            "cd {layout} && tar -cf ../{layout}.tar . && tar -czf ../{layout}.tgz . && \
             python3 -m zipfile -c ../{layout}.zip *"
        );
        let mut shell = Command::new("sh");
        let packed = shell
            .current_dir(folder.path())
            .args(["-c", &script])
            .status();
        assert!(packed.unwrap().success());
        for extension in ["tar", "tgz", "zip"] {
            let archive = root.with_extension(extension);
            assert_eq!(truth(&archive), expected, "{layout}.{extension}");
        }
        fs::remove_dir_all(root).unwrap();
    }
}

/// The archives of COCO as they are downloaded, and a folder of masks as an archive.
#[test]
fn a_description_may_name_archives() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    picture(&data, "images/a.png");
    write(&data, "annotations/coco.json", COCO);
    write(&data, "boxes.csv", TABLE.replace("images/", "images.tar/"));
    let pack = "tar -C images -cf masks.tar . && tar -C images -cf images.tar . && \
                tar -czf annotations.tgz annotations && rm -r images annotations";
    let mut shell = Command::new("sh");
    let packed = shell.current_dir(&data).args(["-c", pack]).status();
    assert!(packed.unwrap().success());
    for (text, pixels) in [
        (
            "kind = \"csv\"\nboxes = [\"boxes.csv\"]\nmasks = \"masks.tar\"",
            20 * 30,
        ),
        (
            "kind = \"coco\"\nannotations = [\"annotations.tgz/annotations/coco.json\"]\n\
             images = [\"images.tar\"]",
            // The triangle of the annotation, half of 10 x 9 pixels.
            45,
        ),
    ] {
        let text = format!("title = \"t\"\nfolder = \"data\"\n{text}\n");
        let description = write(folder.path(), "d.toml", text);
        let dataset = open(&description).unwrap_or_else(|e| panic!("{e}"));
        let [photo] = &dataset.photos[..] else {
            panic!("one photo")
        };
        assert!(read(&photo.path, Jpeg::Strict).is_ok());
        let mask = photo.mask.as_ref().unwrap().read(SIZE).unwrap();
        let found = mask.object.iter().filter(|&&inside| inside).count();
        assert!(found.abs_diff(pixels) <= 3, "{found} pixels");
    }
}
