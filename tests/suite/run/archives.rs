//! Photos in archives: the results have the bytes of those of plain files, also in shards, after a
//! kill, and where a member is damaged. Archives are made by GNU tar and Python's `zipfile`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::job::{Job, Process, Results, names};
use crate::support::models::{CONVOLUTION, STEADY, small_model};
use crate::support::program::{ended, expect, localise, text};

/// Makes the archives of the pictures in a folder: each is named in `ARCHIVES`.
const PACK: &str = "
set -e
tar -cf flat.tar *.png
tar -cf inner.tar *.png && tar -cf outer.tar inner.tar && rm inner.tar
tar -czf packed.tgz *.png
python3 -c '
import glob, zipfile
for name, method in [(\"stored\", zipfile.ZIP_STORED), (\"deflated\", zipfile.ZIP_DEFLATED)]:
    with zipfile.ZipFile(name + \".zip\", \"w\", method) as archive:
        for photo in sorted(glob.glob(\"*.png\")): archive.write(photo)
'
";

/// Where the pictures are in each archive.
const ARCHIVES: [&str; 5] = [
    "flat.tar",
    "outer.tar/inner.tar",
    "packed.tgz",
    "stored.zip",
    "deflated.zip",
];

fn shell(folder: &Path, script: &str) {
    let mut shell = Command::new("sh");
    let status = shell.current_dir(folder).args(["-c", script]).status();
    assert!(status.unwrap().success(), "{script}");
}

/// Lets the table of a job name the photos in an archive.
fn refer_to(job: &Job, archive: &str) {
    let table = job.out("boxes.csv");
    let rows = fs::read_to_string(&table).unwrap();
    let row = |line: &str| {
        let mut cells: Vec<_> = line.split(',').map(str::to_owned).collect();
        if cells[1] != "file" {
            cells[1] = format!("{archive}/{}", cells[0]);
        }
        cells.join(",") + "\n"
    };
    fs::write(&table, rows.lines().map(row).collect::<String>()).unwrap();
}

/// A job whose pictures are only in archives, and the results that it gave before.
fn packed_job(photos: usize, network: [&str; 2]) -> (Job, Results) {
    let job = Job::with(photos, &[], network);
    let golden = job.golden();
    shell(job.folder.path(), PACK);
    shell(job.folder.path(), "rm *.png");
    (job, golden)
}

/// The results in `out`, with the photos' paths as they are without the archive.
fn results_as_files(job: &Job, out: &str, archive: &str) -> Results {
    let mut results = job.results(out);
    let truth = String::from_utf8(results["truth.csv"].clone()).unwrap();
    let plain = truth.replace(&format!("/{archive}/"), "/");
    assert!(truth.len() > plain.len(), "{truth}");
    results.insert("truth.csv", plain.into_bytes());
    results
}

#[test]
fn archives_give_the_bytes_of_files() {
    let (job, golden) = packed_job(6, CONVOLUTION);
    for archive in ARCHIVES {
        refer_to(&job, archive);
        let out = format!("out-{}", archive.replace('/', "-"));
        job.expect(0, &out, &[]);
        assert_eq!(results_as_files(&job, &out, archive), golden, "{archive}");
        let has_index = job.out(&out).join("archives.json.gz").exists();
        assert_eq!(has_index, archive.contains("tar"), "{archive}");
    }
    // Two shards, the second of which uses the index that the first has saved.
    refer_to(&job, "flat.tar");
    for shard in ["0/2", "1/2"] {
        job.expect(0, "shards", &["--shard", shard]);
    }
    job.merge(0, "shards", &[]);
    assert_eq!(results_as_files(&job, "shards", "flat.tar"), golden);

    // What reads the photos of a finished run, or one photo.
    let out = job.out("flat.tar");
    assert!(out.is_file());
    let run = job.out("shards");
    expect(0, &["report", text(&run), "--photos", "2"]);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(
        page.matches("data:image/").count() >= 2,
        "the photos are in the page"
    );
    let photo = out.join("00003.png");
    let (model, panel) = (job.out("small.toml"), job.out("panel.png"));
    let show = [
        "show",
        text(&photo),
        "--model",
        text(&model),
        "--pipeline",
        "single-warp",
    ];
    expect(
        0,
        &[&show[..], &["--class", "cat", "--out", text(&panel)]].concat(),
    );
    assert!(panel.is_file());
}

#[test]
fn a_killed_run_resumes_from_an_archive() {
    let (job, golden) = packed_job(12, STEADY);
    refer_to(&job, "outer.tar/inner.tar");
    let mut command = job.command("out", &["--threads", "1"]);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Process(Some(quiet.spawn().unwrap()));
    job.wait_for(&mut child, "out", 0, 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = job.expect(0, "out", &[]);
    assert!(said.contains("resuming: "), "{said}");
    let results = results_as_files(&job, "out", "outer.tar/inner.tar");
    assert_eq!(results, golden);
    assert!(
        !names(&job.out("out"))
            .iter()
            .any(|name| name.contains("gz."))
    );
}

/// A damaged member is a photo that failed, as a damaged file is; what is wrong with a whole archive
/// is said before anything is done.
#[test]
fn damage_is_told_apart() {
    let (job, golden) = packed_job(6, CONVOLUTION);
    refer_to(&job, "stored.zip");
    let archive = job.out("stored.zip");
    let whole = fs::read(&archive).unwrap();
    let mut damaged = whole.clone();
    let at = whole
        .windows(9)
        .position(|name| name == b"00002.png")
        .unwrap();
    damaged[at + 200] ^= 0xff;
    fs::write(&archive, &damaged).unwrap();
    job.expect(3, "damaged", &[]);
    let rows = |results: &Results| -> Vec<String> {
        let text = String::from_utf8(results["boxes.csv"].clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let failed = "its CRC-32 is not the one in the directory";
    for (found, expected) in rows(&job.results("damaged")).iter().zip(rows(&golden)) {
        if expected.starts_with("00002.png") {
            assert!(found.contains(failed), "{found}");
        } else {
            assert_eq!(*found, expected);
        }
    }
    fs::write(&archive, &whole).unwrap();
    job.expect(0, "whole", &[]);
    assert_eq!(results_as_files(&job, "whole", "stored.zip"), golden);

    let folder = TempDir::new().unwrap();
    let tar = fs::read(job.out("flat.tar")).unwrap();
    for (name, content, expected) in [
        (
            "a.tar",
            &tar[..3000],
            "a.tar: it is truncated: it ends at byte 3000, inside of ",
        ),
        (
            "a.zip",
            &whole[..3000],
            "a.zip: its directory is missing or damaged",
        ),
        ("a.tar.gz", b"<html>", "a.tar.gz: it is not a tar archive"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let model = job.out("small.toml");
        let out = job.out("refused");
        let mut run = localise();
        run.args(["run", "--dataset", text(&path), "--model", text(&model)]);
        let (_, said) = ended(
            2,
            run.args(["--pipeline", "centre-box", "--out", text(&out)]),
        );
        assert!(said.contains(expected) && !out.exists(), "{said}");
    }
}

/// A folder of photos by class, as a folder, as an archive, as an archive of archives, and as a
/// folder of archives.
#[test]
fn folders_of_classes_may_be_archives() {
    let folder = TempDir::new().unwrap();
    let model = small_model(folder.path(), CONVOLUTION[0], CONVOLUTION[1], 1.0);
    let photo = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 9]));
    for name in [
        "cat/a.png",
        "cat/b.png",
        "dog/K\u{e4}tzchen.png",
        "dog-2/c.png",
    ] {
        let path = folder.path().join("photos").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        photo.save(path).unwrap();
    }
    shell(
        folder.path(),
        "set -e
        mkdir tars other; cp -r photos other/photos
        for class in cat dog dog-2; do tar -cf tars/$class.tar -C photos/$class .; done
        cd tars; tar -cf ../nested.tar *.tar; cd ../photos; tar -cf ../flat.tar .
        cd ../other; tar -cf beside.tar photos",
    );
    let run = |dataset: &str| {
        let [dataset, out] = [
            dataset.to_owned(),
            format!("out-{}", dataset.replace('/', "-")),
        ]
        .map(|name| folder.path().join(name));
        let mut run = localise();
        run.args([
            "run",
            "--dataset",
            text(&dataset),
            "--model",
            text(&model),
            "--classes",
            "top5",
        ]);
        let (_, said) = ended(
            0,
            run.args(["--pipeline", "single-warp", "--out", text(&out)]),
        );
        (fs::read(out.join("boxes.csv")).unwrap(), said)
    };
    let (expected, _) = run("photos");
    for dataset in [
        "tars",
        "nested.tar",
        "flat.tar",
        "flat.tar/",
        "other/photos",
    ] {
        let (found, _) = run(dataset);
        assert_eq!(found, expected, "{dataset}");
    }
    let (_, said) = run("other");
    let note =
        "1 archives were left out because their files are beside them too, unpacked: beside.tar";
    assert!(said.contains(note), "{said}");
}

/// A range of shards, of which one is missing; and addresses.
#[test]
fn shards_are_a_dataset() {
    let (job, _) = packed_job(4, CONVOLUTION);
    shell(
        job.folder.path(),
        "set -e
        mkdir shards unpacked; tar -xf flat.tar -C unpacked; cd unpacked
        for i in 0 1 2 3; do echo $((i % 2)) > 0000$i.cls; done
        tar -cf ../shards/val-000000.tar 00000.* 00001.*; tar -cf ../shards/val-000001.tar 00002.* 00003.*",
    );
    let model = job.out("small.toml");
    let run = |code: i32, dataset: &str, out: &str| {
        let mut run = localise();
        let [dataset, folder] = [dataset, out].map(|name| job.out(name));
        run.args(["run", "--dataset", text(&dataset), "--model", text(&model)]);
        let (_, said) = ended(
            code,
            run.args(["--pipeline", "centre-box", "--out", text(&folder)]),
        );
        (
            fs::read_to_string(folder.join("boxes.csv")).unwrap_or_default(),
            said,
        )
    };
    let (rows, _) = run(0, "shards/val-{000000..000001}.tar", "range");
    let ids: Vec<_> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap())
        .collect();
    assert_eq!(ids, ["00000", "00001", "00002", "00003"]);
    assert_eq!(run(0, "shards", "folder").0, rows);
    let (_, said) = run(2, "shards/val-{000000..000003}.tar", "missing");
    for shard in ["val-000002.tar", "val-000003.tar"] {
        assert!(
            said.contains(&format!("{shard}: this shard is missing")),
            "{said}"
        );
    }
    for address in ["pipe:curl x/a.tar", "https://x/{0..3}.tar"] {
        let (told, error) = expect(2, &["doctor", "--dataset", address]);
        let expected = "data that are not on this machine are not read";
        assert!((told + &error).contains(expected), "{error}");
    }
}
