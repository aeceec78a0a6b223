//! A directory whose names do not fit into one message, put together from its parts.

use alloc::{string::String, vec::Vec};

use crate::request::DirectoryPartReply;

/// Bytes of names after which a directory is too long to be believed.
const LIST_BYTES_MAX: u32 = 1024 * 1024;

/// The parts so far.
#[derive(Debug, Default)]
pub struct Listing {
    names: Vec<String>,
    list_bytes: u32,
    generation: Option<String>,
}

/// What a part is.
#[derive(Debug, PartialEq, Eq)]
pub enum Listed {
    /// One of several: ask for the next one, at [`Listing::offset`].
    More,
    /// The last one; here are all names.
    All(Vec<String>),
    /// Of a directory that has changed: begin anew.
    Changed,
    /// Nonsense: neither names nor the end, or no end at all.
    Endless,
}

impl Listing {
    /// Where the next part begins: for [`DirectoryPart`](crate::request::DirectoryPart).
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.list_bytes
    }

    /// Adds the part that begins at the offset.
    pub fn add(&mut self, part: DirectoryPartReply) -> Listed {
        let generation = self
            .generation
            .get_or_insert_with(|| part.generation.clone());
        if *generation != part.generation {
            return Listed::Changed;
        }
        self.names.extend(part.children);
        if part.last {
            return Listed::All(core::mem::take(&mut self.names));
        }
        self.list_bytes = self.list_bytes.saturating_add(part.list_bytes);
        if part.list_bytes == 0 || self.list_bytes > LIST_BYTES_MAX {
            return Listed::Endless;
        }
        Listed::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(generation: &str, names: &[&str], last: bool) -> DirectoryPartReply {
        DirectoryPartReply {
            generation: generation.into(),
            children: names.iter().map(ToString::to_string).collect(),
            list_bytes: names
                .iter()
                .map(|name| u32::try_from(name.len() + 1).unwrap())
                .sum(),
            last,
        }
    }

    #[test]
    fn parts_are_joined() {
        let mut listing = Listing::default();
        assert_eq!(listing.add(part("7", &["a", "bc"], false)), Listed::More);
        assert_eq!(listing.offset(), 5);
        assert_eq!(
            listing.add(part("7", &["d"], true)),
            Listed::All(vec!["a".into(), "bc".into(), "d".into()])
        );
    }

    #[test]
    fn a_change_and_nonsense_are_told() {
        let mut listing = Listing::default();
        assert_eq!(listing.add(part("7", &["a"], false)), Listed::More);
        assert_eq!(listing.add(part("8", &["b"], true)), Listed::Changed);
        let mut listing = Listing::default();
        assert_eq!(listing.add(part("7", &[], false)), Listed::Endless);
        let mut listing = Listing::default();
        let name = "n".repeat(4000);
        let parts = (0..1000)
            .take_while(|_| listing.add(part("7", &[&name], false)) == Listed::More)
            .count();
        assert!((200..300).contains(&parts), "{parts}");
    }
}
