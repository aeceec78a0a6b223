//! What std has in scope everywhere and core has not: `use rt::prelude::v1::*`.

/// The names of std's prelude that need an allocator or a console.
pub mod v1 {
    pub use crate::{dbg, eprint, eprintln, print, println, thread_local};
    pub use alloc::borrow::ToOwned;
    pub use alloc::boxed::Box;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec::Vec;
    pub use alloc::{format, vec};
}
