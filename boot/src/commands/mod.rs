//! The commands, one file each.

pub(crate) mod exec;
pub(crate) mod image;
pub(crate) mod run;
