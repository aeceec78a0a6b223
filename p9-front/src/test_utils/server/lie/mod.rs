//! What a server can say that is not so.

mod tell;

use crate::wire::Kind;

/// An answer that is wrong.
///
/// Most are told in place of a success; where the request was refused, in place of the refusal, so
/// that the client hears of something that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after what they do")]
pub enum Lie {
    /// The size in the header.
    SizeZero,
    SizeOneLess,
    SizeOneMore,
    SizeHuge,
    /// Bytes are missing at the end, or are too many; the header says so too.
    CutShort,
    NoBody,
    TooLong,
    /// The tag of no request.
    OtherTag,
    /// The type of another answer, of the request itself, of an error of an older dialect.
    OtherType,
    RequestType,
    OldError,
    /// `Rlerror` with numbers that are none.
    ErrorZero,
    ErrorTooLarge,
    ErrorNegative,
    /// One more byte, name or written byte than was asked for.
    MoreThanAsked,
    /// A count that the message does not hold.
    CountBeyond,
    /// A success in which nothing was read, written, walked or listed.
    Nothing,
    /// One less: of the names walked, the bytes read, and of those that are really written. That is
    /// allowed, so it must work.
    OneLess,
    /// Another file than a moment ago; a directory that is none, and the other way round.
    OtherFile,
    OtherKind,
    /// Names in a directory.
    NameSlash,
    NameEmpty,
    NameNul,
    NameParent,
    NameTwice,
    /// Entries whose offsets lead back to the start of the directory, or nowhere on.
    OffsetsLoop,
    OffsetsStand,
    /// The last entry is not whole.
    EntryCut,
    /// Links that lead nowhere, or to themselves.
    LinkEmpty,
    LinkNul,
    LinkLong,
    /// Attributes: sizes that no file has, times that there are not, no kind of file, nothing known.
    SizeNegative,
    SizeLargest,
    TimesWild,
    ModeWild,
    NothingKnown,
    /// The size of messages, the version.
    MsizeZero,
    MsizeSmall,
    MsizeLarger,
    VersionOther,
    VersionUnknown,
    VersionLong,
    /// A unit of reads and writes that no message holds; one of a single byte.
    UnitHuge,
    UnitTiny,
    /// A lock's state that is none; that the lock is another's; that it may come later.
    LockWild,
    LockBlocked,
    LockGrace,
    /// A disk with blocks of no bytes, or with more bytes than can be counted.
    DiskNone,
    DiskHuge,
}

impl Lie {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SizeZero,
        Self::SizeOneLess,
        Self::SizeOneMore,
        Self::SizeHuge,
        Self::CutShort,
        Self::NoBody,
        Self::TooLong,
        Self::OtherTag,
        Self::OtherType,
        Self::RequestType,
        Self::OldError,
        Self::ErrorZero,
        Self::ErrorTooLarge,
        Self::ErrorNegative,
        Self::MoreThanAsked,
        Self::CountBeyond,
        Self::Nothing,
        Self::OneLess,
        Self::OtherFile,
        Self::OtherKind,
        Self::NameSlash,
        Self::NameEmpty,
        Self::NameNul,
        Self::NameParent,
        Self::NameTwice,
        Self::OffsetsLoop,
        Self::OffsetsStand,
        Self::EntryCut,
        Self::LinkEmpty,
        Self::LinkNul,
        Self::LinkLong,
        Self::SizeNegative,
        Self::SizeLargest,
        Self::TimesWild,
        Self::ModeWild,
        Self::NothingKnown,
        Self::MsizeZero,
        Self::MsizeSmall,
        Self::MsizeLarger,
        Self::VersionOther,
        Self::VersionUnknown,
        Self::VersionLong,
        Self::UnitHuge,
        Self::UnitTiny,
        Self::LockWild,
        Self::LockBlocked,
        Self::LockGrace,
        Self::DiskNone,
        Self::DiskHuge,
    ];

    /// Whether the bytes alone show it: [`Response::decode`](crate::wire::Response::decode) refuses them, or, for
    /// [`OtherTag`](Self::OtherTag), nobody asked. The others need a second look, or cannot be told
    /// from the truth.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        !matches!(
            self,
            Self::Nothing
                | Self::OneLess
                | Self::OtherFile
                | Self::OtherKind
                | Self::NameSlash
                | Self::NameEmpty
                | Self::NameNul
                | Self::NameParent
                | Self::NameTwice
                | Self::OffsetsLoop
                | Self::OffsetsStand
                | Self::EntryCut
                | Self::LinkLong
                | Self::SizeLargest
                | Self::TimesWild
                | Self::ModeWild
                | Self::NothingKnown
                | Self::VersionOther
                | Self::VersionUnknown
                | Self::VersionLong
                | Self::UnitHuge
                | Self::UnitTiny
                | Self::LockBlocked
                | Self::LockGrace
                | Self::DiskNone
                | Self::DiskHuge
        )
    }

    /// Whether it can be told in answer to a request of that kind.
    #[must_use]
    pub const fn fits(self, kind: Kind) -> bool {
        match self {
            Self::SizeZero
            | Self::SizeOneLess
            | Self::SizeOneMore
            | Self::SizeHuge
            | Self::TooLong
            | Self::OtherTag
            | Self::OtherType
            | Self::RequestType
            | Self::OldError
            | Self::ErrorZero
            | Self::ErrorTooLarge
            | Self::ErrorNegative => true,
            Self::CutShort | Self::NoBody => !matches!(
                kind,
                Kind::SetAttributes
                    | Kind::Sync
                    | Kind::Link
                    | Kind::Rename
                    | Kind::Unlink
                    | Kind::Clunk
                    | Kind::Flush
            ),
            Self::MoreThanAsked | Self::Nothing | Self::OneLess => matches!(
                kind,
                Kind::Read | Kind::ReadDirectory | Kind::Write | Kind::Walk
            ),
            Self::CountBeyond => matches!(
                kind,
                Kind::Read | Kind::ReadDirectory | Kind::Walk | Kind::ReadLink
            ),
            Self::OtherFile | Self::OtherKind => matches!(
                kind,
                Kind::Attach
                    | Kind::Walk
                    | Kind::Open
                    | Kind::Create
                    | Kind::Symlink
                    | Kind::MakeDirectory
                    | Kind::GetAttributes
                    | Kind::ReadDirectory
            ),
            Self::NameSlash
            | Self::NameEmpty
            | Self::NameNul
            | Self::NameParent
            | Self::NameTwice
            | Self::OffsetsLoop
            | Self::OffsetsStand
            | Self::EntryCut => matches!(kind, Kind::ReadDirectory),
            Self::LinkEmpty | Self::LinkNul | Self::LinkLong => matches!(kind, Kind::ReadLink),
            Self::SizeNegative
            | Self::SizeLargest
            | Self::TimesWild
            | Self::ModeWild
            | Self::NothingKnown => matches!(kind, Kind::GetAttributes),
            Self::MsizeZero
            | Self::MsizeSmall
            | Self::MsizeLarger
            | Self::VersionOther
            | Self::VersionUnknown
            | Self::VersionLong => matches!(kind, Kind::Version),
            Self::UnitHuge | Self::UnitTiny => matches!(kind, Kind::Open | Kind::Create),
            Self::LockWild | Self::LockBlocked | Self::LockGrace => matches!(kind, Kind::Lock),
            Self::DiskNone | Self::DiskHuge => matches!(kind, Kind::Statfs),
        }
    }
}
