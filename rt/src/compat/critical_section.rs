//! Critical sections, for crates that share data with interrupts: nothing has to be done.
//!
//! A domain has one vCPU; its threads change only where one calls the scheduler; events are looked
//! at by the scheduler, never in the middle of other code (`kernel/src/event/block.rs`). So nothing
//! comes between unless the section itself calls something that waits. What it calls may then do
//! as much as any code that it calls, and no more: the section's data is as safe as a `RefCell`.

struct Cooperative;

critical_section::set_impl!(Cooperative);

// SAFETY: there is nobody to keep out: see the head of the file. Sections nest, for they do nothing.
unsafe impl critical_section::Impl for Cooperative {
    unsafe fn acquire() -> critical_section::RawRestoreState {}

    unsafe fn release(_: critical_section::RawRestoreState) {}
}
