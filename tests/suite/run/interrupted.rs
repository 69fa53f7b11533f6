//! Runs that are killed, stopped, or out of resources at every step: the same command resumes them,
//! and the results have the bytes of an undisturbed run.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;

use crate::support::job::{Job, Process, names};
use crate::support::models::{SLOW, STEADY};
use crate::support::program::{ended, lossy};
use crate::support::{Chance, either, say, strace, within};

/// Kills that end only the process and not what it wrote.
fn kill(child: &mut Process) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill")
            .args([&format!("-{name}"), &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

fn quietly(mut command: Command) -> Process {
    Process(Some(
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    ))
}

/// Options that hit the `k`-th call of `syscall` on any of the output's files.
fn injection(job: &Job, out: &str, syscall: &str, fault: &str, k: usize) -> Vec<String> {
    let folder = job.out(out);
    let files = [
        "shard-0.lock",
        "shard-0.part",
        "shard-0.jsonl",
        "merge.lock",
    ];
    let results = [
        "boxes.csv",
        "summary.json",
        "manifest.json",
        "run.toml",
        "truth.csv",
        "classes.csv",
    ];
    let paths = files
        .iter()
        .chain(&results)
        .flat_map(|name| [folder.join(name), folder.join(format!("{name}.tmp"))]);
    let mut options: Vec<String> = ["-f", "-qqq", "-o"].map(str::to_owned).to_vec();
    options.push(job.out("trace").to_str().unwrap().into());
    options.extend([
        format!("-etrace={syscall}"),
        format!("-einject={syscall}:{fault}:when={k}"),
    ]);
    for path in paths.chain([folder.clone()]) {
        options.extend(["-P".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    options
}

/// The calls by which results come to the disk.
const CALLS: [&str; 6] = [
    "openat",
    "write",
    "fdatasync",
    "fsync",
    "rename",
    "ftruncate",
];

/// Killed before every call that opens, writes, syncs or renames a file of the output, a run goes
/// on to the same bytes.
#[test]
fn killed_at_every_step() {
    if !strace() {
        return;
    }
    let job = Job::new(either(6, 40));
    let golden = job.golden();
    let mut kills = 0;
    for call in CALLS {
        for k in 1.. {
            let out = format!("{call}-{k}");
            let more = ["--threads", "1"];
            let mut command =
                job.traced(&injection(&job, &out, call, "signal=KILL", k), &out, &more);
            let status = command.output().unwrap().status;
            if status.success() {
                break;
            }
            assert!(
                status.signal() == Some(9) || status.code() == Some(137),
                "{call} {k}: {status}"
            );
            kills += 1;
            if either(false, true) {
                // The resumed run is killed too, at the same call.
                job.traced(&injection(&job, &out, call, "signal=KILL", k), &out, &more)
                    .output()
                    .unwrap();
            }
            let before = job.progress(&out, 0);
            let said = job.expect(0, &out, &more);
            if before > 0 {
                assert!(
                    said.contains(&format!("resuming: {before} of {} photos done", job.photos)),
                    "{said}"
                );
            }
            assert_eq!(job.results(&out), golden, "{call} {k}");
            fs::remove_dir_all(job.out(&out)).unwrap();
        }
    }
    assert!(kills > 40, "{kills}");
    report(kills, "kills before each call");
}

/// Whatever call fails, the run says so with 74, what was synced stays, and the same command goes
/// on.
#[test]
fn no_space_at_every_step() {
    if !strace() {
        return;
    }
    let job = Job::new(either(6, 40));
    let golden = job.golden();
    let mut faults = 0;
    for error in either(&["ENOSPC"][..], &["ENOSPC", "EIO", "EDQUOT", "EMFILE"]) {
        for call in CALLS {
            for k in 1.. {
                let out = format!("{error}-{call}-{k}");
                let more = ["--threads", "1"];
                let output = job
                    .traced(
                        &injection(&job, &out, call, &format!("error={error}"), k),
                        &out,
                        &more,
                    )
                    .output()
                    .unwrap();
                if output.status.success() {
                    break;
                }
                faults += 1;
                let said = lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(74), "{error} {call} {k}: {said}");
                assert!(
                    said.contains("error: cannot write ") && !said.contains("panicked"),
                    "{call} {k}: {said}"
                );
                let safe = job.progress(&out, 0);
                if safe > 0 {
                    let told = format!(
                        "{safe} of {} photos are safe; free space and run the same command",
                        job.photos
                    );
                    assert!(said.contains(&told), "{error} {call} {k}: {said}");
                }
                job.expect(0, &out, &more);
                assert_eq!(job.results(&out), golden, "{error} {call} {k}");
                fs::remove_dir_all(job.out(&out)).unwrap();
            }
        }
    }
    assert!(faults > 40, "{faults}");
    report(faults, "I/O errors");
}

/// Killed at any moment, in any number of shards, on any number of threads: the same bytes.
#[test]
fn killed_at_random_in_every_layout() {
    let job = Job::new(120);
    let start = Instant::now();
    let golden = job.golden();
    let whole = start.elapsed().as_millis() as u64;
    let mut chance = Chance::new(2);
    let kills = either(10, 200);
    let layouts = [1, 2, 4, 7]
        .into_iter()
        .flat_map(|n| ["1", "2"].map(|threads| (n, threads)));
    let mut done = 0;
    for (i, (n, threads)) in layouts.enumerate() {
        let out = format!("{n}-{threads}");
        // Kills are dealt out evenly over the eight layouts.
        let mut left = (kills * (i + 1)).div_ceil(8) - (kills * i).div_ceil(8);
        for shard in 0..n {
            let text = format!("{shard}/{n}");
            let more = ["--threads", threads, "--shard", &text];
            while left > 0 && (chance.below(2) == 0 || shard == n - 1) {
                left -= 1;
                let mut child = quietly(job.command(&out, &more));
                // At any moment of a run of this size.
                std::thread::sleep(Duration::from_millis(chance.below(whole) / n as u64));
                done += usize::from(child.try_wait().unwrap().is_none());
                kill(&mut child);
            }
            job.expect(0, &out, &more);
        }
        job.merge(0, &out, &[]);
        let results = job.results(&out);
        assert_eq!(results, golden, "{n} shards, {threads} threads");
    }
    assert!(
        done > kills / 4,
        "{done} of {kills} kills came before the end"
    );
    report(done, "kills at random, 8 layouts");
}

/// Each published file is written, synced, renamed, and its name synced, in this order. A kill
/// cannot show that the order is right against a power cut; this does.
#[test]
fn files_are_synced_before_they_are_named() {
    if !strace() {
        return;
    }
    let job = Job::new(3);
    let trace = job.out("trace");
    let options = [
        "-f",
        "-y",
        "-qqq",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        "trace=write,fsync,fdatasync,rename",
    ];
    let status = job
        .traced(&options.map(str::to_owned), "out", &["--write-maps"])
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let calls: Vec<_> = fs::read_to_string(&trace)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let out = fs::canonicalize(job.out("out")).unwrap();
    let mut published = 0;
    for (i, call) in calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.contains("rename(\""))
    {
        let [from, to] = {
            call.split('"')
                .skip(1)
                .step_by(2)
                .take(2)
                .collect::<Vec<_>>()
        }[..] else {
            panic!("{call}")
        };
        let at = |what: &str, of: &str, start: usize| {
            let found =
                |c: &String| c.contains(&format!("{what}(")) && c.contains(&format!("<{of}>"));
            calls[start..].iter().position(found).map(|at| at + start)
        };
        let last_write = calls[..i]
            .iter()
            .rposition(|c| c.contains("write(") && c.contains(&format!("<{from}>")))
            .unwrap();
        let synced =
            at("fsync", from, last_write).unwrap_or_else(|| panic!("{from} is not synced"));
        let folder = std::path::Path::new(to).parent().unwrap().to_str().unwrap();
        let named = at("fsync", folder, i).unwrap_or_else(|| panic!("{folder} is not synced"));
        assert!(
            last_write < synced && synced < i && i < named,
            "{from}: {last_write} {synced} {i} {named}"
        );
        published += 1;
    }
    // The journal's beginning and end, six results, three maps.
    assert_eq!(published, 2 + 6 + 3, "{out:?}");
    // A photo's rows are synced before the next is written: one sync a write.
    let journal: Vec<_> = calls
        .iter()
        .filter(|c| c.contains("shard-0.part>"))
        .collect();
    let pairs = journal.iter().filter(|c| c.contains("write(")).count();
    assert!(
        pairs >= 2 && journal.iter().filter(|c| c.contains("fdatasync(")).count() == pairs,
        "{journal:?}"
    );
}

/// Through the program: a torn end is reported and repaired, damage before it ends the run, and
/// nothing is lost.
#[test]
fn a_damaged_journal_is_repaired_or_refused() {
    let job = Job::new(10);
    let golden = job.golden();
    let mut child = quietly(job.command("out", &["--threads", "1"]));
    job.wait_for(&mut child, "out", 0, 4);
    kill(&mut child);
    let part = job.out("out").join("shard-0.part");
    let bytes = fs::read(&part).unwrap();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        fs::write(&part, changed).unwrap();
    };
    damaged(&|journal| journal[20] ^= 1);
    let damage_at_start = job.expect(2, "out", &[]);
    assert!(
        damage_at_start.contains("shard-0.part: damaged at byte 0"),
        "{damage_at_start}"
    );
    let second = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    damaged(&|journal| journal[second + 30] ^= 1);
    let damage_inside = job.expect(2, "out", &[]);
    assert!(
        damage_inside.contains(&format!(
            "shard-0.part: damaged at byte {second}, with readable lines after it"
        )),
        "{damage_inside}"
    );
    damaged(&|journal| journal.truncate(journal.len() - 7));
    let damage_at_end = job.expect(0, "out", &[]);
    assert!(
        damage_at_end
            .contains("dropped the damaged end of the journal; its photos will be processed again"),
        "{damage_at_end}"
    );
    assert_eq!(job.results("out"), golden);
}

/// Two processes at one shard: the second waits, then says who holds it; at two shards: both work.
/// A killed holder leaves no lock behind.
#[test]
fn one_process_a_shard() {
    let long = Job::new(400);
    for i in 0..20 {
        let (out, more) = (format!("same-{i}"), ["--threads", "1"]);
        let mut holder = quietly(long.command(&out, &more));
        long.wait_for(&mut holder, &out, 0, 2);
        let said = long.expect(75, &out, &["--lock-wait", "0"]);
        let expected = format!("in use by pid {} on host ", holder.id());
        assert!(said.contains(&expected), "{said}");
        kill(&mut holder);
        let mut next = quietly(long.command(&out, &["--threads", "1", "--lock-wait", "0"]));
        long.wait_for(&mut next, &out, 0, 4);
        kill(&mut next);
    }
    let short = Job::new(40);
    let golden = short.golden();
    let both_succeed = |out: &str, options: [&[&str]; 2]| {
        let children = options.map(|more| quietly(short.command(out, more)));
        assert!(
            children
                .into_iter()
                .all(|mut child| child.wait().unwrap().success())
        );
    };
    for i in 0..20 {
        // The same shard twice at once: the second waits and finds it done.
        let same_shard = format!("twice-{i}");
        both_succeed(&same_shard, [&[], &[]]);
        assert_eq!(short.results(&same_shard), golden);
        let two_shards = format!("two-{i}");
        both_succeed(&two_shards, [&["--shard", "0/2"], &["--shard", "1/2"]]);
        short.merge(0, &two_shards, &[]);
        assert_eq!(short.results(&two_shards), golden);
    }
    report(20 + 40, "pairs of processes");
}

/// The first signal finishes the photos in hand and ends with 75; the second ends at once.
#[test]
fn signals_stop_a_run_that_resumes() {
    let job = Job::new(120);
    let golden = job.golden();
    let mut chance = Chance::new(10);
    let mut stops = 0;
    for name in ["INT", "TERM", "HUP"] {
        for i in 0..5 {
            let out = format!("{name}-{i}");
            let mut child = quietly(job.command(&out, &["--threads", "2"]));
            job.wait_for(&mut child, &out, 0, 1 + chance.below(60) as usize);
            signal(&child, name);
            let start = Instant::now();
            let output = child.output();
            let said = lossy(&output.stderr);
            if output.status.code() == Some(0) {
                continue; // It was done before the signal came.
            }
            assert_eq!(output.status.code(), Some(75), "{said}");
            assert!(start.elapsed() < within(2.0), "{:?}", start.elapsed());
            let done = job.progress(&out, 0);
            let expected = format!(
                "stopped by SIG{name}; {done} of 120 photos done; run the same command again to resume"
            );
            assert!(said.contains(&expected), "{said}");
            assert!(
                job.expect(0, &out, &[])
                    .contains(&format!("resuming: {done} of 120 photos done"))
            );
            assert_eq!(job.results(&out), golden);
            stops += 1;
        }
    }
    assert!(stops >= 3, "{stops} runs were stopped in time");
    report(stops, "signals");
}

/// A photo that takes long is waited for until the second signal, and a reader that has seen enough
/// is no failure.
#[test]
fn the_second_signal_ends_at_once() {
    let job = Job::with(3, &[0, 1, 2], SLOW);
    let mut child = quietly(job.command("out", &["--run-timeout", "60"]));
    let start = Instant::now();
    while fs::read_to_string(job.out("out").join("shard-0.part"))
        .is_ok_and(|text| !text.contains("{\"session\""))
        || !job.out("out").join("shard-0.part").exists()
    {
        assert!(
            start.elapsed() < Duration::from_secs(30) && child.try_wait().unwrap().is_none(),
            "it begins"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(600));
    assert!(
        child.try_wait().unwrap().is_none(),
        "it waits for the photo in hand"
    );
    let second_signal = Instant::now();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        second_signal.elapsed() < within(0.5),
        "{:?}",
        second_signal.elapsed()
    );

    let finished = Job::new(3);
    finished.golden();
    let line = format!(
        "'{}' run {} | head -c 1",
        cargo_bin("localise").display(),
        { finished.arguments("golden")[1..].join(" ") }
    );
    let (_, said) = ended(
        0,
        Command::new("bash").args(["-c", &format!("set -o pipefail; {line}")]),
    );
    assert!(!said.contains("error"), "{said}");
}

/// A disk that fails while photos are read is not a bad photo: it is retried for ten seconds, then
/// the run stops, to go on later.
#[test]
fn an_outage_is_never_a_score() {
    if !strace() {
        return;
    }
    let job = Job::new(4);
    let golden = job.golden();
    let photo = job.out("00002.png");
    for (error, at, code) in [("EIO", "1..2", 0), ("ESTALE", "1+", 75)] {
        let trace = job.out("trace");
        let options = [
            "-f",
            "-qqq",
            "-o",
            trace.to_str().unwrap(),
            "-etrace=read",
            "-P",
            photo.to_str().unwrap(),
        ];
        let inject = format!("-einject=read:error={error}:when={at}");
        let options: Vec<String> = options
            .iter()
            .map(ToString::to_string)
            .chain([inject])
            .collect();
        let start = Instant::now();
        let (_, said) = ended(code, &mut job.traced(&options, error, &["--threads", "1"]));
        assert!(
            said.contains("00002.png") && said.contains("trying again in 1 s"),
            "{said}"
        );
        if code == 75 {
            assert!(
                (9..60).contains(&start.elapsed().as_secs()),
                "{:?}",
                start.elapsed()
            );
            assert!(said.contains("tried 4 times; 2 of 4 photos done"), "{said}");
            job.expect(0, error, &[]);
        }
        assert_eq!(job.results(error), golden);
    }
    // The photos' folder goes away: the same, though each file is only missing.
    let (data, gone) = (job.out("data"), job.out("gone"));
    fs::create_dir(&data).unwrap();
    for i in 0..4 {
        fs::rename(
            job.out(&format!("{i:05}.png")),
            data.join(format!("{i:05}.png")),
        )
        .unwrap();
    }
    let table = fs::read_to_string(job.out("boxes.csv")).unwrap();
    let moved: Vec<_> = table
        .lines()
        .map(|line| line.replacen(".png,", ".png,data/", 1))
        .collect();
    fs::write(job.out("boxes.csv"), moved.join("\n") + "\n").unwrap();
    let mut child = {
        // The worker waits at the first photo until the folder is gone.
        let inject = [
            "-f",
            "-qqq",
            "-o/dev/null",
            "-etrace=openat",
            "-einject=openat:delay_enter=1500000:when=1",
        ];
        let first = data.join("00000.png");
        let options: Vec<_> = inject
            .iter()
            .copied()
            .chain(["-P", first.to_str().unwrap()])
            .map(str::to_owned)
            .collect();
        quietly(job.traced(&options, "folder", &["--threads", "1"]))
    };
    let start = Instant::now();
    while !fs::read_to_string(job.out("folder").join("shard-0.part"))
        .is_ok_and(|text| text.contains("{\"session\""))
    {
        assert!(
            start.elapsed() < Duration::from_secs(30) && child.try_wait().unwrap().is_none(),
            "it begins"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::rename(&data, &gone).unwrap();
    let output = child.output();
    let said = lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    fs::rename(&gone, &data).unwrap();
    job.expect(0, "folder", &[]);
    assert_eq!(job.results("folder")["boxes.csv"], golden["boxes.csv"]);
}

/// Bad photos that were found before do not count as a bad start when their shard goes on.
#[test]
fn twenty_failures_do_not_stop_a_resumed_run() {
    let job = Job::new(60);
    for i in 1..26 {
        fs::write(job.out(&format!("{i:05}.png")), "no picture").unwrap();
    }
    let mut child = quietly(job.command("out", &["--threads", "1"]));
    job.wait_for(&mut child, "out", 0, 30);
    kill(&mut child);
    let said = job.expect(3, "out", &["--threads", "1"]);
    assert!(said.contains("resuming: "), "{said}");
    assert_eq!(
        fs::read_to_string(job.out("out").join("failures.jsonl"))
            .unwrap()
            .lines()
            .count(),
        25
    );
}

/// A finished journal that was truncated is refused, and not taken for a complete one.
#[test]
fn a_finished_journal_must_be_complete() {
    let job = Job::new(6);
    job.golden();
    let path = job.out("golden").join("shard-0.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for (cut, expected) in [
        (
            lines[..lines.len() - 1].join("\n") + "\n",
            "shard-0.jsonl holds 5 of its 6 photos",
        ),
        (
            text[..text.len() - 4].to_owned(),
            "shard-0.jsonl: damaged at its end",
        ),
    ] {
        fs::write(&path, cut).unwrap();
        for more in [&[][..], &["--shard", "0/1"]] {
            let said = job.expect(2, "golden", more);
            assert!(said.contains(expected), "{said}");
        }
    }
}

/// A limit on the size of files is an output error, and no death by a signal.
#[test]
fn a_limit_on_files_is_an_output_error() {
    let job = Job::new(60);
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -f 8; exec \"$@\"", "bash"])
        .arg(cargo_bin("localise"));
    let (_, said) = ended(74, limited.args(job.arguments("out")));
    assert!(
        said.contains("shard-0.part: File too large") && said.contains("of 60 photos are safe"),
        "{said}"
    );
    let golden = job.golden();
    job.expect(0, "out", &[]);
    assert_eq!(job.results("out"), golden);
}

/// A run that was started to ignore a signal ignores it, and one that waits for a lock does not
/// ignore the others.
#[test]
fn signals_that_were_ignored_stay_ignored() {
    let job = Job::with(12, &[], STEADY);
    let golden = job.golden();
    let mut command = Command::new("nohup");
    command
        .arg(cargo_bin("localise"))
        .args(job.arguments("out"))
        .args(["--threads", "1"]);
    let mut child = quietly(command);
    job.wait_for(&mut child, "out", 0, 2);
    signal(&child, "HUP");
    let mut second = quietly(job.command("out", &[]));
    std::thread::sleep(Duration::from_millis(400));
    signal(&second, "TERM");
    let start = Instant::now();
    assert_eq!(second.wait().unwrap().code(), Some(75));
    assert!(start.elapsed() < within(1.0), "{:?}", start.elapsed());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(job.results("out"), golden);
}

/// What a fresh start finds is kept beside it, and a finished run is not done again.
#[test]
fn a_fresh_start_keeps_what_was_there() {
    let job = Job::new(6);
    let golden = job.golden();
    let start = Instant::now();
    let said_again = job.expect(0, "golden", &[]);
    assert!(
        said_again.contains("shard 0 of 1 is already complete"),
        "{said_again}"
    );
    assert!(start.elapsed() < within(1.0), "{:?}", start.elapsed());
    assert_eq!(job.results("golden"), golden);
    let said_of_seed = job.expect(2, "golden", &["--seed", "1"]);
    assert!(
        said_of_seed.contains("golden was created with seed 0, but this run uses 1\nhelp: name another folder with --out, or start over with --fresh"),
        "{said_of_seed}"
    );
    assert_eq!(job.results("golden"), golden, "nothing is overwritten");
    for _ in 0..2 {
        job.expect(0, "golden", &["--seed", "1", "--fresh"]);
    }
    assert_eq!(
        fs::read(job.out("golden").join("boxes.csv.old")).unwrap(),
        golden["boxes.csv"]
    );
    let names = names(&job.out("golden"));
    for old in [
        "shard-0.jsonl.old",
        "shard-0.jsonl.old-2",
        "summary.json.old",
        "boxes.csv.old-2",
    ] {
        assert!(names.iter().any(|name| name == old), "{names:?}");
    }
}

/// A line of figures, for the nightly run's log.
fn report(count: usize, what: &str) {
    say(&format!("{count} {what}; lost 0, different bytes 0\n"));
}
