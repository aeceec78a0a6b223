//! Whom to trust: certificates of authorities, and the time at which they are checked.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};

/// The authorities that Mozilla's browser trusts.
pub fn public() -> RootCertStore {
    RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned())
}

/// Adds the certificate of an authority: DER in base 64, which is what a PEM file has between
/// its first and last line.
pub fn add(roots: &mut RootCertStore, base64: &str) -> Result<(), String> {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| format!("--ca is not a certificate in base 64: {error}"))?;
    roots
        .add(certificate)
        .map_err(|_| "--ca is not an authority's certificate".into())
}

/// A client that speaks TLS 1.3 only, and only to servers that these authorities vouch for.
pub fn client(
    provider: CryptoProvider,
    time: Arc<dyn TimeProvider>,
    roots: RootCertStore,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut config = ClientConfig::builder_with_details(Arc::new(provider), time)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // One connection, one page.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
