//! The child's side: what each task does, mostly in a thread that has entered.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use super::super::{Identity, Plan, Report, Role, Sandbox};

/// Does a task, and says how it went.
pub(super) fn run(task: &str) -> String {
    match task {
        "worker" => worker(),
        "data" => data(),
        "exec" => exec(),
        "ptrace" => ptrace(),
        "control" => control(),
        "resolver" => resolver(),
        "metrics" => metrics(),
        "panic" => panic(),
        "abort" => abort(),
        "threads" => threads(),
        "ports" => ports(),
        "off" => off(),
        other => panic!("no task {other:?}"),
    }
}

/// The plan of the tests: become nobody where that is possible.
fn plan() -> Plan {
    Plan {
        identity: Identity::find(Some("nobody"), None).ok(),
        confine: true,
        ..Plan::default()
    }
}

/// Does something in a thread that has entered.
fn inside<T: Send + 'static>(
    plan: Plan,
    role: Role,
    what: impl FnOnce(Report) -> T + Send + 'static,
) -> T {
    let sandbox = Sandbox::prepare(plan);
    std::thread::spawn(move || what(sandbox.enter(role)))
        .join()
        .unwrap()
}

/// `name: ok`, or `name: ` and the number of the error.
fn note<T>(text: &mut String, name: &str, result: std::io::Result<T>) {
    let what = match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error
            .raw_os_error()
            .map_or(error.to_string(), |number| number.to_string()),
    };
    writeln!(text, "{name}: {what}").unwrap();
}

fn worker() -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_owned();
    inside(plan(), Role::Worker, move |report| {
        let mut text = format!("{report}\n");
        note(&mut text, "read", std::fs::File::open("/etc/passwd"));
        note(&mut text, "write", std::fs::File::create(&path));
        note(&mut text, "remove", std::fs::remove_file(&path));
        let family = rustix::net::AddressFamily::UNIX;
        let unix = rustix::net::socket(family, rustix::net::SocketType::STREAM, None);
        note(&mut text, "unix", unix.map_err(Into::into));
        let family = rustix::net::AddressFamily::INET;
        let raw = rustix::net::socket(family, rustix::net::SocketType::RAW, None);
        note(&mut text, "raw", raw.map_err(Into::into));
        note(
            &mut text,
            "thread",
            std::thread::Builder::new().spawn(|| ()),
        );
        // SAFETY: the call is refused before it looks at its arguments, which are none; if it is
        // not, it makes a descriptor that nobody uses.
        let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, 0) };
        let ring = if ring < 0 {
            Err(std::io::Error::last_os_error())
        } else {
            Ok(())
        };
        note(&mut text, "io_uring", ring);
        let root = rustix::thread::set_thread_uid(rustix::fs::Uid::ROOT);
        note(&mut text, "root", root.map_err(Into::into));
        let code = rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::EXEC;
        // SAFETY: a new mapping at an address that the kernel chooses; nothing uses it.
        let mapped = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                4096,
                code,
                rustix::mm::MapFlags::PRIVATE,
            )
        };
        note(&mut text, "code", mapped.map_err(Into::into));
        writeln!(text, "groups: {}", rustix::process::getegid().as_raw()).unwrap();
        text
    })
}

fn data() -> String {
    let mut peer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = peer.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = peer_accept(&mut peer);
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
    });
    let text = inside(plan(), Role::Worker, move |_| {
        let mut text = String::new();
        note(&mut text, "echo", connect_and_echo(to));
        note(&mut text, "serve", listen_and_accept());
        note(&mut text, "datagram", datagrams());
        note(&mut text, "wait", wait_for_events());
        note(&mut text, "memory", memory());
        std::thread::sleep(std::time::Duration::from_millis(1));
        text
    });
    echo.join().unwrap();
    text
}

fn peer_accept(listener: &mut TcpListener) -> (TcpStream, SocketAddr) {
    listener.accept().unwrap()
}

/// What a worker does with a stream: vectored, without waiting, then with options and names.
fn connect_and_echo(to: SocketAddr) -> std::io::Result<()> {
    use std::io::{IoSlice, IoSliceMut};
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    stream.set_nonblocking(false)?;
    let sent = stream.write_vectored(&[IoSlice::new(b"he"), IoSlice::new(b"llo")])?;
    assert_eq!(sent, 5);
    let (mut one, mut two) = ([0; 2], [0; 3]);
    let mut length = 0;
    while length < 5 {
        let mut parts = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        length += stream.read_vectored(&mut parts)?;
    }
    rustix::io::ioctl_fionread(&stream)?;
    stream.local_addr()?;
    stream.peer_addr()?;
    stream.take_error()?;
    stream.shutdown(std::net::Shutdown::Both)
}

fn listen_and_accept() -> std::io::Result<()> {
    let listener = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    listener.accept()?;
    Ok(())
}

fn datagrams() -> std::io::Result<()> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let to = socket.local_addr()?;
    socket.send_to(b"x", to)?;
    socket.recv_from(&mut [0; 8])?;
    Ok(())
}

fn wait_for_events() -> std::io::Result<()> {
    let mut poll = mio::Poll::new()?;
    let waker = mio::Waker::new(poll.registry(), mio::Token(1))?;
    waker.wake()?;
    let mut events = mio::Events::with_capacity(4);
    poll.poll(&mut events, Some(std::time::Duration::from_secs(5)))?;
    if events.is_empty() {
        return Err(std::io::ErrorKind::TimedOut.into());
    }
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK)?;
    rustix::io::write(&event, &1_u64.to_ne_bytes())?;
    Ok(())
}

fn memory() -> std::io::Result<()> {
    let file = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&file, 4096)?;
    let large = vec![1_u8; 64 << 20];
    assert_eq!(
        large.iter().map(|&byte| u64::from(byte)).sum::<u64>(),
        64 << 20
    );
    Ok(())
}

fn exec() -> String {
    inside(plan(), Role::Resolver, |_| {
        // Without `fork`, which would be refused first.
        let error = std::os::unix::process::CommandExt::exec(&mut Command::new("/bin/true"));
        format!("went on: {error}")
    })
}

fn ptrace() -> String {
    inside(plan(), Role::Control, |_| {
        // SAFETY: PTRACE_TRACEME takes no pointers; the process is ended before it has an effect.
        let answer = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
        format!("went on: {answer}")
    })
}

fn control() -> String {
    let directory = tempfile::tempdir().unwrap();
    let (config, run) = (directory.path().join("etc"), directory.path().join("run"));
    for path in [&config, &run, &directory.path().to_owned()] {
        std::fs::create_dir_all(path).unwrap();
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(path, everybody).unwrap();
    }
    std::fs::write(config.join("file"), "x").unwrap();
    std::fs::write(run.join("socket"), "x").unwrap();
    let beside = directory.path().join("beside");
    std::fs::write(&beside, "x").unwrap();
    let plan = Plan {
        readable: vec![config.clone()],
        removable: vec![run.clone()],
        ..plan()
    };
    let text = inside(plan, Role::Control, move |report| {
        let mut text = format!("{report}\n");
        note(&mut text, "config", std::fs::read(config.join("file")));
        note(&mut text, "beside", std::fs::read(&beside));
        note(
            &mut text,
            "change",
            std::fs::write(config.join("file"), "y"),
        );
        note(&mut text, "new", std::fs::write(run.join("new"), "y"));
        note(
            &mut text,
            "remove",
            std::fs::remove_file(run.join("socket")),
        );
        note(&mut text, "connect", TcpStream::connect("127.0.0.1:1"));
        text
    });
    drop(directory);
    text
}

fn resolver() -> String {
    inside(plan(), Role::Resolver, |_| {
        let mut text = String::new();
        let found = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 80));
        note(
            &mut text,
            "localhost",
            found.map(|mut all| all.next().unwrap()),
        );
        // Whether there is such a name depends on the network, but asking must not be refused.
        let asked = std::net::ToSocketAddrs::to_socket_addrs(&("name.invalid", 80));
        let asked = asked.map_or_else(|error| error.raw_os_error(), |_| None);
        writeln!(text, "refused: {}", asked == Some(libc::EPERM)).unwrap();
        note(
            &mut text,
            "write",
            std::fs::File::create("/tmp/pvcalls-sandbox"),
        );
        note(&mut text, "shadow", std::fs::read("/etc/shadow"));
        let inherited = std::thread::spawn(|| std::fs::read("/proc/version"));
        note(&mut text, "inherited", inherited.join().unwrap());
        text
    })
}

fn metrics() -> String {
    let process = crate::metrics::Process::open();
    inside(plan(), Role::Metrics, move |_| {
        let mut text = String::new();
        writeln!(
            text,
            "descriptors: {}",
            process.open_descriptors().is_some()
        )
        .unwrap();
        writeln!(text, "memory: {}", process.resident_bytes().is_some()).unwrap();
        writeln!(
            text,
            "limit: {}",
            crate::metrics::Process::descriptor_limit().is_some()
        )
        .unwrap();
        note(&mut text, "read", std::fs::File::open("/etc/passwd"));
        note(&mut text, "connect", TcpStream::connect("127.0.0.1:1"));
        text
    })
}

fn panic() -> String {
    let sandbox = Sandbox::prepare(plan());
    let thread = std::thread::spawn(move || {
        sandbox.enter(Role::Worker);
        panic!("of the worker");
    });
    format!("panicked: {}", thread.join().is_err())
}

fn abort() -> String {
    inside(plan(), Role::Worker, |_| std::process::abort())
}

fn threads() -> String {
    let before = rustix::process::geteuid().as_raw();
    let sandbox = Sandbox::prepare(plan());
    let other = sandbox.clone();
    std::thread::spawn(move || other.enter(Role::Worker))
        .join()
        .unwrap();
    let mut text = String::new();
    let still = rustix::process::geteuid().as_raw() == before;
    writeln!(text, "others untouched: {still}").unwrap();
    sandbox.enter(Role::Control);
    let changed = rustix::process::geteuid().as_raw() != before;
    writeln!(text, "then changed: {changed}").unwrap();
    let report = sandbox.report();
    writeln!(text, "{report}").unwrap();
    text
}

fn ports() -> String {
    let mut text = String::new();
    for privileged_ports in [false, true] {
        let plan = Plan {
            privileged_ports,
            ..plan()
        };
        let (report, bound) = inside(plan, Role::Worker, |report| {
            (report, TcpListener::bind("127.0.0.1:1011"))
        });
        writeln!(text, "{privileged_ports}: {report}").unwrap();
        note(&mut text, &privileged_ports.to_string(), bound);
    }
    text
}

fn off() -> String {
    let mut text = String::new();
    let plan = Plan {
        confine: false,
        ..plan()
    };
    let report = inside(plan, Role::Worker, |report| report);
    for (step, outcome) in report.short() {
        writeln!(text, "short: {} {outcome}", step.name()).unwrap();
    }
    text
}
