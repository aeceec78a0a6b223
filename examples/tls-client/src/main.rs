//! Talks TLS 1.3 to a server whose certificate is checked: the crate embedded-tls, unchanged, on an
//! async stream and on a blocking one.
//!
//! ```text
//! $ cargo boot run tls-client -- ca=308201… 192.0.2.1:4433 server.example /index.html
//! HTTP/1.0 200 ok
//! …
//! ```
//!
//! `ca` is the authority that must have signed the server's certificate: X.509 in DER, in
//! hexadecimal digits, with a P-256 key. Name and validity are checked, too. `blocking=1` uses
//! `rt::net::TcpStream`, else it is `rt::net::aio`'s. This shows that embedded-tls
//! runs here; its verifier looks at chains, names and dates, but at no constraints, and a server can
//! make it panic. For servers that nobody vouches for, take `https-get`.
//!
//! Ends with 0 when the server sent something, else with 1.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use embedded_io::Write as _;
use embedded_io_async::Write as _;
use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsClock, TlsConfig, TlsContext,
    TlsError, TlsVerifier, blocking,
};
use rt::io::{Error, ErrorKind, Result};
use rt::net::{TcpStream, aio};
use rt::random::Entropy;
use rt::time::{Duration, SystemTime};
use rt::{env, println, task};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// A record of TLS, and its head and tag.
const RECORD_BYTES: usize = 16_640;
/// The longest certificate that is taken.
const CERTIFICATE_BYTES: usize = 4096;

/// The wall clock, which the host sets.
struct Clock;

impl TlsClock for Clock {
    fn now() -> Option<u64> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.ok().map(|since| since.as_secs())
    }
}

/// Random numbers, and whom to believe.
struct Provider<'a> {
    random: Entropy,
    verifier: CertVerifier<'a, Aes128GcmSha256, Clock, CERTIFICATE_BYTES>,
}

impl CryptoProvider for Provider<'_> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = &'static [u8];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.random
    }

    fn verifier(
        &mut self,
    ) -> core::result::Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }
}

#[rt::main]
fn main() -> Result<()> {
    let args: [Option<String>; 3] = core::array::from_fn(|index| env::args().nth(index + 1));
    let ([Some(server), Some(name), Some(path)], Ok(ca)) = (args, env::var("ca")) else {
        return Err(usage());
    };
    let ca = from_hex(&ca).ok_or_else(usage)?;
    let provider = Provider {
        random: Entropy::new()?,
        verifier: CertVerifier::new(Certificate::X509(&ca[..])),
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: {name}\r\n\r\n");
    let answer = match env::var("blocking") {
        Ok(_) => blocking_talk(&server, &name, &request, provider)?,
        Err(_) => {
            let talking = talk(&server, &name, &request, provider);
            task::block_on(task::timeout(PATIENCE, talking))??
        }
    };
    println!("{}", String::from_utf8_lossy(&answer));
    match answer.is_empty() {
        true => Err(Error::new(
            ErrorKind::UnexpectedEof,
            "the server sent nothing",
        )),
        false => Ok(()),
    }
}

async fn talk(server: &str, name: &str, request: &str, provider: Provider<'_>) -> Result<Vec<u8>> {
    let stream = aio::TcpStream::connect(server).await?;
    let (mut incoming, mut outgoing) = (vec![0; RECORD_BYTES], vec![0; RECORD_BYTES]);
    let mut tls = embedded_tls::TlsConnection::new(stream, &mut incoming, &mut outgoing);
    let config = TlsConfig::new().with_server_name(name);
    let context = TlsContext::new(&config, provider);
    tls.open(context).await.map_err(explain)?;
    tls.write_all(request.as_bytes()).await.map_err(explain)?;
    tls.flush().await.map_err(explain)?;
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    loop {
        match tls.read(&mut part).await {
            Ok(0) | Err(TlsError::ConnectionClosed) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) => return Err(explain(error)),
        }
    }
}

fn blocking_talk(server: &str, name: &str, request: &str, provider: Provider) -> Result<Vec<u8>> {
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut incoming, mut outgoing) = (vec![0; RECORD_BYTES], vec![0; RECORD_BYTES]);
    let mut tls = blocking::TlsConnection::new(stream, &mut incoming, &mut outgoing);
    let config = TlsConfig::new().with_server_name(name);
    let context = TlsContext::new(&config, provider);
    tls.open(context).map_err(explain)?;
    tls.write_all(request.as_bytes()).map_err(explain)?;
    tls.flush().map_err(explain)?;
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    loop {
        match tls.read(&mut part) {
            Ok(0) | Err(TlsError::ConnectionClosed) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) => return Err(explain(error)),
        }
    }
}

fn explain(error: TlsError) -> Error {
    Error::new(ErrorKind::InvalidData, format!("TLS: {error:?}"))
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = core::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

fn usage() -> Error {
    let text = "usage: tls-client ca=HEX [blocking=1] HOST:PORT NAME PATH";
    Error::new(ErrorKind::InvalidInput, text)
}
