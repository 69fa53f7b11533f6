//! Photos and paths whose names are odd: not UTF-8, or with characters that lists, tables, pages and
//! shells treat in a way of their own. A name is the same from the folder to the journal, the
//! tables, the report and back, and no two photos have the same.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::models::{CONVOLUTION, described};
use crate::support::program::{ended, expect, json, localise, text};
use crate::support::write;

/// File names, and what the results call them.
const NAMES: [(&[u8], &str); 18] = [
    (b"K\xe4tzchen.png", r"K\xE4tzchen.png"),
    (b"K\xf6tzchen.png", r"K\xF6tzchen.png"),
    (br"K\xE4tzchen.png", r"K\x5CxE4tzchen.png"),
    (br"K\x5CxE4tzchen.png", r"K\x5Cx5CxE4tzchen.png"),
    (b"K\xef\xbf\xbdtzchen.png", "K\u{fffd}tzchen.png"),
    (br"K\u{FFFD}tzchen\n.png", r"K\u{FFFD}tzchen\n.png"),
    (b"\xff\xfe.png", r"\xFF\xFE.png"),
    (b"line\nbreak\r\n.png", r"line\x0Abreak\x0D\x0A.png"),
    (b"\x1b[31mred.png", r"\x1B[31mred.png"),
    (b"a,b;c\td.png", r"a,b;c\x09d.png"),
    (b"\"quoted\" 'twice'.png", "\"quoted\" 'twice'.png"),
    (b"100%25 #1?a=b&c+d.png", "100%25 #1?a=b&c+d.png"),
    (b"<b>&amp;<!--.png", "<b>&amp;<!--.png"),
    (b"--json $HOME `id` *.png", "--json $HOME `id` *.png"),
    (
        "\u{202e}gnp.\u{200f}.png".as_bytes(),
        "\u{202e}gnp.\u{200f}.png",
    ),
    ("caf\u{e9}.png".as_bytes(), "caf\u{e9}.png"),
    ("cafe\u{301}.png".as_bytes(), "cafe\u{301}.png"),
    (b" {{x}} .png", " {{x}} .png"),
];

fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

fn picture(salt: usize) -> RgbImage {
    RgbImage::from_fn(32, 24, |x, y| {
        let inside = (4..12 + salt as u32).contains(&x) && (5..18).contains(&y);
        Rgb(if inside {
            [220, 60, (x * 7) as u8]
        } else {
            [20, 90, (y * 9) as u8]
        })
    })
}

/// Writes a model of five classes, of which the first is `cat`. The list of classes may be in
/// another folder, since the description names it as text.
fn model(folder: &Path, classes: &Path) {
    let rows = "class_index,wnid,name\n0,cat,cat\n1,dog,dog\n2,hen,hen\n3,cow,cow\n4,ant,ant\n";
    write(classes, "five.csv", rows);
    let weights = "k: 4x3x3x3; w: 4x5";
    let list = classes.join("five");
    described(folder, text(&list), CONVOLUTION[0], weights, 1.0);
}

/// A class folder `cat` with the photos of [`NAMES`], and a model beside it.
struct Odd {
    folder: TempDir,
}

impl Odd {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        model(folder.path(), folder.path());
        let photos = folder.path().join("photos/cat");
        fs::create_dir_all(&photos).unwrap();
        for (i, (bytes, _)) in NAMES.iter().enumerate() {
            let path = photos.join(name(bytes));
            picture(i)
                .save_with_format(path, image::ImageFormat::Png)
                .unwrap();
        }
        Self { folder }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn run(&self, code: i32, out: &str, more: &[&str]) -> (String, String) {
        let mut command = localise();
        command.args(["run", "--pipeline", "single-warp", "--dataset"]);
        command
            .arg(self.path("photos"))
            .arg("--model")
            .arg(self.path("small.toml"));
        command.arg("--out").arg(self.path(out)).args(more);
        ended(code, &mut command)
    }

    fn boxes(&self, out: &str) -> Vec<u8> {
        fs::read(self.path(out).join("boxes.csv")).unwrap()
    }
}

/// What the results call the photos, in the order of their paths.
fn ids() -> Vec<String> {
    let mut names = NAMES;
    names.sort_by_key(|(bytes, _)| *bytes);
    names.map(|(_, id)| format!("cat/{id}")).to_vec()
}

/// A column of a table.
fn column(path: &Path, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let place = reader
        .headers()
        .unwrap()
        .iter()
        .position(|column| column == name)
        .unwrap();
    reader
        .records()
        .map(|row| row.unwrap()[place].to_owned())
        .collect()
}

/// From the folder to rows, truth, maps and masks, in one piece, in shards, again, and selected.
#[test]
fn odd_names_are_the_same_in_all_results() {
    let odd = Odd::new();
    odd.run(0, "whole", &["--write-maps", "--write-masks"]);
    let out = odd.path("whole");
    assert_eq!(column(&out.join("boxes.csv"), "image_id"), ids());
    assert!(
        column(&out.join("boxes.csv"), "status")
            .iter()
            .all(|status| status == "ok")
    );
    let photos = odd.path("photos");
    let path = |id: &String| format!("{}/{id}", text(&photos));
    assert_eq!(
        column(&out.join("truth.csv"), "file"),
        ids().iter().map(path).collect::<Vec<_>>()
    );
    for id in ids() {
        assert!(out.join(format!("maps/{id}.npy")).is_file(), "{id}");
        assert!(out.join(format!("masks/{id}.png")).is_file(), "{id}");
    }

    let (_, resumed) = odd.run(0, "whole", &["--write-maps", "--write-masks"]);
    assert!(resumed.contains("is already complete"), "{resumed}");
    for shard in ["0/3", "1/3", "2/3"] {
        odd.run(0, "parts", &["--shard", shard]);
    }
    ended(0, localise().arg("merge").arg(odd.path("parts")));
    assert_eq!(odd.boxes("parts"), odd.boxes("whole"));

    let list = odd.path("images.txt");
    fs::write(&list, ids().join("\n")).unwrap();
    odd.run(0, "listed", &["--images", text(&list)]);
    assert_eq!(odd.boxes("listed"), odd.boxes("whole"));
    // The bytes of the name, as `ls` writes them, select the photo too.
    fs::write(&list, b"cat/K\xe4tzchen.png\r\ncat/\xff\xfe.png\r\n").unwrap();
    odd.run(0, "bytes", &["--images", text(&list)]);
    let selected = column(&odd.path("bytes").join("boxes.csv"), "image_id");
    assert_eq!(selected, [r"cat/K\xE4tzchen.png", r"cat/\xFF\xFE.png"]);
    fs::write(&list, "cat/K\u{e4}tzchen.png\n").unwrap();
    let (_, unknown) = odd.run(2, "unknown", &["--images", text(&list)]);
    assert!(
        unknown.contains("images.txt:1: cat/K\u{e4}tzchen.png is not in the"),
        "{unknown}"
    );
}

/// Each name alone selects its photo and no other: in a list, in a run that is shown, in a table of
/// weights.
#[test]
fn each_odd_name_selects_one_photo() {
    let odd = Odd::new();
    odd.run(0, "whole", &[]);
    let rows = column(&odd.path("whole").join("boxes.csv"), "x_max");
    let [list, weights] = ["images.txt", "weights.csv"].map(|name| odd.path(name));
    for (i, id) in ids().iter().enumerate() {
        fs::write(&list, id).unwrap();
        let mut writer = csv::Writer::from_path(&weights).unwrap();
        writer.write_record(["image_id", "weight"]).unwrap();
        writer.write_record([id.as_str(), "2"]).unwrap();
        writer.flush().unwrap();
        let (list, weights) = (text(&list), text(&weights));
        odd.run(
            0,
            "one",
            &["--fresh", "--images", list, "--weights", weights],
        );
        let one = odd.path("one").join("boxes.csv");
        assert_eq!(column(&one, "image_id"), [id.as_str()]);
        assert_eq!(column(&one, "x_max"), [rows[i].as_str()], "{id}");
    }
    let mut show = localise();
    show.args(["show", "--json", "--run"])
        .arg(odd.path("whole"))
        .arg("--")
        .args(ids());
    let (shown, _) = ended(0, &mut show);
    let records: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for ((record, id), x_max) in records.iter().zip(ids()).zip(&rows) {
        assert_eq!(record["image_id"], id.as_str());
        assert_eq!(record["box"][2].as_f64(), x_max.parse().ok(), "{id}");
    }
    assert_eq!(records.len(), NAMES.len());
    // As the shell completes it.
    let mut completed = localise();
    completed
        .args(["show", "--json", "--run"])
        .arg(odd.path("whole"));
    completed.arg(name(b"cat/K\xf6tzchen.png"));
    assert!(
        ended(0, &mut completed)
            .0
            .contains(r#""image_id":"cat/K\\xF6tzchen.png""#)
    );
}

/// The report finds every photo again by the path in `truth.csv`, and names it as the rows do.
#[test]
fn odd_names_are_in_the_report() {
    let odd = Odd::new();
    odd.run(0, "a", &[]);
    odd.run(0, "b", &["--seed", "1"]);
    let mut report = localise();
    report
        .args(["report", "--photos", "100"])
        .args([odd.path("a"), odd.path("b")]);
    let (said, warned) = ended(0, &mut report);
    let expected = format!("{0} photos, {0} with pictures", NAMES.len());
    assert!(said.contains(&expected), "{said}\n{warned}");
    let page = fs::read_to_string(odd.path("b").join("report.html")).unwrap();
    let start = page.find("id=\"rows\">").unwrap() + "id=\"rows\">".len();
    let rows: Value =
        serde_json::from_str(page[start..].split("</script>").next().unwrap()).unwrap();
    assert_eq!(rows["id"], Value::from(ids()));
    let files: Vec<String> = ids()
        .iter()
        .map(|id| id["cat/".len()..].to_owned())
        .collect();
    assert_eq!(rows["file"], Value::from(files));
    let mut compare = localise();
    compare.arg("compare").args([odd.path("a"), odd.path("b")]);
    ended(0, &mut compare);
}

/// A name of 80 bytes that are not UTF-8 has 320 characters, which no file of a map can have.
#[test]
fn a_name_that_is_too_long_for_its_map_is_refused_at_once() {
    let odd = Odd::new();
    let long = [&[0xff; 80][..], b".png"].concat();
    let path = odd.path("photos/cat").join(name(&long));
    picture(1)
        .save_with_format(path, image::ImageFormat::Png)
        .unwrap();
    for more in ["--write-maps", "--write-masks"] {
        let (_, error) = odd.run(2, "long", &[more]);
        let expected = "\\xFF.png: the name is too long for the file of a map or mask";
        assert!(
            error.contains(expected) && !odd.path("long").exists(),
            "{error}"
        );
    }
    odd.run(0, "long", &[]);
    assert!(column(&odd.path("long").join("boxes.csv"), "image_id").len() > NAMES.len());
}

/// A photo that fails has its name in the message, the row and `failures.jsonl`.
#[test]
fn an_odd_name_that_fails_is_named() {
    let odd = Odd::new();
    let broken = odd.path("photos/cat").join(name(b"br\xffken\n.jpg"));
    fs::write(&broken, "no photo").unwrap();
    odd.run(3, "out", &[]);
    let failures = fs::read_to_string(odd.path("out").join("failures.jsonl")).unwrap();
    let failure: Value = serde_json::from_str(&failures).unwrap();
    let id = r"cat/br\xFFken\x0A.jpg";
    assert_eq!(failure["id"], id);
    assert_eq!(
        failure["path"],
        format!("{}/{id}", text(&odd.path("photos")))
    );
    let ids = column(&odd.path("out").join("boxes.csv"), "image_id");
    assert!(ids.contains(&id.to_owned()), "{ids:?}");
    // The same command tries it again, and says the same.
    odd.run(3, "out", &[]);
    let again = fs::read_to_string(odd.path("out").join("failures.jsonl")).unwrap();
    assert_eq!(again, failures);
}

/// Blanks and marks at the ends of a name, where lists and tables are trimmed. The photos are not in
/// class folders, so they have no class.
#[test]
fn blanks_at_the_ends_of_names_are_kept() {
    let folder = TempDir::new().unwrap();
    let photos = [
        (" a.png", r"\x20a.png"),
        ("\u{feff}a.png", r"\xEF\xBB\xBFa.png"),
        ("\u{a0}/a.png", r"\xC2\xA0/a.png"),
        ("a.png", "a.png"),
        ("a.png ", r"a.png\x20"),
        ("a.png\t", r"a.png\x09"),
    ];
    for (i, (name, _)) in photos.iter().enumerate() {
        let path = folder.path().join("photos").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(i)
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }
    let mut expected = photos.map(|(_, id)| id);
    expected.sort_unstable();
    let [dataset, list, out] = ["photos", "images.txt", "out"].map(|name| folder.path().join(name));
    fs::write(&list, expected.join("\n")).unwrap();
    let arguments = [
        "run",
        "--classes",
        "top5",
        "--pipeline",
        "centre-box",
        "--dataset",
    ];
    let paths = [
        text(&dataset),
        "--images",
        text(&list),
        "--out",
        text(&out),
        "--report",
    ];
    expect(0, &[&arguments[..], &paths].concat());
    let mut found = column(&out.join("boxes.csv"), "image_id");
    found.dedup();
    found.sort_unstable();
    assert_eq!(found, expected);
    expect(0, &["score", text(&out)]);
}

/// Tables and results of other formats keep the names: they are written and read again.
#[test]
fn odd_names_survive_other_formats() {
    let odd = Odd::new();
    // Their names as text are names of other files too: such a table is refused.
    let ambiguous = [&br"K\xE4tzchen.png"[..], br"K\x5CxE4tzchen.png"];
    for bytes in ambiguous {
        fs::remove_file(odd.path("photos/cat").join(name(bytes))).unwrap();
    }
    odd.run(0, "out", &["--classes", "top5"]);
    // The truth of the run, with a box for each photo, as a table of one's own.
    let mut reader = csv::Reader::from_path(odd.path("out").join("truth.csv")).unwrap();
    let table = odd.path("boxes.csv");
    let mut writer = csv::Writer::from_path(&table).unwrap();
    writer.write_record(reader.headers().unwrap()).unwrap();
    for record in reader.records().map(Result::unwrap) {
        let edges = ["0", "0", "20", "20"];
        let fields = record.iter().enumerate();
        let fields = fields.map(|(i, field)| {
            if (6..10).contains(&i) {
                edges[i - 6]
            } else {
                field
            }
        });
        writer.write_record(fields).unwrap();
    }
    writer.flush().unwrap();
    let own = odd.path("own.toml");
    let classes = odd.path("five");
    let keys = "title = \"own\"\nkind = \"csv\"\nfolder = \".\"\nboxes = [\"boxes.csv\"]";
    fs::write(&own, format!("{keys}\nclasses = {:?}\n", text(&classes))).unwrap();
    let score = |boxes: &Path, more: &[&str]| {
        let mut command = localise();
        command
            .args(["score", "--json"])
            .arg(boxes)
            .arg("--dataset")
            .arg(&own)
            .args(more);
        let (said, _) = ended(0, &mut command);
        let summary: Value = serde_json::from_str(&said).unwrap();
        (summary["metrics"].clone(), summary["failed"].clone())
    };
    let rows = odd.path("out").join("boxes.csv");
    let expected = score(&rows, &[]);
    for (format, file) in [("rows", "r.csv"), ("kaggle", "k.csv"), ("coco", "c.json")] {
        let written = odd.path(file);
        score(&rows, &["--write", &format!("{format}={}", text(&written))]);
        assert_eq!(score(&written, &[]), expected, "{format}");
    }
    // The photos are found by the paths in the table.
    let mut doctor = localise();
    doctor.args(["doctor", "--dataset"]).arg(&table);
    let (checked, _) = ended(0, &mut doctor);
    assert!(
        checked.contains(&format!("{0} looked at, {0} decoded", NAMES.len() - 2)),
        "{checked}"
    );
}

/// A name with a backslash in a table of one's own is the file of that name, as long as there is no
/// other that it could be.
#[test]
fn a_table_names_the_file_that_exists() {
    let odd = Odd::new();
    let photos = odd.path("photos/cat");
    let [itself, bytes] =
        [&br"K\xE4tzchen.png"[..], b"K\xe4tzchen.png"].map(|n| photos.join(name(n)));
    let table = photos.join("boxes.csv");
    let header = "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max";
    let row = r"a,K\xE4tzchen.png,32,24,cat,0,0,0,9,9";
    fs::write(&table, format!("{header}\n{row}\n")).unwrap();
    let run = |code: i32, out: &str| {
        let mut command = localise();
        command
            .args(["run", "--pipeline", "centre-box", "--dataset"])
            .arg(&table);
        command
            .arg("--model")
            .arg(odd.path("small.toml"))
            .arg("--out")
            .arg(odd.path(out));
        ended(code, &mut command).1
    };
    let file = |out: &str| column(&odd.path(out).join("truth.csv"), "file").remove(0);
    let refused = run(2, "both");
    assert!(
        refused.contains(r"boxes.csv:2: K\xE4tzchen.png is the name of one file"),
        "{refused}"
    );
    let kept = fs::read(&bytes).unwrap();
    fs::remove_file(&bytes).unwrap();
    run(0, "itself");
    assert!(
        file("itself").ends_with(r"/cat/K\x5CxE4tzchen.png"),
        "{}",
        file("itself")
    );
    fs::remove_file(&itself).unwrap();
    fs::write(&bytes, kept).unwrap();
    run(0, "bytes");
    assert!(
        file("bytes").ends_with(r"/cat/K\xE4tzchen.png"),
        "{}",
        file("bytes")
    );
    // A table in Latin-1 is refused, and the line is named.
    let latin = [
        header.as_bytes(),
        b"\nK\xe4,K\xe4tzchen.png,32,24,cat,0,0,0,9,9\n",
    ]
    .concat();
    fs::write(&table, latin).unwrap();
    let not_text = run(2, "latin");
    assert!(
        not_text.contains("boxes.csv: CSV parse error: record 1 (line 2"),
        "{not_text}"
    );
}

/// Panels of photos that differ in the folder or the extension alone would be one file.
#[test]
fn photos_of_one_name_are_not_drawn_into_one_file() {
    let folder = TempDir::new().unwrap();
    for (i, name) in ["a/x.png", "b/x.png", "x.jpg"].into_iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(i).save(path).unwrap();
    }
    let show = |code: i32, photos: &[&str]| {
        let mut command = localise();
        command
            .current_dir(folder.path())
            .args(["show", "--pipeline", "centre-box"]);
        ended(code, command.args(["--out", "panels"]).args(photos))
    };
    for photos in [["a/x.png", "b/x.png"], ["x.jpg", "a/x.png"]] {
        let (_, error) = show(2, &photos);
        let expected = format!("{} and {} are both called x", photos[0], photos[1]);
        assert!(error.contains(&expected), "{error}");
    }
    show(0, &["."]);
    show(0, &["x.jpg", "x.jpg"]);
    let panels = [
        "a/x.png-panel.png",
        "b/x.png-panel.png",
        "x.jpg-panel.png",
        "x-panel.png",
    ];
    assert!(
        panels
            .iter()
            .all(|panel| folder.path().join("panels").join(panel).is_file())
    );
}

/// Every path that a run takes may be any bytes: dataset, model, pipeline, list, weights, results.
#[test]
fn paths_that_are_not_utf8_work() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join(name(b"Bl\xe4tter \\xE4\n"));
    let path = |bytes: &[u8]| root.join(name(bytes));
    let [photos, lists] = [&b"ph\xf6tos/cat"[..], b"l\xefsts"].map(path);
    for subfolder in [&photos, &lists] {
        fs::create_dir_all(subfolder).unwrap();
    }
    for i in 0..3 {
        picture(i).save(photos.join(format!("{i}.png"))).unwrap();
    }
    let plain = TempDir::new().unwrap();
    model(&root, plain.path());
    let [network, pipeline] = [&b"m\xf6del"[..], b"p\xefpe"].map(path);
    for extension in ["onnx", "toml"] {
        let small = root.join("small").with_added_extension(extension);
        fs::copy(small, network.with_added_extension(extension)).unwrap();
    }
    let pipeline = pipeline.with_added_extension("toml");
    fs::copy("pipelines/single-warp.toml", &pipeline).unwrap();
    fs::write(lists.join("images.txt"), "cat/0.png\ncat/2.png\n").unwrap();
    fs::write(
        lists.join("weights.csv"),
        "image_id,weight\ncat/0.png,1\ncat/2.png,2\n",
    )
    .unwrap();

    let out = |bytes: &[u8]| path(&[&b"r\xfcns/"[..], bytes].concat());
    let run = |results: &Path, more: &[&str]| {
        let mut command = localise();
        command.args(["run", "--dataset"]).arg(path(b"ph\xf6tos"));
        command
            .arg("--model")
            .arg(network.with_added_extension("onnx"));
        command
            .arg("--pipeline")
            .arg(&pipeline)
            .arg("--out")
            .arg(results)
            .args(more);
        command.arg("--images").arg(lists.join("images.txt"));
        command.arg("--weights").arg(lists.join("weights.csv"));
        ended(0, &mut command)
    };
    let whole = out(b"\xe4");
    let (said, _) = run(&whole, &["--json", "--report"]);
    let summary: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let shown = summary["out"].as_str().unwrap();
    let expected = r"/Bl\xE4tter \x5CxE4\x0A/r\xFCns/\xE4";
    assert!(shown.ends_with(expected), "{shown}");
    let boxes = |results: &Path| fs::read_to_string(results.join("boxes.csv")).unwrap();
    assert_eq!(
        column(&whole.join("boxes.csv"), "image_id"),
        ["cat/0.png", "cat/2.png"]
    );
    assert!(!boxes(&whole).contains("error"), "{}", boxes(&whole));
    let manifest = json(&whole.join("manifest.json"));
    assert_eq!(manifest["model"], r"m\xF6del");
    assert_eq!(manifest["dataset"], r"ph\xF6tos");

    // In shards, again from `run.toml`, and from within the folder.
    let parts = out(b"p\xe4rts");
    for shard in ["0/2", "1/2"] {
        run(&parts, &["--shard", shard]);
    }
    ended(0, localise().arg("merge").arg(&parts));
    assert_eq!(boxes(&parts), boxes(&whole));
    let again = out(b"ag\xe4in");
    let mut repeat = localise();
    repeat
        .args(["run", "--config"])
        .arg(whole.join("run.toml"))
        .arg("--out")
        .arg(&again);
    ended(0, &mut repeat);
    assert_eq!(boxes(&again), boxes(&whole));
    let mut inside = localise();
    inside
        .current_dir(&root)
        .args(["run", "--pipeline", "centre-box"]);
    let relative = [
        b"--dataset".as_slice(),
        b"ph\xf6tos",
        b"--model",
        b"m\xf6del.onnx",
    ];
    inside.args(relative.map(name)).args(["--out", "inside"]);
    ended(0, &mut inside);

    let all: [&[&str]; 4] = [
        &["score"],
        &["report"],
        &["show", "--json", "cat/2.png", "--run"],
        &["score", "--json"],
    ];
    for arguments in all {
        ended(0, localise().args(arguments).arg(&whole));
    }
    let mut compare = localise();
    ended(0, compare.arg("compare").args([&whole, &again]));
    let mut doctor = localise();
    doctor
        .arg("doctor")
        .arg("--dataset")
        .arg(path(b"ph\xf6tos"));
    ended(
        0,
        doctor
            .arg("--model")
            .arg(network.with_added_extension("onnx")),
    );
    let mut panel = localise();
    panel
        .arg("show")
        .arg(photos.join("1.png"))
        .arg("--model")
        .arg(network.with_added_extension("toml"));
    ended(
        0,
        panel
            .args(["--pipeline", "single-warp", "--out"])
            .arg(path(b"p\xe4nel.png")),
    );
    assert!(path(b"p\xe4nel.png").is_file());
    let mut grad = localise();
    let differentiated = path(b"gr\xe4d.onnx");
    grad.arg("grad")
        .arg(network.with_added_extension("onnx"))
        .arg("-o")
        .arg(&differentiated);
    ended(0, &mut grad);
    let mut write = localise();
    let written = [&b"rows="[..], path(b"b\xf6xes.csv").as_os_str().as_bytes()].concat();
    ended(
        0,
        write
            .arg("score")
            .arg(&whole)
            .arg("--write")
            .arg(name(&written)),
    );
    assert!(differentiated.is_file() && path(b"b\xf6xes.csv").is_file());
}

/// The commands that a report shows can be pasted into a shell.
#[test]
fn the_commands_of_a_report_run_in_a_shell() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join(name(b"it's $HOME \xe4\n\\"));
    let mut run = localise();
    run.args([
        "run",
        "--pipeline",
        "centre-box",
        "--limit",
        "1",
        "--dataset",
        "sample",
        "--out",
    ]);
    ended(0, run.arg(&out).arg("--report"));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let start = page.find("id=\"summary\">").unwrap() + "id=\"summary\">".len();
    let summary: Value =
        serde_json::from_str(page[start..].split("</script>").next().unwrap()).unwrap();
    let show = summary["runs"][0]["show"].as_str().unwrap();
    let words = show.strip_prefix("localise show --run ").unwrap();
    let mut bash = Command::new("bash");
    let printed = bash
        .arg("-c")
        .arg(format!("printf %s {words}"))
        .output()
        .unwrap()
        .stdout;
    let canonical = fs::canonicalize(&out).unwrap();
    assert_eq!(OsString::from_vec(printed), canonical.into_os_string());
}
