//! An HTTP/1.1 server for the files of a mounted folder, a thread for each client.
//!
//! ```text
//! $ cargo boot run --volume ~/public:files:/data file-server -- /data
//! file-server: listening on 0.0.0.0:8080, /data
//! ```
//!
//! | argument | |
//! |---|---|
//! | `FOLDER` | what is served; `/data` if not given. `mount=TAG:/data` among the variables mounts a volume there |
//! | `--port N` | listen there; 8080 if not given |
//! | `--clients N` | how many may be connected; 128 if not given. Others get 503 |
//! | `--patience S` | seconds for a request's head to arrive, for a silent connection to be kept, and for 64 KiB of an answer to be taken; 30 if not given |
//!
//! `GET` and `HEAD`. A folder is its `index.html`, or a list. Files have an `ETag` and the time of
//! their last change, and clients that have them are told so (304); one range of a file may be
//! asked for (206). A file is read while it is sent, 64 KiB at a time, whatever its length, and
//! changes in the host are seen by the next request.
//!
//! | answer | to |
//! |---|---|
//! | 301 | the name of a folder without a slash at its end |
//! | 400 | what is no path |
//! | 403 | a path or a link that leads out of the folder; what may not be read; what is neither file nor folder |
//! | 404 | a name that is not there |
//! | 405, 501 | other methods |
//! | 416 | a range beyond the end |
//! | 500 | an error of the volume: a line on the console says which. The server goes on |
//! | 503 | too many clients, or too many long lists at a time |
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
mod guest;

#[cfg(not(guest))]
fn main() {
    eprintln!("file-server is a guest: cargo boot run --volume FOLDER:files:/data file-server");
    std::process::exit(2);
}
