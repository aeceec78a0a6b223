//! Readers and writers with a buffer.

mod line;
mod reader;
mod writer;

pub use line::LineWriter;
pub use reader::BufReader;
pub use writer::{BufWriter, IntoInnerError, WriterPanicked};
