//! Signatures of certificates and handshakes: ECDSA and RSA.

use core::fmt;
use core::marker::PhantomData;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest, Sha256, Sha384, Sha512};

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// All of them, and which a server may sign the handshake with.
pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        P256_SHA256,
        P256_SHA384,
        P384_SHA256,
        P384_SHA384,
        PSS_SHA256,
        PSS_SHA384,
        PSS_SHA512,
        PKCS1_SHA256,
        PKCS1_SHA384,
        PKCS1_SHA512,
    ],
    // TLS 1.3 binds the curve to the hash, and does not take PKCS #1 v1.5 here; the latter
    // must be listed all the same, for certificates.
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[P256_SHA256, P384_SHA256],
        ),
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[P384_SHA384, P256_SHA384],
        ),
        (SignatureScheme::RSA_PSS_SHA256, &[PSS_SHA256]),
        (SignatureScheme::RSA_PSS_SHA384, &[PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA512, &[PSS_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[PKCS1_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[PKCS1_SHA512]),
    ],
};

const P256_SHA256: Algorithm =
    &Ecdsa::<P256, Sha256>::new(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256);
const P256_SHA384: Algorithm =
    &Ecdsa::<P256, Sha384>::new(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384);
const P384_SHA256: Algorithm =
    &Ecdsa::<P384, Sha256>::new(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256);
const P384_SHA384: Algorithm =
    &Ecdsa::<P384, Sha384>::new(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384);
const PSS_SHA256: Algorithm = &Rsa::<Pss<Sha256>>::new(alg_id::RSA_PSS_SHA256);
const PSS_SHA384: Algorithm = &Rsa::<Pss<Sha384>>::new(alg_id::RSA_PSS_SHA384);
const PSS_SHA512: Algorithm = &Rsa::<Pss<Sha512>>::new(alg_id::RSA_PSS_SHA512);
const PKCS1_SHA256: Algorithm = &Rsa::<Pkcs1<Sha256>>::new(alg_id::RSA_PKCS1_SHA256);
const PKCS1_SHA384: Algorithm = &Rsa::<Pkcs1<Sha384>>::new(alg_id::RSA_PKCS1_SHA384);
const PKCS1_SHA512: Algorithm = &Rsa::<Pkcs1<Sha512>>::new(alg_id::RSA_PKCS1_SHA512);

/// A way to check a hash's signature by a key as certificates hold it; `None` if it is not so.
trait Check {
    fn check(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()>;
}

struct P256;
struct P384;

impl Check for P256 {
    fn check(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
        key.verify_prehash(digest, &signature).ok()
    }
}

impl Check for P384 {
    fn check(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
        let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
        key.verify_prehash(digest, &signature).ok()
    }
}

/// ECDSA on the curve `C` of a hash `D`.
struct Ecdsa<C, D> {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    types: PhantomData<fn() -> (C, D)>,
}

impl<C, D> Ecdsa<C, D> {
    const fn new(key: AlgorithmIdentifier, signature: AlgorithmIdentifier) -> Self {
        Ecdsa {
            key,
            signature,
            types: PhantomData,
        }
    }
}

impl<C: Check, D: Digest> SignatureVerificationAlgorithm for Ecdsa<C, D> {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        C::check(key, &D::digest(message), signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

impl<C, D> fmt::Debug for Ecdsa<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ecdsa").field(&self.signature).finish()
    }
}

/// RSA with a padding `P`.
struct Rsa<P> {
    signature: AlgorithmIdentifier,
    padding: PhantomData<fn() -> P>,
}

struct Pss<D>(PhantomData<D>);
struct Pkcs1<D>(PhantomData<D>);

/// A padding: checks the signature of a message.
trait Padding {
    fn check(key: RsaPublicKey, message: &[u8], signature: &[u8]) -> Option<()>;
}

macro_rules! paddings {
    ($($hash:ty),*) => {$(
        impl Padding for Pss<$hash> {
            fn check(key: RsaPublicKey, message: &[u8], signature: &[u8]) -> Option<()> {
                let signature = rsa::pss::Signature::try_from(signature).ok()?;
                let key = rsa::pss::VerifyingKey::<$hash>::new(key);
                key.verify(message, &signature).ok()
            }
        }

        impl Padding for Pkcs1<$hash> {
            fn check(key: RsaPublicKey, message: &[u8], signature: &[u8]) -> Option<()> {
                let signature = rsa::pkcs1v15::Signature::try_from(signature).ok()?;
                let key = rsa::pkcs1v15::VerifyingKey::<$hash>::new(key);
                key.verify(message, &signature).ok()
            }
        }
    )*};
}

paddings!(Sha256, Sha384, Sha512);

impl<P> Rsa<P> {
    const fn new(signature: AlgorithmIdentifier) -> Self {
        Rsa {
            signature,
            padding: PhantomData,
        }
    }
}

impl<P: Padding> SignatureVerificationAlgorithm for Rsa<P> {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        // The library refuses keys of more than 4096 bits, which would take long to check.
        let key = RsaPublicKey::from_pkcs1_der(key).map_err(|_| InvalidSignature)?;
        P::check(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

impl<P> fmt::Debug for Rsa<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rsa").field(&self.signature).finish()
    }
}
