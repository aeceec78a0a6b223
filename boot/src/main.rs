//! `cargo boot`: builds guest images, and runs and tests them on a real Xen host.
//!
//! The host is Xen and Debian's Linux in an emulator (`rig`), or the machine's own where this
//! runs in a dom0. `commands` has one file per command; `guest` turns a crate into an image;
//! `suite` runs the rig's test cases, `bench` compares backends; `host` is about the user's machine and its packages.

mod bench;
mod cli;
mod cmd;
mod commands;
mod guest;
mod host;
mod paths;
mod rig;
mod suite;
mod ui;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    ui::set_verbose(cli.verbose);
    let done = rig::children::handle_signals().and_then(|()| match &cli.command {
        cli::Command::Run(args) => commands::run::run(args),
        cli::Command::Test(args) => commands::test::test(args),
        cli::Command::Bench(args) => commands::bench::bench(args),
        cli::Command::Image(args) => commands::image::image(args),
        cli::Command::Exec(args) => commands::exec::exec(args),
        cli::Command::Shell(args) => commands::shell::shell(args),
        cli::Command::Doctor => commands::doctor::doctor(),
    });
    rig::children::clean_up();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            eprintln!("boot: error: {err:#}");
            ExitCode::from(2)
        }
    }
}
