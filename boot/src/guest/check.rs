//! What must hold for a linked guest, found out before Xen has to refuse it or it misbehaves.

use super::elf::{Elf, VIRT_BASE};
use super::window;
use anyhow::{Context, Result, bail, ensure};
use object::elf::{PT_DYNAMIC, PT_INTERP};

/// Refuses a guest that would not start, or not be safe to run.
pub(crate) fn check(elf: &Elf) -> Result<()> {
    if let Some(symbol) = elf.symbols.iter().find(|symbol| symbol.is_undefined) {
        bail!(
            "the function or variable `{}` is used and nobody provides it",
            symbol.name
        );
    }
    for (kind, name) in [(PT_INTERP, "PT_INTERP"), (PT_DYNAMIC, "PT_DYNAMIC")] {
        let there = elf.segments.iter().any(|segment| segment.kind == kind.0);
        ensure!(
            !there,
            "it is linked dynamically (it has a {name} header), and a guest has no loader"
        );
    }
    ensure!(
        elf.note_owners.iter().any(|owner| owner == "Xen"),
        "it has no ELF notes for Xen, so Xen cannot know how to start it: does it link the kernel crate?"
    );
    for segment in elf.loaded() {
        let address = segment.address;
        ensure!(
            address >= VIRT_BASE,
            "a segment lies at {address:#x}, below {VIRT_BASE:#x}: was it linked with linker/guest.ld?"
        );
        ensure!(
            segment.rights != (true, true),
            "the segment at {address:#x} can be both written and executed"
        );
    }
    let text = elf.text().context("it has no machine code")?;
    ensure!(
        text.contains(&elf.entry),
        "it starts at {:#x}, which is outside of its machine code",
        elf.entry
    );
    window::check(elf)
}
