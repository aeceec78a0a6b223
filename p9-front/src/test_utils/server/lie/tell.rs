//! A lie as the bytes that say it.

use alloc::vec;
use alloc::vec::Vec;

use super::Lie;
use crate::Errno;
use crate::wire::{
    AttributeMask, Attributes, Data, DirEntry, HEADER_LEN, Kind, LockStatus, Qid, QidKind, Request,
    Response, Statfs, Tag, Time, encode_error,
};

impl Lie {
    /// The message that says so.
    pub(in super::super) fn tell(
        self,
        request: &Request<'_>,
        answer: Result<Response, Errno>,
        tag: Tag,
    ) -> Vec<u8> {
        let kind = request.kind();
        let mut response = answer.unwrap_or_else(|_| invented(request));
        self.twist(request, &mut response);
        let mut message = response.encode(kind, tag);
        let size = len(&message);
        match self {
            Self::SizeZero => set_size(&mut message, 0),
            Self::SizeOneLess => set_size(&mut message, size - 1),
            Self::SizeOneMore => set_size(&mut message, size + 1),
            Self::SizeHuge => set_size(&mut message, u32::MAX),
            Self::CutShort => {
                message.pop();
                set_size(&mut message, size - 1);
            }
            Self::NoBody => {
                message.truncate(HEADER_LEN);
                set_size(&mut message, len(&[0; HEADER_LEN]));
            }
            Self::TooLong => {
                message.push(0);
                set_size(&mut message, size + 1);
            }
            Self::OtherTag => message[5] ^= 0x40,
            Self::OtherType => {
                let other = if kind == Kind::Statfs {
                    Kind::Read
                } else {
                    Kind::Statfs
                };
                message[4] = other.answer();
            }
            Self::RequestType => message[4] = kind.number(),
            Self::OldError => message[4] = 107,
            Self::ErrorZero => return encode_error(0, tag),
            Self::ErrorTooLarge => return encode_error(4096, tag),
            Self::ErrorNegative => return encode_error(2_u32.wrapping_neg(), tag),
            Self::CountBeyond => {
                // The count or the length is what the body begins with.
                message[HEADER_LEN] = message[HEADER_LEN].wrapping_add(1);
            }
            Self::LockWild => message[HEADER_LEN] = 9,
            _ => {}
        }
        message
    }

    /// What can be changed before there are bytes.
    fn twist(self, request: &Request<'_>, response: &mut Response) {
        match response {
            Response::Version { msize, version } => match self {
                Self::MsizeZero => *msize = 0,
                Self::MsizeSmall => *msize = 4095,
                Self::MsizeLarger => *msize += 1,
                Self::VersionOther => *version = b"9P2000.u".to_vec(),
                Self::VersionUnknown => *version = b"unknown".to_vec(),
                Self::VersionLong => *version = vec![b'\x1b'; 4000],
                _ => {}
            },
            Response::Attached(qid) | Response::Made(qid) => self.twist_qid(qid),
            Response::Opened { qid, unit } => {
                self.twist_qid(qid);
                match self {
                    Self::UnitHuge => *unit = u32::MAX,
                    Self::UnitTiny => *unit = 1,
                    _ => {}
                }
            }
            Response::Walked(qids) => {
                match self {
                    Self::MoreThanAsked => qids.resize(names(request) + 1, QID),
                    Self::Nothing => qids.clear(),
                    Self::OneLess => {
                        qids.pop();
                    }
                    _ => {}
                }
                if let Some(last) = qids.last_mut() {
                    self.twist_qid(last);
                }
            }
            Response::Link(target) => match self {
                Self::LinkEmpty => target.clear(),
                Self::LinkNul => target.push(0),
                Self::LinkLong => *target = b"x/../".repeat(10_000),
                _ => {}
            },
            Response::Attributes(attributes) => self.twist_attributes(attributes),
            Response::Directory(data) => *data = self.twisted_entries(request, data),
            Response::Statfs(statfs) => match self {
                Self::DiskNone => statfs.block_size = 0,
                Self::DiskHuge => {
                    statfs.block_size = u32::MAX;
                    statfs.blocks = u64::MAX;
                    statfs.free_blocks = u64::MAX;
                    statfs.available_blocks = u64::MAX;
                    statfs.files = 0;
                    statfs.name_len = 0;
                }
                _ => {}
            },
            Response::Data(data) => {
                let mut bytes = data.to_vec();
                self.twist_bytes(request, &mut bytes);
                *data = Data::from(bytes);
            }
            Response::Written(count) => match self {
                Self::MoreThanAsked => *count = asked(request) + 1,
                Self::Nothing => *count = 0,
                _ => {}
            },
            Response::Locked(status) => match self {
                Self::LockBlocked => *status = LockStatus::Blocked,
                Self::LockGrace => *status = LockStatus::Grace,
                _ => {}
            },
            Response::Done => {}
        }
    }

    fn twist_qid(self, qid: &mut Qid) {
        match self {
            Self::OtherFile => qid.path ^= 1 << 40,
            Self::OtherKind => qid.kind.toggle(QidKind::DIR),
            _ => {}
        }
    }

    fn twist_attributes(self, attributes: &mut Attributes) {
        self.twist_qid(&mut attributes.qid);
        match self {
            Self::SizeNegative => attributes.size = u64::MAX,
            Self::SizeLargest => attributes.size = u64::MAX >> 1,
            Self::TimesWild => {
                let wild = Time {
                    seconds: u64::MAX,
                    nanoseconds: u64::MAX,
                };
                attributes.accessed = wild;
                attributes.modified = wild;
                attributes.changed = wild;
            }
            Self::ModeWild | Self::OtherKind => attributes.mode = !attributes.mode,
            Self::NothingKnown => attributes.valid = AttributeMask::empty(),
            _ => {}
        }
    }

    fn twist_bytes(self, request: &Request<'_>, bytes: &mut Vec<u8>) {
        match self {
            Self::MoreThanAsked => bytes.resize(asked(request) as usize + 1, 0),
            Self::Nothing => bytes.clear(),
            Self::OneLess => {
                bytes.pop();
            }
            _ => {}
        }
    }

    fn twisted_entries(self, request: &Request<'_>, data: &Data) -> Data {
        let mut entries: Vec<DirEntry<'_>> = data.entries().filter_map(Result::ok).collect();
        let start = match request {
            Request::ReadDirectory { offset, .. } => *offset,
            _ => 0,
        };
        let name: Option<&[u8]> = match self {
            Self::NameSlash => Some(b"../up"),
            Self::NameEmpty => Some(b""),
            Self::NameNul => Some(b"a\0"),
            Self::NameParent => Some(b".."),
            _ => None,
        };
        if let (Some(last), Some(name)) = (entries.last_mut(), name) {
            last.name = name;
        }
        match self {
            Self::OneLess => {
                entries.pop();
            }
            Self::NameTwice => entries.extend(entries.last().copied()),
            Self::OffsetsLoop => entries.iter_mut().for_each(|entry| entry.offset = 0),
            Self::OffsetsStand => entries.iter_mut().for_each(|entry| entry.offset = start),
            _ => {}
        }
        let mut bytes = Vec::new();
        for mut entry in entries {
            self.twist_qid(&mut entry.qid);
            entry.encode(&mut bytes);
        }
        if self == Self::EntryCut {
            bytes.pop();
        }
        if self != Self::OneLess {
            self.twist_bytes(request, &mut bytes);
        }
        Data::from(bytes)
    }
}

const QID: Qid = Qid {
    kind: QidKind::empty(),
    version: 0,
    path: 1 << 50,
};

/// A success where there is none.
fn invented(request: &Request<'_>) -> Response {
    match request {
        Request::Version { msize, version } => Response::Version {
            msize: *msize,
            version: version.to_vec(),
        },
        Request::Attach { .. } => Response::Attached(QID),
        Request::Walk { names, .. } => Response::Walked(vec![QID; names.len()]),
        Request::Open { .. } | Request::Create { .. } => Response::Opened { qid: QID, unit: 0 },
        Request::Symlink { .. } | Request::MakeDirectory { .. } => Response::Made(QID),
        Request::ReadLink { .. } => Response::Link(b"nowhere".to_vec()),
        Request::GetAttributes { mask, .. } => Response::Attributes(Attributes {
            valid: *mask,
            qid: QID,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            links: 1,
            rdev: 0,
            size: 1,
            block_size: 4096,
            blocks: 1,
            accessed: Time::default(),
            modified: Time::default(),
            changed: Time::default(),
        }),
        Request::ReadDirectory { .. } => Response::Directory(Data::from(Vec::new())),
        Request::Lock { .. } => Response::Locked(LockStatus::Success),
        Request::Statfs { .. } => Response::Statfs(Statfs {
            kind: 0,
            block_size: 1,
            blocks: 1,
            free_blocks: 1,
            available_blocks: 1,
            files: 1,
            free_files: 1,
            id: 0,
            name_len: 255,
        }),
        Request::Read { .. } => Response::Data(Data::from(Vec::new())),
        Request::Write { data, .. } => {
            Response::Written(u32::try_from(data.len()).expect("within a message"))
        }
        Request::SetAttributes { .. }
        | Request::Sync { .. }
        | Request::Link { .. }
        | Request::Rename { .. }
        | Request::Unlink { .. }
        | Request::Clunk { .. }
        | Request::Flush { .. } => Response::Done,
    }
}

/// Bytes that were asked for, or that there were to write.
fn asked(request: &Request<'_>) -> u32 {
    request.expected().limit
}

fn names(request: &Request<'_>) -> usize {
    asked(request) as usize
}

fn len(message: &[u8]) -> u32 {
    u32::try_from(message.len()).expect("a message")
}

fn set_size(message: &mut [u8], size: u32) {
    message[..4].copy_from_slice(&size.to_le_bytes());
}
