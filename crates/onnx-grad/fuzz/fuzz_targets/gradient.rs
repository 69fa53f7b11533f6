//! Any bytes are read as a model and differentiated. The result is an error or a gradient model,
//! never a panic. The last byte chooses the options.
#![no_main]

// The runtime of the tests, without the parts that only they need.
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/suite/support/runtime.rs"]
mod runtime;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use onnx_grad::gradient::{self, Options, OutputGradient, ReluRule};
use onnx_grad::onnx;
use runtime::OrtRuntime;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_last() else {
        return;
    };
    let Ok(model) = onnx::decode(bytes.to_vec(), Path::new("fuzz.onnx")) else {
        return;
    };
    let seed = if choice & 1 == 0 {
        OutputGradient::Input
    } else {
        OutputGradient::Top(1)
    };
    let rules = [ReluRule::Gradient, ReluRule::Guided, ReluRule::Deconvnet];
    let options = Options {
        seed,
        relu: rules[usize::from(choice) / 2 % 3],
        ..Options::default()
    };
    if let Ok(compiled) = gradient::compile(&model, &options, &OrtRuntime) {
        let _ = onnx::encode(&compiled.model);
    }
});
