//! Words to the service manager, as `sd_notify(3)` of systemd specifies them: datagrams to the
//! socket that `NOTIFY_SOCKET` names. Without that variable nobody listens, and nothing is said.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: Option<UnixDatagram>,
    /// How often it wants a sign of life, if it does.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Connects to the service manager. Later, the socket could not be made any more.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            connect(&name)
                .inspect_err(
                    |error| tracing::warn!(%error, ?name, "no word to the service manager"),
                )
                .ok()
        });
        let microseconds = |name| std::env::var(name).ok()?.parse().ok();
        // The variable may be meant for a process that started us.
        let meant = std::env::var("WATCHDOG_PID")
            .map_or(true, |process| process == std::process::id().to_string());
        let watchdog = microseconds("WATCHDOG_USEC").filter(|_| meant && socket.is_some());
        Self {
            socket,
            watchdog: watchdog.map(Duration::from_micros),
        }
    }

    /// How often [`alive`](Self::alive) has to be called: twice as often as it is wanted.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|interval| interval / 2)
    }

    /// Guests are served.
    pub(crate) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again; [`ready`](Self::ready) follows.
    pub(crate) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now = Duration::try_from(now).unwrap_or_default().as_micros();
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=ending connections");
    }

    /// A sign of life.
    pub(crate) fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    fn say(&self, words: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(words.as_bytes())
        {
            tracing::debug!(%error, words, "no word to the service manager");
        }
    }
}

/// A socket that talks to that name: a path, or `@` and the rest of an abstract name.
fn connect(name: &OsStr) -> std::io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(rest) => SocketAddr::from_abstract_name(rest)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A manager that does not listen must not hold us.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &OsStr, manager: &UnixDatagram) -> String {
        let notifier = Notifier {
            socket: Some(connect(name).unwrap()),
            watchdog: None,
        };
        notifier.ready("serving");
        let mut words = [0; 100];
        let length = manager.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    }

    #[test]
    fn both_kinds_of_names_are_reached() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        assert_eq!(told(path.as_os_str(), &manager), "READY=1\nSTATUS=serving");

        let name = format!("pvcallsd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let name = format!("@{name}");
        assert_eq!(told(OsStr::new(&name), &manager), "READY=1\nSTATUS=serving");
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_nothing_fails() {
        let notifier = Notifier {
            socket: None,
            watchdog: None,
        };
        notifier.ready("serving");
        notifier.stopping();
        assert!(notifier.interval().is_none());
        assert!(connect(OsStr::new("/no/such/socket")).is_err());
    }
}
