//! Arguments and variables of the workload, from the command line of the domain (`extra` in
//! its configuration).
//!
//! `extra = "GREETING='good day' -- serve --port 80"` gives one variable and the arguments
//! `serve`, `--port` and `80`. Words are split and quoted as in a POSIX shell; leading
//! words of the form `NAME=value` are variables; `--` ends them.

use alloc::string::String;
use alloc::vec;
use core::fmt;

use kernel::cmdline::{self, CommandLine};
use spin::Once;

use crate::ffi::{OsStr, OsString};
use crate::io;
use crate::path::{Path, PathBuf};

static COMMAND_LINE: Once<CommandLine> = Once::new();
static PROGRAM: Once<&'static str> = Once::new();

/// Reads the command line, before `main`.
pub(crate) fn init(program: &'static str) -> Result<(), cmdline::CmdlineError> {
    let parsed = cmdline::parse(kernel::boot::start_info().command_line.as_bytes())?;
    COMMAND_LINE.call_once(|| parsed);
    PROGRAM.call_once(|| program);
    Ok(())
}

fn command_line() -> &'static CommandLine {
    COMMAND_LINE
        .get()
        .expect("the command line is read before main")
}

/// The program's name and its arguments.
pub fn args() -> Args {
    let program = PROGRAM.get().copied().unwrap_or_default();
    let mut args = vec![String::from(program)];
    args.extend(command_line().args.iter().cloned());
    Args {
        args: args.into_iter(),
    }
}

/// Iterator of [`args`].
#[derive(Debug)]
pub struct Args {
    args: vec::IntoIter<String>,
}

impl Iterator for Args {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.args.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.args.size_hint()
    }
}

impl ExactSizeIterator for Args {}

impl DoubleEndedIterator for Args {
    fn next_back(&mut self) -> Option<String> {
        self.args.next_back()
    }
}

/// All variables, in the order given.
pub fn vars() -> Vars {
    Vars {
        vars: command_line().vars.clone().into_iter(),
    }
}

/// Iterator of [`vars`].
#[derive(Debug)]
pub struct Vars {
    vars: vec::IntoIter<(String, String)>,
}

impl Iterator for Vars {
    type Item = (String, String);

    fn next(&mut self) -> Option<(String, String)> {
        self.vars.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.vars.size_hint()
    }
}

impl ExactSizeIterator for Vars {}

/// Why [`var`] has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VarError {
    /// There is no such variable.
    NotPresent,
}

impl fmt::Display for VarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("environment variable not found")
    }
}

impl core::error::Error for VarError {}

/// The value of a variable; of several with the same name the last counts.
///
/// # Errors
/// [`VarError::NotPresent`]
pub fn var<K: AsRef<str>>(key: K) -> Result<String, VarError> {
    let key = key.as_ref();
    let vars = &command_line().vars;
    let found = vars.iter().rev().find(|(name, _)| name == key);
    found
        .map(|(_, value)| value.clone())
        .ok_or(VarError::NotPresent)
}

/// As [`var`], as a string of the system.
pub fn var_os<K: AsRef<OsStr>>(key: K) -> Option<OsString> {
    var(key.as_ref().to_str()?).ok().map(OsString::from)
}

/// As [`args`], as strings of the system.
pub fn args_os() -> ArgsOs {
    ArgsOs { args: args() }
}

/// Iterator of [`args_os`].
#[derive(Debug)]
pub struct ArgsOs {
    args: Args,
}

impl Iterator for ArgsOs {
    type Item = OsString;

    fn next(&mut self) -> Option<OsString> {
        self.args.next().map(OsString::from)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.args.size_hint()
    }
}

impl ExactSizeIterator for ArgsOs {}

impl DoubleEndedIterator for ArgsOs {
    fn next_back(&mut self) -> Option<OsString> {
        self.args.next_back().map(OsString::from)
    }
}

/// The directory in which relative paths begin: always `/`.
///
/// # Errors
/// None.
pub fn current_dir() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/"))
}

/// Says that relative paths begin in `/`, as they always do.
///
/// # Errors
/// [`Unsupported`](io::ErrorKind::Unsupported) for every other directory.
pub fn set_current_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    if crate::path::absolute(path)? == *"/" {
        return Ok(());
    }
    Err(io::Error::text(
        io::ErrorKind::Unsupported,
        "relative paths always begin in /",
    ))
}

/// Where temporary files go: what the variable `TMPDIR` says, else `/tmp`. Nothing is there unless
/// something is mounted.
pub fn temp_dir() -> PathBuf {
    var_os("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}
