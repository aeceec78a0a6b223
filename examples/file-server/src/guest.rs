//! The guest: options, and [`http_server::service`] with the folder as its site.

extern crate alloc;

use alloc::format;
use alloc::string::String;

use file_server::files::Files;
use http_server::service::{self, Limits};
use rt::io::{self, Error, ErrorKind};
use rt::net::TcpListener;
use rt::path::Path;
use rt::time::Duration;
use rt::{env, println};

const USAGE: &str = "usage: file-server [FOLDER] [--port N] [--clients N] [--patience S]";

#[rt::main]
fn main() -> io::Result<()> {
    let options = Options::from_args()
        .map_err(|what| Error::new(ErrorKind::InvalidInput, format!("{what}\n{USAGE}")))?;
    let files = Files::new(Path::new(&options.folder))?;
    let listener = TcpListener::bind(("0.0.0.0", options.port))?;
    let port = listener.local_addr().map_or(options.port, |at| at.port());
    let folder = &options.folder;
    println!("file-server: listening on 0.0.0.0:{port}, {folder}");
    service::run("file-server", &listener, options.limits, files)
}

struct Options {
    folder: String,
    port: u16,
    limits: Limits,
}

impl Options {
    fn from_args() -> Result<Options, String> {
        let mut folder = None;
        let mut options = Options {
            folder: String::from("/data"),
            port: 8080,
            limits: Limits {
                clients: 128,
                patience: Duration::from_secs(30),
            },
        };
        let mut args = env::args().skip(1);
        while let Some(name) = args.next() {
            if !name.starts_with("--") {
                if folder.replace(name).is_some() {
                    return Err(String::from("one folder, please"));
                }
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{name} cannot be {value:?}");
            let number: u16 = value.parse().map_err(|_| wrong())?;
            match name.as_str() {
                "--port" => options.port = number,
                "--clients" => options.limits.clients = number.into(),
                "--patience" if number > 0 => {
                    options.limits.patience = Duration::from_secs(number.into());
                }
                "--patience" => return Err(wrong()),
                _ => return Err(format!("what is {name:?}?")),
            }
        }
        options.folder = folder.unwrap_or(options.folder);
        Ok(options)
    }
}
