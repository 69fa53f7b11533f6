//! Panels as pictures: their geometry, and two of them pixel by pixel.

use std::env;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use localise::geometry::BBox;
use localise::report::{PanelPhoto, PanelResult, contact_sheet, panel, panel_without_text};
use localise::saliency::Saliency;
use localise::segment::{Flag, Localisation, Seed, Seeds, Stages};
use ndarray::Array2;

// Space around and between the parts of a panel, the height of a line of text, and the narrowest
// tile; pixels.
const GAP: u32 = 8;
const LINE: u32 = 22;
const MIN_WIDTH: u32 = 300;

/// A smooth photo.
fn photo(width: u32, height: u32) -> RgbImage {
    let share = |at: u32, of: u32| (255 * at / of) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([share(x, width), share(y, height), 160])
    })
}

/// The distance from the middle of a frame, 0 in it and 1 at its nearest edge.
fn distance(size: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(size, |(y, x)| {
        let [y, x] = [(y, size.0), (x, size.1)].map(|(at, of)| 2.0 * at as f32 / of as f32 - 1.0);
        y.hypot(x)
    })
}

/// What a pipeline with every stage finds in a frame of 30 x 20.
fn every_stage() -> (Saliency, Stages) {
    let distance = distance((20, 30));
    let seeds = distance.map(|&d| match d {
        _ if d < 0.3 => Seed::Foreground,
        _ if d > 0.9 => Seed::Background,
        _ => Seed::Undecided,
    });
    let stages = Stages {
        seeds: Some(Seeds {
            colour: seeds.clone(),
            hard: seeds,
        }),
        mask: Some(distance.map(|d| !(0.6..=1.3).contains(d))),
        component: Some(distance.map(|&d| d < 0.6)),
    };
    let saliency = Saliency::whole(distance.map(|d| (1.5 - d).max(0.0)));
    (saliency, stages)
}

/// Compares a picture with that of a file, of which it may differ by a rounding. With
/// INSTA_UPDATE=always, the file is written.
fn assert_looks_like(picture: &RgbImage, name: &str) {
    let path = Path::new("tests/suite/cli/snapshots").join(name);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        picture.save(&path).unwrap();
    }
    let expected = image::open(&path).unwrap().to_rgb8();
    let difference = |(a, b): (&u8, &u8)| a.abs_diff(*b);
    let largest = picture.iter().zip(expected.iter()).map(difference).max();
    if picture.dimensions() != expected.dimensions() || largest > Some(2) {
        let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(found.parent().unwrap()).unwrap();
        picture.save(&found).unwrap();
        panic!("{} differs from {}", found.display(), path.display());
    }
}

#[test]
fn every_stage_is_a_tile() {
    let (saliency, stages) = every_stage();
    let facts = ["tabby (class 281)", "probability 0.663, rank 1"].map(ToString::to_string);
    let photo = PanelPhoto {
        name: "photo-17",
        facts: &facts,
        picture: &photo(150, 100),
        truth: &[BBox::new(40.0, 20.0, 120.0, 90.0)],
    };
    let result = PanelResult {
        facts: &["saliency: gradient".to_owned()],
        saliency: Some(&saliency),
        stages: &stages,
        localisation: &Localisation {
            bbox: BBox::new(30.0, 20.0, 120.0, 80.0),
            flag: None,
        },
        iou: Some(0.762),
    };
    assert_looks_like(&panel(&photo, &[result]), "panel-stages.png");
}

/// A name that is too long and has unknown letters, a narrow photo, a constant map, a box that
/// coincides with a true one.
#[test]
fn odd_results_are_explained() {
    let (saliency, stages) = every_stage();
    let constant = Saliency::whole(Array2::from_elem((20, 30), 0.25));
    let name = format!("{}照片-end", "very-long-name-".repeat(20));
    let boxes = [
        BBox::new(5.0, 20.0, 55.0, 100.0),
        BBox::new(30.0, 70.0, 60.0, 118.0),
    ];
    let photo = PanelPhoto {
        name: &name,
        facts: &[],
        picture: &photo(60, 120),
        truth: &boxes,
    };
    let [one, other] =
        ["saliency: gradient", "saliency: grad-cam, layer last"].map(|fact| [fact.to_owned()]);
    let found = PanelResult {
        facts: &one,
        saliency: Some(&saliency),
        stages: &stages,
        localisation: &Localisation {
            bbox: boxes[0],
            flag: None,
        },
        iou: Some(1.0),
    };
    let whole = PanelResult {
        facts: &other,
        saliency: Some(&constant),
        stages: &Stages::default(),
        localisation: &Localisation {
            bbox: BBox::new(0.0, 0.0, 60.0, 120.0),
            flag: Some(Flag::ConstantMap),
        },
        iou: Some(0.556),
    };
    assert_looks_like(&panel(&photo, &[found, whole]), "panel-odd.png");
}

/// Whatever the photo's size, tiles have its shape and 384 pixels on their longer side, and every
/// panel has a white margin.
#[test]
fn panels_are_bounded() {
    let (saliency, stages) = every_stage();
    for (width, height, tile) in [
        (1, 1, (384, 384)),
        (227, 227, (384, 384)),
        (5000, 2500, (384, 192)),
        (100, 800, (48, 384)),
        (3000, 3, (384, 1)),
    ] {
        let photo = PanelPhoto {
            name: "name",
            facts: &["a fact".to_owned()],
            picture: &photo(width, height),
            truth: &[BBox::new(0.0, 0.0, width.into(), height.into())],
        };
        let result = PanelResult {
            facts: &["another".to_owned()],
            saliency: Some(&saliency),
            stages: &stages,
            localisation: &Localisation {
                bbox: BBox::new(0.0, 0.0, 1.0, 1.0),
                flag: None,
            },
            iou: None,
        };
        let field = (tile.0.max(MIN_WIDTH), LINE + tile.1);
        let picture = panel(&photo, &[result]);
        let (inner_width, inner_height) = (picture.width() - 2 * GAP, picture.height() - 2 * GAP);
        assert_eq!(inner_width, 3 * field.0 + 2 * GAP, "{width} x {height}");
        let legend = inner_height - (3 * LINE + 2 * (GAP + field.1) + GAP);
        assert!(
            [LINE, 2 * LINE + GAP].contains(&legend),
            "{width} x {height}: {legend}"
        );
        let in_margin = |x: u32, y: u32| {
            x < GAP || y < GAP || x >= GAP + inner_width || y >= GAP + inner_height
        };
        let is_white =
            |(x, y, pixel): (u32, u32, &Rgb<u8>)| !in_margin(x, y) || pixel.0 == [255; 3];
        assert!(picture.enumerate_pixels().all(is_white));

        let bare = panel_without_text(&photo, &[result, result]);
        let expected = (3 * tile.0 + 4 * GAP, 2 * tile.1 + 3 * GAP);
        assert_eq!(bare.dimensions(), expected);
    }
}

#[test]
fn a_contact_sheet_has_a_caption_for_each_picture() {
    let pictures: Vec<_> = (0..5)
        .map(|i| (photo(320, 40), format!("class {i}")))
        .collect();
    let sheet = contact_sheet(&pictures, 2);
    let expected = (2 * 320 + 3 * GAP, 3 * (LINE + 40) + 4 * GAP);
    assert_eq!(sheet.dimensions(), expected);
    let has_ink = |x: u32, y: u32| {
        let caption = image::imageops::crop_imm(&sheet, x, y, 320, LINE).to_image();
        caption.pixels().any(|pixel| pixel.0[0] < 100)
    };
    for i in 0..6 {
        let (x, y) = (GAP + i % 2 * (320 + GAP), GAP + i / 2 * (LINE + 40 + GAP));
        assert_eq!(has_ink(x, y), i < 5, "{i}");
    }
}
