//! `localise maxflow`

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;

use super::{Exit, print};
use grid_maxflow::{Grid, Instance, DimacsError};
use crate::stage::thread_ms;

const EXAMPLES: &str = "Examples:
  localise show data/sample/images/fig.jpg --dimacs fig.max  the cut of a photo as a problem
  localise maxflow fig.max                                   its flow and the time it takes
  localise maxflow fig.max --repeat 20 --scalar              times to trust, without vectors";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MaxflowArgs {
    /// The problem: a DIMACS file with a line `c grid WIDTH HEIGHT`, source 1, sink 2, and the
    /// pixels row by row from 3.
    file: PathBuf,
    /// Solve it so many times more, and give the medians of their times.
    #[arg(long, value_name = "N", default_value_t = 0)]
    repeat: usize,
    /// Do without vector instructions.
    #[arg(long)]
    scalar: bool,
}

impl MaxflowArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let file = File::open(&self.file).map_err(DimacsError::from);
        let instance = file.and_then(|file| Instance::read(BufReader::new(file)));
        let instance = instance.map_err(|error| {
            anyhow!(
                "{}: {error}\nhelp: `localise show PHOTO --dimacs FILE` writes such a file; its form is in docs/cut.md",
                self.file.display()
            )
        })?;
        let mut grid = Grid::default();
        let mut source_side = vec![false; instance.source.len()];
        let mut once = || {
            let start = thread_ms();
            instance.set_edges(&mut grid);
            let built = thread_ms();
            let cut = if self.scalar {
                Grid::cut_scalar
            } else {
                Grid::cut
            };
            let flow = cut(
                &mut grid,
                &instance.source,
                &instance.sink,
                &mut source_side,
            );
            (flow, built - start, thread_ms() - built)
        };
        let (flow, build, solve) = once();
        let mut times = (vec![build], vec![solve]);
        for i in 0..self.repeat {
            let (_, build, solve) = once();
            // The first of several is there to touch the memory.
            if i == 0 {
                times = (vec![], vec![]);
            }
            times.0.push(build);
            times.1.push(solve);
        }
        let (build, solve) = (median(times.0), median(times.1));
        print(&format!(
            "flow {flow}\nbuild {build:.3} ms\nsolve {solve:.3} ms\n"
        ))?;
        Ok(Exit::Done)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
