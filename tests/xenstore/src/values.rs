//! Values, directories, permissions and errors, with what dom0 has prepared.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use core::time::Duration;

use rt::io::{Error, ErrorKind};
use rt::xenstore::{self, Access, DomainId, Event, Permission};
use rt::{println, task};

pub(crate) fn all() {
    plain();
    errors();
    undone();
    watches();
    crate::tell("ready");
    crate::wait_for("prepared");
    long_directory();
    permissions();
}

fn plain() {
    let home = xenstore::domain_path().expect("a home");
    let domid = xenstore::domid().expect("a number");
    assert_eq!(home, format!("/local/domain/{domid}"));
    let name = xenstore::read_to_string("name").expect("a name");
    assert_eq!(
        xenstore::read(format!("{home}/name")).expect("the same"),
        name.as_bytes()
    );
    println!("domain {domid} is {name}");

    xenstore::write("data/v/text", "some text").expect("write");
    xenstore::write("data/v/bytes", b"\x00\xff any bytes\n").expect("write");
    xenstore::write("data/v/number", " -17\n").expect("write");
    xenstore::mkdir("data/v/empty").expect("mkdir");
    xenstore::mkdir("data/v/empty").expect("it may be there");
    let bytes = xenstore::read("data/v/bytes").expect("read");
    assert_eq!(bytes, b"\x00\xff any bytes\n");
    assert_eq!(
        xenstore::read_parsed::<i8>("data/v/number").expect("a number"),
        -17
    );
    assert_eq!(xenstore::read("data/v/empty").expect("read"), b"");
    let mut names = xenstore::directory("data/v").expect("list");
    names.sort();
    assert_eq!(names, ["bytes", "empty", "number", "text"]);
    assert!(xenstore::exists("data/v/text").expect("look"));
    assert!(!xenstore::exists("data/v/none").expect("look"));
    // About as much as a node may have.
    let long = [b'l'; 1900];
    xenstore::write("data/v/long", long).expect("write");
    assert_eq!(xenstore::read("data/v/long").expect("read"), long);
    xenstore::rm("data/v/none").expect("its parent is there");
    xenstore::rm("data/v").expect("with all below it");
    assert!(!xenstore::exists("data/v/text").expect("look"));
}

/// The kind, the number, and that the text names what was tried.
fn is(error: &Error, kind: ErrorKind, number: Option<i32>, what: &str) {
    println!("{error}");
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.raw_os_error(), number, "{error}");
    assert!(error.to_string().contains(what), "{error}: not {what}");
}

fn errors() {
    let read = |path: &str| xenstore::read(path).expect_err("no value");
    is(
        &read("data/none"),
        ErrorKind::NotFound,
        Some(2),
        "read data/none: ENOENT",
    );
    is(
        &read("data//x"),
        ErrorKind::InvalidInput,
        None,
        "\"data//x\": two slashes",
    );
    is(&read(""), ErrorKind::InvalidInput, None, "it is empty");
    let error = xenstore::write("/local/domain/0/name", "mine").expect_err("not ours");
    is(
        &error,
        ErrorKind::PermissionDenied,
        Some(13),
        "write /local/domain/0/name: EACCES",
    );
    let error = xenstore::write("data/huge", [b'x'; 4097]).expect_err("too long to send");
    is(&error, ErrorKind::InvalidInput, None, "the limit is 4096");
    let error = xenstore::write("data/large", [b'x'; 3000]).expect_err("too long for a node");
    is(
        &error,
        ErrorKind::QuotaExceeded,
        Some(28),
        "write data/large: ENOSPC",
    );
    xenstore::write("data/text", "seven").expect("write");
    let error = xenstore::read_parsed::<u32>("data/text").expect_err("no number");
    is(
        &error,
        ErrorKind::InvalidData,
        None,
        "data/text: \"seven\" is no u32",
    );
    xenstore::write("data/bytes", b"\xff").expect("write");
    let error = xenstore::read_to_string("data/bytes").expect_err("no text");
    is(
        &error,
        ErrorKind::InvalidData,
        None,
        "data/bytes: \"\\xff\" is not UTF-8",
    );
    let error = xenstore::watch("data//x").expect_err("no path");
    is(&error, ErrorKind::InvalidInput, None, "two slashes");
    let error = xenstore::rm("data/no/such").expect_err("the parent is missing, too");
    is(&error, ErrorKind::NotFound, Some(2), "rm data/no/such");
}

/// What fails inside a transaction has not happened.
fn undone() {
    xenstore::write("data/one", "before").expect("write");
    let failed = xenstore::transaction(|store| {
        store.write("data/one", "inside")?;
        store.mkdir("data/two")?;
        assert_eq!(store.read_to_string("data/one")?, "inside");
        assert_eq!(xenstore::read_to_string("data/one")?, "before");
        store.read_parsed::<u32>("data/one")
    });
    is(
        &failed.expect_err("no number"),
        ErrorKind::InvalidData,
        None,
        "is no u32",
    );
    assert_eq!(
        xenstore::read_to_string("data/one").expect("read"),
        "before"
    );
    assert!(!xenstore::exists("data/two").expect("look"));
    let done = xenstore::transaction(|store| {
        store.write("data/one", "after")?;
        store.rm("data/text")?;
        store.directory("data")
    });
    let names = done.expect("nobody disturbs");
    assert!(names.iter().any(|name| name == "one"), "{names:?}");
    assert!(!names.iter().any(|name| name == "text"), "{names:?}");
    assert_eq!(xenstore::read_to_string("data/one").expect("read"), "after");
}

fn watches() {
    let watch = xenstore::watch("data/w").expect("watch");
    let first = watch.wait().expect("the first comes at once");
    assert_eq!(first, Event::Path("data/w".into()));
    assert_eq!(watch.try_next().expect("look"), None);
    let short = Duration::from_millis(20);
    assert_eq!(watch.wait_timeout(short).expect("wait"), None);
    xenstore::write("data/w/below", "x").expect("write");
    let event = watch.wait_timeout(Duration::from_secs(30)).expect("wait");
    assert_eq!(event, Some(Event::Path("data/w/below".into())));
    xenstore::rm("data/w").expect("rm");
    let event = task::block_on(watch.changed()).expect("wait");
    assert_eq!(event, Event::Path("data/w".into()));
    xenstore::write("data/w", "y").expect("write");
    let event = watch.events().next().expect("there is always one more");
    assert_eq!(event.expect("wait"), Event::Path("data/w".into()));
}

/// More names than one message holds: dom0 made them.
fn long_directory() {
    let check = |names: Vec<alloc::string::String>| {
        let bytes: usize = names.iter().map(|name| name.len() + 1).sum();
        println!("{} names, {bytes} bytes", names.len());
        assert_eq!(names.len(), 501);
        for n in 0..500 {
            let wanted = format!("a-child-with-a-long-name-{n}");
            assert_eq!(
                names.iter().filter(|name| **name == wanted).count(),
                1,
                "{wanted}"
            );
        }
    };
    check(xenstore::directory("data/long").expect("list"));
    check(xenstore::transaction(|store| store.directory("data/long")).expect("list inside"));
}

fn permissions() {
    let own = xenstore::domid().expect("a number");
    let error = xenstore::read("data/secret").expect_err("dom0 closed it");
    is(
        &error,
        ErrorKind::PermissionDenied,
        Some(13),
        "read data/secret: EACCES",
    );
    // The server tells a node that may not be read from one that is not there: not at all.
    let error = xenstore::exists("data/secret").expect_err("cannot be known");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let error = xenstore::write("data/read-only", "x").expect_err("dom0 lets us read");
    is(
        &error,
        ErrorKind::PermissionDenied,
        Some(13),
        "write data/read-only",
    );
    assert_eq!(
        xenstore::read_to_string("data/read-only").expect("read"),
        "from dom0"
    );
    let given = xenstore::permissions("data/read-only").expect("permissions");
    assert!(given.contains(&permission(Access::Read, own)), "{given:?}");

    xenstore::write("data/shared", "for domain 0 to write").expect("write");
    let wanted = [
        permission(Access::None, own),
        permission(Access::Both, DomainId(0)),
    ];
    xenstore::set_permissions("data/shared", &wanted).expect("set");
    assert_eq!(xenstore::permissions("data/shared").expect("get"), wanted);
    let foreign = [permission(Access::None, DomainId(0))];
    let error = xenstore::set_permissions("data/shared", &foreign).expect_err("a gift");
    is(
        &error,
        ErrorKind::PermissionDenied,
        Some(1),
        "set permissions data/shared: EPERM",
    );
}

fn permission(access: Access, domain: DomainId) -> Permission {
    Permission { access, domain }
}
