//! Any bytes, read as a model and differentiated: an error or a model, never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use onnx_grad::gradient::{self, Options, ReluRule, OutputGradient};
use localise::{classifier, onnx};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_last() else { return };
    let Ok(model) = onnx::decode(bytes.to_vec(), Path::new("fuzz.onnx")) else { return };
    let options = Options {
        seed: if choice & 1 == 0 { OutputGradient::Input } else { OutputGradient::Top(1) },
        relu: [ReluRule::Gradient, ReluRule::Guided, ReluRule::Deconvnet][usize::from(choice) / 2 % 3],
        ..Options::default()
    };
    if let Ok(compiled) = gradient::compile(&model, &options, &classifier::runtime()) {
        let _ = onnx::encode(&compiled.model);
    }
});
