//! `pvcallsd`: serves PV Calls to the guests of this host. `docs/pvcallsd.md` says how to run it.
//!
//! Reading order: `cli` (what can be asked for), `run` (the daemon from start to end), `serve`
//! (the parts of the library, joined), `check` (`--check-config`), `top` (`pvcallsd top`); beside
//! them `log`, `notify` (the service manager) and `limits`.

mod check;
mod cli;
mod limits;
mod log;
mod notify;
mod run;
mod serve;
mod top;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match (&cli.check_config, &cli.command) {
        (Some(file), _) => check::check(file),
        (None, Some(Command::Top(options))) => top::top(&cli, options),
        (None, None | Some(Command::Run)) => run::run(&cli),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Not through the log: it may not be there yet, and this is for whoever started us.
            eprintln!("pvcallsd: {error:#}");
            ExitCode::FAILURE
        }
    }
}
