//! The cryptography behind rustls: TLS 1.3 on RustCrypto's crates.
//!
//! rustls brings the protocol and, with rustls-webpki, the checking of certificates; which
//! code computes is up to its user. Its usual providers are C and assembler for an operating
//! system; the one that is made of RustCrypto's crates asks the system for random bytes. A
//! guest has no system below, so the few lines between are here.

mod aead;
mod hash;
mod kx;
mod verify;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;

use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CipherSuiteCommon, CryptoProvider, KeyProvider, SecureRandom};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, SupportedCipherSuite, Tls13CipherSuite};

/// A provider that draws its random bytes from `random`.
///
/// Makes two small objects that live as long as the program: call it once.
pub fn provider(random: &'static dyn SecureRandom) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            SupportedCipherSuite::Tls13(&AES_128_GCM_SHA256),
            SupportedCipherSuite::Tls13(&AES_256_GCM_SHA384),
            SupportedCipherSuite::Tls13(&CHACHA20_POLY1305_SHA256),
        ],
        kx_groups: vec![
            Box::leak(Box::new(kx::X25519(random))),
            Box::leak(Box::new(kx::P256(random))),
        ],
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: random,
        key_provider: &NoKeys,
    }
}

// How many records one key may encrypt: RFC 8446, 5.5. ChaCha20 has no such limit.
const GCM_RECORDS: u64 = 1 << 24;

static AES_128_GCM_SHA256: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_128_GCM_SHA256,
        hash_provider: &hash::SHA256,
        confidentiality_limit: GCM_RECORDS,
    },
    hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA256),
    aead_alg: &aead::AES_128_GCM,
    quic: None,
};

static AES_256_GCM_SHA384: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
        hash_provider: &hash::SHA384,
        confidentiality_limit: GCM_RECORDS,
    },
    hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA384),
    aead_alg: &aead::AES_256_GCM,
    quic: None,
};

static CHACHA20_POLY1305_SHA256: Tls13CipherSuite = Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        hash_provider: &hash::SHA256,
        confidentiality_limit: u64::MAX,
    },
    hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA256),
    aead_alg: &aead::CHACHA20_POLY1305,
    quic: None,
};

/// A client that shows no certificate has no private keys.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General(
            "client certificates are not supported".into(),
        ))
    }
}
