//! Models in other forms than that of a network whose first output is its class scores.

use std::fs;

use crate::support::job::Job;
use crate::support::models::CONVOLUTION;
use crate::support::program::{expect, json, text};

/// [`CONVOLUTION`] with its scores called `scores`, and what follows them.
fn with_tail(scores: &str, tail: &str) -> String {
    let layer = CONVOLUTION[0].strip_suffix("y = Gemm(f, w)").unwrap();
    format!("{layer}{scores} = Gemm(f, w); {tail}")
}

/// The rows of a run with this network.
fn rows(graph: &str) -> String {
    let job = Job::with(4, &[], [graph, CONVOLUTION[1]]);
    job.expect(0, "run", &["--quiet"]);
    fs::read_to_string(job.out("run").join("boxes.csv")).unwrap()
}

/// Probabilities at the end, and names that the gradient model uses itself.
#[test]
fn what_follows_the_scores_changes_no_row() {
    let plain = rows(CONVOLUTION[0]);
    let tails = [
        ("s", "y = Sigmoid(s)"),
        ("s", "p = Softmax(s); y = Log(p)"),
        ("seed", "e = Exp(seed); n = ReduceSum(e); y = Div(e, n)"),
        ("classes", "top = Sigmoid(classes); y = Identity(top)"),
    ];
    for (scores, tail) in tails {
        assert_eq!(rows(&with_tail(scores, tail)), plain, "{tail}");
    }
}

/// A warning about the scores is in what a run says, in its summary, and in what the doctor says.
#[test]
fn a_warning_about_the_scores_is_kept() {
    let graph = with_tail("s", "p = Sigmoid(s); q = Mul(p, p); y = Sub(one, q)");
    let weights = format!("{}; one = 1.0", CONVOLUTION[1]);
    let job = Job::with(4, &[], [&graph, &weights]);
    let warning = "model small: the scores `y` come from Sigmoid `p`, and look like probabilities";
    let said = job.expect(0, "run", &[]);
    assert!(said.contains(warning), "{said}");
    let notes = |out: &str| json(&job.out(out).join("summary.json"))["notes"].to_string();
    assert!(notes("run").contains(warning), "{}", notes("run"));
    for shard in ["0/2", "1/2"] {
        job.expect(0, "shards", &["--shard", shard]);
    }
    job.merge(0, "shards", &[]);
    assert_eq!(job.results("shards"), job.results("run"));
    let model = job.out("small.toml");
    let (report, _) = expect(0, &["doctor", "--model", text(&model)]);
    assert!(report.contains(warning), "{report}");
    expect(0, &["report", "--quiet", text(&job.out("run"))]);
    let page = fs::read_to_string(job.out("run").join("report.html")).unwrap();
    assert!(page.contains(warning), "{page}");
}
