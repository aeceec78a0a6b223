//! A linked guest: the parts of an ELF file that the other modules look at.

use anyhow::{Context, Result, bail};
use object::LittleEndian as LE;
use object::elf::{EM_X86_64, ET_EXEC, FileHeader64, PF_W, PF_X, PT_NOTE, STT_FUNC};
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use std::ops::Range;
use std::path::Path;

/// Where guests are linked: physical address 0.
pub(crate) const VIRT_BASE: u64 = 0xffff_ffff_8000_0000;

/// Size of a program header.
const PHDR_SIZE: u64 = 56;

/// One program header, and where it lies in the file.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// `PT_LOAD` and so on.
    pub(crate) kind: u32,
    /// Whether its pages can be written, whether they can be executed.
    pub(crate) rights: (bool, bool),
    /// Its bytes in the file.
    pub(crate) file: Range<u64>,
    /// Its first address.
    pub(crate) address: u64,
    /// Its size in memory.
    pub(crate) memory_size: u64,
    /// Where its header lies in the file.
    pub(crate) header: usize,
}

/// One name of the symbol table.
#[derive(Clone, Debug)]
pub(crate) struct Symbol {
    /// As the linker knows it.
    pub(crate) name: String,
    /// Its value.
    pub(crate) address: u64,
    /// Whether it names a function.
    pub(crate) is_function: bool,
    /// Whether it is needed, and nobody has it.
    pub(crate) is_undefined: bool,
}

/// A linked guest.
#[derive(Clone, Debug)]
pub(crate) struct Elf {
    /// The whole file.
    pub(crate) bytes: Vec<u8>,
    /// The first instruction.
    pub(crate) entry: u64,
    /// The program headers.
    pub(crate) segments: Vec<Segment>,
    /// The symbol table; empty in a stripped file.
    pub(crate) symbols: Vec<Symbol>,
    /// The owners named in ELF notes.
    pub(crate) note_owners: Vec<String>,
}

impl Elf {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(bytes).with_context(|| format!("{} is not a guest image", path.display()))
    }

    /// Takes a file apart.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self> {
        let data = bytes.as_slice();
        let header = FileHeader64::<LE>::parse(data).context("not a 64-bit ELF file")?;
        if header.e_machine(LE) != EM_X86_64 || header.e_type(LE) != ET_EXEC {
            bail!("it is not a statically linked x86-64 program");
        }
        let mut segments = Vec::new();
        let mut note_owners = Vec::new();
        for (number, segment) in header.program_headers(LE, data)?.iter().enumerate() {
            let start = segment.p_offset(LE);
            let flags = segment.p_flags(LE).0;
            segments.push(Segment {
                kind: segment.p_type(LE).0,
                rights: (flags & PF_W.0 != 0, flags & PF_X.0 != 0),
                file: start
                    ..start
                        .checked_add(segment.p_filesz(LE))
                        .context("a segment's end overflows")?,
                address: segment.p_vaddr(LE),
                memory_size: segment.p_memsz(LE),
                header: usize::try_from(header.e_phoff(LE) + number as u64 * PHDR_SIZE)?,
            });
            if segment.p_type(LE) == PT_NOTE {
                let notes = segment
                    .data(LE, data)
                    .ok()
                    .context("a segment lies outside of the file")?;
                note_owners.extend(owners(notes));
            }
        }
        let sections = header.sections(LE, data)?;
        let table = sections.symbols(LE, data, object::elf::SHT_SYMTAB)?;
        let mut symbols = Vec::new();
        for symbol in table.iter().skip(1) {
            let name = table.symbol_name(LE, symbol)?;
            symbols.push(Symbol {
                name: String::from_utf8_lossy(name).into_owned(),
                address: symbol.st_value(LE),
                is_function: symbol.st_type() == STT_FUNC,
                is_undefined: symbol.is_undefined(LE) && !symbol.is_weak(),
            });
        }
        let entry = header.e_entry(LE);
        Ok(Self {
            entry,
            segments,
            symbols,
            note_owners,
            bytes,
        })
    }

    /// The segments that are loaded into memory.
    pub(crate) fn loaded(&self) -> impl Iterator<Item = &Segment> {
        self.segments
            .iter()
            .filter(|segment| segment.kind == object::elf::PT_LOAD.0)
    }

    /// The value of the symbol `name`.
    pub(crate) fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols
            .iter()
            .find(|symbol| symbol.name == name && !symbol.is_undefined)
            .map(|symbol| symbol.address)
    }

    /// The bytes loaded at these addresses.
    pub(crate) fn at(&self, addresses: Range<u64>) -> Option<&[u8]> {
        let size = addresses.end.checked_sub(addresses.start)?;
        self.loaded().find_map(|segment| {
            let into = addresses.start.checked_sub(segment.address)?;
            let start = segment.file.start.checked_add(into)?;
            let end = start
                .checked_add(size)
                .filter(|end| *end <= segment.file.end)?;
            self.bytes
                .get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        })
    }

    /// The addresses of machine code.
    pub(crate) fn text(&self) -> Option<Range<u64>> {
        let text = self.loaded().find(|segment| segment.rights.1)?;
        Some(text.address..text.address.checked_add(text.memory_size)?)
    }
}

/// The owners of ELF notes: each is three words (lengths of owner and contents, type), then
/// both, padded to words. `object` wants the segment to be aligned to words, ours is to pages.
fn owners(mut notes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((header, rest)) = notes.split_at_checked(12) {
        let length = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
                as usize
        };
        let Some((owner, rest)) = rest.split_at_checked(length(0).next_multiple_of(4)) else {
            break;
        };
        let Some((_, rest)) = rest.split_at_checked(length(4).next_multiple_of(4)) else {
            break;
        };
        let name = owner.split(|byte| *byte == 0).next().unwrap_or_default();
        found.push(String::from_utf8_lossy(name).into_owned());
        notes = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_owners_of_notes() {
        let xen = b"\x04\0\0\0\x05\0\0\0\x06\0\0\0Xen\0mini\0\0\0\0";
        let gnu = b"\x04\0\0\0\0\0\0\0\x01\0\0\0GNU\0";
        assert_eq!(owners(&[xen.as_slice(), gnu].concat()), ["Xen", "GNU"]);
        assert!(owners(&xen[..20]).is_empty());
    }
}
