//! JPEG files of every legal kind have the pixels that Pillow reads, and damaged ones are errors.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::RgbImage;
use localise::dataset::{self, Jpeg};
use tempfile::TempDir;

use super::jpeg_encoder::{Coding, Headers, Layout, with_headers};
use crate::support::program::lossy;
use crate::support::{say, skip};

/// Sampling factors of luma, and of both chroma components.
const SAMPLING: [[(usize, usize); 3]; 16] = [
    [(1, 1), (1, 1), (1, 1)],
    [(2, 1), (1, 1), (1, 1)],
    [(1, 2), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(1, 4), (1, 1), (1, 1)],
    [(2, 4), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)],
    [(4, 4), (1, 1), (1, 1)],
    // Chroma finer than luma, or in one direction, or one chroma component finer than the other.
    [(1, 1), (2, 2), (2, 2)],
    [(1, 1), (2, 1), (1, 2)],
    [(1, 2), (2, 1), (2, 1)],
    [(2, 2), (2, 1), (1, 2)],
    [(2, 2), (2, 2), (1, 1)],
    // All equal, but not 1; and factors that do not divide each other, which libjpeg refuses.
    [(2, 2), (2, 2), (2, 2)],
    [(3, 1), (2, 1), (1, 1)],
];

/// The components of each scan: all in one, each in its own, and two in one.
const SCANS: [&[&[usize]]; 5] = [
    &[&[0, 1, 2]],
    &[&[0], &[1], &[2]],
    &[&[0], &[1, 2]],
    &[&[0, 1], &[2]],
    &[&[2], &[0], &[1]],
];

const SIZES: [(usize, usize); 4] = [(1, 1), (7, 19), (37, 29), (64, 32)];

const CODINGS: [Coding; 4] = [
    Coding::Baseline,
    Coding::Progressive,
    Coding::Arithmetic,
    Coding::ProgressiveArithmetic,
];

fn owned(scans: &[&[usize]]) -> Vec<Vec<usize>> {
    scans.iter().map(|scan| scan.to_vec()).collect()
}

/// All layouts of the tables above that the standard allows.
fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    for sampling in SAMPLING {
        for scans in SCANS {
            for (width, height) in SIZES {
                for coding in CODINGS {
                    for restart_interval in [0, 2] {
                        layouts.push(Layout {
                            width,
                            height,
                            sampling: sampling.to_vec(),
                            scans: owned(scans),
                            coding,
                            restart_interval,
                        });
                    }
                }
            }
        }
    }
    layouts.retain(Layout::is_legal);
    layouts
}

/// The sampling factors of the components, and the components of each scan.
type Kind = (&'static [(usize, usize)], &'static [&'static [usize]]);

/// Grey files, whose sampling factors have no meaning, and files of four components.
fn layouts_of_one_and_four() -> Vec<Layout> {
    let mut layouts = Vec::new();
    let kinds: [Kind; 6] = [
        (&[(1, 1)], &[&[0]]),
        (&[(2, 2)], &[&[0]]),
        (&[(4, 1)], &[&[0]]),
        (&[(1, 1); 4], &[&[0, 1, 2, 3]]),
        (&[(2, 2), (1, 1), (1, 1), (2, 2)], &[&[0, 1, 2, 3]]),
        (&[(2, 1), (1, 1), (1, 1), (2, 1)], &[&[0], &[1, 2], &[3]]),
    ];
    for (sampling, scans) in kinds {
        for coding in CODINGS {
            layouts.push(Layout {
                width: 37,
                height: 29,
                sampling: sampling.to_vec(),
                scans: owned(scans),
                coding,
                restart_interval: 0,
            });
        }
    }
    layouts
}

/// What Pillow reads in these files, `None` where it cannot; or nothing, where it is not installed.
fn pillow(files: &[Vec<u8>]) -> Option<Vec<Option<RgbImage>>> {
    if !Path::new(".test-tools/PIL").exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Pillow is missing: scripts/fetch-test-tools"
        );
        skip("Pillow is not here: scripts/fetch-test-tools");
        return None;
    }
    let folder = TempDir::new().unwrap();
    let [input, output] = ["files", "pixels"].map(|name| folder.path().join(name));
    let framed = files
        .iter()
        .map(|file| [&(file.len() as u32).to_le_bytes()[..], file].concat());
    fs::write(&input, framed.collect::<Vec<_>>().concat()).unwrap();
    let mut command = Command::new("python3");
    command
        .arg("tests/golden/jpeg_referee.py")
        .args([&input, &output])
        .env("PYTHONPATH", ".test-tools");
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", lossy(&done.stderr));
    let bytes = fs::read(&output).unwrap();
    let mut rest = &bytes[..];
    let number = |unread: &mut &[u8]| {
        let (number, after) = unread.split_first_chunk().unwrap();
        *unread = after;
        u32::from_le_bytes(*number)
    };
    let read = |_: &Vec<u8>| {
        let (width, height) = (number(&mut rest), number(&mut rest));
        let (pixels, after) = rest.split_at((width * height * 3) as usize);
        rest = after;
        (width > 0).then(|| RgbImage::from_raw(width, height, pixels.to_vec()).unwrap())
    };
    Some(files.iter().map(read).collect())
}

fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.iter().zip(b.iter());
    pairs.map(|(x, y)| x.abs_diff(*y)).max().unwrap()
}

/// Each layout with each header: pixels equal to Pillow's, or an error where Pillow has one too.
#[test]
fn jpegs_of_every_kind_have_the_pixels_of_pillow() {
    let mut names = Vec::new();
    let mut files = Vec::new();
    for layout in layouts().into_iter().chain(layouts_of_one_and_four()) {
        let bare = layout.encode();
        for headers in Headers::ALL {
            names.push(format!("{layout:?} {headers:?}"));
            files.push(with_headers(&bare, headers));
        }
    }
    let Some(pictures) = pillow(&files) else {
        return;
    };
    let (mut refused, mut worst) = (0, 0);
    let mut wrong = Vec::new();
    for ((name, file), expected) in names.iter().zip(&files).zip(&pictures) {
        match (dataset::decode(file, Jpeg::Strict), expected) {
            (Ok(found), Some(expected)) => {
                let difference = largest_difference(&found, expected);
                worst = worst.max(difference);
                if difference > 0 {
                    wrong.push(format!("{difference}: {name}"));
                }
            }
            (Err(_), None) if name.contains("[(3, 1), (2, 1), (1, 1)]") => refused += 1,
            (Err(error), None) => wrong.push(format!("both refuse it, {error}: {name}")),
            (Ok(_), None) => wrong.push(format!("Pillow refuses it: {name}")),
            (Err(error), Some(_)) => wrong.push(format!("{error}: {name}")),
        }
    }
    let count = files.len();
    say(&format!(
        "{count} JPEG files: the largest difference from Pillow is {worst}; both refuse {refused}\n"
    ));
    assert!(
        wrong.is_empty(),
        "{} of {count} files, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

/// A progressive file may end after any scan that all components have been in. Such a picture is
/// smoothed.
#[test]
fn progressive_jpegs_of_few_scans_have_the_pixels_of_pillow() {
    let whole = parts(&example(Coding::Progressive, SCANS[0]));
    let scans: Vec<usize> = (0..whole.len())
        .filter(|&part| is_scan(&whole[part]))
        .collect();
    let until = |&scan: &usize| [&whole[..=scan].concat()[..], b"\xFF\xD9"].concat();
    let files: Vec<_> = scans.iter().map(until).collect();
    for (count, (file, expected)) in files
        .iter()
        .zip(pillow(&files).unwrap_or_default())
        .enumerate()
    {
        let found = dataset::decode(file, Jpeg::Strict).unwrap();
        let difference = largest_difference(&found, &expected.unwrap());
        assert_eq!(difference, 0, "{} scans", count + 1);
    }
}

/// Files of public bug reports, which other decoders turned into stripes.
#[test]
fn reported_jpegs_have_the_pixels_of_pillow() {
    let names = ["cat", "separate", "separate-y-cbcr", "together"];
    let files = names.map(|name| format!("tests/golden/reports/jpeg/{name}.jpg"));
    let files = files.map(|path| fs::read(path).unwrap());
    let pictures = files
        .each_ref()
        .map(|file| dataset::decode(file, Jpeg::Strict).unwrap());
    assert!(
        pictures[1] == pictures[3],
        "the order of the scans changes the pixels"
    );
    for ((name, found), expected) in names
        .iter()
        .zip(&pictures)
        .zip(pillow(&files).unwrap_or_default())
    {
        assert_eq!(largest_difference(found, &expected.unwrap()), 0, "{name}");
    }
}

/// A file of 37 x 29 pixels, with chroma of half the size and restart markers.
fn example(coding: Coding, scans: &[&[usize]]) -> Vec<u8> {
    let layout = Layout {
        width: 37,
        height: 29,
        sampling: vec![(2, 2), (1, 1), (1, 1)],
        scans: owned(scans),
        coding,
        restart_interval: 1,
    };
    with_headers(&layout.encode(), Headers::ALL[1])
}

/// The parts of a file, each of which begins with its marker. Coded data belong to the start of
/// their scan.
fn parts(file: &[u8]) -> Vec<Vec<u8>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let is_part = file[at] == 0xFF && !matches!(file[at + 1], 0x00 | 0xD0..=0xD7);
        if is_part {
            starts.push(at);
            at += match file[at + 1] {
                0xD8 | 0xD9 => 2,
                _ => 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])),
            };
        } else {
            at += 1;
        }
    }
    let ends = starts[1..].iter().copied().chain([file.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| file[start..end].to_vec())
        .collect()
}

const START_OF_SCAN: u8 = 0xDA;

fn is_scan(part: &[u8]) -> bool {
    part[1] == START_OF_SCAN
}

/// Files of several scans, and of one.
fn examples() -> Vec<(String, Vec<u8>)> {
    let mut examples = Vec::new();
    for coding in CODINGS {
        for scans in SCANS {
            examples.push((format!("{coding:?} {scans:?}"), example(coding, scans)));
        }
    }
    examples
}

fn is_in_one_scan(name: &str) -> bool {
    name == "Baseline [[0, 1, 2]]"
}

#[test]
fn what_stands_between_the_parts_changes_no_pixel() {
    for (name, file) in examples() {
        let expected = dataset::decode(&file, Jpeg::Strict).unwrap();
        let parts = parts(&file);
        let between = |what: &[u8]| [&parts[0][..], &parts[1..].join(what)].concat();
        let mut variants = vec![
            ("fill bytes", between(&[0xFF; 3])),
            ("comments", between(b"\xFF\xFE\x00\x05odd")),
            ("private segments", between(b"\xFF\xEB\x00\x04\xFF\xDA")),
            (
                "bytes behind the end",
                [&file[..], b"\xFF\xD8\xFF\xDA and more"].concat(),
            ),
        ];
        // Arithmetic codes have no end of their own: what follows belongs to them.
        if !name.contains("Arithmetic") {
            variants.push(("junk", between(b"junk between segments")));
            variants.push(("zeros", between(&[0; 9])));
            variants.push(("stuffed bytes", between(b"\xFF\x00\xFF\x00")));
        }
        if is_in_one_scan(&name) {
            variants.push(("no end", file[..file.len() - 2].to_vec()));
        }
        for (what, variant) in variants {
            let found = dataset::decode(&variant, Jpeg::Strict);
            let found = found.unwrap_or_else(|error| panic!("{name}, {what}: {error}"));
            assert!(found == expected, "{name}: {what} changes pixels");
        }
    }
}

#[test]
fn damaged_jpegs_are_errors_unless_leniently_read() {
    for (name, file) in examples() {
        let whole = parts(&file);
        let scans: Vec<usize> = (0..whole.len())
            .filter(|&part| is_scan(&whole[part]))
            .collect();
        let mut variants = Vec::new();
        for &scan in &scans {
            let before = whole[..scan].concat();
            let header = 2 + usize::from(whole[scan][3]);
            let half = &whole[scan][..header.midpoint(whole[scan].len())];
            let rest = whole[scan + 1..].concat();
            variants.push(("cut in a scan", [&before[..], half].concat()));
            variants.push((
                "cut in a scan, and ended",
                [&before, half, b"\xFF\xD9"].concat(),
            ));
            if !is_in_one_scan(&name) {
                let cut = [&before[..], &whole[scan]].concat();
                variants.push(("cut behind a scan", cut));
            }
            let restart = whole[scan]
                .windows(2)
                .position(|p| p[0] == 0xFF && p[1] & 0xF8 == 0xD0);
            if let Some(at) = restart {
                let (start, end) = whole[scan].split_at(at);
                let with = |what: &[u8]| [&before, start, what, &end[2..], &rest].concat();
                variants.push(("a restart out of order", with(b"\xFF\xD5")));
                variants.push(("surplus data before a restart", with(b"surplus\xFF\xD0")));
            }
        }
        if scans.len() == SCANS[1].len() && !name.contains("Progressive") {
            // A scan of one component of three.
            let mut without = whole.clone();
            without.remove(scans[1]);
            variants.push(("a scan is missing", without.concat()));
        }
        for (what, variant) in variants {
            let error = dataset::decode(&variant, Jpeg::Strict);
            let error = error
                .err()
                .unwrap_or_else(|| panic!("{name}, {what}: it is read"));
            let error = error.to_string();
            assert!(
                error.contains("the lenient decoder may read it"),
                "{name}, {what}: {error}"
            );
            let read = dataset::decode(&variant, Jpeg::Lenient);
            let read = read.unwrap_or_else(|e| panic!("{name}, {what}: {e}"));
            assert_eq!(read.dimensions(), (37, 29), "{name}, {what}");
        }
    }
}

#[test]
fn jpegs_that_are_not_supported_say_why() {
    let baseline = example(Coding::Baseline, SCANS[0]);
    let frame = baseline
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    let patched = |at: usize, byte: u8| {
        let mut file = baseline.clone();
        file[frame + at] = byte;
        file
    };
    let of_components = |count: usize| {
        Layout {
            width: 9,
            height: 9,
            sampling: vec![(1, 1); count],
            scans: (0..count).map(|component| vec![component]).collect(),
            coding: Coding::Baseline,
            restart_interval: 0,
        }
        .encode()
    };
    let separate = parts(&example(Coding::Baseline, SCANS[1]));
    let scan = separate.iter().find(|part| is_scan(part)).unwrap();
    let with_scans = |count: usize| {
        let (last, rest) = separate.split_last().unwrap();
        [rest.concat(), scan.repeat(count), last.clone()].concat()
    };
    let full = dataset::decode(&with_scans(97), Jpeg::Strict).unwrap();
    assert!(full == dataset::decode(&separate.concat(), Jpeg::Strict).unwrap());
    for (file, reason) in [
        (patched(4, 12), "Unsupported JPEG data precision 12"),
        (patched(1, 0xC3), "Unsupported JPEG process: SOF type 0xc3"),
        (patched(1, 0xC5), "Unsupported JPEG process: SOF type 0xc5"),
        (patched(14, 0x31), "Fractional sampling not implemented"),
        (patched(11, 0x51), "Bogus sampling factors"),
        (patched(6, 0), "Empty JPEG image"),
        (of_components(2), "it has 2 colour components"),
        (of_components(5), "it has 5 colour components"),
        (with_scans(98), "it has more than 100 scans"),
    ] {
        for jpeg in [Jpeg::Strict, Jpeg::Lenient] {
            let error = dataset::decode(&file, jpeg).expect_err(reason).to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
