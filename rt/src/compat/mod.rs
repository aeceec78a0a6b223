//! What crates for machines without std expect to find at link time: behind features.

#[cfg(feature = "critical-section")]
mod critical_section;
#[cfg(feature = "embassy-executor")]
pub mod embassy;
#[cfg(feature = "embassy-time")]
mod embassy_time;
