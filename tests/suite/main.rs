//! The integration tests, in one binary. Those that need ONNX Runtime or a fetched model fail
//! without it, never skip: `scripts/test` puts both in place. Those that read the shared
//! development files skip loudly where these are absent.
//!
//! The gradient compiler and the minimum cut have test suites of their own, in `crates/`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]
#![allow(
    clippy::too_many_lines,
    reason = "tests are tables of cases, and stories of one program's answers"
)]

mod cli;
mod cut;
mod dataset;
mod docs;
mod gradient;
mod run;
mod score;
mod support;
