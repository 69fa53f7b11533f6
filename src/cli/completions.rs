//! `localise completions`

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::exit::Exit;
use super::output::print;

const EXAMPLES: &str = "Examples:
  localise completions bash > localise.bash      then run `source localise.bash`
  localise completions zsh > _localise           then move it to a folder of $fpath
  localise completions fish > localise.fish      then move it to ~/.config/fish/completions";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell to print a script for.
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints the completions of `program`, the whole command line.
    pub(super) fn run(self, program: &mut Command) -> Result<Exit> {
        let mut script = Vec::new();
        generate(self.shell, program, "localise", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
