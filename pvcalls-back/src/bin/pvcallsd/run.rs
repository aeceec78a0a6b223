//! The daemon, from start to end.
//!
//! The order of the start is forced by what each step takes away:
//!
//! 1. configuration, log, limits, signals;
//! 2. what only root may do: the runtime directory, the metrics socket, `/dev/xen/*`, xenstore,
//!    network namespaces;
//! 3. the threads, each of which enters the sandbox before it serves;
//! 4. the sandbox for this thread, and only then devices are looked for.
//!
//! Then this thread follows xenstore and signals, in one loop, until it is told to end.

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mio::{Events, Interest, Poll, Token};
use pvcalls_back::config::Config;
use pvcalls_back::counters::Counters;
use pvcalls_back::metrics::{Address, Bound, Facts, Process, SOCKET_SERIES, Server, render};
use pvcalls_back::sandbox::{Identity, Outcome, Plan, Role, Sandbox, Step};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook_mio::v1_0::Signals;
use tracing::{error, info, warn};

use crate::cli::Cli;
use crate::limits::{DESCRIPTORS, raise_descriptors};
use crate::log;
use crate::notify::Notifier;
use crate::serve::Service;

/// The signals' token; the service's count up from [`FIRST_OF_SERVICE`].
const SIGNALS: Token = Token(0);
const FIRST_OF_SERVICE: Token = Token(1);

/// How long the end may take: connections linger, but whoever stops the daemon waits. Service
/// managers usually kill after 90 s.
const PATIENCE_AT_END: Duration = Duration::from_secs(15);

/// Runs until a signal ends it.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    let config = Arc::new(cli.load_config()?);
    let daemon = &config.daemon;
    let format = cli.log_format.map_or(daemon.log_format, Into::into);
    log::start(format, cli.log_level.as_deref(), &daemon.log_filter)?;
    match cli.config_file() {
        Some(file) => info!(version = VERSION, config = %file.display(), "starting"),
        None => info!(version = VERSION, "starting, without a configuration"),
    }
    let mut signals = signals()?;
    let notifier = Notifier::from_environment();
    match raise_descriptors(DESCRIPTORS) {
        Ok(limit) if limit < DESCRIPTORS => {
            warn!(limit, wanted = DESCRIPTORS, "few descriptors: few sockets");
        }
        Ok(_) => {}
        Err(error) => warn!(%error, "the limit of descriptors stays"),
    }

    let counters = Arc::new(Counters::default());
    let identity = identity(&config)?;
    let metrics = bind_metrics(&config, identity.as_ref())?;
    let sandbox = Sandbox::prepare(plan(cli, &config, identity, metrics.as_ref()));
    let process = Process::open();
    let mut service = Service::start(&config, &counters, &sandbox)?;
    let socket = metrics.as_ref().and_then(|bound| match bound.local() {
        Address::Unix(path) => Some(path.clone()),
        Address::Tcp(_) => None,
    });
    if let Some(bound) = metrics {
        start_metrics(bound, &counters, process, &sandbox)?;
    }

    sandbox.enter(Role::Control);
    info!("privileges: {}", sandbox.report());
    try_config(cli);
    let mut poll = Poll::new().context("epoll")?;
    poll.registry()
        .register(&mut signals, SIGNALS, Interest::READABLE)
        .context("signals")?;
    service.register(poll.registry(), FIRST_OF_SERVICE)?;
    // Whoever started us may go on from here; tests and scripts look for the word.
    info!("ready");
    notifier.ready("serving");

    let result = serve(
        cli,
        &config,
        &mut poll,
        &mut signals,
        &mut service,
        &notifier,
    );
    if let Some(path) = socket
        && let Err(error) = std::fs::remove_file(&path)
        && error.kind() != ErrorKind::NotFound
    {
        warn!(%error, path = %path.display(), "the metrics socket stays");
    }
    if result.is_ok() {
        info!("ended");
    }
    result
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The main loop.
fn serve(
    cli: &Cli,
    config: &Config,
    poll: &mut Poll,
    signals: &mut Signals,
    service: &mut Service,
    notifier: &Notifier,
) -> Result<ExitCode> {
    let mut events = Events::with_capacity(64);
    let mut end: Option<Instant> = None;
    let mut alive = Instant::now();
    loop {
        let now = Instant::now();
        let wish = service.turn(now)?;
        if let Some(end) = end {
            if service.has_stopped() {
                return Ok(ExitCode::SUCCESS);
            }
            if now >= end {
                warn!("connections are cut off: they did not end in time");
                return Ok(ExitCode::SUCCESS);
            }
        }
        if let Some(interval) = notifier.interval()
            && now >= alive
        {
            notifier.alive();
            alive = now + interval;
        }
        let until_alive = notifier
            .interval()
            .map(|_| alive.saturating_duration_since(now));
        let until_end = end.map(|end| end.saturating_duration_since(now));
        let timeout = [wish, until_alive, until_end].into_iter().flatten().min();
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other.context("waiting")?,
        }
        for signal in signals.pending() {
            match signal {
                SIGHUP if end.is_none() => reload(cli, config, service, notifier),
                SIGHUP => {}
                _ => {
                    info!(
                        "ending: connections may send what they hold; a second signal ends at once"
                    );
                    notifier.stopping();
                    service.stop();
                    end.get_or_insert_with(|| Instant::now() + PATIENCE_AT_END);
                }
            }
        }
    }
}

/// Signals, for the main loop. The second that asks for the end does not need it: the process
/// exits in the handler.
fn signals() -> Result<Signals> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // Handlers run in this order, so the first signal only notes that it was there.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked)).context("signals")?;
        flag::register(signal, Arc::clone(&asked)).context("signals")?;
    }
    Signals::new([SIGTERM, SIGINT, SIGHUP]).context("signals")
}

/// Reads the configuration again, for devices that come from now on. `started` is the one that the
/// daemon began with.
fn reload(cli: &Cli, started: &Config, service: &mut Service, notifier: &Notifier) {
    notifier.reloading();
    match cli.load_config() {
        Ok(config) => {
            for what in needs_restart(started, &config) {
                warn!("{what} of the configuration: not before a restart");
            }
            service.reload(&Arc::new(config));
            info!("the configuration is read again; it holds for new devices");
        }
        Err(error) => error!("the configuration stays as it was: {error:#}"),
    }
    notifier.ready("serving");
}

/// What of a new configuration cannot be had any more.
fn needs_restart(started: &Config, now: &Config) -> Vec<String> {
    let mut all = Vec::new();
    if started.daemon != now.daemon {
        all.push("changes in [daemon]".to_owned());
    }
    let there = started.namespaces();
    for namespace in now.namespaces() {
        if !there.contains(&namespace) {
            all.push(format!("the network namespace {}", namespace.display()));
        }
    }
    if now.privileged_ports() && !started.privileged_ports() {
        all.push("ports below 1024".to_owned());
    }
    all
}

/// Whom to become. Without anybody by the usual names root stays root, and says so; who is named
/// has to be there.
fn identity(config: &Config) -> Result<Option<Identity>> {
    let daemon = &config.daemon;
    match Identity::find(daemon.user.as_deref(), daemon.group.as_deref()) {
        Ok(identity) => Ok(Some(identity)),
        Err(error) if daemon.user.is_some() || daemon.group.is_some() => Err(error),
        Err(error) => {
            warn!("root stays root: {error:#}");
            Ok(None)
        }
    }
}

/// What the sandbox has to leave open.
fn plan(cli: &Cli, config: &Config, identity: Option<Identity>, metrics: Option<&Bound>) -> Plan {
    let of = |file: &Path| file.parent().map(Path::to_owned);
    // The directory: editors and package managers replace the file.
    let config_directory = cli.config_file().and_then(of);
    let runtime_directory = match metrics.map(Bound::local) {
        Some(Address::Unix(path)) => of(path),
        _ => None,
    };
    Plan {
        identity,
        privileged_ports: config.privileged_ports(),
        confine: config.daemon.sandbox,
        readable: config_directory.into_iter().map(or_here).collect(),
        removable: runtime_directory.into_iter().collect(),
    }
}

/// The parent of a plain file name is empty.
fn or_here(directory: PathBuf) -> PathBuf {
    if directory.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        directory
    }
}

/// Binds the socket for metrics. Its directory is made if it is not there, and belongs to whom
/// we become, who removes the socket at the end.
fn bind_metrics(config: &Config, identity: Option<&Identity>) -> Result<Option<Bound>> {
    let Some(address) = &config.daemon.metrics else {
        return Ok(None);
    };
    let owner = identity.map(|identity| (identity.user.as_raw(), identity.group.as_raw()));
    let owner = owner.filter(|_| rustix::process::geteuid().is_root());
    let mut directory = None;
    if let Address::Unix(path) = address {
        directory = path.parent().filter(|path| make_or_own(path));
    }
    if let Some(directory) = directory.filter(|path| !path.exists()) {
        std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)))
            .with_context(|| format!("making {}", directory.display()))?;
    }
    let bound = Bound::bind(address, owner).with_context(|| format!("metrics at {address}"))?;
    // Last: root without CAP_DAC_OVERRIDE cannot write there any more.
    if let (Some(directory), Some((user, group))) = (directory, owner) {
        chown(directory, Some(user), Some(group))
            .with_context(|| format!("giving {} away", directory.display()))?;
    }
    info!(address = %bound.local(), "metrics");
    Ok(Some(bound))
}

/// Whether a directory is ours: it is not there yet, or the service manager made it for us.
fn make_or_own(directory: &Path) -> bool {
    let made = std::env::var_os("RUNTIME_DIRECTORY");
    !directory.exists() || made.is_some_and(|made| directory == Path::new(&made))
}

/// Starts the thread that answers scrapes.
fn start_metrics(
    bound: Bound,
    counters: &Arc<Counters>,
    process: Process,
    sandbox: &Sandbox,
) -> Result<()> {
    let counters = Arc::clone(counters);
    let (of_facts, of_thread) = (sandbox.clone(), sandbox.clone());
    let server = Server::new(
        bound,
        Arc::new(move || render(&counters, &process, &facts(&of_facts))),
    )
    .context("metrics")?;
    let (entered, wait) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            of_thread.enter(Role::Metrics);
            // Nobody waits any more only if the daemon ends.
            let _ = entered.send(());
            if let Err(error) = server.serve() {
                error!(%error, "no more metrics");
            }
        })
        .context("the thread for metrics")?;
    wait.recv().context("the thread for metrics")
}

/// What the metrics say besides the counters.
fn facts(sandbox: &Sandbox) -> Facts {
    let report = sandbox.report();
    let of = |(step, outcome): (Step, &Outcome)| (step.name().to_owned(), outcome.is_short());
    Facts {
        version: VERSION,
        privileges: report.steps().map(of).collect(),
        socket_series: SOCKET_SERIES,
    }
}

/// Says if a reload could not work, while somebody may still be looking.
fn try_config(cli: &Cli) {
    if let Some(file) = cli.config_file()
        && let Err(error) = std::fs::File::open(file)
    {
        let file = file.display();
        warn!(%error, %file, "the configuration cannot be read any more: a reload will fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_tells_what_it_cannot_change() {
        let needs = |from: &str, to: &str| {
            needs_restart(&Config::parse(from).unwrap(), &Config::parse(to).unwrap())
        };
        let low = "[default]\nlisten = [\"allow any:80\", \"deny any\"]\n";
        let blue = "[domain.x]\nnamespace = \"blue\"\n";
        assert!(needs("", "[default]\nlisten = [\"deny any\"]\n").is_empty());
        assert!(needs(low, "").is_empty() && needs(blue, blue).is_empty());
        assert_eq!(needs("", low), ["ports below 1024"]);
        assert_eq!(
            needs("[daemon]\nworkers = 2\n", ""),
            ["changes in [daemon]"]
        );
        assert!(needs("", blue)[0].contains("blue"));
    }

    #[test]
    fn who_is_named_has_to_be_there() {
        let of = |text: &str| identity(&Config::parse(text).unwrap());
        assert!(of("[daemon]\nuser = \"no-such-user\"\n").is_err());
        assert!(of("[daemon]\ngroup = \"no-such-group\"\n").is_err());
        assert!(of("").is_ok());
    }
}
