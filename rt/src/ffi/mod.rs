//! Strings and types of C, and strings of systems, as in std.
//!
//! | file | what |
//! |---|---|
//! | `os_str.rs` | [`OsStr`]: the names of files, which are any bytes |
//! | `os_string.rs` | [`OsString`], which owns one |
//! | `impls.rs` | what the two can be compared with and made from |

mod impls;
mod os_str;
mod os_string;

pub use alloc::ffi::{CString, FromVecWithNulError, IntoStringError, NulError};
pub use core::ffi::{
    CStr, FromBytesUntilNulError, FromBytesWithNulError, c_char, c_double, c_float, c_int, c_long,
    c_longlong, c_schar, c_short, c_uchar, c_uint, c_ulong, c_ulonglong, c_ushort, c_void,
};
pub use os_str::{Display, OsStr};
pub use os_string::OsString;
