//! What Xen's log says of a guest that crashed without a word of its own.
//!
//! A guest reports panics and faults itself. It cannot report that a stack is used up: Xen
//! pushes the frame of an exception on the stack of the guest's kernel, and ends the domain
//! when that page is not mapped. Then the registers are in Xen's log, and the names of
//! functions in the image.

use super::elf::Elf;
use kernel::symbols::Symbols;

/// Registers, as far as the lines read so far had them.
#[derive(Debug, Default)]
pub(crate) struct Crash {
    rip: Option<u64>,
    rsp: Option<u64>,
    cr2: Option<u64>,
}

impl Crash {
    /// Takes in one line of Xen's log.
    pub(crate) fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let register = match pair[0] {
                "RIP:" => &mut self.rip,
                "rsp:" => &mut self.rsp,
                "cr2:" => &mut self.cr2,
                _ => continue,
            };
            // "e033:[<ffffffff80100afb>]" or bare digits.
            let digits = pair[1].rsplit('<').next().unwrap_or_default();
            let digits = digits.trim_end_matches(">]");
            *register = u64::from_str_radix(digits, 16).ok();
        }
    }

    /// What happened, in a sentence, if the log told where.
    pub(crate) fn verdict(&self, image: &Elf) -> Option<String> {
        let rip = self.rip?;
        let table = image.loaded().last()?;
        let table =
            usize::try_from(table.file.start).ok()?..usize::try_from(table.file.end).ok()?;
        let symbols = image.bytes.get(table).and_then(Symbols::parse);
        let place = match symbols.and_then(|symbols| symbols.lookup(rip)) {
            Some((name, offset)) => format!("{name} + {offset:#x}"),
            None => format!("{rip:#x}"),
        };
        Some(if self.ran_over_the_stack() {
            format!("stack overflow in {place}")
        } else {
            format!("Xen ended it in {place}")
        })
    }

    /// A fault right at the stack pointer, on which Xen could not report it to the guest.
    fn ran_over_the_stack(&self) -> bool {
        const NEAR_BYTES: u64 = 2 * 4096;
        matches!((self.rsp, self.cr2), (Some(rsp), Some(cr2)) if rsp.abs_diff(cr2) < NEAR_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::Crash;

    const LOG: &str = "\
(XEN) Domain 1 (vcpu#0) crashed on cpu#0:
(XEN) ----[ Xen-4.17.7  x86_64  debug=n  Not tainted ]----
(XEN) CPU:    0
(XEN) RIP:    e033:[<ffffffff80100afb>]
(XEN) RFLAGS: 0000000000000286   EM: 1   CONTEXT: pv guest (d1v0)
(XEN) rbp: ffffffff80130020   rsp: ffffffff8012ff90   r8:  0000000000000055
(XEN) cr3: 00000000b8196000   cr2: ffffffff8012ff98
(XEN) Guest stack trace from rsp=ffffffff8012ff90:";

    #[test]
    fn registers_are_found_in_xens_log() {
        let mut crash = Crash::default();
        LOG.lines().for_each(|line| crash.read(line));
        assert_eq!(crash.rip, Some(0xffff_ffff_8010_0afb));
        assert_eq!(crash.rsp, Some(0xffff_ffff_8012_ff90));
        assert!(crash.ran_over_the_stack());
    }

    #[test]
    fn another_fault_is_no_stack_overflow() {
        let mut crash = Crash::default();
        LOG.replace("cr2: ffffffff8012ff98", "cr2: 0000000000000008")
            .lines()
            .for_each(|line| crash.read(line));
        assert!(!crash.ran_over_the_stack());
    }

    #[test]
    fn nonsense_is_no_register() {
        let mut crash = Crash::default();
        crash.read("RIP: nowhere rsp: <<>> cr2:");
        assert_eq!((crash.rip, crash.rsp, crash.cr2), (None, None, None));
    }
}
