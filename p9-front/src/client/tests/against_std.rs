//! Random sequences of operations, here and on the machine's own file system: the same results, the
//! same numbers of errors, the same files at the end.
//!
//! Only paths that stay in the volume are tried there; those that leave it are given back here
//! before anything happened.

use super::super::{Node, Parent, ReadAhead};
use super::*;
use crate::wire::{Attributes, mode};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// What an operation came to: a text, or the number of an error; `None`: it left the volume.
type Outcome = Option<Result<String, i32>>;

/// Numbers that come the same each time (Knuth's multiplier).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn of<'a>(&mut self, these: &[&'a str]) -> &'a str {
        these[self.below(these.len())]
    }

    /// A path of few names, so that they meet.
    fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..=self.below(4) {
            path.push_str(self.of(&["a", "b", "c", "d", "a", "b", "..", ".", "c/"]));
            path.push('/');
        }
        if self.below(5) > 0 {
            path.pop();
        }
        path
    }
}

#[derive(Debug)]
enum Op {
    Write {
        path: String,
        how: OpenHow,
        offset: u64,
        len: usize,
    },
    Read(String),
    ReadFollow {
        path: String,
        follow: bool,
    },
    MakeDirectory(String),
    RemoveFile(String),
    RemoveDirectory(String),
    Rename(String, String),
    Link(String, String),
    Symlink(String, String),
    ReadLink(String),
    Stat {
        path: String,
        follow: bool,
    },
    SetMode(String, u32),
    SetLen(String, u64),
    List(String),
    Canonical(String),
}

fn roll(dice: &mut Dice) -> Op {
    let path = dice.path();
    match dice.below(18) {
        0..=3 => {
            let append = dice.below(4) == 0;
            Op::Write {
                path,
                how: OpenHow {
                    read: dice.below(2) == 0,
                    write: !append,
                    append,
                    truncate: !append && dice.below(3) == 0,
                    create: [Create::No, Create::IfMissing, Create::New][dice.below(3)],
                    mode: 0o644,
                    ..OpenHow::default()
                },
                offset: dice.below(20_000) as u64,
                len: dice.below(30_000),
            }
        }
        4 => Op::Read(path),
        5 => Op::ReadFollow {
            path,
            follow: dice.below(2) == 0,
        },
        6 | 7 => Op::MakeDirectory(path),
        8 => Op::RemoveFile(path),
        9 => Op::RemoveDirectory(path),
        10 => Op::Rename(path, dice.path()),
        11 => Op::Link(path, dice.path()),
        12 => Op::Symlink(dice.path(), path),
        13 => Op::ReadLink(path),
        14 => Op::Stat {
            path,
            follow: dice.below(2) == 0,
        },
        15 => match dice.below(2) {
            0 => Op::SetMode(path, [0o600, 0o755, 0o644][dice.below(3)]),
            _ => Op::SetLen(path, dice.below(40_000) as u64),
        },
        16 => Op::List(path),
        _ => Op::Canonical(path),
    }
}

/// A path's end as an outcome.
fn here<T>(result: Result<T, PathError>, text: impl FnOnce(T) -> String) -> Outcome {
    match result {
        Ok(value) => Some(Ok(text(value))),
        Err(PathError::Escapes(_)) => None,
        Err(PathError::Failed(Error::Server(errno))) => Some(Err(errno.number())),
        Err(error) => panic!("{error:?}"),
    }
}

fn described(kind: u32, permissions: u32, links: u64, size: u64) -> String {
    match kind {
        // What sizes and links directories have differs from file system to file system.
        mode::DIRECTORY => format!("directory {permissions:o}"),
        mode::SYMLINK => format!("link {size}"),
        _ => format!("file {permissions:o} {links} {size}"),
    }
}

fn hash(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7_u64, |sum, &byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    format!("{} bytes, {sum:x}", bytes.len())
}

/// This side.
async fn client_does(client: &Client<Straight>, op: &Op) -> Outcome {
    let node = async |path: &str, follow| client.resolve(path.as_bytes(), follow, 0).await;
    let parent = async |path: &str| client.resolve_parent(path.as_bytes(), 0).await;
    let nothing = |()| String::new();
    let work = async {
        Ok(match op {
            Op::Write {
                path,
                how,
                offset,
                len,
            } => {
                let file = client.open(path.as_bytes(), how, 0).await?;
                let done = file.write_at(&pattern(*len), *offset).await?;
                done.to_string()
            }
            Op::Read(path) => {
                let file = client.open(path.as_bytes(), &OpenHow::reading(), 0).await?;
                let mut ahead = ReadAhead::new();
                let (mut all, mut buffer) = (Vec::new(), [0; 5000]);
                loop {
                    match ahead.read(&file, &mut buffer, all.len() as u64).await? {
                        0 => break hash(&all),
                        len => all.extend_from_slice(&buffer[..len]),
                    }
                }
            }
            Op::ReadFollow { path, follow } => {
                let how = OpenHow {
                    follow: *follow,
                    ..OpenHow::reading()
                };
                let file = client.open(path.as_bytes(), &how, 0).await?;
                let mut buffer = [0; 100];
                let len = file.read_at(&mut buffer, 3).await?;
                hash(&buffer[..len])
            }
            Op::MakeDirectory(path) => nothing(parent(path).await?.make_directory(0o755).await?),
            Op::RemoveFile(path) => nothing(parent(path).await?.remove_file().await?),
            Op::RemoveDirectory(path) => nothing(parent(path).await?.remove_directory().await?),
            Op::Rename(from, to) => {
                let from: Parent<Straight> = parent(from).await?;
                nothing(from.rename(&parent(to).await?).await?)
            }
            Op::Link(from, to) => {
                let from: Node<Straight> = node(from, false).await?;
                nothing(parent(to).await?.link(&from).await?)
            }
            Op::Symlink(target, path) => {
                nothing(parent(path).await?.symlink(target.as_bytes()).await?)
            }
            Op::ReadLink(path) => {
                String::from_utf8(node(path, false).await?.read_link().await?).unwrap()
            }
            Op::Stat { path, follow } => {
                let Attributes {
                    mode, links, size, ..
                } = node(path, *follow).await?.attributes().await?;
                described(mode & mode::KIND, mode & mode::PERMISSIONS, links, size)
            }
            Op::SetMode(path, mode) => {
                let change = crate::wire::SetAttributes {
                    mode: Some(*mode),
                    ..Default::default()
                };
                nothing(node(path, true).await?.set_attributes(change).await?)
            }
            Op::SetLen(path, len) => {
                let how = OpenHow {
                    write: true,
                    ..OpenHow::default()
                };
                let file = client.open(path.as_bytes(), &how, 0).await?;
                nothing(file.set_len(*len).await?)
            }
            Op::List(path) => {
                let mut directory = node(path, true).await?.entries().await?;
                let mut names = Vec::new();
                while let Some(entry) = directory.next().await? {
                    names.push(format!("{} {}", entry.name.escape_ascii(), entry.kind));
                }
                names.sort();
                names.join(", ")
            }
            Op::Canonical(path) => {
                String::from_utf8(node(path, true).await?.path().to_vec()).unwrap()
            }
        })
    };
    here(work.await, |text| text)
}

/// The machine's side.
fn std_does(root: &str, op: &Op) -> std::io::Result<String> {
    let at = |path: &str| format!("{root}/{path}");
    let nothing = |()| String::new();
    Ok(match op {
        Op::Write {
            path,
            how,
            offset,
            len,
        } => {
            let file = fs::OpenOptions::new()
                .read(how.read)
                .write(how.write)
                .append(how.append)
                .truncate(how.truncate)
                .create(how.create == Create::IfMissing)
                .create_new(how.create == Create::New)
                .mode(how.mode)
                .open(at(path))?;
            file.write_at(&pattern(*len), *offset)?.to_string()
        }
        Op::Read(path) => {
            let mut all = Vec::new();
            fs::File::open(at(path))?.read_to_end(&mut all)?;
            hash(&all)
        }
        Op::ReadFollow { path, follow } => {
            let flags = if *follow { 0 } else { 0o400_000 };
            let file = fs::OpenOptions::new()
                .read(true)
                .custom_flags(flags)
                .open(at(path))?;
            let mut buffer = [0; 100];
            let len = file.read_at(&mut buffer, 3)?;
            hash(&buffer[..len])
        }
        Op::MakeDirectory(path) => nothing(fs::create_dir(at(path))?),
        Op::RemoveFile(path) => nothing(fs::remove_file(at(path))?),
        Op::RemoveDirectory(path) => nothing(fs::remove_dir(at(path))?),
        Op::Rename(from, to) => nothing(fs::rename(at(from), at(to))?),
        Op::Link(from, to) => nothing(fs::hard_link(at(from), at(to))?),
        Op::Symlink(target, path) => nothing(std::os::unix::fs::symlink(target, at(path))?),
        Op::ReadLink(path) => fs::read_link(at(path))?.to_str().unwrap().into(),
        Op::Stat { path, follow } => {
            let stat = match follow {
                true => fs::metadata(at(path))?,
                false => fs::symlink_metadata(at(path))?,
            };
            let kind = stat.mode() & mode::KIND;
            described(
                kind,
                stat.mode() & mode::PERMISSIONS,
                stat.nlink(),
                stat.len(),
            )
        }
        Op::SetMode(path, mode) => nothing(fs::set_permissions(
            at(path),
            fs::Permissions::from_mode(*mode),
        )?),
        Op::SetLen(path, len) => nothing(
            fs::OpenOptions::new()
                .write(true)
                .open(at(path))?
                .set_len(*len)?,
        ),
        Op::List(path) => {
            let mut names = Vec::new();
            for entry in fs::read_dir(at(path))? {
                let entry = entry?;
                let kind = (entry.metadata()?.mode() & mode::KIND) >> 12;
                names.push(format!("{} {kind}", entry.file_name().to_str().unwrap()));
            }
            names.sort();
            names.join(", ")
        }
        Op::Canonical(path) => {
            let path = fs::canonicalize(at(path))?;
            let path = path.strip_prefix(root).unwrap_or(&path);
            path.to_str().unwrap().into()
        }
    })
}

fn play(seed: u64, order: Order) {
    // Modes are compared: what the machine takes off is taken off everywhere.
    let folder = tempfile::tempdir().unwrap();
    let root: PathBuf = folder.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    let bed = Bed::new(|_| {});
    bed.straight.set_order(order);
    let mut dice = Dice(seed);
    let mut done = Vec::new();
    for _ in 0..400 {
        let op = roll(&mut dice);
        let Some(ours) = bed.run(client_does(bed.client(), &op)) else {
            continue;
        };
        let theirs = std_does(root, &op).map_err(|error| error.raw_os_error().unwrap_or(-1));
        done.push(format!("{op:?} -> {theirs:?}"));
        assert_eq!(
            ours,
            theirs,
            "seed {seed}, last: {:#?}",
            &done[done.len().saturating_sub(25)..]
        );
        bed.assert_clean();
    }
}

#[test]
fn random_sequences() {
    let rounds = std::env::var("FILES_ROUNDS").map_or(40, |rounds| rounds.parse().unwrap());
    for seed in 0..rounds {
        play(
            seed,
            [Order::AtOnce, Order::Late, Order::Shuffled(seed)][usize::try_from(seed % 3).unwrap()],
        );
    }
}
