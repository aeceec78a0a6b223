//! Xen's two-level event bits: a word of selectors, each bit a word of 64 ports.
//!
//! Layout and order of operations: xen/event_channel.h and `shared_info` in xen/xen.h.

use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering};

use xen_sys as xen;

use crate::hypercall::{self, Port};

/// Place of the shared info page in the device map.
pub(crate) const SHARED_INFO_SLOT: usize = 0;

const WORD_BITS: u32 = u64::BITS;

static SHARED_INFO: AtomicPtr<xen::shared_info> = AtomicPtr::new(core::ptr::null_mut());

/// # Safety
/// `page` must be this domain's shared info page, mapped for good.
pub(super) unsafe fn init(page: *mut u8) {
    SHARED_INFO.store(page.cast(), Ordering::Relaxed);
}

/// The page that Xen and this domain share. Xen writes it at any time: fields are read
/// volatile or through atomics, never through references to plain data.
pub(crate) fn shared_info() -> *mut xen::shared_info {
    let page = SHARED_INFO.load(Ordering::Relaxed);
    assert!(!page.is_null(), "the shared info page is not mapped yet");
    page
}

/// Whether the page is there: not in the first steps of start of day.
pub(crate) fn is_up() -> bool {
    !SHARED_INFO.load(Ordering::Relaxed).is_null()
}

/// What this vCPU shares with Xen. One vCPU now; a second would pick its own here.
fn vcpu() -> *mut xen::vcpu_info {
    // SAFETY: in bounds of the mapped page.
    unsafe { &raw mut (*shared_info()).vcpu_info[0] }
}

fn upcall_pending() -> &'static AtomicU8 {
    // SAFETY: mapped for good, written by both sides as an atomic byte.
    unsafe { AtomicU8::from_ptr(&raw mut (*vcpu()).evtchn_upcall_pending) }
}

/// The byte that keeps Xen from entering us with an upcall.
pub(super) fn upcall_mask() -> *mut u8 {
    // SAFETY: in bounds of the mapped page.
    unsafe { &raw mut (*vcpu()).evtchn_upcall_mask }
}

fn selectors() -> &'static AtomicU64 {
    // SAFETY: mapped for good, aligned, written by both sides as an atomic word.
    unsafe { AtomicU64::from_ptr(&raw mut (*vcpu()).evtchn_pending_sel) }
}

/// The word of pending bits with index `word` (below 64).
fn pending_word(word: usize) -> &'static AtomicU64 {
    // SAFETY: as for `selectors`; the index is checked by the array.
    unsafe { AtomicU64::from_ptr(&raw mut (*shared_info()).evtchn_pending[word]) }
}

fn mask_word(word: usize) -> &'static AtomicU64 {
    // SAFETY: as for `selectors`; the index is checked by the array.
    unsafe { AtomicU64::from_ptr(&raw mut (*shared_info()).evtchn_mask[word]) }
}

fn place(port: Port) -> (usize, u64) {
    ((port / WORD_BITS) as usize, 1 << (port % WORD_BITS))
}

/// Whether there may be events to dispatch. One load, no hypercall.
pub(crate) fn pending() -> bool {
    upcall_pending().load(Ordering::Relaxed) != 0
}

/// Clears pending bits and calls `handle` for each, once per port.
pub(super) fn take_pending(mut handle: impl FnMut(Port)) {
    // The flag first, then the selectors, then the words: Xen sets them in the opposite
    // order, so whatever it sets after our read raises the flag again.
    upcall_pending().store(0, Ordering::SeqCst);
    let mut selected = selectors().swap(0, Ordering::SeqCst);
    while selected != 0 {
        let word = selected.trailing_zeros();
        selected &= selected - 1;
        let bits = pending_word(word as usize);
        let mut raised =
            bits.load(Ordering::SeqCst) & !mask_word(word as usize).load(Ordering::SeqCst);
        while raised != 0 {
            let bit = raised & raised.wrapping_neg();
            raised &= raised - 1;
            bits.fetch_and(!bit, Ordering::SeqCst);
            handle(word * WORD_BITS + bit.trailing_zeros());
        }
    }
}

pub(super) fn mask(port: Port) {
    let (word, bit) = place(port);
    mask_word(word).fetch_or(bit, Ordering::SeqCst);
}

pub(super) fn unmask(port: Port) {
    let (word, bit) = place(port);
    mask_word(word).fetch_and(!bit, Ordering::SeqCst);
    if pending_word(word).load(Ordering::SeqCst) & bit != 0 {
        // Xen raised it while masked and set no selector: let Xen do it again. It cannot
        // fail for a port number of ours; for a closed one nothing is lost.
        mask_word(word).fetch_or(bit, Ordering::SeqCst);
        let _ = hypercall::evtchn_unmask(port);
    }
}

/// Where the last page fault hit (Xen's copy of cr2), once the page is there.
pub(crate) fn fault_address() -> Option<u64> {
    // SAFETY: in bounds of the mapped page; Xen writes it at a fault, hence volatile.
    is_up().then(|| unsafe { (&raw const (*vcpu()).arch.cr2).read_volatile() })
}
