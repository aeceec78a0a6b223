//! Fetches a page over TLS 1.3, from a server whose certificate is checked, and prints it, or
//! its length and SHA-256.
//!
//! ```text
//! $ cargo boot run https-get -- https://example.org/
//! $ cargo boot run https-get -- --ca MIIBtzCCAV2gAwIB… --connect 192.0.2.1:443 https://shop.example/
//! ```
//!
//! | option | |
//! |---|---|
//! | `--ca BASE64` | trust this authority, and no other but those named likewise. The certificate as DER in base 64: the inner lines of a PEM file, without the ends of lines. A domain's command line has 1023 bytes, enough for one with an elliptic curve. Without the option, the authorities that Mozilla trusts count |
//! | `--connect HOST:PORT` | connect there instead; the certificate must be for the URL's host all the same |
//! | `--sha256` | print the length and the SHA-256 of the page instead of the page |
//!
//! The chain of certificates, their validity now, and the name are checked; revocation is not.
//!
//! Ends with 0 for an answer 200 that arrived whole, 1 for anything else, 2 for a wrong call, 3
//! when the server is not trusted; nothing has been sent to it then but the handshake.
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("https-get is a guest: cargo boot run https-get -- URL");
    std::process::exit(2);
}
