//! What the process itself uses, under the names that Prometheus' client libraries have agreed on.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Dir, Mode, OFlags};

/// The files that tell about this process, held open: after the sandbox is entered they cannot be
/// opened any more (a process that changed its user is not dumpable, and `/proc/self` is root's).
#[derive(Debug)]
pub struct Process {
    descriptors: Option<Mutex<Dir>>,
    statm: Option<File>,
    page_bytes: u64,
    started: SystemTime,
}

impl Process {
    /// Opens the files. What cannot be opened is left out of the metrics.
    #[must_use]
    pub fn open() -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptors = rustix::fs::open("/proc/self/fd", flags, Mode::empty())
            .and_then(Dir::new)
            .ok();
        Self {
            descriptors: descriptors.map(Mutex::new),
            statm: File::open("/proc/self/statm").ok(),
            // rustix reads it from /proc, once.
            page_bytes: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
            started: SystemTime::now(),
        }
    }

    /// Descriptors that are open.
    #[must_use]
    pub fn open_descriptors(&self) -> Option<u64> {
        let mut directory = self.descriptors.as_ref()?.try_lock().ok()?;
        directory.rewind();
        let mut count: u64 = 0;
        while let Some(entry) = directory.read() {
            if entry.ok()?.file_name().to_bytes().first() != Some(&b'.') {
                count += 1;
            }
        }
        Some(count)
    }

    /// Descriptors that may be open: the soft limit.
    #[must_use]
    pub fn descriptor_limit() -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn resident_bytes(&self) -> Option<u64> {
        let mut text = [0; 256];
        let length = self.statm.as_ref()?.read_at(&mut text, 0).ok()?;
        resident_pages(text.get(..length)?).map(|pages| pages * self.page_bytes)
    }

    /// Time spent on processors, in user mode and in the kernel.
    #[must_use]
    pub fn cpu_time() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(now).unwrap_or_default()
    }

    /// When it began, as seconds since 1970.
    #[must_use]
    pub fn start_seconds(&self) -> f64 {
        self.started
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64())
    }
}

/// The second number of `/proc/self/statm`.
fn resident_pages(statm: &[u8]) -> Option<u64> {
    let text = str::from_utf8(statm).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_sees_itself() {
        let process = Process::open();
        let before = process.open_descriptors().unwrap();
        let more: Vec<File> = (0..50).map(|_| File::open("/dev/null").unwrap()).collect();
        // Other tests open and close files meanwhile.
        assert!(process.open_descriptors().unwrap() + 20 > before + 50);
        drop(more);
        assert!(process.resident_bytes().unwrap() > 64 * 1024);
        assert!(process.start_seconds() > 1e9);
        assert!(Process::descriptor_limit().is_none_or(|limit| limit > before));
    }

    #[test]
    fn statm_is_read_as_numbers() {
        assert_eq!(resident_pages(b"2217 801 700 3 0 123 0\n"), Some(801));
        assert_eq!(resident_pages(b"2217"), None);
        assert_eq!(resident_pages(b"a b"), None);
    }
}
