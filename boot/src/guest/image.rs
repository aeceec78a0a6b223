//! The image that is shipped: checked, with a symbol table for backtraces, without the rest.
//!
//! The linked file keeps its debug information and stays where cargo put it. The image is
//! its front part, from the ELF header to the end of the last segment, with the section
//! headers forgotten; the table of function names is appended, and the program header that
//! the linker script reserves for it is made to point there.

use super::elf::{Elf, Segment};
use super::{check, ksyms};
use anyhow::{Context, Result, ensure};
use object::elf::PT_LOAD;
use std::path::{Path, PathBuf};

/// Page size: file offsets and addresses of a segment agree in their last 12 bits.
const PAGE: usize = 4096;

/// Turns the linked file at `linked` into the image at `to`.
pub(crate) fn write(linked: &Path, to: &Path) -> Result<PathBuf> {
    let elf = Elf::read(linked)?;
    check::check(&elf).with_context(|| format!("{} cannot be a guest", linked.display()))?;
    let image =
        finish(&elf).with_context(|| format!("cannot make an image of {}", linked.display()))?;
    std::fs::write(to, image).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(to.to_owned())
}

fn finish(elf: &Elf) -> Result<Vec<u8>> {
    let place = elf
        .segments
        .iter()
        .rfind(|segment| segment.kind == PT_LOAD.0)
        .context("it has no segments")?;
    let symbols = elf.symbol("__ksyms_start");
    ensure!(
        symbols == Some(place.address),
        "its last loaded segment is not the one for symbols: was it linked with linker/guest.ld?"
    );
    let others = elf
        .segments
        .iter()
        .filter(|segment| segment.header != place.header);
    let end = others.map(|segment| segment.file.end).max().unwrap_or(0);
    let mut image = elf
        .bytes
        .get(..usize::try_from(end)?)
        .context("the file is shorter than its segments")?
        .to_vec();
    forget_sections(&mut image)?;
    image.resize(image.len().next_multiple_of(PAGE), 0);
    let table = ksyms::table(elf)?;
    let offset = image.len() as u64;
    image.extend(&table);
    point_at(&mut image, place, offset, table.len() as u64)?;
    Ok(image)
}

/// Changes a program header: where its bytes are, how many, in the file and in memory.
fn point_at(image: &mut [u8], segment: &Segment, offset: u64, size: u64) -> Result<()> {
    // Elf64_Phdr: type, flags, offset at 8, vaddr, paddr, filesz at 32, memsz at 40, align.
    put(image, segment.header + 8, &offset.to_le_bytes())?;
    put(image, segment.header + 32, &size.to_le_bytes())?;
    put(image, segment.header + 40, &size.to_le_bytes())
}

fn forget_sections(image: &mut [u8]) -> Result<()> {
    // Elf64_Ehdr: e_shoff at 40; e_shnum at 60, e_shstrndx at 62. The entry size stays.
    put(image, 40, &[0; 8])?;
    put(image, 60, &[0; 4])
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    let place = image
        .get_mut(at..at + bytes.len())
        .context("a header lies outside of the file")?;
    place.copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::elf::{Symbol, VIRT_BASE};

    fn segment(header: usize, file: std::ops::Range<u64>, address: u64) -> Segment {
        Segment {
            kind: PT_LOAD.0,
            rights: (false, true),
            memory_size: file.end - file.start,
            file,
            address,
            header,
        }
    }

    #[test]
    fn the_symbol_table_is_appended_and_the_header_points_at_it() {
        let text = VIRT_BASE + 0x10_0000;
        let symbols = VIRT_BASE + 0x20_0000;
        let symbol = |name: &str, address, is_function| Symbol {
            name: name.into(),
            address,
            is_function,
            is_undefined: false,
        };
        let elf = Elf {
            bytes: vec![0xff; 9000],
            entry: text,
            segments: vec![
                segment(64, 4096..4200, text),
                segment(120, 8192..8200, symbols),
            ],
            symbols: vec![
                symbol("main", text + 4, true),
                symbol("__ksyms_start", symbols, false),
            ],
            note_owners: vec!["Xen".into()],
        };
        let image = finish(&elf).unwrap();
        let word = |at: usize| u64::from_le_bytes(image[at..at + 8].try_into().unwrap());
        assert_eq!(
            (word(120 + 8), word(120 + 32), word(120 + 40)),
            (8192, 26, 26)
        );
        assert_eq!(image.len(), 8192 + 26);
        assert_eq!(&image[8192..8196], b"KSYM");
        assert_eq!((word(40), &image[60..64]), (0, &[0; 4][..]));
    }
}
