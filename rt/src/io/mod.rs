//! Reading and writing, as `std::io` has it.
//!
//! The traits, types and functions are std's by name, signature and meaning, written anew from
//! its documentation: no library for machines without std has lines, read-to-the-end,
//! gathering writes and errors that box their cause. `docs/std-api.md` holds every item against
//! std's.
//!
//! | file | what |
//! |---|---|
//! | `error.rs`, `kind.rs` | [`Error`], [`ErrorKind`], and the error numbers behind them |
//! | `read.rs`, `write.rs`, `bufread.rs`, `seek.rs` | the traits, their adapters |
//! | `impls.rs`, `cursor.rs` | memory as a reader and a writer |
//! | `buffered/` | [`BufReader`], [`BufWriter`], [`LineWriter`] |
//! | `util.rs`, `slice.rs` | [`copy`], [`empty`] and so on; [`IoSlice`] |
//! | `console.rs` | the domain's console: [`stdin`], [`stdout`], [`stderr`] |
//! | `embedded.rs` | the same for code that is generic over embedded-io's traits |
//!
//! All but the console knows no kernel, and is tested on the machine that builds it.

mod buffered;
mod bufread;
#[cfg(guest)]
mod console;
mod cursor;
mod embedded;
mod error;
mod impls;
mod kind;
mod read;
mod seek;
mod slice;
#[cfg(test)]
mod tests;
mod util;
mod write;

pub use buffered::{BufReader, BufWriter, IntoInnerError, LineWriter, WriterPanicked};
pub use bufread::{BufRead, Lines, Split};
#[cfg(guest)]
pub use console::{
    IsTerminal, Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock, stderr, stdin, stdout,
};
pub use cursor::Cursor;
pub use embedded::{FromEmbedded, ToEmbedded};
pub use error::{Error, Result};
pub use kind::ErrorKind;
pub use read::{Bytes, Chain, Read, Take, read_to_string};
pub use seek::{Seek, SeekFrom};
pub use slice::{IoSlice, IoSliceMut};
pub use util::{Empty, Repeat, Sink, copy, empty, repeat, sink};
pub use write::Write;

/// For `print!` and its kin. Not for others.
#[cfg(guest)]
#[doc(hidden)]
pub use console::print;

/// The traits, for `use rt::io::prelude::*`.
pub mod prelude {
    pub use super::{BufRead, Read, Seek, Write};
}

/// Size of a buffer unless told otherwise, as in std.
pub(crate) const DEFAULT_BUFFER_BYTES: usize = 8 * 1024;
