//! An HTTP client: the crate reqwless, unchanged, on `rt::net::Stack`.
//!
//! ```text
//! $ cargo boot run http-client -- http://192.0.2.1/
//! 200, 278 bytes
//! <!doctype html>
//! …
//! $ cargo boot run http-client -- http://192.0.2.1/cgi-bin/echo 'what is sent'
//! 200, 12 bytes
//! what is sent
//! ```
//!
//! With a second argument it sends that (POST), else it asks for the page (GET). Ends with 0 for an
//! answer of the kind 2xx, else with 1.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::{format, vec};

use reqwless::client::HttpClient;
use reqwless::headers::ContentType;
use reqwless::request::{Method, RequestBuilder};
use rt::io::{Error, ErrorKind, Result};
use rt::net::Stack;
use rt::time::Duration;
use rt::{env, println, task};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that head and body of an answer may have.
const BUFFER_BYTES: usize = 256 * 1024;

#[rt::main]
fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let Some(url) = args.next() else {
        let usage = "usage: http-client URL [BODY]";
        return Err(Error::new(ErrorKind::InvalidInput, usage));
    };
    let body = args.next();
    task::block_on(task::timeout(PATIENCE, fetch(&url, body.as_deref())))?
}

async fn fetch(url: &str, body: Option<&str>) -> Result<()> {
    let stack = Stack::new();
    let mut client = HttpClient::new(&stack, &stack);
    let mut buffer = vec![0; BUFFER_BYTES];

    let method = match body {
        Some(_) => Method::POST,
        None => Method::GET,
    };
    let mut request = client
        .request(method, url)
        .await
        .map_err(explain)?
        .body(body.map(str::as_bytes))
        .content_type(ContentType::TextPlain);
    let response = request.send(&mut buffer).await.map_err(explain)?;
    let status = response.status;
    let page = response.body().read_to_end().await.map_err(explain)?;

    println!("{}, {} bytes", status.0, page.len());
    println!("{}", String::from_utf8_lossy(page));
    match status.is_successful() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Other, "the server refuses")),
    }
}

fn explain(error: reqwless::Error) -> Error {
    Error::new(ErrorKind::Other, format!("{error:?}"))
}
