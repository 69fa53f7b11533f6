//! Networks that do not end, or fail on one photo: that photo fails, the others are as ever.

use std::fs;
use std::time::Instant;

use crate::faults::{Job, within};
use crate::photos::CONVOLUTION;

/// As [`CONVOLUTION`], and besides a product of twenty matrices whose size grows with the least or the mean value of the
/// photo.
macro_rules! products {
    ($value:literal) => {
        concat!("c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); \
     y0 = Gemm(f, w); h = ", $value, "(x) keepdims=0; d = Sub(h, limit); s = Mul(d, scale); p = Relu(s); \
     n = Cast(p) to=7; m = Add(n, one); v = Reshape(m, vector); shape = Concat(v, v) axis=0; a = ConstantOfShape(shape); \
     b = MatMul(a, a); b1 = MatMul(b, a); b2 = MatMul(b1, a); b3 = MatMul(b2, a); b4 = MatMul(b3, a); \
     b5 = MatMul(b4, a); b6 = MatMul(b5, a); b7 = MatMul(b6, a); b8 = MatMul(b7, a); b9 = MatMul(b8, a); \
     c1 = MatMul(b9, a); c2 = MatMul(c1, a); c3 = MatMul(c2, a); c4 = MatMul(c3, a); c5 = MatMul(c4, a); \
     c6 = MatMul(c5, a); c7 = MatMul(c6, a); c8 = MatMul(c7, a); c9 = MatMul(c8, a); t = ReduceSum(c9) keepdims=0; \
     y = Add(y0, t)")
    };
}

/// A white photo makes matrices of 3,000 x 3,000, and takes half a minute; others are done at once.
pub(crate) const SLOW: [&str; 2] =
    [products!("ReduceMin"), "k: 4x3x3x3; w: 4x2; limit = 0.95; scale = 60000.0; one = 1; vector = [1]"];

/// Every photo makes matrices of some 550 x 550, and takes about a tenth of a second.
pub(crate) const STEADY: [&str; 2] =
    [products!("ReduceMean"), "k: 4x3x3x3; w: 4x2; limit = 0.0; scale = 1500.0; one = 1; vector = [1]"];

/// As [`CONVOLUTION`], but a white photo makes it look for the sixth of two numbers.
const BEYOND: [&str; 2] = [
    "c = Conv(x, k) pads=[1,1,1,1]; r = Relu(c); g = GlobalAveragePool(r); f = Flatten(g); y0 = Gemm(f, w); \
     h = ReduceMin(x) keepdims=0; d = Sub(h, limit); s = Mul(d, scale); p = Relu(s); n = Cast(p) to=7; \
     t = Gather(two, n); y = Add(y0, t)",
    "k: 4x3x3x3; w: 4x2; limit = 0.95; scale = 102.0; two = [0.0, 0.0]",
];

/// The rows of all photos but one are those of the network without its trap.
fn one_photo_fails(job: &Job, white: usize, said: &str, reason: &str) {
    let plain = Job::with(job.photos, &[white], CONVOLUTION);
    let expected = plain.golden();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (found, expected) = (text(&job.results("out")["boxes.csv"]), text(&expected["boxes.csv"]));
    let differing: Vec<_> = found.lines().zip(expected.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1, "{said}");
    assert!(differing[0].0.starts_with(&format!("{white:05}.png,")) && differing[0].0.contains("error"));
    let failures = fs::read_to_string(job.out("out").join("failures.jsonl")).unwrap();
    assert!(
        failures.lines().count() == 1 && failures.contains(reason) && failures.contains("\"network\""),
        "{failures}"
    );
}

/// T20: a run of the network that takes too long is ended, and only its photo fails.
#[test]
fn a_run_that_takes_too_long_is_ended() {
    let job = Job::with(12, &[7], SLOW);
    let start = Instant::now();
    let said = job.expect(3, "out", &["--run-timeout", "1"]);
    assert!(start.elapsed() < within(10.0), "{:?}", start.elapsed());
    one_photo_fails(&job, 7, &said, "passed 1 s");
}

/// T20: an error of the runtime on one photo is that photo's.
#[test]
fn a_runtime_error_is_one_photos() {
    let job = Job::with(12, &[7], BEYOND);
    let said = job.expect(3, "out", &[]);
    one_photo_fails(&job, 7, &said, "ONNX Runtime failed");
}

/// T20: a loop that does not end never begins: the compiler has no rule for loops, and says so before any work.
#[test]
fn a_loop_is_refused_before_work() {
    let job = Job::new(2);
    fs::write(job.out("small.onnx"), crate::hostile::endless()).unwrap();
    let said = job.expect(2, "out", &[]);
    assert!(said.contains("Loop"), "{said}");
}
