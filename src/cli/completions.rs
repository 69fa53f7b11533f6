//! `localise completions`

use anyhow::Result;
use clap::Args;
use clap_complete::{Shell, generate};

use super::{Exit, command, print};

const EXAMPLES: &str = "Examples:
  localise completions bash > localise.bash      then `source localise.bash`
  localise completions zsh > _localise           then move it into a folder of $fpath
  localise completions fish > localise.fish      then move it into ~/.config/fish/completions";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self) -> Result<Exit> {
        let mut script = Vec::new();
        generate(self.shell, &mut command(), "localise", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
