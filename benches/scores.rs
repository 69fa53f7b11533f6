//! `cargo bench --bench scores`: scoring 50,000 photos with five boxes each, and reading as many
//! annotations.
//!
//! The true boxes are artificial, with the size and shape of ILSVRC's: 500 x 375 pixels and 1.6
//! boxes per photo.

#![allow(missing_docs, reason = "of what the macros make")]

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use localise::classes::ClassList;
use localise::dataset::{Dataset, Photo, Request};
use localise::geometry::{BBox, Size};
use localise::prediction::{Format, Predictions};
use localise::results::Summary;

const PHOTOS: usize = 50_000;

/// A pseudorandom integer below `n` for photo `i`.
fn pseudorandom(i: usize, salt: usize, n: usize) -> usize {
    (i.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) / 65_536
        % n
}

/// A box inside a photo, as inclusive corners.
fn corners(i: usize, salt: usize) -> [usize; 4] {
    let (x, y) = (pseudorandom(i, salt, 250), pseudorandom(i, salt + 1, 190));
    [
        x,
        y,
        x + pseudorandom(i, salt + 2, 249),
        y + pseudorandom(i, salt + 3, 184),
    ]
}

fn boxes(i: usize) -> impl Iterator<Item = [usize; 4]> {
    (0..1 + usize::from(i % 5 < 3)).map(move |k| corners(i, 10 * k))
}

fn truth() -> Dataset {
    let photo = |i: usize| Photo {
        id: format!("ILSVRC2012_val_{:08}", i + 1),
        size: Some(Size::new(500, 375)),
        class: Some(i % 1000),
        boxes: boxes(i)
            .map(|b| b.map(|v| v as f64))
            .map(|[a, b, c, d]| BBox::from_inclusive(a, b, c, d))
            .collect(),
        blacklisted: i.is_multiple_of(28),
        ..Photo::default()
    };
    let classes = ClassList::read(ClassList::IMAGENET).expect("the class list is valid");
    let ilsvrc_ids = Some((1..=1000).rev().collect());
    Dataset {
        name: "generated".into(),
        classes,
        ilsvrc_ids,
        photos: (0..PHOTOS).map(photo).collect(),
        ..Dataset::default()
    }
}

fn submission() -> String {
    let mut text = String::new();
    for i in 0..PHOTOS {
        for rank in 0..5 {
            let id = if rank == i % 6 {
                1000 - i % 1000
            } else {
                1 + pseudorandom(i, 100 + rank, 1000)
            };
            let [a, b, c, d] = corners(i, if i.is_multiple_of(2) { 0 } else { 200 + rank });
            let _ = write!(text, "{id} {a} {b} {c} {d} ");
        }
        text.push('\n');
    }
    text
}

/// Reading a submission of five boxes per photo, and computing all its scores, including intervals
/// and floors.
fn scores(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("submission.txt");
    fs::write(&path, submission()).expect("a file can be written");
    let dataset = truth();
    let read =
        || Predictions::read(&path, Format::Devkit, &dataset).expect("the submission is valid");
    let mut group = criterion.benchmark_group("50,000 photos");
    group.sample_size(10);
    group.bench_function("reading five boxes each", |bencher| {
        bencher.iter(|| black_box(read()));
    });
    let predictions = read();
    group.bench_function("scoring five boxes each", |bencher| {
        bencher.iter(|| black_box(Summary::from_boxes(&dataset, &predictions)));
    });
    // One box for the true class of each photo: GT-known accuracy, CorLoc and mean IoU with their
    // bootstraps.
    let mut known = predictions;
    for (photo, predicted) in dataset.photos.iter().zip(&mut known.photos) {
        predicted.guesses.truncate(1);
        predicted.guesses[0].label =
            localise::score::Label::Class(photo.class.expect("each photo has a class"));
    }
    group.bench_function("scoring a box for the true class each", |bencher| {
        bencher.iter(|| black_box(Summary::from_boxes(&dataset, &known)));
    });
    group.finish();
}

fn annotate(folder: &Path, classes: &ClassList) {
    let annotations = folder.join("annotations");
    fs::create_dir_all(&annotations).expect("a folder can be created");
    let mut list = String::new();
    for i in 0..PHOTOS {
        let id = format!("ILSVRC2012_val_{:08}", i + 1);
        let mut xml = format!(
            "<annotation>\n\t<folder>val</folder>\n\t<filename>{id}</filename>\n\
             \t<source>\n\t\t<database>ILSVRC_2012</database>\n\t</source>\n\
             \t<size>\n\t\t<width>500</width>\n\t\t<height>375</height>\n\
             \t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n"
        );
        for [a, b, c, d] in boxes(i) {
            let _ = write!(
                xml,
                "\t<object>\n\t\t<name>{}</name>\n\t\t<pose>Unspecified</pose>\n\
                 \t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\
                 \t\t<bndbox>\n\t\t\t<xmin>{a}</xmin>\n\t\t\t<ymin>{b}</ymin>\n\
                 \t\t\t<xmax>{c}</xmax>\n\t\t\t<ymax>{d}</ymax>\n\
                 \t\t</bndbox>\n\t</object>\n",
                classes.key(i % 1000)
            );
        }
        fs::write(
            annotations.join(id).with_extension("xml"),
            xml + "</annotation>\n",
        )
        .expect("a file can be written");
        let _ = writeln!(list, "{}", 1000 - i % 1000);
    }
    fs::write(folder.join("ILSVRC2012_validation_ground_truth.txt"), list)
        .expect("a file can be written");
    fs::write(
        folder.join("ILSVRC2014_clsloc_validation_blacklist.txt"),
        "36\n50\n",
    )
    .expect("a file can be written");
}

/// Reading annotations in the devkit's layout, with one XML file per photo.
fn annotations(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be created");
    annotate(
        folder.path(),
        &ClassList::read(ClassList::IMAGENET).expect("the class list is valid"),
    );
    let request = Request {
        dataset: Some("ilsvrc-val".as_ref()),
        data_dir: Some(folder.path()),
        ..Request::default()
    };
    let mut group = criterion.benchmark_group("50,000 photos");
    group.sample_size(10);
    group.bench_function("reading their XML", |bencher| {
        bencher.iter(|| black_box(Dataset::open(&request).expect("the dataset is valid")));
    });
    group.finish();
}

criterion_group!(benches, scores, annotations);
criterion_main!(benches);
