//! The tests: those of this machine, and the rig's cases, shell scripts in tests/GROUP/cases
//! that run in dom0.
//!
//! [`host`] runs the first. Of the second, [`case`] finds them and reads their headers, [`runner`] boots hosts and has them run the
//! cases, [`report`] says how it went.

pub(crate) mod case;
pub(crate) mod host;
pub(crate) mod report;
pub(crate) mod runner;
