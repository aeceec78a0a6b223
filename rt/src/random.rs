//! Random numbers for secrets.
//!
//! They come from the processor: RDSEED where it has it, RDRAND otherwise, each instruction asked
//! for as much as is needed; nothing is stored or stretched in between. What they are worth: RDSEED
//! is the conditioned output of the processor's noise source (NIST SP 800-90B), RDRAND a generator
//! that it reseeds (SP 800-90A); nobody can check either from outside. Whoever keeps secrets with
//! them trusts the maker of the processor, and Xen, which could emulate the instructions, but can
//! read the guest's memory anyway. In an emulator they are as good as the emulator's.
//!
//! A processor with neither, or a toolstack that hides them, makes [`Entropy::new`] fail. There is
//! no weaker source to fall back to, on purpose.
//!
//! With the feature `rand_core` [`Entropy`] is a `CryptoRng` of rand_core 0.10, with `rand_core-06`
//! one of rand_core 0.6, which cryptography of that generation (embedded-tls) wants.

use kernel::entropy;

use crate::io::{self, ErrorKind};

/// The processor's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct Entropy(());

impl Entropy {
    /// [`ErrorKind::Unsupported`] where the processor has no source.
    pub fn new() -> io::Result<Entropy> {
        match entropy::is_available() {
            true => Ok(Entropy(())),
            false => Err(no_entropy()),
        }
    }

    /// Fills `bytes`; an error of kind [`ErrorKind::ResourceBusy`] when the processor does not
    /// deliver even after many tries, and `bytes` must not be used then.
    pub fn try_fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        match entropy::fill_secret(bytes) {
            true => Ok(()),
            false => Err(io::Error::new(
                ErrorKind::ResourceBusy,
                "the processor ran out of entropy",
            )),
        }
    }

    /// As [`try_fill`](Self::try_fill).
    ///
    /// # Panics
    /// When the processor does not deliver: better no guest than one whose secrets are guessed.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.try_fill(bytes).expect("random numbers");
    }

    #[cfg(any(feature = "rand_core", feature = "rand_core-06"))]
    fn word<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

fn no_entropy() -> io::Error {
    io::Error::new(
        ErrorKind::Unsupported,
        "this processor offers neither RDSEED nor RDRAND",
    )
}

#[cfg(feature = "rand_core")]
impl rand_core::TryRng for Entropy {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.word()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.word()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.fill(bytes);
        Ok(())
    }
}

#[cfg(feature = "rand_core")]
impl rand_core::TryCryptoRng for Entropy {}

#[cfg(feature = "rand_core-06")]
impl rand_core_06::RngCore for Entropy {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.word())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.word())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        let code = rand_core_06::Error::CUSTOM_START;
        self.try_fill(bytes)
            .map_err(|_| core::num::NonZeroU32::new(code).expect("not zero").into())
    }
}

#[cfg(feature = "rand_core-06")]
impl rand_core_06::CryptoRng for Entropy {}
