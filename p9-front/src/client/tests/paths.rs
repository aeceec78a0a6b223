//! From paths to files: links, `..`, slashes, and how many requests that takes.

use super::super::{Escape, Parent};
use super::*;
use crate::test_utils::server::Server;
use crate::wire::{QidKind, Response};
use alloc::string::String;
use alloc::vec::Vec;
use tamper::Tamper;

fn tree(tree: &mut Tree) {
    tree.put_file("a/b/c/file", b"here");
    tree.put_file("top", b"at the top");
    tree.put_symlink("to-file", "a/b/c/file");
    tree.put_symlink("to-dir", "a/b");
    tree.put_symlink("a/up", "../top");
    tree.put_symlink("a/b/chain", "../../to-dir/c");
    tree.put_symlink("slashed", "a/b/");
    tree.put_symlink("file-slashed", "top/");
    tree.put_symlink("dangling", "a/nothing");
    tree.put_symlink("loop", "pool");
    tree.put_symlink("pool", "loop");
    tree.put_symlink("self/self", "../self/self/x");
    tree.put_symlink("a/out", "../../x/y");
    tree.put_symlink("absolute", "/data/there");
    tree.put_symlink("a/absolute-dir", "/data/there/");
    tree.put_symlink("root", "/");
}

impl Bed {
    #[track_caller]
    fn path(&self, path: &str, follow: bool) -> String {
        let node = self.run(self.client().resolve(path.as_bytes(), follow, 0));
        let node = node.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        String::from_utf8(node.path().to_vec()).unwrap()
    }

    #[track_caller]
    fn errno(&self, path: &str, follow: bool) -> Errno {
        errno(self.run(self.client().resolve(path.as_bytes(), follow, 0)))
    }

    #[track_caller]
    fn escape(&self, path: &str) -> String {
        match self.run(self.client().resolve(path.as_bytes(), true, 0)) {
            Err(PathError::Escapes(Escape { path, .. })) => String::from_utf8(path).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn parent(&self, path: &str) -> Parent<Straight> {
        self.run(self.client().resolve_parent(path.as_bytes(), 0))
            .unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }
}

#[test]
fn canonical_paths() {
    let bed = Bed::new(tree);
    for (path, canonical) in [
        ("", ""),
        ("/", ""),
        (".", ""),
        ("a", "a"),
        ("/a//b/./c/", "a/b/c"),
        ("a/b/../b/c/file", "a/b/c/file"),
        ("a/..", ""),
        ("a/b/../../top", "top"),
        ("to-file", "a/b/c/file"),
        ("to-dir", "a/b"),
        ("to-dir/", "a/b"),
        ("to-dir/..", "a"),
        ("to-dir/../up", "top"),
        ("a/b/chain/file", "a/b/c/file"),
        ("a/b/chain/../../up", "top"),
        ("slashed/c", "a/b/c"),
        ("slashed", "a/b"),
    ] {
        assert_eq!(bed.path(path, true), canonical, "{path}");
    }
}

#[test]
fn a_link_in_last_place_is_only_followed_when_that_is_meant() {
    let bed = Bed::new(tree);
    assert_eq!(bed.path("to-file", false), "to-file");
    assert_eq!(bed.path("to-dir", false), "to-dir");
    assert_eq!(bed.path("to-dir/", false), "a/b");
    assert_eq!(bed.path("to-dir/.", false), "a/b");
    assert_eq!(bed.path("loop", false), "loop");
    assert_eq!(bed.path("absolute", false), "absolute");
    assert_eq!(bed.path("a/../a/up", false), "a/up");
    let link = bed.run(bed.client().resolve(b"to-dir", false, 0)).unwrap();
    assert!(link.is_symlink() && !link.is_directory());
    assert_eq!(bed.run(link.read_link()).unwrap(), b"a/b");
}

#[test]
fn what_is_not_there() {
    let bed = Bed::new(tree);
    for (path, error) in [
        ("x", Errno::ENOENT),
        ("x/y", Errno::ENOENT),
        ("a/x", Errno::ENOENT),
        ("a/b/c/x", Errno::ENOENT),
        ("a/b/x/y/z", Errno::ENOENT),
        ("x/..", Errno::ENOENT),
        ("a/x/../b", Errno::ENOENT),
        ("dangling", Errno::ENOENT),
        ("dangling/x", Errno::ENOENT),
        ("top/x", Errno::ENOTDIR),
        ("top/", Errno::ENOTDIR),
        ("top/.", Errno::ENOTDIR),
        ("top/..", Errno::ENOTDIR),
        ("a/b/c/file/x", Errno::ENOTDIR),
        ("to-file/", Errno::ENOTDIR),
        ("to-file/..", Errno::ENOTDIR),
        ("file-slashed", Errno::ENOTDIR),
        ("loop", Errno::ELOOP),
        ("loop/x", Errno::ELOOP),
        ("self/self", Errno::ELOOP),
        ("a\0", Errno::EINVAL),
    ] {
        assert_eq!(bed.errno(path, true), error, "{path}");
    }
    assert_eq!(bed.errno(&"n".repeat(256), true), Errno::ENAMETOOLONG);
    assert_eq!(bed.errno(&"a/../".repeat(1000), true), Errno::ENAMETOOLONG);
}

#[test]
fn what_leaves_the_volume_is_the_callers() {
    let bed = Bed::new(tree);
    for (path, escape) in [
        ("..", "../"),
        ("../", "../"),
        ("../..", "../../"),
        ("a/../../b/c", "../b/c"),
        ("a/b/../../../b/", "../b/"),
        ("a/out", "../x/y"),
        ("a/out/z/../w", "../x/y/z/../w"),
        ("absolute", "/data/there"),
        ("absolute/", "/data/there/"),
        ("absolute/x/./y", "/data/there/x/y"),
        ("a/absolute-dir", "/data/there/"),
        ("a/absolute-dir/..", "/data/there/../"),
        ("root", "/"),
        ("root/a/b", "/a/b"),
        ("/root/", "/"),
    ] {
        assert_eq!(bed.escape(path), escape, "{path}");
    }
    let links = |path: &[u8], links| match bed.run(bed.client().resolve(path, true, links)) {
        Err(PathError::Escapes(escape)) => escape.links,
        other => panic!("{other:?}"),
    };
    assert_eq!(links(b"..", 3), 3);
    assert_eq!(links(b"absolute", 3), 4);
    assert_eq!(
        errno(bed.run(bed.client().resolve(b"absolute", true, 40))),
        Errno::ELOOP,
        "links in other volumes count"
    );
}

#[test]
fn parents() {
    let bed = Bed::new(tree);
    for (path, directory, name, slash) in [
        ("x", "", Some("x"), false),
        ("a/b/x/", "a/b", Some("x"), true),
        ("to-dir/x", "a/b", Some("x"), false),
        ("to-dir", "", Some("to-dir"), false),
        ("a/../x", "", Some("x"), false),
        ("a/b/.", "a/b", None, false),
        ("a/b/..", "a/b", None, false),
        ("/", "", None, true),
    ] {
        let parent = bed.parent(path);
        assert_eq!(parent.directory().path(), directory.as_bytes(), "{path}");
        assert_eq!(parent.name(), name.map(str::as_bytes), "{path}");
        assert_eq!(parent.has_slash(), slash, "{path}");
    }
    for (path, error) in [
        ("x/y", Errno::ENOENT),
        ("top/y", Errno::ENOTDIR),
        ("dangling/y", Errno::ENOENT),
        ("loop/y", Errno::ELOOP),
    ] {
        let result = bed.run(bed.client().resolve_parent(path.as_bytes(), 0));
        assert_eq!(errno(result), error, "{path}");
    }
    for (path, escape) in [
        ("../x", "../x"),
        ("../x/", "../x/"),
        ("../.", "../."),
        ("../..", "../.."),
        ("absolute/x", "/data/there/x"),
        ("a/out/x/", "../x/y/x/"),
        ("root/x", "/x"),
    ] {
        match bed.run(bed.client().resolve_parent(path.as_bytes(), 0)) {
            Err(PathError::Escapes(Escape { path, .. })) => assert_eq!(path, escape.as_bytes()),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn depth_takes_a_request_for_sixteen_names() {
    let names = |count: usize| (0..count).map(|i| std::format!("d{i}")).collect::<Vec<_>>();
    let deep = names(50).join("/");
    let bed = Bed::new(|tree| {
        tree.put_file(&std::format!("{deep}/file"), b"");
        tree.put_symlink(&std::format!("{deep}/link"), "../d49/file");
    });
    for (depth, requests) in [(1, 1), (16, 1), (17, 2), (32, 2), (50, 4)] {
        let path = names(depth).join("/");
        let before = bed.requests();
        assert_eq!(bed.path(&path, true), path);
        assert_eq!(bed.requests() - before, requests, "{depth}");
    }
    let path = std::format!("{deep}/link");
    assert_eq!(bed.path(&path, true), std::format!("{deep}/file"));
    assert_eq!(bed.errno(&std::format!("{deep}/x"), true), Errno::ENOENT);
    assert_eq!(
        bed.errno(&std::format!("{deep}/file/x"), true),
        Errno::ENOTDIR
    );
}

#[test]
fn requests_of_usual_paths() {
    let bed = Bed::new(tree);
    let mut before = bed.requests();
    let mut spent = |what: &str, requests: u64| {
        let now = bed.requests();
        assert_eq!(now - before, requests, "{what}");
        before = now;
    };
    bed.reading("a/b/c/file");
    spent("walk, open", 2);
    bed.run(bed.client().resolve(b"a/b/c/file", true, 0))
        .unwrap();
    spent("walk", 1);
    bed.writing("a/b/new");
    spent("two walks at once, create", 3);
    bed.writing("a/b/new");
    spent("two walks at once, open", 3);
    bed.path("to-dir/c/file", true);
    spent("walk to the link, to it, read it, walk on", 4);
    bed.errno("missing", true);
    spent("a name in the root", 1);
    bed.errno("a/missing", true);
    spent("as far as it goes, there, and the error", 3);
}

#[test]
fn forty_links_and_no_more() {
    let bed = Bed::new(|tree| {
        tree.put_file("l0", b"");
        for i in 1..=41 {
            tree.put_symlink(&std::format!("l{i}"), &std::format!("./l{}", i - 1));
        }
    });
    assert_eq!(bed.path("l40", true), "l0");
    assert_eq!(bed.errno("l41", true), Errno::ELOOP);
}

/// QEMU before 7.0 refuses a walk as a whole if any name cannot be walked.
#[test]
fn a_server_that_refuses_whole_walks() {
    let mut server = Server::new();
    tree(&mut server.tree);
    let straight = Straight::new(server);
    let old = Tamper::whole_walks(straight.clone());
    let client = straight
        .run(Client::attach(old, &Options::default()))
        .unwrap()
        .unwrap();
    let path = |path: &str| {
        let node = straight
            .run(client.resolve(path.as_bytes(), true, 0))
            .unwrap();
        node.map(|node| String::from_utf8(node.path().to_vec()).unwrap())
    };
    assert_eq!(path("a/b/chain/file").unwrap(), "a/b/c/file");
    assert_eq!(path("to-dir/../up").unwrap(), "top");
    assert_eq!(errno(path("a/b/missing")), Errno::ENOENT);
    assert_eq!(errno(path("top/x/y")), Errno::ENOTDIR);
    for (path, content) in [("a/b/new", 0), ("a/b/c/file", 4), ("dangling", 0)] {
        let file = straight.run(client.open(path.as_bytes(), &writing(), 0));
        let file = file.unwrap().unwrap();
        assert_eq!(
            straight.run(file.attributes()).unwrap().unwrap().size,
            content
        );
    }
    assert!(straight.server().tree.exists("a/nothing"));
    drop(client);
    assert!(straight.fids().is_empty());
}

/// What could not be walked for another reason than that it is missing has that reason.
#[test]
fn the_error_is_the_servers() {
    let bed = Bed::new(tree);
    bed.straight.server().refuse(Kind::Walk, Errno::EACCES, 5);
    assert_eq!(bed.errno("a/b/c", true), Errno::EACCES);
    bed.straight.server().be_honest();
    bed.straight.server().refuse(Kind::Walk, Errno::EIO, 5);
    assert_eq!(bed.errno("a", true), Errno::EIO);
    bed.straight.server().be_honest();
}

/// A last name that cannot be looked up is not taken for one that is missing.
#[test]
fn what_cannot_be_looked_up_is_not_made() {
    let mut server = Server::new();
    tree(&mut server.tree);
    let straight = Straight::new(server);
    // The search is refused in the last directory: the walk ends there, without a reason.
    let blind = Tamper::new(straight.clone(), |_, names, answer| match answer {
        Ok(Response::Walked(mut qids)) if names == 4 => {
            qids.pop();
            Ok(Response::Walked(qids))
        }
        Ok(Response::Walked(qids)) if names == 1 && !qids[0].kind.contains(QidKind::DIR) => {
            Err(Error::Server(Errno::EACCES))
        }
        answer => answer,
    });
    let options = Options::default();
    let client = straight.run(Client::attach(blind, &options));
    let client = client.unwrap().unwrap();
    let open = straight.run(client.open(b"a/b/c/file", &writing(), 0));
    assert_eq!(errno(open.unwrap().map(drop)), Errno::EACCES);
    let resolve = straight.run(client.resolve(b"a/b/c/file", true, 0));
    assert_eq!(errno(resolve.unwrap().map(drop)), Errno::EACCES);
    drop(client);
    assert_eq!(straight.server().count(Kind::Create), 1);
}
