//! Paths, as in std on Unix. What paths mean is typed-path's; the names are std's.
//!
//! | file | what |
//! |---|---|
//! | `path.rs` | [`Path`] and what it is printed with |
//! | `path_buf.rs` | [`PathBuf`] |
//! | `components.rs` | the parts of a path |
//! | `impls.rs` | what paths can be compared with and made from |
//! | `ask.rs` | what a path asks the files: `exists`, `metadata`, … |

#[cfg(any(guest, test))]
mod ask;
mod components;
mod impls;
#[expect(clippy::module_inception, reason = "as the type is called")]
mod path;
mod path_buf;
#[cfg(test)]
mod tests;

pub use components::{Ancestors, Component, Components, Iter, Prefix, PrefixComponent};
pub use path::{Display, Path, StripPrefixError};
pub use path_buf::PathBuf;

/// What separates the names of a path.
pub const MAIN_SEPARATOR: char = '/';
/// The same as a string.
pub const MAIN_SEPARATOR_STR: &str = "/";

/// Whether that is what separates the names of a path.
pub fn is_separator(c: char) -> bool {
    c == MAIN_SEPARATOR
}

/// The path as an absolute one, without a look at files: as std, it keeps `..`, and takes away
/// `.` and doubled separators. Relative paths are those in `/`.
///
/// # Errors
/// [`InvalidInput`](crate::io::ErrorKind::InvalidInput) if it is empty.
pub fn absolute<P: AsRef<Path>>(path: P) -> crate::io::Result<PathBuf> {
    let path = path.as_ref();
    if path.as_os_str().is_empty() {
        return Err(crate::io::Error::text(
            crate::io::ErrorKind::InvalidInput,
            "cannot make an empty path absolute",
        ));
    }
    let mut whole = PathBuf::from("/");
    // POSIX leaves two slashes, not more, to the system, and std keeps them.
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.starts_with(b"//") && !bytes.starts_with(b"///") {
        whole = PathBuf::from("//");
    }
    whole.extend(
        path.components()
            .filter(|part| !matches!(part, Component::RootDir | Component::CurDir)),
    );
    if bytes.ends_with(b"/") && whole.as_os_str().len() > 1 {
        whole.push("");
    }
    Ok(whole)
}
