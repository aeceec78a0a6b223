//! The answers: files, folders, and why there is none.
//!
//! Nothing is kept between two requests: what a file is when it is asked for, that is sent. A file
//! is read piece by piece while it is sent; one that becomes shorter meanwhile breaks its
//! connection, for the length has been promised. A link may lead to any place in the folder, and
//! to none outside of it.

mod listing;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs::{self, File, Metadata};
use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::println;
use std::sync::Arc;

use http_server::answer::{Answer, Status};
use http_server::connection::{Body, Connection, More, Next, Site};
use http_server::date;
use http_server::request::{Method, Request};
use http_server::service::{Counts, Server};

use crate::media;
use crate::range::{self, Part};
use crate::target::{Target, Wrong};

/// So many lists of folders may be on their way at a time: they are in memory.
const MOST_LISTINGS: usize = 8;
/// The page of a folder that has one.
const INDEX: &str = "index.html";
/// The number of an error that std has no stable name for: links that lead in a circle.
const ELOOP: i32 = 40;

/// A folder that is served.
#[derive(Debug)]
pub struct Files {
    /// Without links.
    root: PathBuf,
    listings: Arc<AtomicUsize>,
}

/// The rest of an answer.
#[derive(Debug)]
pub enum Rest {
    /// So many bytes of a file, from where it stands.
    File(File, u64, PathBuf),
    /// A list, from this byte on.
    Listing(Vec<u8>, usize, Slot),
}

/// The right to have a list in memory.
#[derive(Debug)]
pub struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(count: &Arc<AtomicUsize>) -> Option<Slot> {
        let slot = Slot(count.clone());
        // Given back by `drop`, here too.
        (count.fetch_add(1, Ordering::Relaxed) < MOST_LISTINGS).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Body for Rest {
    fn more(&mut self, out: &mut Vec<u8>, room: usize) -> More {
        match self {
            Rest::File(file, left, path) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(room);
                let place = out.len();
                out.resize(place + count, 0);
                let read = loop {
                    match file.read(&mut out[place..]) {
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        other => break other,
                    }
                };
                out.truncate(place + read.as_ref().copied().unwrap_or(0));
                match read {
                    Ok(0) if count > 0 => {
                        say(path, "it became shorter while it was sent");
                        return More::Broken;
                    }
                    Ok(read) => *left -= read as u64,
                    Err(error) => {
                        say(path, &error);
                        return More::Broken;
                    }
                }
                match *left {
                    0 => More::Nothing,
                    _ => More::Piece,
                }
            }
            Rest::Listing(text, at, _) => {
                let end = text.len().min(*at + room);
                out.extend_from_slice(&text[*at..end]);
                *at = end;
                match end == text.len() {
                    true => More::Nothing,
                    false => More::Piece,
                }
            }
        }
    }
}

/// What an operator should know.
fn say(path: &Path, what: impl core::fmt::Display) {
    println!("file-server: {}: {what}", path.display());
}

/// The answer to who asks for what cannot be had.
fn status(error: &Error) -> Status {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            Status::NotFound
        }
        ErrorKind::PermissionDenied => Status::Forbidden,
        ErrorKind::OutOfMemory => Status::Unavailable,
        _ if error.raw_os_error() == Some(ELOOP) => Status::NotFound,
        _ => Status::Error,
    }
}

impl Files {
    /// Serves the folder at `root`, which is there now.
    pub fn new(root: &Path) -> io::Result<Files> {
        let root = fs::canonicalize(root)?;
        // It can be read, or this is the error.
        fs::read_dir(&root)?;
        Ok(Files {
            root,
            listings: Arc::default(),
        })
    }

    fn respond(
        &self,
        request: &Request<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<Option<Rest>, Status> {
        let target = Target::parse(request.path).map_err(|wrong| match wrong {
            Wrong::Bad => Status::Bad,
            Wrong::Climbs => Status::Forbidden,
            Wrong::NoName => Status::NotFound,
        })?;
        let path = target.below(&self.root);
        let (path, metadata) = self.look(&path)?;
        if !metadata.is_dir() {
            if target.is_folder {
                return Err(Status::NotFound);
            }
            return self.file(&path, &metadata, request, answer);
        }
        if !target.is_folder {
            answer.field("Location", &target.link());
            return Err(Status::Moved);
        }
        match self.look(&path.join(INDEX)) {
            Ok((index, metadata)) if metadata.is_file() => {
                self.file(&index, &metadata, request, answer)
            }
            Ok(_) | Err(Status::NotFound) => self.listing(&path, &target, request, answer),
            Err(status) => Err(status),
        }
    }

    /// Where `path` leads, without links, and what is there. Only what is in the folder.
    fn look(&self, path: &Path) -> Result<(PathBuf, Metadata), Status> {
        let found = fs::canonicalize(path).and_then(|path| {
            let metadata = fs::metadata(&path)?;
            Ok((path, metadata))
        });
        match found {
            Ok((path, _)) if !path.starts_with(&self.root) => Err(Status::Forbidden),
            Ok(found) => Ok(found),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    /// The answer to `error`, and a line for the operator if it is the server's fault.
    fn failed(&self, path: &Path, error: &Error) -> Status {
        match status(error) {
            // Perhaps nothing is there any more.
            Status::NotFound => match fs::metadata(&self.root) {
                Ok(_) => Status::NotFound,
                Err(error) => {
                    say(&self.root, &error);
                    Status::Error
                }
            },
            Status::Error => {
                say(path, error);
                Status::Error
            }
            status => status,
        }
    }

    fn file(
        &self,
        path: &Path,
        metadata: &Metadata,
        request: &Request<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<Option<Rest>, Status> {
        // To open another kind may wait for ever.
        if !metadata.is_file() {
            return Err(Status::Forbidden);
        }
        let opened = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        // What is sent, and what is told of it, is this file from here on, whatever has its name.
        let (mut file, metadata) = opened.map_err(|error| self.failed(path, &error))?;
        let length = metadata.len();
        let tag = format!(
            "\"{:x}-{:x}-{:x}.{:x}\"",
            metadata.ino(),
            length,
            metadata.mtime(),
            metadata.mtime_nsec()
        );
        // A time to come would make the file look unchanged for as long.
        let changed = u64::try_from(metadata.mtime()).unwrap_or(0);
        let changed = changed.min(answer.now());
        answer.field("ETag", &tag);
        let date = date::date(changed);
        answer.field("Last-Modified", core::str::from_utf8(&date).unwrap_or(""));
        answer.field("Accept-Ranges", "bytes");
        if is_known(request, &tag, changed) {
            answer.head(Status::NotModified, "", 0);
            return Ok(None);
        }
        let part = match request.field("Range") {
            Some(value) if may_be_part(request, &tag, &date) => range::part(value, length),
            _ => Part::All,
        };
        let (status, first, count) = match part {
            Part::All => (Status::Ok, 0, length),
            Part::Bytes(first, last) => {
                answer.field("Content-Range", &format!("bytes {first}-{last}/{length}"));
                (Status::Partial, first, last - first + 1)
            }
            Part::Nothing => {
                answer.field("Content-Range", &format!("bytes */{length}"));
                return Err(Status::Unsatisfiable);
            }
        };
        if first > 0 {
            let placed = file.seek(SeekFrom::Start(first));
            placed.map_err(|error| self.failed(path, &error))?;
        }
        answer.head(status, media::kind(path), count);
        let with_body = request.method == Method::Get && count > 0;
        Ok(with_body.then(|| Rest::File(file, count, path.to_path_buf())))
    }

    fn listing(
        &self,
        path: &Path,
        target: &Target,
        request: &Request<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<Option<Rest>, Status> {
        let slot = Slot::take(&self.listings).ok_or(Status::Unavailable)?;
        let text = listing::page(path, target).map_err(|error| self.failed(path, &error))?;
        answer.head(Status::Ok, "text/html; charset=utf-8", text.len() as u64);
        let with_body = request.method == Method::Get;
        Ok(with_body.then(|| Rest::Listing(text, 0, slot)))
    }
}

impl Site for &Files {
    type Body = Rest;

    fn answer(&mut self, request: &Request<'_>, answer: &mut Answer<'_>) -> Option<Rest> {
        if !answer.is_reading(request) {
            return None;
        }
        let rest = self.respond(request, answer);
        rest.unwrap_or_else(|status| {
            let with_body = request.method == Method::Get;
            answer.text(status, http_server::answer::TEXT, status.text(), with_body);
            None
        })
    }
}

impl Server for Files {
    type Body = Rest;

    fn serve(&self, connection: &mut Connection<Rest>, _: &Counts, now: u64) -> Next {
        let mut site = self;
        connection.serve(&mut site, now)
    }
}

/// Whether the client has the file already (RFC 9110, 13.1.2 and 13.1.3).
fn is_known(request: &Request<'_>, tag: &str, changed: u64) -> bool {
    if let Some(tags) = request.field("If-None-Match") {
        let mut tags = tags.split(',').map(str::trim);
        return tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag);
    }
    let since = request.field("If-Modified-Since").and_then(date::parse);
    since.is_some_and(|since| changed <= since)
}

/// Whether a part of the file goes with the part that the client has (RFC 9110, 13.1.5).
fn may_be_part(request: &Request<'_>, tag: &str, date: &[u8]) -> bool {
    let wanted: Option<&str> = request.field("If-Range");
    wanted.is_none_or(|wanted| wanted == tag || wanted.as_bytes() == date)
}

/// `text` where HTML is expected.
fn escape(text: &str, page: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            // A name on a page of its own must not move the rest of it.
            letter if letter.is_control() => page.push('\u{fffd}'),
            letter => page.push(letter),
        }
    }
}

#[cfg(test)]
mod tests;
