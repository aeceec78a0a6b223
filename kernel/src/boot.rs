//! From the first instruction to the workload's `main`.
//!
//! Xen's domain builder enters [`_start`] on a stack of its own with the address of
//! start_info in rsi, the image mapped writable and executable, no exception handlers and
//! event upcalls masked. Start of day puts the kernel's parts in order, each as soon as
//! what it needs is there; the numbered steps below are the whole of it.

use core::arch::global_asm;
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;
use xen_sys as xen;

use crate::mem::mmu::{self, Layout};
use crate::{console, entropy, event, grant, mem, shutdown, thread, time, trap, xenstore};

// The ELF notes by which Xen's domain builder knows what it loads and where (xen/elfnote.h;
// numbers repeated here because assembly cannot see the bindings, and checked below).
global_asm!(
    r#"
    .macro xen_note type
    .long 4, 2f - 1f, \type
    .asciz "Xen"
    1:
    .endm
    .macro xen_note_string type, text
    xen_note \type
    .asciz "\text"
    2:
    .balign 4
    .endm
    .macro xen_note_word type, value
    xen_note \type
    .quad \value
    2:
    .balign 4
    .endm

    .pushsection .note.Xen, "a", @note
    .balign 4
    xen_note_string {guest_os}, "Callisto"
    xen_note_string {guest_version}, "0.1"
    xen_note_string {loader}, "generic"
    xen_note_string {xen_version}, "xen-3.0"
    xen_note_string {features}, "!writable_page_tables|pae_pgdir_above_4gb"
    xen_note_string {pae_mode}, "yes"
    xen_note_word {virt_base}, {base}
    xen_note_word {paddr_offset}, 0
    xen_note_word {entry}, _start
    .popsection

    .pushsection .text.boot, "ax"
    .global _start
    .type _start, @function
    _start:
        rdtsc                               # how long did the boot take? starts here
        mov     edi, eax
        shl     rdx, 32
        or      rdi, rdx
        cld
        lea     rsp, [rip + __boot_stack_top]
        xor     ebp, ebp                    # the end of every backtrace
        call    {start_of_day}
        ud2
    .size _start, . - _start
    .popsection
    "#,
    guest_os = const xen::XEN_ELFNOTE_GUEST_OS,
    guest_version = const xen::XEN_ELFNOTE_GUEST_VERSION,
    loader = const xen::XEN_ELFNOTE_LOADER,
    xen_version = const xen::XEN_ELFNOTE_XEN_VERSION,
    features = const xen::XEN_ELFNOTE_FEATURES,
    pae_mode = const xen::XEN_ELFNOTE_PAE_MODE,
    virt_base = const xen::XEN_ELFNOTE_VIRT_BASE,
    paddr_offset = const xen::XEN_ELFNOTE_PADDR_OFFSET,
    entry = const xen::XEN_ELFNOTE_ENTRY,
    base = const mmu::VIRT_BASE,
    start_of_day = sym start_of_day,
);

/// What the domain builder told, copied before its pages are taken over.
#[derive(Debug)]
pub struct StartInfo {
    /// Frames of the domain.
    pub nr_pages: usize,
    /// "xen-3.0-x86_64" or the like.
    pub magic: [u8; 32],
    /// The command line as given in the domain's configuration (`extra`), without its end.
    pub command_line: CommandLine,
}

/// A command line of at most 1,024 bytes.
pub struct CommandLine {
    bytes: [u8; xen::MAX_GUEST_CMDLINE as usize],
    length: usize,
}

impl CommandLine {
    /// The bytes, whatever they encode.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl core::fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{:?}",
            alloc::string::String::from_utf8_lossy(self.as_bytes())
        )
    }
}

static START_INFO: Once<StartInfo> = Once::new();

/// What the domain builder told this domain.
///
/// # Panics
/// Before start of day has read it.
pub fn start_info() -> &'static StartInfo {
    START_INFO.get().expect("start_info is read first of all")
}

unsafe extern "Rust" {
    /// The workload, defined by `#[rt::main]`. Returns the domain's exit code.
    safe fn callisto_main() -> i32;
}

/// Time-stamp counter at the first instruction.
static FIRST_INSTRUCTION: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds from the first instruction of this domain to now.
pub fn since_first_instruction_ns() -> u64 {
    let first = FIRST_INSTRUCTION.load(Ordering::Relaxed);
    time::monotonic_ns().saturating_sub(time::ns_of_tsc(first))
}

extern "C" fn start_of_day(first_tsc: u64, start_info: *const xen::start_info) -> ! {
    FIRST_INSTRUCTION.store(first_tsc, Ordering::Relaxed);
    // SAFETY: Xen passes the address of start_info in rsi, which `_start` left alone; the
    // page is mapped until `mem::init`, and nobody writes it.
    let given = unsafe { &*start_info };

    // 1. A voice: the console ring, still through the builder's mapping.
    // SAFETY: a PV guest that is not dom0 has the domU part of the union.
    let console_page = unsafe { given.console.domU };
    let boot_address = |mfn| mmu::VIRT_BASE + mmu::pfn_of_mfn(mfn) * mem::PAGE_SIZE;
    // SAFETY: the builder allotted this page to the console ring and mapped it.
    unsafe { console::init(boot_address(console_page.mfn), console_page.evtchn) };

    // 2. Ears for faults.
    trap::init();

    // 3. What we were told, before the page is gone.
    let command_line = {
        let length = given
            .cmd_line
            .iter()
            .position(|&b| b == 0)
            .unwrap_or(given.cmd_line.len());
        CommandLine {
            bytes: given.cmd_line.map(i8::cast_unsigned),
            length,
        }
    };
    let store = (given.store_mfn, given.store_evtchn);
    let shared_info = given.shared_info >> 12;
    let layout = Layout {
        nr_pages: given.nr_pages as usize,
        mfn_list: given.mfn_list as usize,
        pt_base: given.pt_base as usize,
        nr_pt_frames: given.nr_pt_frames as usize,
    };
    START_INFO.call_once(|| StartInfo {
        nr_pages: layout.nr_pages,
        magic: given.magic.map(i8::cast_unsigned),
        command_line,
    });

    // 4. Memory: from here on the builder's mapping shows the image only.
    // SAFETY: once, with what start_info says; `given` is not used any more.
    unsafe { mem::init(&layout) };
    let direct = |mfn| mmu::direct(mmu::pfn_of_mfn(mfn));
    // SAFETY: the same page as before, at its lasting address.
    unsafe { console::init(direct(console_page.mfn).addr(), console_page.evtchn) };
    mem::heap::init();

    // 5. Events and time, both on the shared info page.
    // SAFETY: Xen gave this page to the domain; nothing else is in the slot.
    unsafe { event::init(mmu::map_device(event::SHARED_INFO_SLOT, shared_info)) };
    time::init();

    // 6. The rest needs only what is there by now.
    grant::init();
    thread::init();
    console::connect();
    entropy::init();
    // SAFETY: the builder allotted this page to the xenstore ring.
    unsafe { xenstore::init(direct(store.0), store.1) };
    shutdown::init();

    // 7. The workload.
    let code = callisto_main();
    shutdown::exit(code)
}

/// Addresses of the image, from the linker script.
pub(crate) mod image {
    use super::mmu::VIRT_BASE;
    use crate::mem::PAGE_SIZE;
    use crate::symbols::{HEADER_BYTES, Symbols};

    macro_rules! linker_symbols {
        ($($name:ident = $symbol:ident;)*) => {
            unsafe extern "C" { $(static $symbol: u8;)* }
            $(
                pub(crate) fn $name() -> usize {
                    (&raw const $symbol).addr()
                }
            )*
        };
    }

    linker_symbols! {
        start = __image_start;
        text_start = __text_start;
        text_end = __text_end;
        data_start = __data_start;
        data_end = __data_end;
        stack_guard = __boot_stack_guard;
        stack_bottom = __boot_stack_bottom;
        stack_top = __boot_stack_top;
        ksyms_start = __ksyms_start;
    }

    /// What a page of the image may be used for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Rights {
        Execute,
        Read,
        Write,
    }

    /// End of the last page of the image.
    pub(crate) fn end() -> usize {
        (ksyms_start() + symbol_bytes().len().max(1)).next_multiple_of(PAGE_SIZE)
    }

    /// The rights of the image page at `address`; `None` outside the image and for the
    /// guard page of the boot stack.
    pub(crate) fn rights(address: usize) -> Option<Rights> {
        let guard = stack_guard();
        match address {
            a if a < start() || a >= end() => None,
            a if (text_start()..text_end()).contains(&a) => Some(Rights::Execute),
            a if (guard..guard + PAGE_SIZE).contains(&a) => None,
            a if (data_start()..data_end()).contains(&a) => Some(Rights::Write),
            _ => Some(Rights::Read),
        }
    }

    /// The symbol table that `cargo boot` appended, or nothing.
    fn symbol_bytes() -> &'static [u8] {
        let start: *const u8 = core::ptr::with_exposed_provenance(ksyms_start());
        // SAFETY: the segment is at least a placeholder of 16 bytes, mapped and constant.
        let header = unsafe { &*start.cast::<[u8; HEADER_BYTES]>() };
        let length = Symbols::table_bytes(header).unwrap_or(0);
        // SAFETY: `cargo boot` wrote the header together with a table of that length and
        // made the segment that long; the domain builder loaded it whole.
        unsafe { core::slice::from_raw_parts(start, length) }
    }

    /// The names of the image's functions.
    pub(crate) fn symbols() -> Option<Symbols<'static>> {
        Symbols::parse(symbol_bytes())
    }

    const _: () = assert!(
        VIRT_BASE.is_multiple_of(1 << 30),
        "the builder's tables are walked by GiB"
    );
}

/// Placeholder for the symbol table; `cargo boot` puts the real one in its place.
#[used]
#[unsafe(link_section = ".ksyms")]
static KSYMS_PLACEHOLDER: [u8; 16] = [0; 16];

/// Xen's name for itself and the interface, as start_info has it.
pub fn magic() -> &'static CStr {
    CStr::from_bytes_until_nul(&start_info().magic).unwrap_or(c"")
}
