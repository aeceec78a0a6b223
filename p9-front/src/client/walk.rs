//! From a path to a file.
//!
//! The whole way is walked at once, sixteen names in a request, always from the root: names that
//! were resolved before (`done`), then those up to the next `..`. The answer tells of every name
//! whether it is a directory or a link, so a path without links and `..` costs one round trip.
//!
//! * A link on the way: the server stops there, or says that it is one. Its target takes the place
//!   of its name, and the way starts again.
//! * `..` is never sent. When the names before it are known to be directories, the last of them is
//!   taken off.
//! * The answer says how far the server came, not what stopped it. To have the error, the way is
//!   walked again up to there, and then by a single name; some servers refuse the whole walk, and
//!   then it is walked name by name.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Connection;
use super::node::Node;
use super::path::{Escape, Last, PATH_MAX, PathError, Step, Steps, join};
use super::pending::{OTHER_KIND, Pending};
use super::shared::{FidGuard, Shared};
use crate::wire::{Fid, MAX_WALK, Qid, QidKind, Request, Response};
use crate::{Errno, Error};

/// So many symbolic links are followed for one path; as Linux.
const MAX_LINKS: u32 = 40;

/// Where a path leads.
pub(super) enum Found<C: Connection> {
    Node(Node<C>),
    /// Only the last name is missing; told to those who keep the parent.
    Missing {
        parent: Node<C>,
        name: Vec<u8>,
    },
}

/// A path on its way.
pub(super) struct Route<'s, C: Connection> {
    shared: &'s Arc<Shared<C>>,
    /// Names from the root that were seen to be directories.
    done: Vec<Vec<u8>>,
    todo: VecDeque<Step>,
    /// Whether only a directory can be meant.
    directory: bool,
    /// Whether a slash comes after a name in last place.
    slash: bool,
    /// What comes after the path, and is not walked.
    tail: Vec<u8>,
    /// Whether a last name that could not be walked is taken for one that is missing.
    guess: bool,
    links: u32,
}

impl<'s, C: Connection> Route<'s, C> {
    /// From the root.
    pub(super) fn new(shared: &'s Arc<Shared<C>>, path: &[u8], links: u32) -> Result<Self, Errno> {
        Ok(Self::from_steps(shared, Steps::new(path)?, links))
    }

    /// From the root, whether the path was absolute or not.
    pub(super) fn from_steps(shared: &'s Arc<Shared<C>>, steps: Steps, links: u32) -> Self {
        Self {
            shared,
            done: Vec::new(),
            directory: steps.is_directory(),
            slash: steps.slash && steps.last == Last::Name,
            todo: steps.steps,
            tail: Vec::new(),
            guess: true,
            links,
        }
    }

    /// The path is a directory's, and `tail` what is meant in it: should the path lead out of the
    /// volume, that goes on with it.
    pub(super) fn into_directory(mut self, tail: &[u8]) -> Self {
        self.directory = true;
        self.tail = tail.to_vec();
        self
    }

    /// The error is asked for where a last name could not be walked: it may be there, and another
    /// reason.
    pub(super) fn without_guess(mut self) -> Self {
        self.guess = false;
        self
    }

    /// Goes all the way. `keep_parent`: if nothing but the last name is missing, its directory is
    /// found in place of an error, for a file to be made there; a slash after that name is
    /// `EISDIR`, whether it is missing or not.
    pub(super) async fn run(
        mut self,
        follow: bool,
        keep_parent: bool,
    ) -> Result<Found<C>, PathError> {
        let mut refused = false;
        loop {
            if keep_parent && self.slash {
                self.keep_last();
                refused = true;
            }
            self.go_up()?;
            let mut names = core::mem::take(&mut self.done);
            let known = names.len();
            while let Some(Step::Name(name)) =
                self.todo.pop_front_if(|step| matches!(step, Step::Name(_)))
            {
                names.push(name);
            }
            let is_last = self.todo.is_empty();
            let way = Way {
                shared: self.shared,
                names: &names,
                follow_last: follow || self.directory || !is_last,
                guess: self.guess,
                keep_parent: keep_parent && !self.directory && is_last && names.len() > known,
            };
            match way.walk().await? {
                Reached::End(node) => {
                    if (!is_last || self.directory) && !node.is_directory() {
                        return Err(Errno::ENOTDIR.into());
                    }
                    if is_last && refused {
                        return Err(Errno::EISDIR.into());
                    }
                    if is_last {
                        return Ok(Found::Node(node.at(&names)));
                    }
                    self.done = names;
                }
                Reached::Link { index, node } => {
                    let target = node.read_link().await?;
                    self.follow(names, index, &target)?;
                }
                Reached::Missing(parent) => {
                    let name = names.pop().expect("a name is missing");
                    let parent = parent.at(&names);
                    return Ok(Found::Missing { parent, name });
                }
            }
        }
    }

    /// The last name is not walked.
    fn keep_last(&mut self) {
        self.slash = false;
        if let Some(Step::Name(mut name)) = self.todo.pop_back() {
            name.push(b'/');
            self.tail = name;
        }
    }

    /// Takes `..` off, as far as the names before it are known.
    fn go_up(&mut self) -> Result<(), PathError> {
        while self.todo.pop_front_if(|step| *step == Step::Up).is_some() {
            if self.done.pop().is_none() {
                return Err(self.escape(b".."));
            }
        }
        Ok(())
    }

    /// The name at `index` is a link: what it points to takes its place.
    fn follow(
        &mut self,
        mut names: Vec<Vec<u8>>,
        index: usize,
        target: &[u8],
    ) -> Result<(), PathError> {
        self.links = self.links.saturating_add(1);
        if self.links > MAX_LINKS {
            return Err(Errno::ELOOP.into());
        }
        let mut target = Steps::new(target)?;
        let after = names.split_off(index + 1);
        names.pop();
        // Whether a target can only be a directory matters at the end; elsewhere it must be one.
        if after.is_empty() && self.todo.is_empty() && !self.directory {
            self.directory = target.is_directory();
            self.slash = target.slash && target.last == Last::Name;
        }
        for name in after.into_iter().rev() {
            self.todo.push_front(Step::Name(name));
        }
        while let Some(step) = target.steps.pop_back() {
            self.todo.push_front(step);
        }
        if target.absolute {
            return Err(self.escape(b"/"));
        }
        self.done = names;
        Ok(())
    }

    /// The path leaves the volume, by `first` and the steps that are left.
    fn escape(&self, first: &[u8]) -> PathError {
        let mut path = join(first, &self.todo, self.directory);
        path.extend_from_slice(&self.tail);
        let links = self.links;
        PathError::Escapes(Escape { path, links })
    }
}

/// What one way led to.
enum Reached<C: Connection> {
    End(Node<C>),
    /// The name at `index` is a link, and has to be followed.
    Link {
        index: usize,
        node: Node<C>,
    },
    /// All but the last name is there.
    Missing(Node<C>),
}

/// Names from the root, none of them `..`.
struct Way<'a, C: Connection> {
    shared: &'a Arc<Shared<C>>,
    names: &'a [Vec<u8>],
    follow_last: bool,
    keep_parent: bool,
    guess: bool,
}

impl<C: Connection> Way<'_, C> {
    async fn walk(&self) -> Result<Reached<C>, Error> {
        let total = self.names.len();
        let mut at = Node::root(self.shared);
        let mut index = 0;
        let mut width = MAX_WALK;
        // Each turn comes further, or walks fewer names.
        while index < total {
            let end = total.min(index + width);
            let chunk = &self.names[index..end];
            let is_end = end == total;
            // If the last name turns out to be missing, its directory is there already.
            let parent = match chunk {
                [before @ .., _] if !before.is_empty() && self.guesses(is_end) => {
                    Walk::start(self.shared, at.fid(), before).ok()
                }
                _ => None,
            };
            match Walk::start(self.shared, at.fid(), chunk)?.finish().await? {
                Walked::All(fid, qids) => match self.stop(index, &qids)? {
                    Some(link) if link + 1 < end => width = link + 1 - index,
                    Some(link) => {
                        let node = Node::new(fid, last(&qids)?);
                        return Ok(Reached::Link { index: link, node });
                    }
                    None => {
                        at = Node::new(fid, last(&qids)?);
                        index = end;
                        // Once something was in the way, it is the next name.
                        if width < MAX_WALK {
                            width = 1;
                        }
                    }
                },
                Walked::Some(qids) => {
                    if let Some(link) = self.stop(index, &qids)? {
                        width = link + 1 - index;
                        continue;
                    }
                    width = qids.len();
                    if let Some(parent) = parent
                        && qids.len() + 1 == chunk.len()
                        && let Walked::All(fid, qids) = parent.finish().await?
                        && self.stop(index, &qids)?.is_none()
                    {
                        return Ok(Reached::Missing(Node::new(fid, last(&qids)?)));
                    }
                }
                Walked::Refused(Errno::ENOENT)
                    if chunk.len() == 1 && is_end && self.keep_parent =>
                {
                    return Ok(Reached::Missing(at));
                }
                Walked::Refused(errno) if chunk.len() == 1 => return Err(Error::Server(errno)),
                Walked::Refused(_) => width = 1,
            }
        }
        Ok(Reached::End(at))
    }

    fn guesses(&self, is_end: bool) -> bool {
        is_end && self.keep_parent && self.guess
    }

    /// Whether the names from `index` on, as far as they were walked, have a link that must be
    /// followed: its index. A file on the way is an error.
    fn stop(&self, index: usize, qids: &[Qid]) -> Result<Option<usize>, Errno> {
        for (qid, index) in qids.iter().zip(index..) {
            let is_last = index + 1 == self.names.len();
            if qid.kind.contains(QidKind::SYMLINK) && (!is_last || self.follow_last) {
                return Ok(Some(index));
            }
            if !is_last && !qid.kind.contains(QidKind::DIR) {
                return Err(Errno::ENOTDIR);
            }
        }
        Ok(None)
    }
}

fn last(qids: &[Qid]) -> Result<Qid, Error> {
    qids.last()
        .copied()
        .ok_or(Error::Answer("a walk led nowhere"))
}

/// How far one request came.
pub(super) enum Walked<C: Connection> {
    All(FidGuard<C>, Vec<Qid>),
    /// At least one name, not all of them.
    Some(Vec<Qid>),
    Refused(Errno),
}

/// A walk that is under way. Dropped, it leaves nothing: the call goes before its identifier.
pub(super) struct Walk<C: Connection> {
    call: Pending<C>,
    to: FidGuard<C>,
    names: usize,
}

impl<C: Connection> Walk<C> {
    pub(super) fn start(
        shared: &Arc<Shared<C>>,
        from: Fid,
        names: &[impl AsRef<[u8]>],
    ) -> Result<Self, Error> {
        let to = FidGuard::new(shared)?;
        let list: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
        let request = Request::Walk {
            fid: from,
            new_fid: to.fid(),
            names: &list,
        };
        let call = Pending::new(shared, &request)?;
        let names = list.len();
        Ok(Self { call, to, names })
    }

    pub(super) async fn finish(self) -> Result<Walked<C>, Error> {
        match self.call.await {
            Ok(Response::Walked(qids)) if qids.len() == self.names => {
                Ok(Walked::All(self.to, qids))
            }
            Ok(Response::Walked(qids)) if qids.len() > self.names || qids.is_empty() => {
                Err(Error::Answer("a walk of another length than asked for"))
            }
            Ok(Response::Walked(qids)) => Ok(Walked::Some(qids)),
            Ok(_) => Err(OTHER_KIND),
            Err(Error::Server(errno)) => Ok(Walked::Refused(errno)),
            Err(error) => Err(error),
        }
    }
}

/// Whether that is the target of a link.
pub(super) fn check_target(target: &[u8]) -> Result<(), Error> {
    if target.is_empty() || target.contains(&0) {
        return Err(Error::Answer("a link to nowhere"));
    }
    if target.len() > PATH_MAX {
        return Err(Error::Server(Errno::ENAMETOOLONG));
    }
    Ok(())
}
