//! Where the words of the shared pages lie.
//!
//! Offsets are taken from `xen-sys` and asserted against the numbers of the specification.

use core::mem::offset_of;

use xen_sys::{pvcalls_data_intf, xen_pvcalls_sring};

/// Words of the command ring's page, as byte offsets.
pub(crate) mod sring {
    use super::{offset_of, xen_pvcalls_sring};

    pub(crate) const REQ_PROD: usize = offset_of!(xen_pvcalls_sring, req_prod);
    pub(crate) const REQ_EVENT: usize = offset_of!(xen_pvcalls_sring, req_event);
    pub(crate) const RSP_PROD: usize = offset_of!(xen_pvcalls_sring, rsp_prod);
    pub(crate) const RSP_EVENT: usize = offset_of!(xen_pvcalls_sring, rsp_event);
    /// The word whose lowest byte says that the backend lives, with `feature-alive`: the first
    /// bytes that version 1 leaves unused.
    pub(crate) const ALIVE: usize = 16;
    const SLOTS: usize = offset_of!(xen_pvcalls_sring, ring);

    /// Slots in the page: what is left of it after the header, rounded down to a power of two.
    pub(crate) const SLOT_COUNT: u32 = 32;
    pub(crate) const SLOT_BYTES: usize = super::super::REQUEST_BYTES;

    /// Where the slot of that number (already masked) begins.
    pub(crate) fn slot(number: u32) -> usize {
        debug_assert!(number < SLOT_COUNT);
        SLOTS + number as usize * SLOT_BYTES
    }

    const _: () = assert!(REQ_PROD == 0 && REQ_EVENT == 4 && RSP_PROD == 8 && RSP_EVENT == 12);
    const _: () = assert!(SLOTS == 64 && ALIVE + 4 <= SLOTS && ALIVE >= RSP_EVENT + 4);
    const _: () =
        assert!(((crate::units::PAGE_SIZE - SLOTS) / SLOT_BYTES).ilog2() == SLOT_COUNT.ilog2());
}

/// Words of a socket's indexes page, as byte offsets. Those named `IN_PROD`, `IN_ERROR`,
/// `OUT_CONS` and `OUT_ERROR` belong to the backend; the frontend owns the others.
pub(crate) mod data_intf {
    use super::{offset_of, pvcalls_data_intf};

    pub(crate) const IN_CONS: usize = offset_of!(pvcalls_data_intf, in_cons);
    pub(crate) const IN_PROD: usize = offset_of!(pvcalls_data_intf, in_prod);
    pub(crate) const IN_ERROR: usize = offset_of!(pvcalls_data_intf, in_error);
    pub(crate) const OUT_CONS: usize = offset_of!(pvcalls_data_intf, out_cons);
    pub(crate) const OUT_PROD: usize = offset_of!(pvcalls_data_intf, out_prod);
    pub(crate) const OUT_ERROR: usize = offset_of!(pvcalls_data_intf, out_error);
    pub(crate) const RING_ORDER: usize = offset_of!(pvcalls_data_intf, ring_order);
    pub(crate) const REFS: usize = offset_of!(pvcalls_data_intf, ref_);
    // With `feature-event-idx`: at which index who wrote it wants to be told. Ours are
    // `IN_PROD_EVENT` and `OUT_CONS_EVENT`.
    pub(crate) const IN_PROD_EVENT: usize = 12;
    pub(crate) const IN_CONS_EVENT: usize = 16;
    pub(crate) const OUT_CONS_EVENT: usize = 76;
    pub(crate) const OUT_PROD_EVENT: usize = 80;

    const _: () = assert!(IN_CONS == 0 && IN_PROD == 4 && IN_ERROR == 8);
    const _: () = assert!(OUT_CONS == 64 && OUT_PROD == 68 && OUT_ERROR == 72);
    // The figure in the specification still shows 76 and 80; the structure is what counts.
    const _: () = assert!(RING_ORDER == 128 && REFS == 132);
    // Those that it has in common with other drivers' rings.
    const _: () = {
        use xen_front::ring::words;
        assert!(IN_CONS == words::IN_CONS && IN_PROD == words::IN_PROD);
        assert!(OUT_CONS == words::OUT_CONS && OUT_PROD == words::OUT_PROD);
        assert!(RING_ORDER == words::RING_ORDER && REFS == words::REFS);
    };
    const _: () = assert!(REFS + 4 * (1 << 9) <= crate::units::PAGE_SIZE);
}
