//! The user's machine: its package manager, the programs it must have, and how to get them.

pub(crate) mod apt;
pub(crate) mod tools;
