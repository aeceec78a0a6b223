//! The codec against bytes that are written out, against itself, and against nonsense.

mod bytes;
mod hostile;
mod props;
