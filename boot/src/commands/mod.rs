//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod image;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod test;
