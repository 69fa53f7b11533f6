//! The integration tests, in one binary. Those that need ONNX Runtime or a fetched model fail
//! without it, never skip: `scripts/test` puts both in place. Those that read the shared
//! development files skip loudly where these are absent.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

mod annotations;
mod book;
mod broken_models;
mod cases;
mod commands;
mod degenerate;
mod descriptions;
mod devkit;
mod doctor;
mod ecosystem;
mod fetching;
mod gradients;
mod graphs;
mod house;
mod interrupted;
mod maxflow;
mod memory;
mod methods;
mod mixtures;
mod networks;
mod nightly;
mod onnx_package;
mod pages;
mod photos;
mod runs;
mod scores;
mod shards;
mod show;
mod slurm;
mod studies;
mod support;
mod tables;
mod watchdog;
mod wsoleval;
