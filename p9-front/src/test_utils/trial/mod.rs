//! A client put to the test: each thing it can do, on a tree that is always the same, with a server
//! that may be anything.
//!
//! [`Operation::perform`] is one thing from attaching on; [`fuzz`] lets bytes decide what is done
//! and what the server says.

mod decode;
pub(super) mod noise;
mod rings;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

pub use decode::fuzz_decode;
pub use noise::Noise;
pub use rings::fuzz_rings;

use super::server::Server;
use super::straight::{Order, Straight};
use crate::client::{
    Client, Connection, Create, File, Limits, OpenHow, Options, PathError, Range, ReadAhead,
};
use crate::wire::{Attributes, LockKind, SetAttributes, SetTime, Time};

/// Something that a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after what they do")]
pub enum Operation {
    Attach,
    ReadWhole,
    ReadSequentially,
    ReadDeep,
    ReadThroughLinks,
    ReadMissing,
    Escape,
    WriteNew,
    WriteInside,
    Append,
    Truncate,
    SetLen,
    List,
    Stat,
    StatLink,
    ReadLink,
    MakeDirectory,
    RemoveDirectory,
    RemoveFile,
    Rename,
    Link,
    Symlink,
    SetAttributes,
    Lock,
    Statfs,
}

/// What an operation tells, or why it failed.
pub type Outcome = Result<String, PathError>;

/// Bytes of the large file.
pub const LARGE: usize = 30_000;

/// More requests than any operation needs.
pub const BUDGET: u64 = 2000;

/// What the large file holds.
#[must_use]
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251).to_le_bytes()[0]).collect()
}

/// A server with files for all operations.
#[must_use]
pub fn server() -> Server {
    let mut server = Server::new();
    let tree = &mut server.tree;
    tree.put_file("large", &pattern(LARGE));
    tree.put_file("a/b/c/file", b"deep");
    tree.put_file("file", b"0123456789");
    tree.put_symlink("a/link", "b/../../a/b");
    tree.put_symlink("out", "/etc/file");
    tree.put_directory("empty");
    for i in 0..40 {
        tree.put_file(&format!("many/file {i:03}"), b"");
    }
    server
}

/// Small, so that several requests are needed for everything.
const LIMITS: Limits = Limits {
    piece: 4096,
    requests: 4,
    bytes: 64 << 10,
    ahead: 16 << 10,
    ahead_together: 1 << 20,
    listing: 500,
};

impl Operation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Attach,
        Self::ReadWhole,
        Self::ReadSequentially,
        Self::ReadDeep,
        Self::ReadThroughLinks,
        Self::ReadMissing,
        Self::Escape,
        Self::WriteNew,
        Self::WriteInside,
        Self::Append,
        Self::Truncate,
        Self::SetLen,
        Self::List,
        Self::Stat,
        Self::StatLink,
        Self::ReadLink,
        Self::MakeDirectory,
        Self::RemoveDirectory,
        Self::RemoveFile,
        Self::Rename,
        Self::Link,
        Self::Symlink,
        Self::SetAttributes,
        Self::Lock,
        Self::Statfs,
    ];

    /// Whether its reads, writes or listings are so large that one that is a bit shorter is not one
    /// of nothing.
    #[must_use]
    pub const fn is_large(self) -> bool {
        matches!(
            self,
            Self::ReadWhole
                | Self::ReadSequentially
                | Self::WriteNew
                | Self::WriteInside
                | Self::List
        )
    }

    /// Attaches and does it.
    ///
    /// # Errors
    /// The client's.
    pub async fn perform<C: Connection + Clone>(self, connection: C) -> Outcome {
        let options = Options {
            limits: LIMITS,
            ..Options::default()
        };
        let client = &Client::attach(connection, &options).await?;
        match self {
            Self::Attach => Ok(format!("{:?}", client.root().qid())),
            Self::ReadWhole => {
                let file = client.open(b"large", &OpenHow::reading(), 0).await?;
                Ok(text(&read(&file, LARGE + 1).await?))
            }
            Self::ReadSequentially => read_sequentially(client).await,
            Self::ReadDeep => {
                let path = b"a/b/c/../c/./file";
                let file = client.open(path, &OpenHow::reading(), 0).await?;
                Ok(text(&read(&file, 3).await?))
            }
            Self::ReadThroughLinks => {
                let file = client
                    .open(b"a/link/c/file", &OpenHow::reading(), 0)
                    .await?;
                Ok(text(&read(&file, 100).await?))
            }
            Self::ReadMissing => {
                let missing = client.open(b"a/b/missing", &OpenHow::reading(), 0).await;
                missing.map(|_| "there".into())
            }
            Self::Escape => {
                let out = client.open(b"a/../out", &OpenHow::reading(), 0).await;
                out.map(|_| "there".into())
            }
            Self::WriteNew => write_new(client).await,
            Self::WriteInside => {
                let how = OpenHow {
                    write: true,
                    ..OpenHow::reading()
                };
                let file = client.open(b"large", &how, 0).await?;
                write(&file, &vec![b'x'; 9000], 1000).await?;
                Ok(text(&read(&file, LARGE + 1).await?))
            }
            Self::Append => {
                let how = OpenHow {
                    append: true,
                    ..OpenHow::reading()
                };
                let file = client.open(b"file", &how, 0).await?;
                write(&file, b"abc", 0).await?;
                write(&file, b"def", 0).await?;
                Ok(text(&read(&file, 100).await?))
            }
            Self::Truncate => {
                let how = OpenHow {
                    write: true,
                    truncate: true,
                    ..OpenHow::default()
                };
                let file = client.open(b"file", &how, 0).await?;
                Ok(file.attributes().await?.size.to_string())
            }
            Self::SetLen => {
                let how = OpenHow {
                    write: true,
                    ..OpenHow::reading()
                };
                let file = client.open(b"file", &how, 0).await?;
                file.set_len(12).await?;
                Ok(text(&read(&file, 100).await?))
            }
            Self::List => {
                let directory = client.resolve(b"many", true, 0).await?;
                let mut entries = directory.entries().await?;
                let mut names = Vec::new();
                while let Some(entry) = entries.next().await? {
                    names.push(text(&entry.name));
                }
                Ok(names.join(","))
            }
            Self::Stat => {
                let node = client.resolve(b"a/b/c/file", true, 0).await?;
                Ok(told(&node.attributes().await?))
            }
            Self::StatLink => {
                let node = client.resolve(b"a/link", false, 0).await?;
                Ok(told(&node.attributes().await?))
            }
            Self::ReadLink => {
                let node = client.resolve(b"a/link", false, 0).await?;
                Ok(text(&node.read_link().await?))
            }
            _ => self.change(client).await,
        }
    }

    /// Those that change names and attributes.
    async fn change<C: Connection + Clone>(self, client: &Client<C>) -> Outcome {
        let parent = |path: &'static [u8]| client.resolve_parent(path, 0);
        match self {
            Self::MakeDirectory => {
                let made = parent(b"empty/new").await?;
                made.make_directory(0o750).await?;
                let node = client.resolve(b"empty/new", true, 0).await?;
                Ok(told(&node.attributes().await?))
            }
            Self::RemoveDirectory => parent(b"empty").await?.remove_directory().await?.pass(),
            Self::RemoveFile => parent(b"a/b/c/file").await?.remove_file().await?.pass(),
            Self::Rename => {
                let (from, to) = (parent(b"file").await?, parent(b"a/link").await?);
                from.rename(&to).await?.pass()
            }
            Self::Link => {
                let node = client.resolve(b"a/b/c/file", true, 0).await?;
                parent(b"empty/link").await?.link(&node).await?.pass()
            }
            Self::Symlink => parent(b"empty/link").await?.symlink(b"../a").await?.pass(),
            Self::SetAttributes => {
                let node = client.resolve(b"file", true, 0).await?;
                node.set_attributes(SetAttributes {
                    mode: Some(0o600),
                    modified: Some(SetTime::To(Time {
                        seconds: 7,
                        nanoseconds: 8,
                    })),
                    accessed: Some(SetTime::Now),
                    ..SetAttributes::default()
                })
                .await?;
                let attributes = node.attributes().await?;
                Ok(format!("{} {:?}", told(&attributes), attributes.modified))
            }
            Self::Lock => {
                let how = OpenHow {
                    write: true,
                    ..OpenHow::default()
                };
                let file = client.open(b"file", &how, 0).await?;
                let locked = file
                    .try_lock(LockKind::Write, Range::ALL, 1, b"guest", false)
                    .await?;
                let unlocked = file
                    .try_lock(LockKind::Unlock, Range::ALL, 1, b"guest", false)
                    .await?;
                Ok(format!("{locked} {unlocked}"))
            }
            _ => {
                let node = client.resolve(b"a", true, 0).await?;
                Ok(format!("{:?}", node.statfs().await?))
            }
        }
    }
}

/// Done, and nothing to tell.
trait Pass {
    fn pass(self) -> Outcome;
}

impl Pass for () {
    fn pass(self) -> Outcome {
        Ok(String::new())
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Without the version: who writes a piece again after an error has changed the file twice.
fn told(it: &Attributes) -> String {
    let Attributes {
        mode,
        links,
        size,
        qid,
        ..
    } = it;
    format!("{mode:o} {links} {size} {:?} {}", qid.kind, qid.path)
}

/// All of it, so many bytes at a time; no more than twice the large file.
async fn read<C: Connection>(file: &File<C>, step: usize) -> Result<Vec<u8>, PathError> {
    let mut found = Vec::new();
    let mut buffer = vec![0; step];
    while found.len() < 2 * LARGE {
        let len = file.read_at(&mut buffer, found.len() as u64).await?;
        if len == 0 {
            break;
        }
        found.extend_from_slice(&buffer[..len]);
    }
    Ok(found)
}

async fn read_sequentially<C: Connection>(client: &Client<C>) -> Outcome {
    let file = client.open(b"large", &OpenHow::reading(), 0).await?;
    let mut ahead = ReadAhead::new();
    let mut found = Vec::new();
    let mut buffer = [0; 1500];
    while found.len() < 2 * LARGE {
        let offset = found.len() as u64;
        let len = ahead.read(&file, &mut buffer, offset).await?;
        if len == 0 {
            break;
        }
        found.extend_from_slice(&buffer[..len]);
    }
    Ok(text(&found))
}

/// All of it; a server that takes nothing is an error, as for std's `write_all`.
async fn write<C: Connection>(file: &File<C>, data: &[u8], offset: u64) -> Result<(), PathError> {
    let mut done = 0;
    while done < data.len() {
        match file.write_at(&data[done..], offset + done as u64).await? {
            0 => return Err(crate::Errno::EIO.into()),
            len => done += len,
        }
    }
    Ok(())
}

async fn write_new<C: Connection>(client: &Client<C>) -> Outcome {
    let how = OpenHow {
        write: true,
        create: Create::New,
        mode: 0o640,
        ..OpenHow::reading()
    };
    let file = client.open(b"a/b/new", &how, 0).await?;
    write(&file, &pattern(LARGE), 0).await?;
    file.sync(false).await?;
    let written = read(&file, LARGE + 1).await?;
    let told = told(&file.attributes().await?);
    Ok(format!("{told} {}", written == pattern(LARGE)))
}

/// Lets bytes decide: which operation, in which order its requests are carried out, and what the
/// server says ([`Noise`]).
///
/// # Panics
/// If the client does not come to an end, or leaves something behind.
pub fn fuzz(data: &[u8]) {
    let Some(([operation, order], noise)) = data.split_first_chunk() else {
        return;
    };
    let operation = Operation::ALL[usize::from(*operation) % Operation::ALL.len()];
    let straight = Straight::new(server());
    straight.set_order(match order % 4 {
        0 => Order::AtOnce,
        1 => Order::Late,
        2 => Order::Backwards,
        _ => Order::Shuffled(u64::from(*order)),
    });
    straight.server().set_noise(Noise::new(noise));
    straight.set_budget(BUDGET);
    let outcome = straight.run(operation.perform(straight.clone()));
    assert!(outcome.is_some(), "{operation:?} does not end");
    straight.assert_clean();
}
