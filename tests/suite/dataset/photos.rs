//! Photos of every kind, good and bad: good ones are read as Pillow reads them, a bad one is a row
//! and harms no other.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageBuffer, ImageEncoder, ImageFormat, Luma, RgbImage};
use localise::dataset::{self, Jpeg, PhotoReadError};
use localise::localiser::PhotoError;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::job::table;
use crate::support::models::{CONVOLUTION, small_model};
use crate::support::program::{expect, json, watched};
use crate::support::{within, write};

/// The good photos, and the largest difference from Pillow's pixels that is allowed.
const GOOD: [(&str, u8); 59] = [
    ("plain.jpg", 0),
    ("progressive.jpg", 0),
    ("full-colour.jpg", 0),
    ("restarts.jpg", 0),
    ("cmyk.jpg", 0),
    ("grey.jpg", 0),
    ("dot.jpg", 0),
    ("trailing.jpg", 0),
    ("plain.png", 0),
    ("bilevel.png", 0),
    ("palette.png", 0),
    ("alpha.png", 0),
    ("grey-alpha.png", 0),
    ("grey16.png", 0),
    ("rgb16.png", 0),
    ("rgba16.png", 0),
    ("animated.png", 0),
    ("dot.png", 0),
    ("lossless.webp", 0),
    ("lossy.webp", 0),
    ("alpha.webp", 0),
    ("animated.webp", 0),
    ("palette.gif", 0),
    ("interlaced.gif", 0),
    ("grey.gif", 0),
    ("transparent.gif", 0),
    ("animated.gif", 0),
    ("plain.tif", 0),
    ("lzw.tif", 0),
    ("deflate.tiff", 0),
    ("packbits.tif", 0),
    ("predictor.tif", 0),
    ("big.tif", 0),
    ("big-endian.tif", 0),
    ("planar.tif", 0),
    ("alpha.tif", 0),
    ("opaque.tif", 0),
    ("grey.tif", 0),
    ("grey16.tif", 0),
    ("bilevel.tif", 0),
    ("group4.tif", 0),
    ("white-is-zero.tif", 0),
    ("cmyk.tif", 0),
    ("pages.tif", 0),
    ("plain.bmp", 0),
    ("bilevel.bmp", 0),
    ("grey.bmp", 0),
    ("palette.bmp", 0),
    ("bits32.bmp", 0),
    ("top-down.bmp", 0),
    ("rle8.bmp", 0),
    // Five bits as eight are rounded in two ways.
    ("bits565.bmp", 1),
    ("os2.bmp", 0),
    // The content decides, not the name.
    ("png-named.JPEG", 0),
    ("png.jpg", 0),
    ("gif.jpg", 0),
    ("webp.jpg", 0),
    ("bmp.jpg", 0),
    ("jpg.tiff", 0),
];

/// The good photos and those with an EXIF orientation, `exif1.jpg` to `exif8.jpg`.
fn good() -> Vec<(String, u8)> {
    let plain = GOOD.iter().map(|&(name, most)| (name.to_owned(), most));
    plain
        .chain((1..=8).map(|n| (format!("exif{n}.jpg"), 0)))
        .collect()
}

fn golden(name: &str) -> PathBuf {
    Path::new("tests/golden/photos").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(golden(name)).unwrap()
}

/// What Pillow reads in a photo.
fn reference(name: &str) -> RgbImage {
    let name = if name.starts_with("exif") {
        "exif"
    } else {
        name
    };
    image::open(golden(&format!("{name}.rgb.png")))
        .unwrap()
        .into_rgb8()
}

#[test]
fn photos_of_every_kind_are_read_as_pillow_reads_them() {
    let mut wrong = Vec::new();
    for (name, most) in good() {
        let expected = reference(&name);
        for jpeg in [Jpeg::Strict, Jpeg::Lenient] {
            let found = match dataset::read(&golden(&name), jpeg) {
                Ok(found) => found,
                Err(error) => {
                    wrong.push(format!("{name}: {error}"));
                    continue;
                }
            };
            assert_eq!(found.dimensions(), expected.dimensions(), "{name}");
            let pairs = found.iter().zip(expected.iter());
            let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            if largest > most {
                wrong.push(format!(
                    "{name}: the difference from Pillow is {largest}, not {most}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Pillow's `convert("RGB")` clips all above 255.
#[test]
fn sixteen_bits_are_scaled_and_not_clipped() {
    let values = [0, 128, 129, 257, 32_896, 65_535];
    let picture = ImageBuffer::<Luma<u16>, _>::from_raw(6, 1, values.to_vec()).unwrap();
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).unwrap();
    let found = dataset::decode(png.get_ref(), Jpeg::Strict).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        found.pixels().map(|p| p.0).collect::<Vec<_>>(),
        [0, 0, 1, 1, 128, 255].map(|v| [v; 3])
    );
}

/// A bad photo: its file, its kind in `failures.jsonl`, and what its reason says.
type Bad = (&'static str, &'static str, &'static str);

/// Writes the bad photos.
fn write_bad(folder: &Path) -> Vec<Bad> {
    let [jpg, png] = ["plain.jpg", "plain.png"].map(bytes);
    let cut = |whole: &[u8], percent: usize| whole[..whole.len() * percent / 100].to_vec();
    let files = [
        ("zero.jpg", Vec::new(), "image", "the file is empty"),
        ("zero.png", Vec::new(), "image", "the file is empty"),
        ("cut10.jpg", cut(&jpg, 10), "image", "cannot decode"),
        (
            "cut50.jpg",
            cut(&jpg, 50),
            "jpeg",
            "the lenient decoder may read it",
        ),
        (
            "cut90.jpg",
            cut(&jpg, 90),
            "jpeg",
            "the lenient decoder may read it",
        ),
        ("cut10.png", cut(&png, 10), "image", "cannot decode"),
        ("cut50.png", cut(&png, 50), "image", "cannot decode"),
        ("cut90.png", cut(&png, 90), "image", "cannot decode"),
        (
            "flipped.jpg",
            flipped(&jpg),
            "jpeg",
            "the lenient decoder may read it",
        ),
        (
            "flipped.png",
            changed(&png, png.len() / 2, &[png[png.len() / 2] ^ 0x55]),
            "image",
            "cannot decode",
        ),
        ("avif.jpg", bytes("avif.jpg"), "image", "it is AVIF"),
        ("heic.jpg", heic(), "image", "it is HEIC"),
        (
            "jxl.jpg",
            b"\xFF\x0A\x00".to_vec(),
            "image",
            "it is JPEG XL",
        ),
        (
            "jpeg2000.jpg",
            bytes("jpeg2000.jpg"),
            "image",
            "it is JPEG 2000",
        ),
        ("ico.jpg", bytes("ico.jpg"), "image", "it is Ico"),
        (
            "part.gif",
            bytes("part.gif"),
            "image",
            "its first frame is 24 x 18",
        ),
        ("f.tif", bytes("f.tif"), "image", "its colours are Gray(32)"),
        ("i.tif", bytes("i.tif"), "image", "its colours are Gray(32)"),
        (
            "la.tif",
            bytes("la.tif"),
            "image",
            "its colours are Multiband",
        ),
        ("lab.tif", bytes("lab.tif"), "image", "CIELab"),
        ("p.tif", bytes("p.tif"), "image", "RGBPalette"),
        (
            "ycbcr.tif",
            bytes("ycbcr.tif"),
            "image",
            "its colours are YCbCr(8)",
        ),
        (
            "jpeg-grey.tif",
            bytes("jpeg-grey.tif"),
            "image",
            "TIFF with JPEG compression",
        ),
        (
            "jpeg-colour.tif",
            bytes("jpeg-colour.tif"),
            "image",
            "TIFF with JPEG compression",
        ),
        (
            "multiplied.tif",
            bytes("multiplied.tif"),
            "image",
            "multiplied by its transparency",
        ),
        (
            "raw.tif",
            bytes("raw.tif"),
            "image",
            "its first picture is a preview",
        ),
        (
            "html.jpg",
            b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
            "image",
            "unknown format",
        ),
        (
            "lfs.jpg",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(),
            "image",
            "unknown format",
        ),
        (
            "no-height.jpg",
            claiming(&jpg, 96, 0),
            "image",
            "cannot decode",
        ),
        (
            "square-18000.jpg",
            claiming(&jpg, 18_000, 18_000),
            "image",
            "18000 x 18000 is more than 64 megapixels",
        ),
        (
            "square-65535.jpg",
            claiming(&jpg, 65_535, 65_535),
            "image",
            "Maximum supported image dimension is 65500 pixels",
        ),
        (
            "no-width.png",
            claiming_png(&png, 0, 72),
            "image",
            "cannot decode",
        ),
        (
            "square-60000.png",
            claiming_png(&png, 60_000, 60_000),
            "image",
            "60000 x 60000 is more than 64 megapixels",
        ),
        (
            "square-19000.png",
            zeros(19_000),
            "image",
            "19000 x 19000 is more than 64 megapixels",
        ),
    ];
    let mut bad: Vec<Bad> = files
        .into_iter()
        .map(|(name, content, kind, reason)| {
            fs::write(folder.join(name), content).unwrap();
            (name, kind, reason)
        })
        .collect();
    fs::create_dir(folder.join("folder.jpg")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(folder.join("pipe.jpg"))
            .status()
            .unwrap()
            .success()
    );
    symlink("loop.jpg", folder.join("loop.jpg")).unwrap();
    bad.extend([
        ("missing.jpg", "missing", "No such file"),
        ("folder.jpg", "image", "not a regular file"),
        ("pipe.jpg", "image", "not a regular file"),
        ("loop.jpg", "file", "symbolic links"),
    ]);
    let locked = folder.join("locked.jpg");
    fs::write(&locked, &jpg).unwrap();
    fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    // Nothing is locked to root.
    if fs::read(&locked).is_err() {
        bad.push(("locked.jpg", "file", "Permission denied"));
    }
    bad
}

/// Good photos that ask for much: 8,000 pixels square, and a colour profile of 200 MiB in a file of
/// 200 kB.
fn write_large(folder: &Path) -> [(&'static str, [u32; 2]); 2] {
    fs::write(folder.join("square-8000.png"), zeros(8_000)).unwrap();
    let mut bomb = Vec::new();
    let mut encoder = PngEncoder::new(&mut bomb);
    encoder.set_icc_profile(vec![0; 200 << 20]).unwrap();
    encoder
        .write_image(&[77; 12], 2, 2, ExtendedColorType::Rgb8)
        .unwrap();
    assert!(bomb.len() < 1 << 20);
    fs::write(folder.join("profile-bomb.png"), bomb).unwrap();
    [
        ("square-8000.png", [8_000; 2]),
        ("profile-bomb.png", [2; 2]),
    ]
}

/// A black PNG.
fn zeros(side: u32) -> Vec<u8> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::NoFilter)
        .write_image(
            &vec![0; (side * side) as usize],
            side,
            side,
            ExtendedColorType::L8,
        )
        .unwrap();
    png
}

fn changed(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// Where the segment of a marker begins.
fn segment(jpg: &[u8], marker: u8) -> usize {
    jpg.windows(2)
        .position(|pair| pair == [0xff, marker])
        .unwrap()
}

/// A JPEG with 20 bytes of its scan changed, so that its codes are invalid. A change that leaves
/// valid codes behind is one that no decoder can notice.
fn flipped(jpg: &[u8]) -> Vec<u8> {
    let header = segment(jpg, 0xda) + 2;
    let start = header + usize::from(u16::from_be_bytes([jpg[header], jpg[header + 1]]));
    let length = jpg.len() - 2 - start;
    (1..=20)
        .map(|k| start + length * k / 21)
        .fold(jpg.to_vec(), |bytes, at| {
            changed(&bytes, at, &[bytes[at] ^ 0x80])
        })
}

/// The beginning of a HEIC file, as telephones write it.
fn heic() -> Vec<u8> {
    b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic".to_vec()
}

/// A JPEG whose header says that it is of another size.
fn claiming(jpg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    changed(jpg, segment(jpg, 0xc0) + 5, &sides)
}

/// A PNG whose header says that it is of another size, with the checksum of that header.
fn claiming_png(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let png = changed(
        png,
        16,
        &[width.to_be_bytes(), height.to_be_bytes()].concat(),
    );
    let checksum = crc32fast::hash(&png[12..29]);
    changed(&png, 29, &checksum.to_be_bytes())
}

/// What the library says of a file, within two seconds.
fn read_in_time(path: &Path) -> Result<RgbImage, PhotoReadError> {
    let (sender, receiver) = mpsc::channel();
    let owned = path.to_owned();
    thread::spawn(move || sender.send(dataset::read(&owned, Jpeg::Strict)));
    receiver
        .recv_timeout(within(2.0))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The rows of a run by their photos.
fn rows(out: &Path) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in fs::read_to_string(out.join("boxes.csv"))
        .unwrap()
        .lines()
        .skip(1)
    {
        rows.entry(row.split(',').next().unwrap().to_owned())
            .or_default()
            .push(row.to_owned());
    }
    rows
}

/// All kinds in one run.
#[test]
fn bad_photos_are_rows_and_not_ends() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let bad = write_bad(root);
    for (name, kind, reason) in &bad {
        let error = read_in_time(&root.join(name)).expect_err(name);
        let error = PhotoError::from(error);
        assert_eq!(error.kind.name(), *kind, "{name}: {error}");
        assert!(error.reason.contains(reason), "{name}: {error}");
    }
    let mut fine: Vec<(String, [u32; 2])> = Vec::new();
    for (name, _) in good() {
        fs::copy(golden(&name), root.join(&name)).unwrap();
        fine.push((name.clone(), reference(&name).dimensions().into()));
    }
    for (name, size) in write_large(root) {
        let picture = read_in_time(&root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(<[u32; 2]>::from(picture.dimensions()), size, "{name}");
        fine.push((name.to_owned(), size));
    }

    // In the order of their names good ones and bad ones take turns, and the first is good.
    let mut all: Vec<(&str, [u32; 2])> = bad.iter().map(|(name, ..)| (*name, [96, 72])).collect();
    all.extend(fine.iter().map(|(name, size)| (name.as_str(), *size)));
    all.sort_unstable();
    let run = |name: &str, photos: &[(&str, [u32; 2])]| {
        let (table, out) = (table(root, photos.iter().copied()), root.join(name));
        let [table, model, out_text] = [&table, &model, &out].map(|path| path.to_str().unwrap());
        let options = [
            "--pipeline",
            "single-warp",
            "--threads",
            "2",
            "--out",
            out_text,
        ];
        let done = watched(
            &[
                &["run", "--quiet", "--dataset", table, "--model", model][..],
                &options,
            ]
            .concat(),
        );
        (done, out)
    };
    let (together, out) = run("together", &all);
    assert_eq!(together.code, Some(3), "{together:?}");
    assert!(together.held < 512, "it held {} MiB", together.held);
    let fine: Vec<_> = fine
        .iter()
        .map(|(name, size)| (name.as_str(), *size))
        .collect();
    let (alone, out_alone) = run("alone", &fine);
    assert_eq!(alone.code, Some(0), "{alone:?}");

    let failures = fs::read_to_string(out.join("failures.jsonl")).unwrap();
    let failures: Vec<Value> = failures
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(failures.len(), bad.len());
    for (name, kind, reason) in &bad {
        let of = failures
            .iter()
            .filter(|failure| failure["id"] == *name)
            .collect::<Vec<_>>();
        let [failure] = of[..] else {
            panic!("{name}: {of:?}")
        };
        assert_eq!(failure["kind"], *kind, "{failure}");
        assert!(
            failure["path"].as_str().unwrap().ends_with(name),
            "{failure}"
        );
        assert!(
            failure["reason"].as_str().unwrap().contains(reason),
            "{failure}"
        );
    }
    let (mut found, expected) = (rows(&out), rows(&out_alone));
    assert_eq!((found.len(), expected.len()), (all.len(), fine.len()));
    found.retain(|name, _| expected.contains_key(name));
    assert_eq!(found, expected);

    let [of_all, of_fine] = [&out, &out_alone].map(|out| json(&out.join("summary.json")));
    assert_eq!(
        (&of_all["images"], &of_all["failed"]),
        (&all.len().into(), &bad.len().into())
    );
    assert!(together.out.contains(&format!(
        "{} of {} scored, {} failed",
        fine.len(),
        all.len(),
        bad.len()
    )));
    let count = |summary: &Value, metric: &str| {
        let value = summary["metrics"][metric]["value"].as_f64().unwrap();
        (value * summary["images"].as_f64().unwrap()).round() as usize
    };
    assert_eq!(
        count(&of_all, "gt_known_accuracy"),
        count(&of_fine, "gt_known_accuracy")
    );
    for error in ["top1_classification_error", "top5_localisation_error"] {
        assert_eq!(
            count(&of_all, error),
            count(&of_fine, error) + bad.len(),
            "{error}"
        );
    }
}

#[test]
fn an_orientation_is_ignored_and_noted_once() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let names: Vec<String> = (1..=8).map(|n| format!("exif{n}.jpg")).collect();
    for name in &names {
        fs::copy(golden(name), root.join(name)).unwrap();
    }
    let table = table(root, names.iter().map(|name| (name.as_str(), [48, 36])));
    let said = |more: &[&str]| {
        let out = root.join(more.len().to_string());
        let [table, model, out] = [&table, &model, &out].map(|path| path.to_str().unwrap());
        let run = [
            "run",
            "--dataset",
            table,
            "--model",
            model,
            "--pipeline",
            "fong-gradient",
            "--out",
            out,
        ];
        expect(0, &[&run[..], more].concat()).1
    };
    let notes = said(&[]);
    for (name, n) in names.iter().zip(1..) {
        let count = notes
            .lines()
            .filter(|line| line.contains(name) && line.contains("EXIF"))
            .count();
        let told = notes
            .matches(&format!("EXIF orientation {n} ignored"))
            .count();
        assert_eq!(
            (count, told),
            if n == 1 { (0, 0) } else { (1, 1) },
            "{name}: {notes}"
        );
    }
    let quiet = said(&["--quiet"]);
    assert!(!quiet.contains("EXIF"), "{quiet}");
    // Eight times the same pixels.
    let rows = rows(&root.join("0"));
    let boxes: Vec<_> = rows
        .values()
        .map(|rows| rows[0].split_once(',').unwrap().1.to_owned())
        .collect();
    assert!(
        boxes.len() == 8 && boxes.iter().all(|row| *row == boxes[0]),
        "{boxes:?}"
    );
}

#[test]
fn a_damaged_jpeg_is_read_where_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let whole = bytes("plain.jpg");
    let cut = &whole[..whole.len() * 9 / 10];
    let error = dataset::decode(cut, Jpeg::Strict)
        .expect_err("strict")
        .to_string();
    assert!(error.contains("the lenient decoder may read it"), "{error}");
    let read =
        |bytes: &[u8]| dataset::decode(bytes, Jpeg::Lenient).unwrap_or_else(|e| panic!("{e}"));
    let (part, all) = (read(cut), read(&whole));
    assert_eq!(part.dimensions(), (96, 72));
    let upper = |picture: &RgbImage| picture.as_raw()[..96 * 32 * 3].to_vec();
    assert!(part != all && upper(&part) == upper(&all));
    // Of a header alone there is nothing to read.
    dataset::decode(&whole[..whole.len() / 10], Jpeg::Lenient).expect_err("a header");

    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    fs::write(root.join("cut.jpg"), cut).unwrap();
    fs::write(root.join("whole.jpg"), &whole).unwrap();
    let table = table(root, [("cut.jpg", [96, 72]), ("whole.jpg", [96, 72])]);
    for (jpeg, code) in [("strict", 3), ("lenient", 0)] {
        let out = root.join(jpeg);
        let [table, model, out] = [&table, &model, &out].map(|path| path.to_str().unwrap());
        let run = [
            "run",
            "--quiet",
            "--dataset",
            table,
            "--model",
            model,
            "--pipeline",
            "single-warp",
        ];
        expect(code, &[&run[..], &["--jpeg", jpeg, "--out", out]].concat());
    }
    assert_eq!(
        rows(&root.join("strict"))["whole.jpg"],
        rows(&root.join("lenient"))["whole.jpg"]
    );
}

/// 100 bad photos that are more than 1 % end a run, though it began well.
#[test]
fn many_bad_photos_stop_a_run() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let model = small_model(root, CONVOLUTION[0], CONVOLUTION[1], 1.0);
    fs::copy(golden("dot.png"), root.join("dot.png")).unwrap();
    let names: Vec<String> = (0..300).map(|i| format!("bad/{i}.png")).collect();
    let photos = names.iter().map(|name| (name.as_str(), [1, 1]));
    let table = table(root, [("dot.png", [1, 1])].into_iter().chain(photos));
    for name in &names {
        write(root, name, "not a picture");
    }
    let out = root.join("out");
    let [table, model, out] = [&table, &model, &out].map(|path| path.to_str().unwrap());
    let run = [
        "run",
        "--quiet",
        "--dataset",
        table,
        "--model",
        model,
        "--pipeline",
        "single-warp",
        "--threads",
        "1",
        "--out",
        out,
    ];
    let (_, error) = expect(2, &run);
    assert!(
        error.contains("error: 10") && error.contains(" photos failed; the last: bad/"),
        "{error}"
    );
}
