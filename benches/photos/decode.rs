//! Our side of the comparison with Pillow: for each path on stdin, the CPU time of decoding the
//! file from memory in milliseconds, and the CRC-32 of the pixels.
#![allow(clippy::print_stdout, reason = "the script reads the output")]

use std::fs;
use std::hint::black_box;
use std::io::stdin;

use anyhow::Result;
use localise::dataset::{Jpeg, decode};
use localise::stage::thread_ms;

fn main() -> Result<()> {
    for path in stdin().lines() {
        let bytes = fs::read(path?)?;
        let start = thread_ms();
        let picture = black_box(decode(&bytes, Jpeg::Strict)?);
        let taken = thread_ms() - start;
        println!("{taken} {}", crc32fast::hash(&picture));
    }
    Ok(())
}
