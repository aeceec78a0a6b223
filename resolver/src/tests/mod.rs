//! Names as users write them, and servers that answer, well or badly.

mod exchange;
mod hostile;
mod lists;
mod reply;
