//! Records, encrypted and decrypted: AES-GCM and ChaCha20-Poly1305.

use alloc::boxed::Box;
use core::marker::PhantomData;

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    self, AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter,
    MessageEncrypter, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls13AeadAlgorithm, UnsupportedOperationError, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

/// All three have a tag of this length.
const TAG_BYTES: usize = 16;

/// An algorithm by its type.
pub(super) struct Algorithm<A> {
    key_bytes: usize,
    cipher: PhantomData<fn() -> A>,
}

pub(super) static AES_128_GCM: Algorithm<Aes128Gcm> = Algorithm::with_key_of(16);
pub(super) static AES_256_GCM: Algorithm<Aes256Gcm> = Algorithm::with_key_of(32);
pub(super) static CHACHA20_POLY1305: Algorithm<ChaCha20Poly1305> = Algorithm::with_key_of(32);

impl<A> Algorithm<A> {
    const fn with_key_of(key_bytes: usize) -> Self {
        Algorithm {
            key_bytes,
            cipher: PhantomData,
        }
    }
}

impl<A: AeadInOut + KeyInit + Send + Sync + 'static> Algorithm<A> {
    fn key(&self, key: &AeadKey, iv: Iv) -> Box<Key<A>> {
        // rustls asks `key_len` first and cuts the key to that.
        let cipher = A::new_from_slice(key.as_ref()).expect("a key as long as was asked for");
        Box::new(Key { cipher, iv })
    }
}

impl<A: AeadInOut + KeyInit + Send + Sync + 'static> Tls13AeadAlgorithm for Algorithm<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        self.key(&key, iv)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.key(&key, iv)
    }

    fn key_len(&self) -> usize {
        self.key_bytes
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

/// One direction of a connection.
struct Key<A> {
    cipher: A,
    iv: Iv,
}

impl<A: AeadInOut> Key<A> {
    /// The nonce of record number `seq`.
    fn nonce(&self, seq: u64) -> Nonce<A> {
        let bytes = cipher::Nonce::new(&self.iv, seq).0;
        Nonce::<A>::try_from(bytes.as_slice()).expect("TLS 1.3 has nonces of 12 bytes")
    }
}

impl<A: AeadInOut + Send + Sync> MessageEncrypter for Key<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let total = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(total);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let tag = self
            .cipher
            .encrypt_inout_detached(
                &self.nonce(seq),
                &make_tls13_aad(total),
                payload.as_mut().into(),
            )
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + 1 + TAG_BYTES
    }
}

impl<A: AeadInOut + Send + Sync> MessageDecrypter for Key<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let total = message.payload.len();
        let length = total.checked_sub(TAG_BYTES).ok_or(Error::DecryptError)?;
        let (text, tag) = message.payload.split_at_mut(length);
        let tag = Tag::<A>::try_from(&*tag).map_err(|_| Error::DecryptError)?;
        self.cipher
            .decrypt_inout_detached(&self.nonce(seq), &make_tls13_aad(total), text.into(), &tag)
            .map_err(|_| Error::DecryptError)?;
        message.payload.truncate(length);
        message.into_tls13_unpadded_message()
    }
}
