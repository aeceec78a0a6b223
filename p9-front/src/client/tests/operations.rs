//! Each operation, with what the server has afterwards.

use super::super::Range;
use super::*;
use crate::wire::{LockKind, SetAttributes, SetTime, Time, mode, open};
use alloc::vec::Vec;

impl Bed {
    #[track_caller]
    fn node(&self, path: &str) -> super::super::Node<Straight> {
        self.run(self.client().resolve(path.as_bytes(), false, 0))
            .unwrap()
    }

    #[track_caller]
    fn name(&self, path: &str) -> super::super::Parent<Straight> {
        self.run(self.client().resolve_parent(path.as_bytes(), 0))
            .unwrap()
    }
}

/// What a name's error is.
#[track_caller]
fn number<T>(result: Result<T, Error>) -> Errno {
    match result {
        Err(Error::Server(errno)) => errno,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it worked"),
    }
}

#[test]
fn attaching() {
    let straight = Straight::new(Server::new());
    straight.set_msize(1 << 20);
    straight.server().max_msize = 100_000;
    let attach = |options: &Options<'_>| {
        straight
            .run(Client::attach(straight.clone(), options))
            .unwrap()
    };
    let client = attach(&Options::default()).unwrap();
    assert_eq!(straight.msize(), 100_000, "the smaller of both");
    assert!(client.root().is_directory());
    assert!(client.is_same(&client.clone()) && client.is_same(&client.root().client()));
    straight.server().max_msize = 1 << 20;
    drop(client);
    straight.set_msize(50_000);
    let client = attach(&Options::default()).unwrap();
    assert_eq!(straight.msize(), 50_000);
    drop(client);
    assert!(straight.fids().is_empty());
}

#[test]
fn limits_follow_memory() {
    assert_eq!(Limits::for_memory(1 << 30), Limits::default());
    for mib in [0, 1, 8, 64] {
        let bed = Bed::with(Limits::for_memory(mib << 20), |_| {});
        let file = bed.writing("f");
        bed.straight.set_order(Order::Late);
        let data = pattern(2 << 20);
        assert_eq!(bed.run(file.write_at(&data, 0)), Ok(data.len()));
        let mut buffer = alloc::vec![0; data.len()];
        assert_eq!(bed.run(file.read_at(&mut buffer, 0)), Ok(data.len()));
        assert!(buffer == data);
        let piece = usize::try_from(file.piece()).unwrap();
        let in_flight = bed.straight.most_waiting() * piece;
        assert!(
            in_flight <= (mib << 20) / 16 || in_flight == piece,
            "{mib} {in_flight}"
        );
    }
}

#[test]
fn creating() {
    let bed = Bed::new(|tree| {
        tree.put_file("there", b"old");
        tree.put_directory("d");
        tree.put_symlink("dangling", "d/made");
        tree.put_symlink("link", "there");
    });
    let open = |path: &str, how: OpenHow| {
        let file = bed.run(bed.client().open(path.as_bytes(), &how, 0));
        file.map(drop)
    };
    let new = OpenHow {
        create: Create::New,
        ..writing()
    };
    for (path, error) in [
        ("there", Errno::EEXIST),
        ("d", Errno::EEXIST),
        ("link", Errno::EEXIST),
        ("dangling", Errno::EEXIST),
        ("d/..", Errno::EEXIST),
        ("/", Errno::EEXIST),
        ("new/", Errno::EISDIR),
        ("x/y", Errno::ENOENT),
        ("there/y", Errno::ENOTDIR),
    ] {
        assert_eq!(errno(open(path, new)), error, "{path}");
    }
    open("new", new).unwrap();
    open("d/new", OpenHow { mode: 0o640, ..new }).unwrap();
    assert_eq!(bed.tree().at("new").mode, mode::REGULAR | 0o644);
    assert_eq!(bed.tree().at("d/new").mode, mode::REGULAR | 0o640);

    for (path, error) in [
        ("d", Errno::EISDIR),
        ("there/", Errno::EISDIR),
        ("/", Errno::EISDIR),
        ("d/.", Errno::EISDIR),
        ("x/y", Errno::ENOENT),
    ] {
        assert_eq!(errno(open(path, writing())), error, "{path}");
    }
    open("dangling", writing()).unwrap();
    assert!(bed.tree().exists("d/made"), "made where the link points");
    open("link", writing()).unwrap();
    assert_eq!(bed.tree().content("there"), b"old");
    let no_follow = OpenHow {
        follow: false,
        ..writing()
    };
    assert_eq!(errno(open("link", no_follow)), Errno::ELOOP);
    let truncate = OpenHow {
        truncate: true,
        ..writing()
    };
    open("link", truncate).unwrap();
    assert_eq!(bed.tree().content("there"), b"");
}

#[test]
fn opening_for_nothing_or_for_too_much() {
    let bed = Bed::new(|tree| {
        tree.put_file("f", b"content");
        tree.put_directory("d");
    });
    let open = |path: &str, how: OpenHow| {
        let file = bed.run(bed.client().open(path.as_bytes(), &how, 0));
        file.map(drop)
    };
    assert_eq!(errno(open("f", OpenHow::default())), Errno::EINVAL);
    let truncate = OpenHow {
        truncate: true,
        ..OpenHow::reading()
    };
    assert_eq!(errno(open("f", truncate)), Errno::EINVAL);
    let sneaky = OpenHow {
        flags: open::TRUNCATE | open::WRITE_ONLY | open::CREATE,
        ..OpenHow::reading()
    };
    open("f", sneaky).unwrap();
    assert_eq!(bed.tree().content("f"), b"content");
    let write = OpenHow {
        create: Create::No,
        ..writing()
    };
    assert_eq!(errno(open("d", write)), Errno::EISDIR);
    assert_eq!(errno(open("missing", write)), Errno::ENOENT);
    let directory = bed.reading("d");
    let mut buffer = [0; 10];
    assert_eq!(
        number(bed.run(directory.read_at(&mut buffer, 0))),
        Errno::EISDIR
    );
    let file = bed.reading("f");
    assert_eq!(number(bed.run(file.write_at(b"x", 0))), Errno::EBADF);
    assert_eq!(number(bed.run(file.append(b"x"))), Errno::EBADF);
    assert_eq!(number(bed.run(file.set_len(0))), Errno::EINVAL);
    let write_only = OpenHow {
        read: false,
        ..writing()
    };
    let file = bed.open("f", &write_only);
    assert_eq!(number(bed.run(file.read_at(&mut buffer, 0))), Errno::EBADF);
    assert_eq!(
        number(bed.run(file.write_at(b"x", u64::MAX))),
        Errno::EINVAL
    );
}

/// A file that comes and goes is opened or made, without following a link that was not seen.
#[test]
fn create_or_open_meets_others() {
    let bed = Bed::new(|_| {});
    let how = writing();
    // The walk says that it is missing, the creation that it is there.
    for times in [1, 3] {
        let server = &bed.straight;
        server.server().refuse(Kind::Create, Errno::EEXIST, times);
        drop(bed.open("f", &how));
    }
    bed.straight.server().refuse(Kind::Open, Errno::ENOENT, 2);
    drop(bed.open("f", &how));
    bed.straight
        .server()
        .refuse(Kind::Open, Errno::ENOENT, 1000);
    let result = bed.run(bed.client().open(b"f", &how, 0));
    assert_eq!(errno(result), Errno::ENOENT, "not for ever");
    bed.straight.server().be_honest();
}

#[test]
fn directories() {
    let bed = Bed::new(|tree| {
        tree.put_file("f", b"");
        tree.put_directory("full/empty");
        tree.put_symlink("link", "full");
    });
    let make = |path: &str| bed.run(bed.name(path).make_directory(0o750));
    make("d").unwrap();
    make("full/e/").unwrap();
    assert_eq!(bed.tree().at("d").mode, mode::DIRECTORY | 0o750);
    for path in ["d", "f", "link", "link/", "full/..", "."] {
        assert_eq!(number(make(path)), Errno::EEXIST, "{path}");
    }
    let remove = |path: &str| bed.run(bed.name(path).remove_directory());
    for (path, error) in [
        ("f", Errno::ENOTDIR),
        ("link", Errno::ENOTDIR),
        ("full", Errno::ENOTEMPTY),
        ("d/.", Errno::EINVAL),
        ("d/..", Errno::ENOTEMPTY),
        ("/", Errno::EBUSY),
        ("x", Errno::ENOENT),
    ] {
        assert_eq!(number(remove(path)), error, "{path}");
    }
    remove("link/e").unwrap();
    remove("full/empty/").unwrap();
    remove("full").unwrap();
    assert_eq!(bed.tree().names("/"), ["d", "f", "link"]);
}

#[test]
fn names() {
    let bed = Bed::new(|tree| {
        tree.put_file("f", b"one");
        tree.put_file("g", b"two");
        tree.put_directory("d/e");
        tree.put_symlink("link", "f");
    });
    let rename = |from: &str, to: &str| {
        let (from, to) = (bed.name(from), bed.name(to));
        bed.run(from.rename(&to))
    };
    for (from, to, error) in [
        ("x", "y", Errno::ENOENT),
        ("f/", "y", Errno::ENOTDIR),
        ("f", "y/", Errno::ENOTDIR),
        ("f", "d", Errno::EISDIR),
        ("d", "f", Errno::ENOTDIR),
        ("d", "d/e/x", Errno::EINVAL),
        ("d/.", "y", Errno::EBUSY),
        ("d", "/", Errno::EBUSY),
    ] {
        assert_eq!(number(rename(from, to)), error, "{from} {to}");
    }
    rename("f", "g").unwrap();
    assert_eq!(bed.tree().content("g"), b"one");
    rename("d/", "new/").unwrap();
    rename("link", "new/link").unwrap();
    assert_eq!(bed.tree().names("/"), ["g", "new"]);

    let link = |from: &str, to: &str| {
        let node = bed.node(from);
        bed.run(bed.name(to).link(&node))
    };
    link("g", "h").unwrap();
    assert_eq!(bed.tree().at("h").links, 2);
    assert_eq!(number(link("g", "h")), Errno::EEXIST);
    assert_eq!(number(link("g", "h/")), Errno::EEXIST);
    assert_eq!(number(link("g", "i/")), Errno::ENOENT);
    assert_eq!(number(link("g", "new/..")), Errno::EEXIST);
    assert_eq!(number(link("new", "i")), Errno::EPERM);

    let remove = |path: &str| bed.run(bed.name(path).remove_file());
    for (path, error) in [
        ("new", Errno::EISDIR),
        ("new/", Errno::EISDIR),
        ("new/..", Errno::EISDIR),
        ("h/", Errno::ENOTDIR),
        ("x", Errno::ENOENT),
        ("x/", Errno::ENOENT),
    ] {
        assert_eq!(number(remove(path)), error, "{path}");
    }
    remove("h").unwrap();
    assert_eq!(bed.tree().at("g").links, 1);
}

#[test]
fn symbolic_links() {
    let bed = Bed::new(|_| {});
    let link = |target: &[u8], path: &str| bed.run(bed.name(path).symlink(target));
    link(b"../any/where", "l").unwrap();
    assert_eq!(bed.run(bed.node("l").read_link()).unwrap(), b"../any/where");
    assert_eq!(number(link(b"x", "l")), Errno::EEXIST);
    assert_eq!(number(link(b"x", "m/")), Errno::ENOENT);
    assert_eq!(number(link(b"", "m")), Errno::ENOENT);
    assert_eq!(number(link(b"a\0b", "m")), Errno::EINVAL);
    assert_eq!(number(link(&[b'x'; 4096], "m")), Errno::ENAMETOOLONG);
    link(&[b'x'; 4095], "m").unwrap();
    let root = bed.client().root();
    assert_eq!(number(bed.run(root.read_link())), Errno::EINVAL);
}

#[test]
fn nothing_crosses_volumes() {
    let (one, other) = (Bed::new(|t| _ = t.put_file("f", b"")), Bed::new(|_| {}));
    let to = other.name("g");
    assert_eq!(number(one.run(one.name("f").rename(&to))), Errno::EXDEV);
    assert_eq!(number(one.run(to.link(&one.node("f")))), Errno::EXDEV);
}

#[test]
fn handles_of_directories() {
    let bed = Bed::new(|tree| {
        tree.put_file("d/f", b"x");
        tree.put_symlink("d/l", "f");
        tree.put_directory("d/e");
    });
    let d = bed.node("d");
    assert_eq!(bed.run(d.lookup(b"f")).unwrap().path(), b"d/f");
    assert!(bed.run(d.lookup(b"l")).unwrap().is_symlink());
    assert_eq!(number(bed.run(d.lookup(b"x"))), Errno::ENOENT);
    for name in [&b""[..], b".", b"..", b"a/b", b"\0"] {
        assert!(bed.run(d.lookup(name)).is_err());
        assert!(bed.run(d.make_directory(name, 0)).is_err());
        assert!(bed.run(d.symlink(name, b"t")).is_err());
        assert!(bed.run(d.link(name, &d)).is_err());
        assert!(bed.run(d.rename(name, &d, b"x")).is_err());
        assert!(bed.run(d.rename(b"f", &d, name)).is_err());
        assert!(bed.run(d.remove(name, false)).is_err());
        let d = bed.node("d");
        assert!(bed.run(d.create(name, &writing())).is_err());
    }
    bed.run(d.make_directory(b"m", 0o755)).unwrap();
    bed.run(d.rename(b"f", &bed.client().root(), b"g")).unwrap();
    bed.run(d.remove(b"l", false)).unwrap();
    assert_eq!(number(bed.run(d.remove(b"e", false))), Errno::EISDIR);
    bed.run(d.remove(b"e", true)).unwrap();
    assert_eq!(bed.tree().names("d"), ["m"]);
    assert_eq!(bed.tree().content("g"), b"x");
}

#[test]
fn attributes() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", &[7; 5000]));
    let node = bed.node("f");
    let before = bed.run(node.attributes()).unwrap();
    assert_eq!((before.size, before.links), (5000, 1));
    assert_eq!(before.mode & mode::KIND, mode::REGULAR);
    let modified = Some(SetTime::To(Time {
        seconds: 1_000_000_000,
        nanoseconds: 5,
    }));
    let change = SetAttributes {
        mode: Some(0o600),
        modified,
        size: Some(10),
        ..SetAttributes::default()
    };
    bed.run(node.set_attributes(change)).unwrap();
    let file = bed.writing("f");
    let after = bed.run(file.attributes()).unwrap();
    assert_eq!((after.size, after.mode & mode::PERMISSIONS), (10, 0o600));
    assert_eq!(
        (after.modified.seconds, after.modified.nanoseconds),
        (1_000_000_000, 5)
    );
    bed.run(file.set_len(3)).unwrap();
    assert_eq!(bed.tree().content("f"), [7; 3]);
    assert_eq!(number(bed.run(file.set_len(1 << 63))), Errno::EINVAL);
    bed.run(file.sync(true)).unwrap();
    bed.run(file.sync(false)).unwrap();
    assert_eq!(bed.count(Kind::Sync), 2);
    let disk = bed.run(file.statfs()).unwrap();
    assert_eq!(disk, bed.run(node.statfs()).unwrap());
    assert!(disk.blocks > disk.free_blocks && disk.name_len == 255);
}

#[test]
fn locks() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b"0123456789"));
    let (one, other) = (bed.writing("f"), bed.writing("f"));
    let lock = |file: &File<Straight>, kind, start, len, owner| {
        let range = Range { start, len };
        bed.run(file.try_lock(kind, range, owner, b"guest", false))
            .unwrap()
    };
    assert!(lock(&one, LockKind::Write, 0, 5, 1));
    assert!(!lock(&other, LockKind::Read, 4, 1, 2));
    assert!(lock(&other, LockKind::Read, 5, 0, 2));
    assert!(!lock(&one, LockKind::Write, 9, 1, 1));
    assert!(lock(&one, LockKind::Unlock, 0, 0, 1));
    assert!(lock(&other, LockKind::Write, 0, 0, 2));
    drop(other);
    assert!(lock(&one, LockKind::Write, 0, 0, 1), "closing unlocks");
}

/// Files that others removed are still there for those who have them open.
#[test]
fn removed_while_open() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b"still here"));
    let file = bed.writing("f");
    bed.run(bed.name("f").remove_file()).unwrap();
    let mut buffer = [0; 20];
    assert_eq!(bed.run(file.read_at(&mut buffer, 6)), Ok(4));
    bed.run(file.write_at(b"S", 0)).unwrap();
    assert_eq!(bed.run(file.attributes()).unwrap().links, 0);
    bed.straight.server().by_path = true;
    assert_eq!(number(bed.run(file.attributes())), Errno::ENOENT);
}

#[test]
fn too_many_files() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b""));
    bed.straight.server().max_fids = 5;
    let files: Vec<_> = (0..4).map(|_| bed.reading("f")).collect();
    let full = bed.run(bed.client().open(b"f", &OpenHow::reading(), 0));
    assert_eq!(errno(full), Errno::EMFILE);
    drop(files);
    bed.reading("f");
}

#[test]
fn a_device_that_goes() {
    let bed = Bed::new(|tree| _ = tree.put_file("f", b"x"));
    let file = bed.reading("f");
    bed.straight.go();
    let mut buffer = [0; 1];
    assert_eq!(bed.run(file.read_at(&mut buffer, 0)), Err(Error::Gone));
    let open = bed.run(bed.client().open(b"f", &OpenHow::reading(), 0));
    assert_eq!(open.map(drop), Err(PathError::Failed(Error::Gone)));
    drop(file);
    bed.assert_clean();
    core::mem::forget(bed);
}
