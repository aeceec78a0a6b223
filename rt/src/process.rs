//! The end of the domain and its exit code.
//!
//! A guest is one process: when it ends, so does the domain. The exit code stands in
//! xenstore (`data/exit-code`) when the domain powers off; `cargo boot run` makes it its
//! own. A panic or fault ends the domain as crashed instead.

use core::convert::Infallible;
use core::fmt;

use crate::{env, fs, net};

/// Exit code for a command line that cannot be read.
const USAGE: i32 = 2;

/// Ends the domain: sends what was written to sockets, then powers off with `code`.
pub fn exit(code: i32) -> ! {
    shut_down();
    kernel::shutdown::exit(code)
}

/// What is under way to the host arrives there, before the domain ends.
fn shut_down() {
    net::shut_down();
    fs::shut_down();
}

/// Ends the domain as crashed, at once.
pub fn abort() -> ! {
    panic!("abort() called")
}

/// The number of the process: always 1, for a domain runs one.
pub fn id() -> u32 {
    1
}

/// What the host is told at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitCode(u8);

impl ExitCode {
    /// 0
    pub const SUCCESS: ExitCode = ExitCode(0);
    /// 1
    pub const FAILURE: ExitCode = ExitCode(1);
}

impl From<u8> for ExitCode {
    fn from(code: u8) -> ExitCode {
        ExitCode(code)
    }
}

/// What `main` may return.
pub trait Termination {
    /// The exit code, after printing what is wrong, if something is.
    fn report(self) -> ExitCode;
}

impl Termination for () {
    fn report(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

impl Termination for Infallible {
    fn report(self) -> ExitCode {
        match self {}
    }
}

impl Termination for ExitCode {
    fn report(self) -> ExitCode {
        self
    }
}

impl<T: Termination, E: fmt::Debug> Termination for Result<T, E> {
    fn report(self) -> ExitCode {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                println!("Error: {error:?}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs `main` of the binary `program`. Called from the code that `#[rt::main]` makes.
#[doc(hidden)]
pub fn run<T: Termination>(main: fn() -> T, program: Option<&'static str>) -> i32 {
    let program = program.unwrap_or("main");
    if let Err(error) = env::init(program) {
        println!("Error: command line: {error}");
        return USAGE;
    }
    if let Ok(level) = env::var("RUST_LOG") {
        match level.parse() {
            Ok(level) => log::set_max_level(level),
            Err(_) => println!("RUST_LOG={level}: not one of off, error, warn, info, debug, trace"),
        }
    }
    let boot_us = kernel::boot::since_first_instruction_ns() / 1000;
    log::info!(
        "{program}: main after {}.{:03} ms",
        boot_us / 1000,
        boot_us % 1000
    );
    kernel::shutdown::on_request(|_| shut_down());
    let ExitCode(code) = main().report();
    shut_down();
    i32::from(code)
}
