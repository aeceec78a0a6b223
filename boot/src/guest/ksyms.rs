//! The table of function names that a guest carries for its backtraces.
//!
//! Little endian: `"KSYM"`, `u32` number of functions, `u32` bytes of names; then per
//! function, sorted by address, `u32` offset of the function from VIRT_BASE and `u32` offset
//! of its name; then the names, each a `u16` length and its bytes. The reader is in the
//! kernel.

use super::elf::{Elf, VIRT_BASE};
use anyhow::{Context, Result};
use std::collections::BTreeMap;

const MAGIC: &[u8; 4] = b"KSYM";

/// Longer names are cut: the generic parameters of an iterator chain fill whole screens.
const MAX_NAME_BYTES: usize = 120;

/// The table for the functions of `elf`.
pub(crate) fn table(elf: &Elf) -> Result<Vec<u8>> {
    let text = elf.text().context("it has no machine code")?;
    let functions = elf
        .symbols
        .iter()
        .filter(|symbol| symbol.is_function && text.contains(&symbol.address));
    encode(functions.map(|symbol| (symbol.address, readable(&symbol.name))))
}

/// Encodes addresses and names. Of several names of one address, the shortest is kept.
fn encode(functions: impl Iterator<Item = (u64, String)>) -> Result<Vec<u8>> {
    let mut by_address: BTreeMap<u64, String> = BTreeMap::new();
    for (address, name) in functions {
        let kept = by_address.entry(address).or_insert_with(|| name.clone());
        if (name.len(), &name) < (kept.len(), kept) {
            *kept = name;
        }
    }
    let mut entries = Vec::new();
    let mut names = Vec::new();
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    for (address, name) in &by_address {
        let offset = address
            .checked_sub(VIRT_BASE)
            .and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.with_context(|| {
            format!("the function `{name}` lies at {address:#x}, outside of the guest")
        })?;
        let place = match known.get(name.as_str()) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(names.len())?;
                names.extend(u16::try_from(name.len())?.to_le_bytes());
                names.extend(name.bytes());
                known.insert(name, place);
                place
            }
        };
        entries.extend(offset.to_le_bytes());
        entries.extend(place.to_le_bytes());
    }
    let mut table = MAGIC.to_vec();
    table.extend(u32::try_from(by_address.len())?.to_le_bytes());
    table.extend(u32::try_from(names.len())?.to_le_bytes());
    table.append(&mut entries);
    table.append(&mut names);
    Ok(table)
}

/// A name for people: demangled, without hash, generic parameters of paths left out.
fn readable(mangled: &str) -> String {
    let mut name = without_parameters(&format!("{:#}", rustc_demangle::demangle(mangled)));
    if name.len() > MAX_NAME_BYTES {
        let mut end = MAX_NAME_BYTES - 2;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str("..");
    }
    name
}

/// `a::b::<c, d>::e` without `::<c, d>`. What stands in `<T as Trait>` is part of the name.
fn without_parameters(name: &str) -> String {
    let mut short = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("::<") {
        let Some(length) = bracket_length(&rest[at + 2..]) else {
            break;
        };
        short.push_str(&rest[..at]);
        rest = &rest[at + 2 + length..];
    }
    short + rest
}

/// The length of the text from the `<` it starts with to the matching `>`.
fn bracket_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            // The arrow of a function type is no bracket.
            '>' if previous != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_are_shared() {
        let functions = [
            (VIRT_BASE + 32, "drop"),
            (VIRT_BASE + 16, "main"),
            (VIRT_BASE + 48, "drop"),
            (VIRT_BASE + 16, "main_alias"),
        ];
        let table = encode(functions.iter().map(|(at, name)| (*at, (*name).to_owned()))).unwrap();
        let mut expected = b"KSYM".to_vec();
        for word in [3_u32, 12, 16, 0, 32, 6, 48, 6] {
            expected.extend(word.to_le_bytes());
        }
        expected.extend(b"\x04\0main\x04\0drop");
        assert_eq!(table, expected);
    }

    #[test]
    fn a_function_below_the_base_is_an_error() {
        assert!(encode([(16, "f".to_owned())].into_iter()).is_err());
    }

    #[test]
    fn names_are_for_people() {
        assert_eq!(
            readable("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"),
            "core::fmt::Formatter::pad"
        );
        assert_eq!(without_parameters("a::b::<c<d>, fn() -> e>::f"), "a::b::f");
        assert_eq!(
            without_parameters("<a::B<C> as d::E>::f::<g>"),
            "<a::B<C> as d::E>::f"
        );
        assert_eq!(without_parameters("odd::<x"), "odd::<x");
        let long = readable(&"ä".repeat(100));
        assert!(long.len() <= MAX_NAME_BYTES && long.ends_with(".."));
    }
}
