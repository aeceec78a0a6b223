//! The parts of the library, joined: what follows xenstore and what moves data.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token, Waker};
use pvcalls_back::config::Config;
use pvcalls_back::counters::Counters;
use pvcalls_back::device::{DeviceModel, refuse_kernel_driver};
use pvcalls_back::platform::xen::Xen;
use pvcalls_back::pool::{Layout, Pool, Thread};
use pvcalls_back::sandbox::{Role, Sandbox};
use xen_dev::Store;

/// All that serves guests.
pub(crate) struct Service {
    model: DeviceModel<Store, Pool>,
    config: Arc<Mutex<Arc<Config>>>,
    /// Wakes the main loop when the workers have news.
    waker: Arc<OnceLock<Waker>>,
    /// The workers were told to end.
    ending: bool,
    stopping: bool,
}

impl Service {
    /// Opens the devices and starts the threads; each enters the sandbox before it serves.
    pub(crate) fn start(
        config: &Arc<Config>,
        counters: &Arc<Counters>,
        sandbox: &Sandbox,
    ) -> Result<Self> {
        refuse_kernel_driver()?;
        let store = Store::open().context("xenstore")?;
        let waker: Arc<OnceLock<Waker>> = Arc::default();
        let processors = available_parallelism().map_or(1, usize::from);
        let layout = Layout {
            workers: config.daemon.workers.unwrap_or(processors),
            namespaces: config.namespaces(),
        };
        let wake = {
            let waker = Arc::clone(&waker);
            move || {
                // Before the main loop runs there is none; its first turn looks for news anyway.
                if let Some(Err(error)) = waker.get().map(Waker::wake) {
                    tracing::error!(%error, "the main loop cannot be woken");
                }
            }
        };
        let enter = {
            let sandbox = sandbox.clone();
            move |thread| {
                sandbox.enter(match thread {
                    Thread::Worker => Role::Worker,
                    Thread::Resolver => Role::Resolver,
                });
                Ok(())
            }
        };
        let open = || {
            Xen::open().map_err(|error| io::Error::new(error.kind(), format!("/dev/xen: {error}")))
        };
        let pool = Pool::start(
            &layout,
            open,
            &(Arc::new(enter) as _),
            Arc::new(wake),
            counters,
        )
        .context("workers")?;
        let config = Arc::new(Mutex::new(Arc::clone(config)));
        let settings = {
            let config = Arc::clone(&config);
            move |_domain, name: &str| {
                let config = config.lock().unwrap_or_else(PoisonError::into_inner);
                config.for_domain(name)
            }
        };
        let counters = Arc::clone(counters);
        let model = DeviceModel::new(store, pool, Box::new(settings), counters);
        Ok(Self {
            model: model.context("xenstore")?,
            config,
            waker,
            ending: false,
            stopping: false,
        })
    }

    /// Registers what the main loop waits for, under tokens from `first` on.
    pub(crate) fn register(&mut self, registry: &Registry, first: Token) -> Result<()> {
        let waker = Waker::new(registry, first).context("a waker")?;
        // Only called once.
        let _ = self.waker.set(waker);
        let store = self.model.as_fd().as_raw_fd();
        let token = Token(first.0 + 1);
        registry
            .register(&mut SourceFd(&store), token, Interest::READABLE)
            .context("xenstore")
    }

    /// Does what there is to do; until when the main loop may sleep.
    pub(crate) fn turn(&mut self, _now: Instant) -> Result<Option<Duration>> {
        self.model.handle().context("xenstore")?;
        if self.stopping && !self.ending && self.model.is_idle() {
            self.ending = true;
            self.model.sessions().stop();
        }
        let wish = self.model.timeout();
        // Threads that end tell nobody.
        let look_again = self.ending.then_some(Duration::from_millis(20));
        Ok([wish, look_again].into_iter().flatten().min())
    }

    /// Takes another configuration, for devices that come from now on.
    pub(crate) fn reload(&mut self, config: &Arc<Config>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(config);
    }

    /// Begins the end: no new devices; those that are get time to send what they hold.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.model.stop();
    }

    /// Whether nothing is left to wait for.
    pub(crate) fn has_stopped(&mut self) -> bool {
        self.ending && self.model.sessions().has_stopped()
    }
}
