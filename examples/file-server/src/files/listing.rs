//! A folder as a page.

use alloc::string::String;
use alloc::vec::Vec;
use std::fs;
use std::io::Result;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::escape;
use crate::target::{self, Target};

/// Names in a list have no more bytes than that, all together; what is beyond is not in it.
pub(super) const MOST_BYTES: usize = 512 << 10;

/// What is in the folder at `path`, in the order of the names, folders with a slash.
pub(super) fn page(path: &Path, target: &Target) -> Result<Vec<u8>> {
    let (mut names, mut bytes, mut all) = (Vec::new(), 0, true);
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let mut name = entry.file_name().as_bytes().to_vec();
        bytes += name.len();
        if bytes > MOST_BYTES {
            all = false;
            break;
        }
        // What the folder says of it costs nothing; where a link leads, its request will tell.
        if entry.file_type()?.is_dir() {
            name.push(b'/');
        }
        names.push(name.into_boxed_slice());
    }
    names.sort_unstable();

    let mut page = String::from("<!doctype html>\n<meta charset=\"utf-8\">\n<title>");
    let link = target.link();
    let shown = |name: &[u8], page: &mut String| {
        escape(&String::from_utf8_lossy(name), page);
    };
    let mut title = String::new();
    escape(&link, &mut title);
    page.push_str(&title);
    page.push_str("</title>\n<h1>");
    page.push_str(&title);
    page.push_str("</h1>\n<ul>\n");
    if !target.is_root() {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for name in names {
        page.push_str("<li><a href=\"");
        // From the root on: a name with a colon would be taken for the start of an address.
        page.push_str(&link);
        let plain = name.strip_suffix(b"/").unwrap_or(&name);
        target::encode(plain, &mut page);
        if plain.len() < name.len() {
            page.push('/');
        }
        page.push_str("\">");
        shown(&name, &mut page);
        page.push_str("</a>\n");
    }
    page.push_str("</ul>\n");
    if !all {
        page.push_str("<p>There are more, which are not listed.\n");
    }
    Ok(page.into_bytes())
}
