//! `localise maxflow`

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use grid_maxflow::{DimacsError, Grid, Instance};

use super::exit::Exit;
use super::output::print;
use crate::remedy::Refused;

const EXAMPLES: &str = "Examples:
  localise show data/sample/images/fig.jpg --dimacs fig.max  write the cut of a photo as a problem
  localise maxflow fig.max                                   print its maximum flow";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct MaxflowArgs {
    /// The problem: a DIMACS file with a line `c grid WIDTH HEIGHT`, source 1, sink 2, and the
    /// pixels row by row from 3.
    file: PathBuf,
}

impl MaxflowArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let file = File::open(&self.file).map_err(DimacsError::from);
        let instance = file.and_then(|file| Instance::read(BufReader::new(file)));
        let instance = instance.map_err(|error| {
            let advice = "`localise show PHOTO --dimacs FILE` writes such a file; docs/cut.md \
                          describes the format";
            Refused::with_advice(error, advice).context(self.file.display())
        })?;
        let mut grid = Grid::default();
        instance.set_edges(&mut grid);
        let mut source_side = vec![false; instance.source.len()];
        let flow = grid.cut(&instance.source, &instance.sink, &mut source_side);
        print(&format!("flow {flow}\n"))?;
        Ok(Exit::Done)
    }
}
