//! Usage: `cargo run --manifest-path scripts/update-proto/Cargo.toml -- PATH/TO/onnx.proto`
//!
//! `onnx.proto` is part of the `onnx` Python package (1.23.2 today, Apache-2.0, IR version 14). All
//! messages are generated: prost drops fields that it does not know, so a subset would lose data on
//! writing back.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = env::args().nth(1).ok_or("usage: update-proto PATH/TO/onnx.proto")?;
    let folder = Path::new(&proto).parent().ok_or("onnx.proto has no folder")?;
    let files = protox::compile([&proto], [folder])?;
    let out = env::temp_dir();
    let mut config = prost_build::Config::new();
    // Weights are slices of the file's own bytes: copying a model copies no weight.
    config.out_dir(&out).disable_comments(["."]).bytes([".onnx.TensorProto.raw_data"]);
    config.compile_fds(files)?;
    let generated = fs::read_to_string(out.join("onnx.rs"))?;
    let header = "// Generated from onnx.proto of the `onnx` Python package 1.23.2 (Apache-2.0, IR version 14) by\n\
                  // scripts/update-proto. Do not edit.\n";
    fs::write("crates/onnx-grad/src/onnx/proto.rs", format!("{header}{generated}"))?;
    Ok(())
}
