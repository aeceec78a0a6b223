//! What the user sees of the work: progress lines, warnings and, with `-v`, every command.
//!
//! All of it goes to standard error, so that standard output carries nothing but what a
//! guest or a script printed.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

static VERBOSE: OnceLock<bool> = OnceLock::new();

/// Says once, at start, whether `-v` was given.
pub(crate) fn set_verbose(on: bool) {
    let _ = VERBOSE.set(on);
}

/// Whether commands are to be shown.
pub(crate) fn verbose() -> bool {
    VERBOSE.get().copied().unwrap_or(false)
}

/// Announces a step that may take a while.
pub(crate) fn step(text: impl AsRef<str>) {
    eprintln!("boot: {}", text.as_ref());
}

/// Something the user should know though the work goes on.
pub(crate) fn warn(text: impl AsRef<str>) {
    eprintln!("boot: warning: {}", text.as_ref());
}

/// A detail that only `-v` shows.
pub(crate) fn detail(text: impl AsRef<str>) {
    if verbose() {
        eprintln!("boot: {}", text.as_ref());
    }
}

/// A percentage that moves on one line of a terminal, and in steps of a quarter elsewhere.
#[derive(Debug)]
pub(crate) struct Percent {
    label: String,
    last: Option<u64>,
    terminal: bool,
}

impl Percent {
    /// Starts at nothing done.
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            last: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Shows `done` of `total`, if that differs from what is shown.
    pub(crate) fn show(&mut self, done: u64, total: u64) {
        let mut percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
        if !self.terminal {
            percent = percent / 25 * 25;
        }
        if self.last == Some(percent) {
            return;
        }
        self.last = Some(percent);
        let mut err = std::io::stderr();
        // A failed write to the terminal is not worth stopping for.
        let _ = if self.terminal {
            write!(err, "\rboot: {} {percent} %", self.label).and_then(|()| err.flush())
        } else {
            writeln!(err, "boot: {} {percent} %", self.label)
        };
    }

    /// Ends the line.
    pub(crate) fn finish(mut self) {
        self.show(1, 1);
        if self.terminal {
            eprintln!();
        }
    }
}
