//! A small job for tests that disturb it: forty pictures and a network of one convolution, done in
//! a moment; and the results that an undisturbed process gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use image::{Rgb, RgbImage};
use tempfile::TempDir;

use super::models::{CONVOLUTION, small_model};
use super::program::{ended, localise};

/// A process that does not outlive its test.
pub(crate) struct Process(pub(crate) Option<Child>);

impl Process {
    /// Waits for its end.
    pub(crate) fn output(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl std::ops::Deref for Process {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.0.as_ref().unwrap()
    }
}

impl std::ops::DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A table of photos, each a `cat` in its upper left quarter; gives its file.
pub(crate) fn table<'a>(
    folder: &Path,
    photos: impl IntoIterator<Item = (&'a str, [u32; 2])>,
) -> PathBuf {
    let mut text =
        "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n".to_owned();
    for (name, [width, height]) in photos {
        let [x_max, y_max] = [width, height].map(|n| n.div_ceil(2));
        text += &format!("{name},{name},{width},{height},cat,0,0,0,{x_max},{y_max}\n");
    }
    let path = folder.join("boxes.csv");
    fs::write(&path, text).unwrap();
    path
}

/// Files of a run that are the same bytes however it came about.
pub(crate) type Results = BTreeMap<&'static str, Vec<u8>>;

/// Photos, a model, and a folder for results.
pub(crate) struct Job {
    pub(crate) folder: TempDir,
    pub(crate) photos: usize,
}

impl Job {
    /// A job of so many photos, 64 x 64 pixels each; those of the places `white` are white, the
    /// others dark and no two of sixty alike. `[graph, weights]` is the network.
    pub(crate) fn with(photos: usize, white: &[usize], [graph, weights]: [&str; 2]) -> Self {
        let folder = TempDir::new().unwrap();
        small_model(folder.path(), graph, weights, 1.0);
        let names: Vec<_> = (0..photos).map(|i| format!("{i:05}.png")).collect();
        // Beyond some dozens the pictures are links to the first: a large dataset need not be a
        // large folder.
        for (i, name) in names.iter().enumerate() {
            let path = folder.path().join(name);
            match i.checked_sub(60) {
                None if white.contains(&i) => RgbImage::from_pixel(64, 64, Rgb([255; 3]))
                    .save(&path)
                    .unwrap(),
                None => picture(i).save(&path).unwrap(),
                Some(_) => fs::hard_link(folder.path().join(&names[i % 60]), &path).unwrap(),
            }
        }
        table(
            folder.path(),
            names.iter().map(|name| (name.as_str(), [64, 64])),
        );
        Self { folder, photos }
    }

    pub(crate) fn new(photos: usize) -> Self {
        Self::with(photos, &[], CONVOLUTION)
    }

    pub(crate) fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The arguments of the job into the folder `out`.
    pub(crate) fn arguments(&self, out: &str) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let [dataset, model, out] = ["boxes.csv", "small.toml", out].map(path);
        [
            "run",
            "--dataset",
            &dataset,
            "--model",
            &model,
            "--pipeline",
            "single-warp",
            "--out",
            &out,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The program at the job, `more` its further options.
    pub(crate) fn command(&self, out: &str, more: &[&str]) -> Command {
        let mut command = localise();
        command.args(self.arguments(out)).args(more);
        command
    }

    /// The same under strace with these options.
    pub(crate) fn traced(&self, strace: &[String], out: &str, more: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command
            .env_remove("LOCALISE_DATA")
            .args(strace)
            .arg(cargo_bin("localise"));
        command
            .args(self.arguments(out))
            .args(more)
            .stdin(Stdio::null());
        command
    }

    /// Runs, expects the exit code, gives what was said on stderr.
    pub(crate) fn expect(&self, code: i32, out: &str, more: &[&str]) -> String {
        ended(code, &mut self.command(out, more)).1
    }

    pub(crate) fn merge(&self, code: i32, out: &str, more: &[&str]) -> String {
        ended(code, localise().arg("merge").arg(self.out(out)).args(more)).1
    }

    /// What an undisturbed run gives.
    pub(crate) fn golden(&self) -> Results {
        self.expect(0, "golden", &[]);
        self.results("golden")
    }

    /// The files in the folder `out`, none of which is unfinished.
    pub(crate) fn results(&self, out: &str) -> Results {
        let folder = self.out(out);
        let left = names(&folder)
            .into_iter()
            .find(|name| name.ends_with(".tmp") || name.ends_with(".part"));
        assert_eq!(left, None, "{out}");
        let files = [
            "boxes.csv",
            "summary.json",
            "run.toml",
            "truth.csv",
            "classes.csv",
            "failures.jsonl",
        ];
        files
            .into_iter()
            .filter_map(|name| Some((name, fs::read(folder.join(name)).ok()?)))
            .collect()
    }

    /// How many photos the journal of a shard at work holds.
    pub(crate) fn progress(&self, out: &str, shard: usize) -> usize {
        let text = fs::read_to_string(self.out(out).join(format!("shard-{shard}.part")))
            .unwrap_or_default();
        text.lines()
            .filter(|line| {
                line.get(9..)
                    .is_some_and(|json| json.starts_with("{\"photo\""))
            })
            .count()
    }

    /// Waits until a process has done so many photos of a shard.
    pub(crate) fn wait_for(&self, child: &mut Child, out: &str, shard: usize, photos: usize) {
        let start = Instant::now();
        while self.progress(out, shard) < photos {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before {photos} photos were done"
            );
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{photos} photos take more than a minute"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn picture(salt: usize) -> RgbImage {
    let [a, b] = [8 + salt % 23, 30 + salt % 17].map(|n| n as u32);
    RgbImage::from_fn(64, 64, |x, y| {
        let inside = (a..b).contains(&x) && (a / 2..b).contains(&y);
        let noise = ((x * 7919 + y * 104_729 + salt as u32 * 31) % 61) as u8;
        Rgb(if inside {
            [200 - noise, 60 + noise, noise]
        } else {
            [noise, 90, 120 + noise]
        })
    })
}
