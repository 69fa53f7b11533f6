//! Foreground heads: what they are learned from, and how a run uses them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::program::{SEVEN, ended, expect, json, localise, run_of, text};
use crate::support::within;
use crate::support::write;

const MODEL: &str = "efficientnet-lite0";

/// The sample's photos with each line of its boxes changed, in a folder of their own.
fn sample(folder: &Path, name: &str, change: impl Fn(&mut Vec<String>)) -> PathBuf {
    let folder = folder.join(name);
    fs::create_dir(&folder).unwrap();
    let images = fs::canonicalize("data/sample/images").unwrap();
    std::os::unix::fs::symlink(images, folder.join("images")).unwrap();
    let table = fs::read_to_string("data/sample/boxes.csv").unwrap();
    let mut lines = table.lines();
    let mut changed = format!("{}\n", lines.next().unwrap());
    for line in lines {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        change(&mut cells);
        changed += &format!("{}\n", cells.join(","));
    }
    write(&folder, "photos.csv", changed)
}

fn learn<'a>(dataset: &'a Path, out: &'a Path) -> Vec<&'a str> {
    let [dataset, out] = [dataset, out].map(text);
    let learn = ["learn", "--quiet", "--dataset", dataset, "--out", out];
    let options = ["--model", MODEL, "--pipeline", "fast", "--limit", "20"];
    [&learn[..], &options, &["--components", "24"]].concat()
}

/// A head is made from photos alone: true boxes, wrong boxes and no boxes give the same bytes, on
/// any number of threads.
#[test]
fn boxes_change_nothing_in_a_head() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let right = sample(folder, "right", |_| ());
    let wrong = sample(folder, "wrong", |cells| {
        for (cell, value) in cells[6..10].iter_mut().zip(["0", "0", "9", "7"]) {
            *cell = value.to_owned();
        }
    });
    let none = sample(folder, "none", |cells| {
        cells[6..10].iter_mut().for_each(String::clear);
    });
    let mut heads = Vec::new();
    for (dataset, threads) in [(&right, "1"), (&wrong, "2"), (&none, "2")] {
        let out = dataset.with_file_name("head.toml");
        let arguments = learn(dataset, &out);
        expect(0, &[&arguments[..], &["--threads", threads]].concat());
        heads.push(fs::read_to_string(out).unwrap());
    }
    assert_eq!(heads[0], heads[1]);
    assert_eq!(heads[0], heads[2]);
    assert!(heads[0].contains("dataset = \"photos\""), "{}", heads[0]);
}

/// A call that is interrupted goes on where it was, and ends with the same bytes.
#[test]
fn an_interrupted_call_learns_the_same_head() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let dataset = sample(folder, "sample", |_| ());
    let [whole, resumed] = ["whole.toml", "resumed.toml"].map(|name| folder.join(name));
    expect(0, &learn(&dataset, &whole));
    let work = resumed.with_extension("part");
    let mut first = localise()
        .args(learn(&dataset, &resumed))
        .args(["--threads", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let maps = || {
        let files = fs::read_dir(&work).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().into_string().unwrap());
        names.filter(|name| name.ends_with("-map.npy")).count()
    };
    while maps() < 3 {
        assert!(start.elapsed() < within(60.0), "no photo is done");
        thread::sleep(Duration::from_millis(2));
    }
    ended(
        0,
        Command::new("kill").args(["-INT", &first.id().to_string()]),
    );
    assert_eq!(first.wait().unwrap().code(), Some(75));
    let kept = maps();
    assert!((3..20).contains(&kept), "{kept} photos");
    expect(0, &learn(&dataset, &resumed));
    assert_eq!(fs::read(whole).unwrap(), fs::read(resumed).unwrap());
    assert!(!work.exists());
}

/// A report says whether a head is scored on the photos that it learned from.
#[test]
fn a_head_that_learned_from_the_scored_photos_is_called_transductive() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (head, out) = (folder.join("head.toml"), folder.join("run"));
    expect(0, &learn("sample".as_ref(), &head));
    let setting = format!("head.file={}", text(&head));
    let run = ["--model", MODEL, "--pipeline", "fast", "--set", &setting];
    run_of(0, SEVEN, &out, &run);
    let summary = json(&out.join("summary.json"));
    let tuned_on = summary["tuned_on"].as_str().unwrap();
    let learned = "was learned without boxes from 20 photos of sample";
    assert!(tuned_on.contains(learned), "{tuned_on}");
    assert!(
        tuned_on.ends_with("are scored here (transductive)"),
        "{tuned_on}"
    );
    let manifest = json(&out.join("manifest.json"));
    assert_eq!(manifest["head_sha256"].as_str().unwrap().len(), 64);

    // With another head, the run is another one.
    let changed = fs::read_to_string(&head).unwrap();
    fs::write(&head, changed.replacen("bias = ", "bias = 0.5 # ", 1)).unwrap();
    let (_, said) = run_of(2, SEVEN, &out, &run);
    assert!(said.contains("was created with head sha256"), "{said}");
}

/// A head means nothing to other weights: one that is named is refused, and a model for which none
/// was learned works without, which is said.
#[test]
fn a_head_of_another_model_is_not_used() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let out = folder.join("run");
    let squeezenet = ["--model", "squeezenet1.1", "--pipeline", "fast"];
    let named = ["--set", "head.file=efficientnet-lite0"];
    let (_, said) = run_of(2, SEVEN, &out, &[&squeezenet[..], &named].concat());
    assert!(
        said.contains("was learned for the model efficientnet-lite0"),
        "{said}"
    );
    let run = ["run", "--dataset", SEVEN, "--out", text(&out)];
    let (_, warned) = expect(0, &[&run[..], &squeezenet].concat());
    assert!(
        warned.contains("squeezenet1.1: no foreground head was learned"),
        "{warned}"
    );
    let summary = json(&out.join("summary.json"));
    let tuned_on = summary["tuned_on"].as_str().unwrap();
    assert!(
        tuned_on.ends_with("squeezenet1.1 has no head"),
        "{tuned_on}"
    );
}

/// A damaged head that would be used by the model's name is refused, and not taken for a missing one.
#[test]
fn a_damaged_head_is_not_taken_for_a_missing_one() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    write(
        home,
        "data/heads/efficientnet-lite0.toml",
        "bias = \"a lot\"\n",
    );
    let models = fs::canonicalize("data/models").unwrap();
    std::os::unix::fs::symlink(models, home.join("data/models")).unwrap();
    let mut run = localise();
    run.env("LOCALISE_HOME", home)
        .args(["run", "--dataset", SEVEN, "--model", MODEL])
        .args(["--pipeline", "fast", "--out", text(&home.join("run"))]);
    let (_, said) = ended(2, &mut run);
    assert!(
        said.contains("heads/efficientnet-lite0.toml") && said.contains("invalid type"),
        "{said}"
    );
}

/// A pipeline that has nothing to learn from is refused by name.
#[test]
fn a_head_needs_a_cut_and_enough_photos() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("head.toml");
    let refused = |more: &[&str]| {
        let learn = ["learn", "--quiet", "--out", text(&out), "--model", MODEL];
        expect(2, &[&learn[..], more].concat()).1
    };
    for (pipeline, fault) in [
        ("fast", "7 photos can be learned from, 20"),
        ("fong-gradient", "fong-gradient cuts nothing out"),
        ("best-ensemble", "asks several models"),
    ] {
        let said = refused(&["--dataset", SEVEN, "--pipeline", pipeline]);
        assert!(said.contains(fault), "{said}");
    }
}
