//! What `cargo boot bench` makes of its figures: collected per backend, compared, printed.

pub(crate) mod figures;
