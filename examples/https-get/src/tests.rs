//! What rustls-webpki refuses with the signatures of our provider: no certificate passes that
//! should not.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{GetRandomFailed, SecureRandom};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{explain, provider, trust};

const CA: &str = include_str!("../data/ca.pem");
const GOOD: &str = include_str!("../data/good.pem");
const EXPIRED: &str = include_str!("../data/expired.pem");
const FORGED: &str = include_str!("../data/forged.pem");
const SELF: &str = include_str!("../data/self.pem");
const RSA_CA: &str = include_str!("../data/rsaca.pem");
const BY_RSA: &str = include_str!("../data/byrsa.pem");
const P384_CA: &str = include_str!("../data/p384ca.pem");
const BY_P384: &str = include_str!("../data/byp384.pem");

/// 2030-01-01.
const NOW: u64 = 1_893_456_000;

#[derive(Debug)]
struct NoRandom;

impl SecureRandom for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.contains("---")).collect()
}

/// What a guest that trusts `authority` says of a server that shows `chain` and is called `name`.
fn check(authority: &str, chain: &[&str], name: &str, now: u64) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    trust::add(&mut roots, &base64(authority))?;
    let provider = Arc::new(provider::provider(&NoRandom));
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let chain: Vec<CertificateDer<'_>> = chain
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .collect();
    let name = ServerName::try_from(name).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
    match verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now) {
        Ok(_) => Ok(()),
        Err(error) if explain::is_distrust(&error) => Err(explain::explain(&error)),
        Err(error) => Err(format!("not about the certificate: {error}")),
    }
}

#[track_caller]
fn refused(result: Result<(), String>, why: &str) {
    let text = result.expect_err("trusted");
    assert!(text.starts_with("the server's certificate"), "{text}");
    assert!(text.contains(why), "{text}");
}

#[test]
fn who_keeps_every_promise_is_trusted() {
    check(CA, &[GOOD], "shop.example", NOW).unwrap();
    check(RSA_CA, &[BY_RSA], "shop.example", NOW).unwrap();
    check(P384_CA, &[BY_P384], "shop.example", NOW).unwrap();
}

#[test]
fn another_name_is_refused() {
    for name in ["bank.example", "a.shop.example", "example", "192.0.2.1"] {
        refused(check(CA, &[GOOD], name, NOW), "is not for");
    }
}

#[test]
fn time_decides() {
    refused(check(CA, &[EXPIRED], "shop.example", NOW), "has expired");
    refused(
        check(CA, &[GOOD], "shop.example", 1_000_000_000),
        "not valid yet",
    );
    refused(
        check(CA, &[GOOD], "shop.example", 4_200_000_000),
        "has expired",
    );
}

#[test]
fn nobody_vouches_for_himself_or_others() {
    let unknown = "signed by nobody who is trusted";
    refused(check(CA, &[SELF], "shop.example", NOW), unknown);
    refused(check(P384_CA, &[GOOD], "shop.example", NOW), unknown);
    refused(check(RSA_CA, &[GOOD, CA], "shop.example", NOW), unknown);
    // Signed by a server's key, with that server's certificate beside it.
    refused(
        check(CA, &[FORGED, GOOD], "shop.example", NOW),
        "breaks a rule",
    );
}

#[test]
fn a_changed_certificate_is_refused() {
    for (authority, pem) in [(CA, GOOD), (RSA_CA, BY_RSA), (P384_CA, BY_P384)] {
        let mut der = CertificateDer::from_pem_slice(pem.as_bytes())
            .unwrap()
            .to_vec();
        // In the signature, at the end.
        let last = der.len() - 1;
        der[last] ^= 1;
        let mut roots = RootCertStore::empty();
        trust::add(&mut roots, &base64(authority)).unwrap();
        let provider = Arc::new(provider::provider(&NoRandom));
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let name = ServerName::try_from("shop.example").unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
        let error = verifier
            .verify_server_cert(&der.into(), &[], &name, &[], now)
            .expect_err("trusted");
        assert!(
            explain::explain(&error).contains("wrong signature"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_certificate_is_no_authority() {
    let mut roots = RootCertStore::empty();
    for wrong in ["", "MIIB", "not base 64", "////"] {
        assert!(trust::add(&mut roots, wrong).is_err(), "{wrong:?}");
    }
    assert!(roots.is_empty());
    assert!(trust::public().len() > 50);
}
