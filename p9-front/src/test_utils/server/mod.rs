//! A file server: whole messages in, whole messages out.
//!
//! Honest, it does what Linux does for one who is root, and writes down what a client must not do
//! ([`Server::complaints`]). Told to [lie](Server::lie), it carries requests out as before but
//! answers with something else.

mod lie;
mod lock;
mod operations;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub use lie::Lie;
use lock::Locks;

use super::tree::{Inode, Tree};
use super::trial::Noise;
use super::trial::noise::{Instead, with_body};
use crate::wire::{Fid, HEADER_LEN, Header, Kind, MAX_WALK, Request, Response, Tag, encode_error};
use crate::{Errno, Error};

/// A file that the client has a number for.
#[derive(Clone, Copy, Debug)]
struct Handle {
    inode: Inode,
    /// Flags it was opened with.
    open: Option<u32>,
}

/// A lie that will be told.
#[derive(Clone, Debug)]
struct Planned {
    kind: Kind,
    lie: Lie,
    /// Honest answers before it.
    skip: usize,
    times: usize,
}

/// The server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its files.
    pub tree: Tree,
    /// The largest messages it agrees to, bytes.
    pub max_msize: u32,
    /// How many files a client may have a number for; with more it says `EMFILE`.
    pub max_fids: usize,
    /// What it says of reads and writes that are not torn ([`Response::Opened`]).
    pub unit: u32,
    /// Whether it works with paths, as QEMU 7.2 does: what has no name any more can be read and
    /// written if it is open, but its attributes are neither told nor set (`ENOENT`), and every
    /// lock is granted.
    pub by_path: bool,
    msize: Option<u32>,
    fids: BTreeMap<Fid, Handle>,
    locks: Locks,
    refusals: Vec<(Kind, Errno, usize)>,
    lies: Vec<Planned>,
    noise: Option<Noise>,
    counts: BTreeMap<u8, u64>,
    complaints: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// An honest one with an empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tree: Tree::new(),
            max_msize: 512 << 10,
            max_fids: 1 << 16,
            unit: 0,
            by_path: false,
            msize: None,
            fids: BTreeMap::new(),
            locks: Locks::default(),
            refusals: Vec::new(),
            lies: Vec::new(),
            noise: None,
            counts: BTreeMap::new(),
            complaints: Vec::new(),
        }
    }

    /// The next so many requests of that kind are refused with this number. A clunk is carried out
    /// all the same, as the protocol wants it.
    pub fn refuse(&mut self, kind: Kind, errno: Errno, times: usize) {
        self.refusals.push((kind, errno, times));
    }

    /// The next so many answers to requests of that kind are lies, if they can be told of it
    /// ([`Lie::fits`]).
    pub fn lie(&mut self, kind: Kind, lie: Lie, times: usize) {
        self.lie_later(kind, lie, 0, times);
    }

    /// The same, after so many honest answers.
    pub fn lie_later(&mut self, kind: Kind, lie: Lie, skip: usize, times: usize) {
        self.lies.push(Planned {
            kind,
            lie,
            skip,
            times,
        });
    }

    /// From now on, this decides what is answered, where no lie is planned.
    pub fn set_noise(&mut self, noise: Noise) {
        self.noise = Some(noise);
    }

    /// No more refusals, lies and noise.
    pub fn be_honest(&mut self) {
        self.refusals.clear();
        self.lies.clear();
        self.noise = None;
    }

    /// Numbers of files that the client has and did not give back.
    pub fn fids(&self) -> impl Iterator<Item = Fid> {
        self.fids.keys().copied()
    }

    /// How many requests of that kind there were.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind.number()).copied().unwrap_or(0)
    }

    /// What the client did that none should: messages that are none or too large, file numbers that
    /// are not there or there already, names that are none, `..`.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Answers one message.
    #[must_use]
    pub fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        let tag = message
            .first_chunk::<HEADER_LEN>()
            .map_or(Tag::NONE, |header| Header::read(*header).tag);
        let mut names = [[].as_slice(); MAX_WALK];
        let request = match Request::decode(message, &mut names) {
            Ok((_, request)) => request,
            Err(error) => {
                self.complain(&alloc::format!("no request: {error}"));
                return refusal(Errno::EPROTO, tag);
            }
        };
        *self.counts.entry(request.kind().number()).or_default() += 1;
        let is_version = matches!(request, Request::Version { .. });
        match self.msize {
            None if !is_version => {
                self.complain("the first message is not Tversion");
                return refusal(Errno::EPROTO, tag);
            }
            Some(msize) if message.len() as u64 > u64::from(msize) => {
                self.complain("a message that is too large");
                return refusal(Errno::EMSGSIZE, tag);
            }
            _ => {}
        }
        if is_version != (tag == Tag::NONE) {
            self.complain("the tag is not the message's");
        }
        let lie = self.next_lie(&request);
        let answer = match (lie, &request) {
            (Some(Lie::OneLess), Request::Write { fid, offset, data }) => {
                // Not a lie: it is done so.
                let (fid, offset, data) = (*fid, *offset, &data[..data.len().saturating_sub(1)]);
                self.obey(&Request::Write { fid, offset, data })
            }
            _ => self.obey(&request),
        };
        if let Some(lie) = lie {
            return lie.tell(&request, answer, tag);
        }
        let noise = self.noise.as_mut().map(Noise::decide);
        match noise.unwrap_or(Instead::Truth) {
            Instead::Lie(lie) if lie.fits(request.kind()) => lie.tell(&request, answer, tag),
            Instead::Truth | Instead::Lie(_) => self.honest(&request, answer, tag),
            Instead::Flip(place, bits) => {
                let mut message = self.honest(&request, answer, tag);
                let place = usize::from(place) % message.len();
                message[place] ^= bits;
                message
            }
            Instead::Body(body) => with_body(request.kind(), tag.0.to_le_bytes(), &body),
        }
    }

    fn honest(&self, request: &Request<'_>, answer: Result<Response, Errno>, tag: Tag) -> Vec<u8> {
        let is_version = matches!(request, Request::Version { .. });
        match answer {
            Ok(response) => {
                let message = response.encode(request.kind(), tag);
                if !is_version && message.len() as u64 > u64::from(self.msize.unwrap_or(0)) {
                    return refusal(Errno::EMSGSIZE, tag);
                }
                message
            }
            Err(errno) => refusal(errno, tag),
        }
    }

    /// Asks as a client would, from bytes to bytes.
    ///
    /// # Errors
    /// As [`Response::decode`], and [`Error::Server`].
    pub fn ask(&mut self, request: &Request<'_>) -> Result<Response, Error> {
        let is_version = matches!(request, Request::Version { .. });
        let tag = if is_version { Tag::NONE } else { Tag(1) };
        let mut message = Vec::new();
        let data = request.encode(tag, &mut message)?;
        message.extend_from_slice(data);
        Response::decode(request.expected(), self.answer(&message))?.map_err(Error::Server)
    }

    fn obey(&mut self, request: &Request<'_>) -> Result<Response, Errno> {
        let kind = request.kind();
        let refused = self
            .refusals
            .iter_mut()
            .find(|(k, _, n)| *k == kind && *n > 0);
        let Some((_, errno, times)) = refused else {
            return self.execute(request);
        };
        *times -= 1;
        let errno = *errno;
        if kind == Kind::Clunk {
            self.execute(request)?;
        }
        Err(errno)
    }

    fn next_lie(&mut self, request: &Request<'_>) -> Option<Lie> {
        let kind = request.kind();
        let planned = self
            .lies
            .iter_mut()
            .find(|planned| planned.kind == kind && planned.times > 0 && planned.lie.fits(kind))?;
        if planned.skip > 0 {
            planned.skip -= 1;
            return None;
        }
        planned.times -= 1;
        Some(planned.lie)
    }

    fn complain(&mut self, what: &str) {
        self.complaints.push(what.into());
    }
}

fn refusal(errno: Errno, tag: Tag) -> Vec<u8> {
    encode_error(errno.number().unsigned_abs(), tag)
}
