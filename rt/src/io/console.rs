//! The domain's console as standard input and output.
//!
//! Output is written at once: nothing is held back, and there is nothing to flush. There is one
//! stream, so standard error is standard output. Input ends its lines with LF, whatever the
//! terminal sends (CR, LF or both), is not echoed, and never ends.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use embedded_io::ErrorType;
use kernel::console;

use super::{BufRead, Lines, Read, Result, Write};
use crate::sync::{Mutex, MutexGuard};

/// What `print!` calls.
pub fn print(text: fmt::Arguments<'_>) {
    console::print(text);
}

macro_rules! output {
    ($stream:ident, $lock:ident, $function:ident) => {
        /// The console, for writing.
        #[derive(Debug)]
        pub struct $stream(());

        /// The console, for writing. Other threads' output does not come between, unless the
        /// thread that has this waits for something.
        #[derive(Debug)]
        pub struct $lock<'a>(core::marker::PhantomData<&'a ()>);

        /// The console, for writing.
        pub const fn $function() -> $stream {
            $stream(())
        }

        impl $stream {
            /// As std's; a thread is not interrupted here, so there is nothing to be locked.
            pub fn lock(&self) -> $lock<'static> {
                $lock(core::marker::PhantomData)
            }
        }

        output!(@traits $stream, &$stream, $lock<'_>);
    };
    (@traits $($type:ty),*) => { $(
        impl Write for $type {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                console::write(bytes);
                Ok(bytes.len())
            }

            /// Formats into whole lines, as `print!` does.
            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
                console::print(text);
                Ok(())
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }

        impl ErrorType for $type {
            type Error = super::Error;
        }

        impl embedded_io::Write for $type {
            fn write(&mut self, bytes: &[u8]) -> Result<usize> {
                Write::write(self, bytes)
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }

        impl IsTerminal for $type {}
    )* };
}

output!(Stdout, StdoutLock, stdout);
output!(Stderr, StderrLock, stderr);

/// Whether a person sees what is written, with colours.
pub trait IsTerminal {
    /// False: nobody in the domain knows whether somebody looks at its console.
    fn is_terminal(&self) -> bool {
        false
    }
}

/// What was typed and is not read yet.
#[derive(Debug)]
struct Input {
    bytes: [u8; 256],
    start: usize,
    end: usize,
    /// Whether the last byte was CR: a LF that follows belongs to it.
    after_cr: bool,
}

static INPUT: Mutex<Input> = Mutex::new(Input {
    bytes: [0; 256],
    start: 0,
    end: 0,
    after_cr: false,
});

impl Input {
    /// Waits until there is something.
    fn fill(&mut self) {
        while self.start == self.end {
            let count = console::read(&mut self.bytes, None);
            self.start = 0;
            self.end = 0;
            for index in 0..count {
                let byte = self.bytes[index];
                let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
                if byte == b'\n' && after_cr {
                    continue;
                }
                self.bytes[self.end] = if byte == b'\r' { b'\n' } else { byte };
                self.end += 1;
            }
        }
    }
}

/// The console, for reading: what is typed in `xl console`.
#[derive(Debug)]
pub struct Stdin(());

/// The console, for reading, by one thread alone.
#[derive(Debug)]
pub struct StdinLock<'a>(MutexGuard<'a, Input>);

/// The console, for reading.
pub const fn stdin() -> Stdin {
    Stdin(())
}

impl Stdin {
    /// Waits until no other thread reads, and keeps them from it.
    pub fn lock(&self) -> StdinLock<'static> {
        match INPUT.lock() {
            Ok(input) => StdinLock(input),
            Err(poisoned) => StdinLock(poisoned.into_inner()),
        }
    }

    /// Appends the next line with its line feed, and returns its length.
    ///
    /// # Errors
    /// Those of [`BufRead::read_line`].
    pub fn read_line(&self, line: &mut String) -> Result<usize> {
        self.lock().read_line(line)
    }

    /// The lines that are typed from now on.
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

impl Read for StdinLock<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let count = self.fill_buf()?.read(bytes)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for StdinLock<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.0.fill();
        Ok(&self.0.bytes[self.0.start..self.0.end])
    }

    fn consume(&mut self, count: usize) {
        self.0.start = (self.0.start + count).min(self.0.end);
    }
}

macro_rules! input {
    ($($type:ty),*) => { $(
        impl Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
                self.lock().read(bytes)
            }

            fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> Result<usize> {
                self.lock().read_to_end(bytes)
            }

            fn read_exact(&mut self, bytes: &mut [u8]) -> Result<()> {
                self.lock().read_exact(bytes)
            }
        }
    )* };
}

input!(Stdin, &Stdin);

macro_rules! input_elsewhere {
    ($($type:ty),*) => { $(
        impl ErrorType for $type {
            type Error = super::Error;
        }

        impl embedded_io::Read for $type {
            fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
                Read::read(self, bytes)
            }
        }

        impl IsTerminal for $type {}
    )* };
}

input_elsewhere!(Stdin, &Stdin, StdinLock<'_>);
