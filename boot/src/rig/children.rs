//! Nothing is left behind: emulators and run folders that must go when this process goes.
//!
//! A session registers what it started and removes it when it ends by itself. Ctrl-C and
//! `kill` go through [`clean_up`]. For a death that cannot be handled, the emulator is started
//! so that the operating system ends it together with this process.

use crate::paths;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A child process that the signal handler can end as well.
#[derive(Clone, Debug)]
pub(crate) struct Guarded(Arc<Mutex<Child>>);

static CHILDREN: Mutex<Vec<Guarded>> = Mutex::new(Vec::new());
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static TERMINAL: Mutex<Option<String>> = Mutex::new(None);

impl Guarded {
    /// Takes charge of `child`.
    pub(crate) fn new(child: Child) -> Self {
        let own = Self(Arc::new(Mutex::new(child)));
        held(&CHILDREN).push(own.clone());
        own
    }

    /// Ends the process and waits for its end.
    pub(crate) fn end(&self) {
        let mut child = held(&self.0);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A folder that lives as long as this value.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// A new folder of this process, below the rig's. Those of processes that were killed
    /// go on this occasion.
    pub(crate) fn for_this_process() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let runs = paths::dir(paths::rig()?.join("runs"))?;
        for entry in std::fs::read_dir(&runs)?.flatten() {
            // Named by process, and a number within the process.
            let name = entry.file_name().to_string_lossy().into_owned();
            let process = name.split('.').next().unwrap_or_default();
            if !Path::new("/proc").join(process).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = runs.join(format!("{}.{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let path = paths::dir(path)?;
        held(&FOLDERS).push(path.clone());
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Puts the user's terminal into raw mode until [`restore_terminal`].
pub(crate) fn raw_terminal() -> Result<()> {
    let saved = stty(&["-g"])?;
    *held(&TERMINAL) = Some(saved);
    stty(&["raw", "-echo"]).map(drop)
}

/// Gives the terminal back as it was.
pub(crate) fn restore_terminal() {
    if let Some(saved) = held(&TERMINAL).take() {
        let _ = stty(&[saved.trim()]);
    }
}

/// Ends all emulators, removes all run folders, restores the terminal.
pub(crate) fn clean_up() {
    for child in held(&CHILDREN).drain(..) {
        child.end();
    }
    for folder in held(&FOLDERS).drain(..) {
        let _ = std::fs::remove_dir_all(folder);
    }
    restore_terminal();
}

/// Lets Ctrl-C, SIGTERM and SIGHUP clean up before they end this process.
pub(crate) fn handle_signals() -> Result<()> {
    ctrlc::set_handler(|| {
        clean_up();
        eprintln!("boot: interrupted");
        std::process::exit(130);
    })
    .context("cannot install a signal handler")
}

fn stty(args: &[&str]) -> Result<String> {
    let out = Command::new("stty")
        .args(args)
        .stdin(Stdio::inherit())
        .output()
        .context("cannot start stty")?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks stays usable whatever a panicking thread did.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
