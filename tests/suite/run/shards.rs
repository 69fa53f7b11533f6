//! Shards and their merge: the result is complete, and of one run.

use std::fs;
use std::path::Path;

use crate::support::job::{Job, Results, names};
use crate::support::models::{CONVOLUTION, small_model};
use crate::support::notation::endless;

/// A job in three shards, all done.
fn three() -> (Job, Results) {
    let job = Job::new(10);
    let golden = job.golden();
    for shard in ["0/3", "1/3", "2/3"] {
        job.expect(0, "out", &["--shard", shard]);
    }
    (job, golden)
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

/// A line of a journal under its checksum.
fn line(json: &str) -> String {
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

/// The journal with its texts changed, and their checksums recomputed.
fn rewrite(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(
        path,
        text.lines()
            .map(|l| line(&change(&l[9..])))
            .collect::<String>(),
    )
    .unwrap();
}

/// A merge refuses shards that are incomplete or do not belong together, and then writes nothing.
#[test]
fn a_merge_needs_every_shard_once() {
    let (job, golden) = three();
    let folder = job.out("out");
    let shard = |i: usize| folder.join(format!("shard-{i}.jsonl"));
    let spare = job.out("spare");
    fs::create_dir(&spare).unwrap();
    (0..3).for_each(|i| copy(&shard(i), &spare.join(format!("shard-{i}.jsonl"))));
    let refused = |code: i32, more: &[&str], expected: &str| {
        let said = job.merge(code, "out", more);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(
            !names(&folder)
                .iter()
                .any(|n| ["boxes.csv", "summary.json"].contains(&n.as_str())),
            "{expected}"
        );
        for i in 0..9 {
            let _ = fs::remove_file(shard(i));
        }
        (0..3).for_each(|i| copy(&spare.join(format!("shard-{i}.jsonl")), &shard(i)));
    };
    refused(
        2,
        &["--expect-shards", "4"],
        "but a run with 4 shards was expected",
    );
    fs::remove_file(shard(1)).unwrap();
    refused(4, &[], "shard 1 of 3 is missing");
    fs::remove_file(shard(0)).unwrap();
    fs::rename(shard(2), folder.join("shard-2.part")).unwrap();
    refused(4, &[], "shards 0, 2 of 3 are missing");
    fs::remove_file(folder.join("shard-2.part")).unwrap();
    let text = fs::read_to_string(shard(1)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    fs::write(shard(1), lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    refused(2, &[], "shard-1.jsonl holds 2 of its 3 photos");
    fs::write(shard(1), &text[..text.len() - 5]).unwrap();
    refused(2, &[], "shard-1.jsonl: damaged at its end");
    copy(&shard(0), &shard(1));
    refused(2, &[], "shard-1.jsonl is a copy of shard 0:");
    copy(&shard(0), &shard(3));
    refused(2, &[], "shard-3.jsonl is a copy of shard 0:");
    fs::write(
        shard(1),
        text.clone()
            + fs::read_to_string(shard(0))
                .unwrap()
                .lines()
                .last()
                .unwrap()
            + "\n",
    )
    .unwrap();
    refused(2, &[], "shard-1.jsonl contains photos of another shard");
    rewrite(&shard(1), |json| json.replace("\"count\":3", "\"count\":4"));
    refused(2, &[], "shard-1.jsonl is shard 1/4");

    job.merge(0, "out", &["--expect-shards", "3"]);
    assert_eq!(job.results("out"), golden);
    job.merge(0, "out", &[]);
    assert_eq!(job.results("out"), golden, "merging again changes nothing");
    let said = job.merge(2, "nowhere", &[]);
    assert!(said.contains("this folder holds no shards"), "{said}");
}

/// Rows of another model, pipeline, dataset or runtime are neither gone on with nor merged, and
/// nothing is overwritten.
#[test]
fn another_fingerprint_is_refused() {
    let (job, golden) = three();
    let kept = fs::read(job.out("out").join("shard-0.jsonl")).unwrap();
    let refused = |more: &[&str], expected: &str| {
        let said = job.expect(2, "out", &[&["--shard", "0/3"], more].concat());
        assert!(
            said.contains("out was created with ") && said.contains(expected),
            "{expected}: {said}"
        );
        assert!(
            said.contains("name another folder with --out, or start over with --fresh"),
            "{said}"
        );
        assert_eq!(
            fs::read(job.out("out").join("shard-0.jsonl")).unwrap(),
            kept
        );
    };
    refused(
        &["--set", "cut.gamma=7"],
        "pipeline name single-warp, but this run uses single-warp cut.gamma=7",
    );
    refused(
        &["--classes", "top5"],
        "boxes for \"gt\", but this run uses \"top5\""
            .replace('"', "")
            .as_str(),
    );
    refused(&["--limit", "9"], "images 10, but this run uses 9");
    refused(
        &["--jpeg", "lenient"],
        "jpeg strict, but this run uses lenient",
    );
    refused(&["--write-masks"], "masks false, but this run uses true");
    let other_count = job.expect(2, "out", &["--shard", "0/4"]);
    assert!(
        other_count.contains("holds shard 0/3, but this is shard 0/4"),
        "{other_count}"
    );

    // Also where only other shards are there, and not at the end of the night.
    let moved = job.out("out").join("shard-0.jsonl");
    fs::rename(&moved, job.out("kept")).unwrap();
    for (more, expected) in [
        (
            &["--shard", "0/3", "--classes", "top5"][..],
            "out was created with boxes for gt, but this run uses top5",
        ),
        (
            &["--shard", "0/4"],
            "out holds shard 1/3, but this is shard 0/4",
        ),
        (&[], "out holds shard 1/3, but this is shard 0/1"),
    ] {
        let said = job.expect(2, "out", more);
        assert!(said.contains(expected), "{said}");
        assert!(!job.out("out").join("shard-0.part").exists());
    }
    fs::rename(job.out("kept"), &moved).unwrap();

    let changed = |file: &str, from: &str, to: &str| {
        let path = job.out(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        move || fs::write(&path, &text).unwrap()
    };
    let restore_description = changed("small.toml", "range = 1.0", "range = 2.0");
    refused(&[], "description sha256 ");
    restore_description();
    let restore_truth = changed("boxes.csv", ",32,32", ",32,31");
    refused(&[], "dataset sha256 ");
    let other_truth = job.merge(2, "out", &[]);
    assert!(
        other_truth.contains("the shards were created with other ground truth"),
        "{other_truth}"
    );
    restore_truth();
    let model = fs::read(job.out("small.onnx")).unwrap();
    small_model(
        job.folder.path(),
        CONVOLUTION[0],
        "k: 4x3x3x3; v: 3; w: 4x2",
        1.0,
    );
    refused(&[], "model sha256 ");
    fs::write(job.out("small.onnx"), model).unwrap();

    let shard = job.out("out").join("shard-0.jsonl");
    rewrite(&shard, |json| {
        json.replacen("\"onnx_runtime\":\"", "\"onnx_runtime\":\"older ", 1)
    });
    let older_runtime = job.expect(2, "out", &["--shard", "0/3"]);
    assert!(
        older_runtime.contains("out was created with onnx runtime older "),
        "{older_runtime}"
    );
    let not_merged = job.merge(2, "out", &[]);
    assert!(
        not_merged.contains("onnx runtime")
            && not_merged.contains("only shards of one run can be merged"),
        "{not_merged}"
    );
    fs::write(&shard, &kept).unwrap();
    job.merge(0, "out", &[]);
    assert_eq!(job.results("out"), golden);
}

/// A fresh run in one piece, in a folder of shards, renames all of them, so that none disturbs a
/// merge.
#[test]
fn a_fresh_whole_run_sets_all_shards_aside() {
    let (job, golden) = three();
    job.expect(0, "out", &["--fresh"]);
    assert_eq!(job.results("out"), golden);
    job.merge(0, "out", &[]);
    let old: Vec<_> = names(&job.out("out"))
        .into_iter()
        .filter(|name| name.ends_with(".jsonl.old"))
        .collect();
    assert_eq!(old.len(), 3, "{old:?}");
}

/// A journal without a photo is unowned: a mistake in the first try costs nothing.
#[test]
fn an_empty_journal_is_unowned() {
    let job = Job::new(4);
    let golden = job.golden();
    fs::write(job.out("small.onnx"), endless()).unwrap();
    job.expect(2, "out", &[]);
    let part = job.out("out").join("shard-0.part");
    assert!(fs::read_to_string(&part).unwrap().lines().count() == 1);
    small_model(job.folder.path(), CONVOLUTION[0], CONVOLUTION[1], 1.0);
    job.expect(0, "out", &[]);
    assert_eq!(job.results("out"), golden);
}

/// Other CPUs may differ in last bits: a merge says so, and is not stopped by it.
#[test]
fn mixed_processors_are_reported() {
    let (job, golden) = three();
    rewrite(&job.out("out").join("shard-2.jsonl"), |json| {
        if json.starts_with("{\"session\"") {
            json.replacen("\"cpu_features\":[", "\"cpu_features\":[\"amx\",", 1)
        } else {
            json.into()
        }
    });
    let said = job.merge(0, "out", &[]);
    assert!(said.contains("different vector units"), "{said}");
    assert_eq!(job.results("out"), golden);
}

/// A failed photo is tried again when its shard goes on, and stays failed in one that is complete.
#[test]
fn failed_photos_are_tried_again() {
    let job = Job::new(6);
    let golden = job.golden();
    let photo = job.out("00002.png");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    job.expect(3, "out", &[]);
    let summary = fs::read_to_string(job.out("out").join("summary.json")).unwrap();
    assert!(summary.contains("\"failed\": 1"));
    job.expect(3, "out", &[]);
    let folder = job.out("out");
    let text = fs::read_to_string(folder.join("shard-0.jsonl")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    // As if the last photo had not been processed: the run resumes, and tries the fixed photo too.
    fs::write(
        folder.join("shard-0.part"),
        lines[..lines.len() - 1].join("\n") + "\n",
    )
    .unwrap();
    fs::remove_file(folder.join("shard-0.jsonl")).unwrap();
    fs::write(&photo, bytes).unwrap();
    let said = job.expect(0, "out", &["--threads", "1"]);
    assert!(
        said.contains("resuming: ") && !folder.join("failures.jsonl").exists(),
        "{said}"
    );
    assert_eq!(job.results("out"), golden);
}
