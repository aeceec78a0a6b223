//! Names of functions, for backtraces: a reader of the symbol table that `cargo boot` puts into an image.
//!
//! The table is made after linking, because only then are addresses known. It is a handful of
//! bytes per function and is read when something is wrong already, so reading it allocates
//! nothing and trusts nothing: a damaged table costs names, never a second fault.
//!
//! Layout, all little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic `KSYM` |
//! | 4 | `count`, the number of functions |
//! | 4 | `names_len`, the bytes of all names |
//! | 8 × `count` | per function, ascending: offset from [`VIRT_BASE`], offset into the names |
//! | `names_len` | per name: length (2 bytes), then that many bytes of UTF-8 |

/// Address from which offsets in the table count: where an image's address space begins.
pub const VIRT_BASE: u64 = 0xffff_ffff_8000_0000;

/// First bytes of a table.
pub const MAGIC: [u8; 4] = *b"KSYM";

/// Bytes before the first function.
pub const HEADER_BYTES: usize = 12;

/// Bytes per function.
pub const ENTRY_BYTES: usize = 8;

/// A symbol table in the image.
#[derive(Clone, Copy, Debug)]
pub struct Symbols<'a> {
    entries: &'a [[u8; ENTRY_BYTES]],
    names: &'a [u8],
}

impl<'a> Symbols<'a> {
    /// Finds a table at the start of `bytes`, behind which anything may follow; `None` when there is none.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let word = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?) as usize);
        if !header.starts_with(&MAGIC) {
            return None;
        }
        let entries_bytes = word(4)?.checked_mul(ENTRY_BYTES)?;
        let (entries, rest) = rest.split_at_checked(entries_bytes)?;
        let names = rest.get(..word(8)?)?;
        let (entries, _) = entries.as_chunks();
        Some(Self { entries, names })
    }

    /// Bytes of the whole table that begins with this header; `None` when it is none.
    #[must_use]
    pub fn table_bytes(header: &[u8; HEADER_BYTES]) -> Option<usize> {
        if !header.starts_with(&MAGIC) {
            return None;
        }
        let word = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?) as usize);
        word(4)?
            .checked_mul(ENTRY_BYTES)?
            .checked_add(word(8)?)?
            .checked_add(HEADER_BYTES)
    }

    /// The number of functions.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.entries.len()
    }

    /// The function that this address lies in, and how many bytes from its start. Sizes are not
    /// recorded: an address behind the last function belongs to it, so check first that the
    /// address is one of code at all.
    #[must_use]
    pub fn lookup(&self, address: u64) -> Option<(&'a str, u64)> {
        let offset = address.checked_sub(VIRT_BASE)?;
        let behind = self
            .entries
            .partition_point(|entry| split(entry).0 <= offset);
        let (start, name) = split(self.entries.get(behind.checked_sub(1)?)?);
        // In a table that is not sorted the search may end anywhere.
        Some((
            self.name(usize::try_from(name).ok()?)?,
            offset.checked_sub(start)?,
        ))
    }

    fn name(&self, at: usize) -> Option<&'a str> {
        let (length, name) = self.names.get(at..)?.split_first_chunk()?;
        core::str::from_utf8(name.get(..usize::from(u16::from_le_bytes(*length)))?).ok()
    }
}

/// Start and name of an entry.
fn split(entry: &[u8; ENTRY_BYTES]) -> (u64, u64) {
    let both = u64::from_le_bytes(*entry);
    (both & 0xffff_ffff, both >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec::Vec};
    use proptest::prelude::*;

    /// A table as `cargo boot` writes it.
    fn table(functions: &[(u32, &str)]) -> Vec<u8> {
        let (mut entries, mut names) = (Vec::new(), Vec::new());
        for (offset, name) in functions {
            entries.extend(offset.to_le_bytes());
            entries.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
            names.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            names.extend(name.bytes());
        }
        let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        [
            &MAGIC[..],
            &word(functions.len()),
            &word(names.len()),
            &entries,
            &names,
        ]
        .concat()
    }

    #[test]
    fn addresses_belong_to_the_function_before_them() {
        let bytes = table(&[(0x1000, "start"), (0x1040, "kernel::main"), (0x2000, "")]);
        let symbols = Symbols::parse(&bytes).unwrap();
        assert_eq!(symbols.count(), 3);
        assert_eq!(symbols.lookup(VIRT_BASE + 0xfff), None);
        assert_eq!(symbols.lookup(VIRT_BASE + 0x1000), Some(("start", 0)));
        assert_eq!(symbols.lookup(VIRT_BASE + 0x103f), Some(("start", 0x3f)));
        assert_eq!(
            symbols.lookup(VIRT_BASE + 0x1040),
            Some(("kernel::main", 0))
        );
        assert_eq!(symbols.lookup(u64::MAX), Some(("", 0x7fff_ffff - 0x2000)));
        assert_eq!(symbols.lookup(0x1000), None);
    }

    #[test]
    fn an_empty_table_has_no_names() {
        let symbols_bytes = table(&[]);
        let symbols = Symbols::parse(&symbols_bytes).unwrap();
        assert_eq!(symbols.lookup(VIRT_BASE), None);
    }

    #[test]
    fn a_cut_table_is_no_table() {
        let bytes = table(&[(0, "a"), (16, "b")]);
        assert!((0..bytes.len()).all(|end| Symbols::parse(&bytes[..end]).is_none()));
        assert!(Symbols::parse(&[&bytes[..], b"more"].concat()).is_some());
        assert!(Symbols::parse(&[&b"KSYN"[..], &bytes[4..]].concat()).is_none());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0u8..30, address: u64, near: u16) {
            if let Some(header) = bytes.first_chunk_mut::<HEADER_BYTES>() {
                *header = [b'K', b'S', b'Y', b'M', count, 0, 0, 0, count, 0, 0, 0];
            }
            if let Some(symbols) = Symbols::parse(&bytes) {
                let _ = symbols.lookup(address);
                let _ = symbols.lookup(VIRT_BASE + u64::from(near));
            }
        }

        #[test]
        fn every_function_is_found(starts in proptest::collection::btree_set(0u32..1 << 20, 1..50)) {
            let names: Vec<String> = starts.iter().map(|start| alloc::format!("f{start}")).collect();
            let functions: Vec<_> = starts.iter().copied().zip(names.iter().map(String::as_str)).collect();
            let bytes = table(&functions);
            let symbols = Symbols::parse(&bytes).unwrap();
            for (start, name) in functions {
                prop_assert_eq!(symbols.lookup(VIRT_BASE + u64::from(start)), Some((name, 0)));
            }
        }
    }
}
