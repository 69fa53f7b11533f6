//! Any bytes are read as a DIMACS file. The result is an error or an instance, never a panic. A
//! small instance is solved with vector instructions and without: both give the same cut, whose
//! cost is the flow; and what is written of it has the same cut when it is read again.
#![no_main]

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/suite/support.rs"]
mod support;

use grid_maxflow::Instance;
use libfuzzer_sys::fuzz_target;
use support::{energy, solve};

/// The most pixels of an instance that is solved, so that each one takes a short time.
const MAX_PIXELS: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    let Ok(instance) = Instance::read(bytes) else {
        return;
    };
    if instance.width * instance.height > MAX_PIXELS {
        return;
    }
    let (flow, source_side) = solve(&instance);
    assert_eq!(flow, energy(&instance, &source_side));

    let mut file = Vec::new();
    instance
        .write(&mut file)
        .expect("writing to a Vec cannot fail");
    let read = Instance::read(&file[..]).expect("what was written can be read");
    assert_eq!(solve(&read), (flow, source_side));
});
