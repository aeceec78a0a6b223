//! The console, both ways.

use alloc::string::String;

use rt::{io, println};

/// Repeats lines until one says `end`.
pub(crate) fn read() {
    println!("listening");
    loop {
        let mut line = String::new();
        io::stdin().read_line(&mut line).expect("text");
        println!("heard: {}", line.trim_end());
        if line == "end\n" {
            return;
        }
    }
}

/// Far more than the ring holds, in lines whose loss would show.
pub(crate) fn write() {
    for number in 0..5000 {
        println!("line {number:04} {:-<60}", "");
    }
    println!("dropped {}", rt::kernel::console::dropped_bytes());
}
