//! The rig: a real Xen host in an emulator, made from Debian's own packages.
//!
//! [`cache`] makes what every host needs, once per set of package versions. [`payload`]
//! collects the files of one run, [`session`] boots a host with them and speaks to it. [`backend`]
//! is about what serves the guests' sockets there, [`qemu`] about their files, [`linux_guest`] about guests that are not ours.

pub(crate) mod archive;
pub(crate) mod backend;
pub(crate) mod cache;
pub(crate) mod children;
pub(crate) mod libs;
pub(crate) mod linux_guest;
pub(crate) mod own;
pub(crate) mod payload;
pub(crate) mod programs;
pub(crate) mod pvcalls;
pub(crate) mod qemu;
pub(crate) mod recipe;
pub(crate) mod session;
pub(crate) mod wire;
