//! The Xen ABI: structures, numbers and layouts, and nothing that runs.
//!
//! * [`bindings`] is bindgen's translation of Xen's public headers; everything in it is
//!   re-exported here under its C name (`start_info`, `GNTTABOP_setup_table`). C enumerations
//!   are modules: [`xen_errno::XEN_ENOENT`], [`xsd_sockmsg_type::XS_READ`],
//!   [`xenbus_state::XenbusStateConnected`].
//! * [`macros`] holds by hand what bindgen cannot translate: the function-like macros.
//! * [`errno_name`] gives an error number its name.
//! * `layout.rs` asserts at compile time that the structures lie where the protocol says.
//!
//! After a change to `bindgen/wrapper.h` run `cargo run -p xen-sys-bindgen`.
#![no_std]

#[allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unused_qualifications,
    missing_debug_implementations,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::restriction,
    clippy::pedantic,
    reason = "generated: names and shapes are C's"
)]
#[rustfmt::skip]
pub mod bindings;
mod errno;
mod layout;
pub mod macros;

pub use bindings::*;
pub use errno::errno_name;

/// Arguments of [`PVCALLS_SOCKET`]: the first member of the union in [`xen_pvcalls_request`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_socket as xen_pvcalls_socket;

/// Arguments of [`PVCALLS_CONNECT`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_connect as xen_pvcalls_connect;

/// Arguments of [`PVCALLS_RELEASE`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_release as xen_pvcalls_release;

/// Arguments of [`PVCALLS_BIND`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_bind as xen_pvcalls_bind;

/// Arguments of [`PVCALLS_LISTEN`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_listen as xen_pvcalls_listen;

/// Arguments of [`PVCALLS_ACCEPT`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_accept as xen_pvcalls_accept;

/// Arguments of [`PVCALLS_POLL`].
pub use bindings::xen_pvcalls_request__bindgen_ty_1_xen_pvcalls_poll as xen_pvcalls_poll;
