//! Solves a DIMACS file several times and prints the flow and the median times.
//!
//! ```text
//! cargo run --release -p grid-maxflow --example time_cut -- FILE [--repeat N] [--scalar]
//! ```
//!
//! `--repeat N` solves the problem N times and prints the medians; one more run before them touches
//! the memory and is not counted. `--scalar` uses no vector instructions. The times are CPU times
//! of the thread: `build` sets the edges of the grid, and `solve` finds the cut. All runs share one
//! grid. Reading the file is not timed.
#![allow(
    clippy::print_stdout,
    reason = "the output is the purpose of the example"
)]

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use grid_maxflow::{DimacsError, Grid, Instance};
use rustix::time::{ClockId, clock_gettime};

struct TimingArgs {
    file: PathBuf,
    repeat: usize,
    scalar: bool,
}

impl TimingArgs {
    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = arguments;
        let mut file = None;
        let mut parsed = Self {
            file: PathBuf::new(),
            repeat: 0,
            scalar: false,
        };
        while let Some(argument) = arguments.next() {
            if argument == "--scalar" {
                parsed.scalar = true;
            } else if argument == "--repeat" {
                let count = arguments.next().ok_or("--repeat needs a number")?;
                let count = count.to_str().and_then(|text| text.parse().ok());
                parsed.repeat = count.ok_or("--repeat needs a number")?;
            } else if file.is_none() {
                file = Some(PathBuf::from(argument));
            } else {
                return Err(format!("unexpected argument {}", argument.display()).into());
            }
        }
        parsed.file = file.ok_or("usage: time_cut FILE [--repeat N] [--scalar]")?;
        Ok(parsed)
    }
}

/// The results of one run.
struct Timing {
    flow: i64,
    build_ms: f64,
    solve_ms: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = TimingArgs::parse(std::env::args_os().skip(1))?;
    let instance = read(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
    let mut grid = Grid::default();
    let mut on_source_side = vec![false; instance.source.len()];
    let mut timings: Vec<_> = (0..=args.repeat)
        .map(|_| time_cut(&instance, &mut grid, &mut on_source_side, args.scalar))
        .collect();
    if args.repeat > 0 {
        timings.remove(0);
    }
    println!("flow {}", timings[0].flow);
    println!("build {:.3} ms", median(timings.iter().map(|t| t.build_ms)));
    println!("solve {:.3} ms", median(timings.iter().map(|t| t.solve_ms)));
    Ok(())
}

fn read(file: &Path) -> Result<Instance, DimacsError> {
    Instance::read(BufReader::new(File::open(file)?))
}

fn time_cut(
    instance: &Instance,
    grid: &mut Grid,
    on_source_side: &mut [bool],
    scalar: bool,
) -> Timing {
    let cut = if scalar { Grid::cut_scalar } else { Grid::cut };
    let start = thread_ms();
    instance.set_edges(grid);
    let built = thread_ms();
    let flow = cut(grid, &instance.source, &instance.sink, on_source_side);
    Timing {
        flow,
        build_ms: built - start,
        solve_ms: thread_ms() - built,
    }
}

/// The CPU time of this thread in milliseconds.
fn thread_ms() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
