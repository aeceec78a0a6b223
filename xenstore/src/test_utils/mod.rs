//! For tests, here and in crates that use this one (feature `test-utils`): a server in memory, and
//! users of one client of it that do what bytes say.

mod fuzz;
mod server;
mod tool;

pub use fuzz::fuzz;
pub use server::Server;
pub use tool::{Message, Tool, message};
