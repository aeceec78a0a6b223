//! From a crate to an image that `xl create` starts.
//!
//! [`build`] runs cargo with the guest's flags, [`elf`] reads what came out, [`check`] and
//! [`window`] refuse what would fail or misbehave at run time, [`ksyms`] makes the table of
//! function names, [`image`] writes the file to ship, [`config`] the `xl` configuration,
//! [`volume`] is about the folders in it.
//! [`crash`] reads what Xen logged of a guest that could not report its own end.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod crash;
pub(crate) mod elf;
pub(crate) mod image;
pub(crate) mod ksyms;
pub(crate) mod volume;
pub(crate) mod window;
