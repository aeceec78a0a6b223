//! What is done on both sides, and what comes of it.

use proptest::prelude::*;

/// How many files can be open at the same time.
pub(crate) const SLOTS: usize = 4;

/// A name in a directory that is reached from the root, or from the directory that is open there,
/// by these names.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) slot: Option<usize>,
    pub(crate) directories: Vec<&'static str>,
    pub(crate) name: String,
}

/// An operation. Symbolic links are never followed, as the server does not.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Replaces what is open in the slot if it succeeds.
    Open {
        slot: usize,
        place: Place,
        flags: u32,
    },
    Create {
        slot: usize,
        place: Place,
        flags: u32,
        mode: u32,
    },
    Close {
        slot: usize,
    },
    Read {
        slot: usize,
        offset: u64,
        count: u32,
    },
    Write {
        slot: usize,
        offset: u64,
        data: Vec<u8>,
    },
    SetLen {
        slot: usize,
        len: u64,
    },
    Stat {
        slot: usize,
    },
    List {
        slot: usize,
    },
    MakeDirectory {
        place: Place,
        mode: u32,
    },
    Unlink {
        place: Place,
        is_directory: bool,
    },
    Rename {
        from: Place,
        to: Place,
    },
    Link {
        from: Place,
        to: Place,
    },
    Symlink {
        place: Place,
        target: String,
    },
    ReadLink {
        place: Place,
    },
    StatAt {
        place: Place,
    },
    SetMode {
        place: Place,
        mode: u32,
    },
    SetLenAt {
        place: Place,
        len: u64,
    },
}

/// What is known of a file; of a directory neither size nor links, which file systems count as they
/// like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) links: u64,
}

/// What an operation gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Done,
    /// There is nothing open in that slot, or what is open there is not for that.
    Skipped,
    Bytes(Vec<u8>),
    Count(usize),
    Stat(Stat),
    /// Names and kinds, sorted.
    Names(Vec<(Vec<u8>, u8)>),
}

/// The result of an operation, or the number of the error.
pub(crate) type Outcome = Result<Seen, i32>;

fn slot() -> impl Strategy<Value = usize> {
    0..SLOTS
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => proptest::sample::select(&["a", "b"][..]).prop_map(String::from),
        4 => Just(String::from("c")),
        1 => (254..=256_usize).prop_map(|len| "n".repeat(len)),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let directories = proptest::collection::vec(proptest::sample::select(&["a", "b"][..]), 0..3);
    let slot = proptest::option::weighted(0.3, slot());
    (slot, directories, name()).prop_map(|(slot, directories, name)| Place {
        slot,
        directories,
        name,
    })
}

/// Flags as Linux has them on x86.
fn flags() -> impl Strategy<Value = u32> {
    let bit = |bit: u32| prop_oneof![4 => Just(0), 1 => Just(bit)];
    (0..3_u32, bit(0o1000), bit(0o2000)).prop_map(|(access, a, b)| access | a | b)
}

fn mode() -> impl Strategy<Value = u32> {
    (0..0o100_u32).prop_map(|others| 0o700 | others)
}

/// Around the ends of small files and pages.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![0..20_u64, 4090..4100_u64, 8190..8200_u64, Just(1 << 16)]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => (any::<u8>(), 4000..6000_usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

/// Any of them.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (slot(), place(), flags(), prop_oneof![4 => Just(0), 1 => Just(0o200_000)])
            .prop_map(|(slot, place, flags, more)| {
                let flags = flags | more;
                Operation::Open { slot, place, flags }
            }),
        3 => (slot(), place()).prop_map(|(slot, place)| {
            let flags = 0o200_000; // Directories are good to begin other paths at.
            Operation::Open { slot, place, flags }
        }),
        5 => (slot(), place(), flags(), any::<bool>(), mode()).prop_map(
            |(slot, place, flags, is_exclusive, mode)| {
                let flags = flags | if is_exclusive { 0o200 } else { 0 };
                Operation::Create { slot, place, flags, mode }
            }
        ),
        1 => slot().prop_map(|slot| Operation::Close { slot }),
        3 => (slot(), offset(), 0..8000_u32)
            .prop_map(|(slot, offset, count)| Operation::Read { slot, offset, count }),
        3 => (slot(), offset(), data())
            .prop_map(|(slot, offset, data)| Operation::Write { slot, offset, data }),
        1 => (slot(), offset()).prop_map(|(slot, len)| Operation::SetLen { slot, len }),
        2 => slot().prop_map(|slot| Operation::Stat { slot }),
        2 => slot().prop_map(|slot| Operation::List { slot }),
        8 => (place(), mode()).prop_map(|(place, mode)| Operation::MakeDirectory { place, mode }),
        4 => (place(), any::<bool>())
            .prop_map(|(place, is_directory)| Operation::Unlink { place, is_directory }),
        6 => (place(), place()).prop_map(|(from, to)| Operation::Rename { from, to }),
        2 => (place(), place()).prop_map(|(from, to)| Operation::Link { from, to }),
        1 => (place(), "[a-c/.]{1,5}")
            .prop_map(|(place, target)| Operation::Symlink { place, target }),
        1 => place().prop_map(|place| Operation::ReadLink { place }),
        2 => place().prop_map(|place| Operation::StatAt { place }),
        1 => (place(), mode()).prop_map(|(place, mode)| Operation::SetMode { place, mode }),
        1 => (place(), offset()).prop_map(|(place, len)| Operation::SetLenAt { place, len }),
    ]
}
