//! What `cargo boot bench` makes of its figures: collected per side, compared, printed.

pub(crate) mod figures;
