//! The function-like macros of Xen's headers, which bindgen cannot translate.
//!
//! Each names the header and the macro it stands for. They compute and touch no memory: where
//! the C macro reads or writes a shared page, this one takes the value that was read.

use core::mem::{offset_of, size_of};

use crate::{
    XEN_PAGE_SHIFT, XENSTORE_RING_SIZE, xen_pvcalls_sring, xen_pvcalls_sring_entry,
    xencons_interface,
};

/// Bytes of a page, the unit of everything that is shared.
pub const XEN_PAGE_SIZE: usize = 1 << XEN_PAGE_SHIFT;

// ---- io/ring.h: request rings ----

/// Bytes before the first slot of a request ring. io/ring.h: `offsetof(struct _s##_sring, ring)`.
pub const SRING_HEADER_BYTES: usize = 64;

/// Slots of a ring of `bytes` bytes: the greatest power of two that fits. io/ring.h: `__CONST_RING_SIZE`.
#[must_use]
pub const fn ring_slots(bytes: usize, slot_bytes: usize) -> u32 {
    let slots = (bytes - SRING_HEADER_BYTES) / slot_bytes;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ring has fewer than 2^32 bytes"
    )]
    let slots = slots as u32;
    1 << slots.ilog2()
}

/// Slots of the PV Calls command ring: 32.
pub const PVCALLS_RING_SLOTS: u32 = ring_slots(XEN_PAGE_SIZE, size_of::<xen_pvcalls_sring_entry>());

const _: () = assert!(PVCALLS_RING_SLOTS == 32);
const _: () = assert!(offset_of!(xen_pvcalls_sring, ring) == SRING_HEADER_BYTES);

/// Slots a frontend may still fill. io/ring.h: `RING_FREE_REQUESTS`.
#[must_use]
pub const fn ring_free_requests(slots: u32, req_prod: u32, rsp_cons: u32) -> u32 {
    slots.wrapping_sub(req_prod.wrapping_sub(rsp_cons))
}

/// Whether the peer asked to be told about a step of the producer index from `old` to `new`,
/// `event` being the peer's `req_event` or `rsp_event` read after the new index was published
/// and a full fence. io/ring.h: `RING_PUSH_REQUESTS_AND_CHECK_NOTIFY`, `RING_PUSH_RESPONSES_AND_CHECK_NOTIFY`.
#[must_use]
pub const fn ring_push_needs_notify(old: u32, new: u32, event: u32) -> bool {
    new.wrapping_sub(event) < new.wrapping_sub(old)
}

// ---- io/ring.h: byte rings ----

/// Bytes of each of the two arrays in a data ring of 2^`order` pages. io/ring.h: `XEN_FLEX_RING_SIZE`.
#[must_use]
pub const fn xen_flex_ring_size(order: u32) -> u32 {
    1 << (order + XEN_PAGE_SHIFT - 1)
}

/// Place of a free-running index in an array of `size` bytes, a power of two. io/ring.h: `name##_mask`.
#[must_use]
pub const fn xen_flex_ring_mask(index: u32, size: u32) -> u32 {
    index & (size - 1)
}

/// Bytes queued between two indexes of an array of `size` bytes. As in C, equal masks with
/// unequal indexes mean "full": check the indexes of an untrusted peer before calling this.
/// io/ring.h: `name##_queued`.
#[must_use]
pub const fn xen_flex_ring_queued(prod: u32, cons: u32, size: u32) -> u32 {
    if prod == cons {
        return 0;
    }
    let queued = xen_flex_ring_mask(prod.wrapping_sub(cons), size);
    if queued == 0 { size } else { queued }
}

// ---- io/console.h, io/xs_wire.h ----

/// Bytes of the console's input array (`xencons_interface::in_`).
pub const XENCONS_IN_BYTES: u32 = 1024;

/// Bytes of the console's output array (`xencons_interface::out`).
pub const XENCONS_OUT_BYTES: u32 = 2048;

const _: () = assert!(offset_of!(xencons_interface, out) == XENCONS_IN_BYTES as usize);
const _: () = assert!(
    offset_of!(xencons_interface, in_cons) == (XENCONS_IN_BYTES + XENCONS_OUT_BYTES) as usize
);

/// Place of a free-running index in a console array of `size` bytes. io/console.h: `MASK_XENCONS_IDX`.
#[must_use]
pub const fn mask_xencons_idx(index: u32, size: u32) -> u32 {
    index & (size - 1)
}

/// Place of a free-running index in a xenstore ring. io/xs_wire.h: `MASK_XENSTORE_IDX`.
#[must_use]
pub const fn mask_xenstore_idx(index: u32) -> u32 {
    index & (XENSTORE_RING_SIZE - 1)
}

// ---- xen.h, arch-x86/xen.h, arch-x86/xen-x86_64.h ----

/// Value of CR3 for a top-level page table in this frame. arch-x86/xen-x86_64.h: `xen_pfn_to_cr3`.
#[must_use]
pub const fn xen_pfn_to_cr3(pfn: u64) -> u64 {
    pfn << XEN_PAGE_SHIFT
}

/// Frame of the top-level page table that CR3 names. arch-x86/xen-x86_64.h: `xen_cr3_to_pfn`.
#[must_use]
pub const fn xen_cr3_to_pfn(cr3: u64) -> u64 {
    cr3 >> XEN_PAGE_SHIFT
}

/// Mask of the privilege level in `trap_info::flags`: 3 lets user mode raise the trap by `int`. arch-x86/xen.h: `TI_GET_DPL`.
pub const TI_DPL_MASK: u8 = 3;

/// Bit of `trap_info::flags` that masks event upcalls on the way in. arch-x86/xen.h: `TI_SET_IF`.
pub const TI_IF: u8 = 1 << 2;

/// Bytes of one entry in the hypercall page, so hypercall N is at N times this. xen.h: comment "x86_64 ABI".
pub const HYPERCALL_ENTRY_BYTES: usize = 32;

/// Submap of `XENVER_get_features` and bit in it for a feature number. features.h: numbering of `XENFEAT_*`.
#[must_use]
pub const fn feature_position(feature: u32) -> (u32, u32) {
    (feature / 32, feature % 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flex_rings_split_their_pages_in_two() {
        assert_eq!(xen_flex_ring_size(0), 2048);
        assert_eq!(xen_flex_ring_size(4), 32768);
        assert_eq!(xen_flex_ring_queued(5, 5, 2048), 0);
        assert_eq!(xen_flex_ring_queued(5 + 2048, 5, 2048), 2048);
        assert_eq!(xen_flex_ring_queued(3, u32::MAX - 3, 2048), 7);
    }

    #[test]
    fn the_peer_is_told_only_when_the_step_passes_its_event_index() {
        assert!(ring_push_needs_notify(0, 1, 1));
        assert!(ring_push_needs_notify(0, 3, 2));
        assert!(!ring_push_needs_notify(1, 2, 1));
        assert!(!ring_push_needs_notify(0, 1, 2));
        assert!(ring_push_needs_notify(u32::MAX, 1, 0));
    }

    #[test]
    fn a_full_ring_has_no_free_request() {
        assert_eq!(ring_free_requests(PVCALLS_RING_SLOTS, 7, 7), 32);
        assert_eq!(ring_free_requests(PVCALLS_RING_SLOTS, 3, u32::MAX - 28), 0);
    }
}
