//! `localise report`: what the page says is what the run's files say, whatever photos are called.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::job::Job;
use crate::support::models::CONVOLUTION;
use crate::support::program::{ended, expect, json, localise, lossy, run, run_of};
use crate::support::skip;

/// A block of data of a page.
fn block(page: &str, id: &str) -> Value {
    let start = page
        .find(&format!("id=\"{id}\">"))
        .unwrap_or_else(|| panic!("no block {id}"));
    let text = &page[start..][id.len() + 6..];
    serde_json::from_str(&text[..text.find("</script>").unwrap()]).unwrap()
}

/// The page of runs, and what was said.
fn page(runs: &[&Path], more: &[&str]) -> (String, String) {
    let folders: Vec<&str> = runs.iter().map(|folder| folder.to_str().unwrap()).collect();
    let (out, err) = expect(0, &[&["report"], &folders[..], more].concat());
    let path = out.lines().last().unwrap();
    (fs::read_to_string(path).unwrap(), out + &err)
}

fn numbers(column: &Value) -> Vec<Option<f64>> {
    column
        .as_array()
        .unwrap()
        .iter()
        .map(Value::as_f64)
        .collect()
}

#[test]
fn a_page_says_what_the_files_say() {
    let folder = TempDir::new().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    run(&a, &["--pipeline", "single-warp", "--classes", "top5"]);
    run(&b, &["--pipeline", "centre-box", "--classes", "top5"]);
    let (html, said) = page(&[&a, &b], &["--photos", "3"]);
    assert!(
        b.join("report.html").exists() && said.contains("7 photos, "),
        "{said}"
    );

    let (summary, rows, pictures) = (
        block(&html, "summary"),
        block(&html, "rows"),
        block(&html, "pictures"),
    );
    for (i, results) in [&a, &b].into_iter().enumerate() {
        let numbers_of_run = json(&results.join("summary.json"));
        let accuracy = &numbers_of_run["metrics"]["gt_known_accuracy"];
        let shown = &summary["runs"][i]["metrics"][0];
        assert_eq!(
            (&shown["value"], &shown["low"]),
            (&accuracy["value"], &accuracy["low"])
        );
        let right = |bit: u64| {
            rows["runs"][i]["right"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|v| v.as_u64().unwrap() & bit > 0)
                .count()
        };
        assert_eq!(right(1) as f64, accuracy["value"].as_f64().unwrap() * 7.0);
        let wrong = numbers_of_run["localisation_error_count"][4]
            .as_u64()
            .unwrap();
        assert_eq!(right(4) as u64, 7 - wrong);
        // A cause is "right" where the box is.
        let causes = rows["runs"][i]["cause"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|cause| *cause == 0)
            .count();
        assert_eq!(causes, right(1));
        let manifest = json(&results.join("manifest.json"));
        assert_eq!(summary["runs"][i]["manifest"], manifest);
    }
    // IoU by photo, to six decimals.
    let mut reader = csv::Reader::from_path(a.join("boxes.csv")).unwrap();
    let mut by_photo = BTreeMap::new();
    for row in reader
        .records()
        .map(Result::unwrap)
        .filter(|row| &row[4] == "true")
    {
        by_photo.insert(row[0].to_owned(), row[9].parse::<f64>().unwrap());
    }
    for (id, iou) in rows["id"]
        .as_array()
        .unwrap()
        .iter()
        .zip(numbers(&rows["runs"][0]["iou"]))
    {
        let expected = by_photo[id.as_str().unwrap()];
        assert!(
            (iou.unwrap() - expected).abs() < 1.5e-6,
            "{id}: {iou:?}, {expected}"
        );
    }
    // What is compared is what `compare` says.
    let (compared, _) = expect(
        0,
        &[
            "compare",
            a.to_str().unwrap(),
            b.to_str().unwrap(),
            "--json",
        ],
    );
    let compared: Value = serde_json::from_str(&compared).unwrap();
    assert_eq!(
        summary["comparisons"][0]["metrics"][0]["lost"],
        compared["metrics"][0]["lost"]
    );
    assert_eq!(summary["comparisons"][0]["verdict"], compared["verdict"]);
    // Every chosen photo has a picture, with the layers that the pipeline makes.
    for place in summary["choices"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|choice| choice["photos"].as_array().unwrap())
    {
        let picture = &pictures[place.to_string()];
        assert!(
            picture["photo"]
                .as_str()
                .unwrap()
                .starts_with("data:image/jpeg;base64,"),
            "{place}"
        );
        assert!(picture["runs"][0]["component"].is_string(), "{place}");
        assert_eq!(
            picture["runs"][1]["classes"].as_array().unwrap().len(),
            5,
            "a constant box has classes and no layers"
        );
    }
}

/// Pictures are made once, and then no model is needed; without pictures none is needed at all. The
/// bytes are the same.
#[test]
fn pictures_are_made_once() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("run");
    run(&out, &["--pipeline", "single-warp"]);
    let report = |more: &[&str], library: Option<&str>| {
        let mut command = localise();
        command.arg("report").arg(&out).args(more);
        library.map(|path| command.env("ORT_DYLIB_PATH", path));
        let (_, said) = ended(0, &mut command);
        (fs::read_to_string(out.join("report.html")).unwrap(), said)
    };
    let (plain, said_without_library) = report(&["--photos", "2"], Some("/nowhere.so"));
    assert!(
        said_without_library.contains(" photos have no layers: ")
            && said_without_library.contains("/nowhere.so"),
        "{said_without_library}"
    );
    assert!(
        block(&plain, "pictures")
            .as_object()
            .unwrap()
            .values()
            .all(|p| p["photo"].is_string() && p["runs"][0].is_null())
    );
    let (none, said_of_none) = report(&["--photos", "0"], Some("/nowhere.so"));
    assert!(
        block(&none, "pictures").as_object().unwrap().is_empty()
            && !said_of_none.contains("layers"),
        "{said_of_none}"
    );

    let (first, _) = report(&["--photos", "2"], None);
    assert!(
        block(&first, "pictures")
            .as_object()
            .unwrap()
            .values()
            .any(|p| p["runs"][0]["saliency"].is_string())
    );
    let (again, said_again) = report(&["--photos", "2"], Some("/nowhere.so"));
    assert!(
        first == again && !said_again.contains("layers"),
        "{said_again}"
    );
    // A fresh run has other pictures: those of the old one go with it.
    run(&out, &["--pipeline", "single-warp", "--fresh"]);
    assert!(!out.join("pictures.jsonl").exists() && !out.join("report.html").exists());
}

/// A page of more photos than a browser holds lists those of the groups and others, and says so. Its
/// numbers are those of the whole page.
#[test]
fn a_page_lists_a_part_of_many_photos() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("a");
    run(&out, &["--pipeline", "single-warp"]);
    let [all, part] = ["100", "4"].map(|listed| {
        let (html, said) = page(&[&out], &["--photos", "1", "--listed", listed]);
        assert!(said.contains("7 photos, "), "{said}");
        ListedPage {
            summary: block(&html, "summary"),
            rows: block(&html, "rows"),
            pictures: block(&html, "pictures"),
        }
    });
    let (every, listed) = (all.ids(), part.ids());
    assert_eq!(listed.len(), 4, "{listed:?}");
    // Each row is that of its photo, and each group and picture has the same photos.
    for (place, id) in listed.iter().enumerate() {
        let before = every.iter().position(|known| known == id).unwrap();
        let row = |page: &ListedPage, at: usize| {
            let rows = &page.rows;
            (
                rows["runs"][0]["iou"][at].clone(),
                rows["truth"][at].clone(),
            )
        };
        assert_eq!(row(&part, place), row(&all, before));
    }
    assert_eq!(part.groups(), all.groups());
    assert_eq!(part.pictured(), all.pictured());
    let run_of = |page: &ListedPage| page.summary["runs"][0].clone();
    assert_eq!(run_of(&part)["metrics"], run_of(&all)["metrics"]);
    let note = "lists and curves are of 4 of 7 photos";
    assert!(run_of(&part)["notes"].to_string().contains(note));
}

/// The data of a page.
struct ListedPage {
    summary: Value,
    rows: Value,
    pictures: Value,
}

impl ListedPage {
    /// The names of the photos that it lists.
    fn ids(&self) -> Vec<String> {
        let ids = self.rows["id"].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// The photos of each group.
    fn groups(&self) -> Vec<Vec<String>> {
        let ids = self.ids();
        let photos = |group: &Value| {
            let places = group["photos"].as_array().unwrap().iter();
            let places = places.map(|place| place.as_u64().unwrap() as usize);
            places.map(|place| ids[place].clone()).collect()
        };
        let groups = self.summary["choices"].as_array().unwrap();
        groups.iter().map(photos).collect()
    }

    /// The photos that have pictures.
    fn pictured(&self) -> Vec<String> {
        let ids = self.ids();
        let places = self.pictures.as_object().unwrap().keys();
        let places = places.map(|place| place.parse::<usize>().unwrap());
        places.map(|place| ids[place].clone()).collect()
    }
}

/// Names, classes and messages are data: none of them is markup.
#[test]
fn a_page_escapes_what_it_is_given() {
    let job = Job::new(3);
    fs::write(job.out("00000.png"), "<b>no picture</b>").unwrap();
    let out = job.out("<b>&amp;");
    let arguments = job.arguments("<b>&amp;");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    expect(3, &arguments);
    let (html, _) = page(&[&out], &[]);
    let summary = block(&html, "summary");
    assert_eq!(summary["runs"][0]["name"], "<b>&amp;");
    assert_eq!(summary["runs"][0]["failures"].as_array().unwrap().len(), 1);
    assert!(
        html.contains("&lt;b&gt;&amp;amp;"),
        "the plain table is escaped"
    );
    assert_eq!(html.matches("<b>").count(), 0);
    let rows = block(&html, "rows");
    assert_eq!(rows["runs"][0]["cause"].as_array().unwrap()[0], 5, "no box");
    assert!(rows["runs"][0]["message"]["0"].is_string());
}

/// A photo without a class is shown with its first guess, one without true boxes is neither right
/// nor wrong; and layers are those of the box that is shown, whatever other photos have.
#[test]
fn photos_without_classes_and_boxes_have_a_page() {
    let folder = TempDir::new().unwrap();
    let images = fs::canonicalize("data/sample/images").unwrap();
    let table = folder.path().join("boxes.csv");
    let photos = [
        ("coffee", ",-1,,,,"),
        ("fig", "n07753113,952,420,246,717,518"),
        ("drum", "n03249569,541,,,,"),
    ];
    let mut text =
        "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n".to_owned();
    for (id, rest) in photos {
        text += &format!("{id},{}/{id}.jpg,,,{rest}\n", images.display());
    }
    fs::write(&table, text).unwrap();
    let out = folder.path().join("run");
    run_of(
        0,
        table.to_str().unwrap(),
        &out,
        &["--classes", "top5", "--pipeline", "single-warp"],
    );
    let (html, said) = page(&[&out], &[]);
    let (summary, rows, pictures) = (
        block(&html, "summary"),
        block(&html, "rows"),
        block(&html, "pictures"),
    );
    let run = &rows["runs"][0];
    assert_eq!(
        run["iou"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|iou| iou.is_null())
            .count(),
        2,
        "{rows}"
    );
    assert!(
        run["box"].as_array().unwrap().iter().all(Value::is_array),
        "{rows}"
    );
    let worst = summary["choices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|choice| choice["name"] == "worst");
    assert!(
        worst.is_none_or(|choice| choice["photos"].as_array().unwrap().len() == 1),
        "{summary}"
    );
    assert!(!said.contains("#photo=coffee"), "{said}");
    // Made one by one or together, pictures are the same.
    fs::remove_file(out.join("pictures.jsonl")).unwrap();
    page(&[&out], &["--photos", "1"]);
    let (again, _) = page(&[&out], &[]);
    assert_eq!(block(&again, "pictures"), pictures);
}

/// Where photos have moved, `--data-dir` finds them by the ends of their paths; and a report needs
/// no right to write beside the run.
#[test]
fn photos_that_moved_are_found() {
    let job = Job::new(3);
    job.golden();
    let moved = job.out("moved");
    fs::create_dir(&moved).unwrap();
    for i in 0..3 {
        let name = format!("{i:05}.png");
        fs::rename(job.out(&name), moved.join(&name)).unwrap();
    }
    let out = job.out("golden");
    let (lost, said_of_lost) = page(&[&out], &[]);
    assert!(
        said_of_lost.contains("3 photos cannot be read")
            && said_of_lost.contains("name the folder that holds"),
        "{said_of_lost}"
    );
    assert!(block(&lost, "pictures").as_object().unwrap().is_empty());
    let (found, said_of_found) = page(&[&out], &["--data-dir", moved.to_str().unwrap()]);
    assert_eq!(
        block(&found, "pictures").as_object().unwrap().len(),
        3,
        "{said_of_found}"
    );
    assert!(
        block(&found, "rows")["root"]
            .as_str()
            .unwrap()
            .ends_with("moved/")
    );
    let (_, error) = expect(2, &["report", out.to_str().unwrap(), "--data-dir", "src"]);
    assert!(error.contains("src: none of the photos"), "{error}");
}

#[test]
fn a_report_of_no_run_says_so() {
    let folder = TempDir::new().unwrap();
    let (_, no_run) = expect(2, &["report", folder.path().to_str().unwrap()]);
    assert!(
        no_run.contains("this folder holds no finished run") && no_run.contains("help: "),
        "{no_run}"
    );
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    run(&a, &["--pipeline", "centre-box"]);
    run(&b, &["--pipeline", "centre-box", "--limit", "3"]);
    let (_, other_truth) = expect(2, &["report", a.to_str().unwrap(), b.to_str().unwrap()]);
    assert!(
        other_truth.contains("other photos or other ground truth"),
        "{other_truth}"
    );
}

/// The page in a real browser: `tests/browser/report.py` says what is looked at.
#[test]
fn a_browser_shows_the_page() {
    let there = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if !Path::new(".test-tools/selenium").exists() || !there("chromium") || !there("chromedriver") {
        assert!(
            std::env::var_os("CI").is_none(),
            "Chromium or selenium is missing; scripts/test installs them"
        );
        skip("Chromium, chromedriver and selenium are not here");
        return;
    }
    let folder = TempDir::new().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    run(&a, &["--pipeline", "single-warp", "--classes", "top5"]);
    run(&b, &["--pipeline", "centre-box", "--classes", "top5"]);
    let job = Job::with(40, &[3, 7], CONVOLUTION);
    job.golden();
    let one = folder.path().join("one.html");
    let [one, out] = [&one, &job.out("golden")].map(|path| path.to_str().unwrap().to_owned());
    page(&[Path::new(&out)], &["--out", &one]);
    page(&[&a], &[]);
    page(&[&a, &b], &[]);
    let pages = [a.join("report.html"), b.join("report.html"), one.into()];
    let mut command = Command::new("python3");
    command
        .arg("tests/browser/report.py")
        .args(&pages)
        .env("PYTHONPATH", ".test-tools");
    let output = command.output().unwrap();
    let said = lossy(&[output.stdout, output.stderr].concat());
    assert!(output.status.success(), "{said}");
}
