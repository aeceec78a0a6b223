//! What std has beyond the common of all systems, as far as it means something here.

pub mod unix;
