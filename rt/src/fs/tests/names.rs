//! Names, directories, links, mounts.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::{Volume, fake};
use crate::fs::{self, DirBuilder, File, OpenOptions};
use crate::io::{Error, ErrorKind, Write};
use crate::os::unix::fs::{DirBuilderExt, DirEntryExt, MetadataExt, symlink};
use crate::path::Path;

#[track_caller]
fn fails<T: core::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    error
}

fn names(path: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn directories_are_made_listed_and_removed() {
    let volume = Volume::new("dirs");
    fs::create_dir_all(volume.path("a/b/c/")).unwrap();
    fs::create_dir_all(volume.path("a/b/c")).unwrap();
    DirBuilder::new()
        .mode(0o777)
        .create(volume.path("d"))
        .unwrap();
    assert_eq!(fs::metadata(volume.path("d")).unwrap().mode(), 0o040_755);
    fs::write(volume.path("a/file"), "x").unwrap();
    symlink("b", volume.path("a/link")).unwrap();
    assert_eq!(names(&volume.path("a")), ["b", "file", "link"]);
    for entry in fs::read_dir(volume.path("a")).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let metadata = entry.metadata().unwrap();
        assert_eq!(kind, metadata.file_type());
        assert_eq!(entry.ino(), metadata.ino());
        let shown = format!("{}", entry.file_name().display());
        assert_eq!(kind.is_dir(), shown == "b");
        assert_eq!(kind.is_symlink(), shown == "link");
        assert!(entry.path().starts_with(volume.path("a")));
    }
    fails(fs::create_dir(volume.path("a")), ErrorKind::AlreadyExists);
    fails(fs::create_dir(volume.path("x/y")), ErrorKind::NotFound);
    fails(
        fs::create_dir_all(volume.path("a/file/x")),
        ErrorKind::NotADirectory,
    );
    fails(
        fs::remove_dir(volume.path("a")),
        ErrorKind::DirectoryNotEmpty,
    );
    fails(
        fs::remove_dir(volume.path("a/file")),
        ErrorKind::NotADirectory,
    );
    fails(fs::remove_file(volume.path("a/b")), ErrorKind::IsADirectory);
    fails(
        fs::read_dir(volume.path("a/file")),
        ErrorKind::NotADirectory,
    );
    fs::remove_dir_all(volume.path("a")).unwrap();
    fails(fs::metadata(volume.path("a")), ErrorKind::NotFound);
    fails(fs::remove_dir_all(volume.path("a")), ErrorKind::NotFound);
}

#[test]
fn removing_all_follows_no_link_and_goes_deep() {
    let volume = Volume::new("removes");
    fs::create_dir_all(volume.path("kept/inner")).unwrap();
    fs::write(volume.path("kept/file"), "x").unwrap();
    let mut deep = volume.path("gone");
    for level in 0..60 {
        fs::create_dir(&deep).unwrap();
        for number in 0..5 {
            fs::write(format!("{deep}/{number}"), "x").unwrap();
        }
        symlink(volume.path("kept"), format!("{deep}/link")).unwrap();
        deep = format!("{deep}/{level}-");
    }
    fs::remove_dir_all(volume.path("gone")).unwrap();
    assert_eq!(names(&volume.at), ["kept"]);
    assert_eq!(names(&volume.path("kept")), ["file", "inner"]);
    symlink("kept", volume.path("link")).unwrap();
    fs::remove_dir_all(volume.path("link")).unwrap();
    assert_eq!(names(&volume.path("kept")), ["file", "inner"]);
    fails(
        fs::remove_dir_all(volume.path("kept/file")),
        ErrorKind::NotADirectory,
    );
    let busy = fails(fs::remove_dir_all(&volume.at), ErrorKind::ResourceBusy);
    assert_eq!(busy.raw_os_error(), Some(16));
    assert_eq!(
        names(&volume.at),
        ["kept"],
        "nothing is removed before it is refused"
    );
}

#[test]
fn ten_thousand_files_in_one_directory() {
    let volume = Volume::new("many");
    volume.server.server().tree.put_directory("d");
    for number in 0..10_000 {
        let path = format!("d/file number {number}");
        volume.server.server().tree.put_file(&path, b"");
    }
    assert_eq!(names(&volume.path("d")).len(), 10_000);
    fs::remove_dir_all(volume.path("d")).unwrap();
    assert_eq!(names(&volume.at), [""; 0]);
}

#[test]
fn names_change_and_files_have_several() {
    let volume = Volume::new("renames");
    fs::write(volume.path("a"), "one").unwrap();
    fs::hard_link(volume.path("a"), volume.path("b")).unwrap();
    assert_eq!(fs::metadata(volume.path("b")).unwrap().nlink(), 2);
    fs::write(volume.path("c"), "two").unwrap();
    fs::rename(volume.path("c"), volume.path("a")).unwrap();
    assert_eq!(fs::read_to_string(volume.path("a")).unwrap(), "two");
    assert_eq!(fs::read_to_string(volume.path("b")).unwrap(), "one");
    fails(
        fs::rename(volume.path("c"), volume.path("a")),
        ErrorKind::NotFound,
    );
    fails(
        fs::hard_link(volume.path("a"), volume.path("b")),
        ErrorKind::AlreadyExists,
    );
    fails(
        fs::rename(&volume.at, volume.path("x")),
        ErrorKind::ResourceBusy,
    );
    fails(fs::remove_dir("/"), ErrorKind::ResourceBusy);
}

#[test]
fn links_lead_through_the_namespace_and_never_out() {
    let volume = Volume::new("links");
    let other = Volume::new("links2");
    fs::write(other.path("there"), "other volume").unwrap();
    fs::create_dir_all(volume.path("d/e")).unwrap();
    symlink("/links2/there", volume.path("absolute")).unwrap();
    symlink("../../../links2/there", volume.path("d/e/relative")).unwrap();
    symlink("/etc/passwd", volume.path("outside")).unwrap();
    symlink("/links2", volume.path("root")).unwrap();
    symlink("loop2", volume.path("loop")).unwrap();
    symlink("/links/loop", volume.path("loop2")).unwrap();
    for path in [
        "absolute",
        "d/e/relative",
        "root/there",
        "d/../root/./there",
    ] {
        let text = fs::read_to_string(volume.path(path)).unwrap();
        assert_eq!(text, "other volume", "{path}");
    }
    let real = fs::canonicalize(volume.path("d/../root/../links2/there")).unwrap();
    assert_eq!(real, Path::new("/links2/there"));
    assert_eq!(
        fs::canonicalize("/links/d/e/../..").unwrap(),
        Path::new("/links")
    );
    assert_eq!(fs::canonicalize("/links/../").unwrap(), Path::new("/"));
    let target = fs::read_link(volume.path("outside")).unwrap();
    assert_eq!(target, Path::new("/etc/passwd"));
    let error = fails(fs::read(volume.path("outside")), ErrorKind::NotFound);
    assert!(format!("{error}").contains("/etc/passwd"), "{error}");
    let error = fs::metadata(volume.path("loop")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(40));
    assert!(
        fs::symlink_metadata(volume.path("loop"))
            .unwrap()
            .is_symlink()
    );
    fails(fs::read_link(other.path("there")), ErrorKind::InvalidInput);

    // Made where a link points, on the other volume.
    symlink("/links2/new", volume.path("dangling")).unwrap();
    assert!(!Path::new(&volume.path("dangling")).exists());
    fs::write(volume.path("dangling"), "made").unwrap();
    assert_eq!(fs::read_to_string("/links2/new").unwrap(), "made");
    fails(
        File::create_new(volume.path("dangling")),
        ErrorKind::AlreadyExists,
    );

    // From one to the other there is no way for names.
    fails(
        fs::rename(volume.path("outside"), other.path("x")),
        ErrorKind::CrossesDevices,
    );
    fails(
        fs::hard_link(other.path("there"), volume.path("x")),
        ErrorKind::CrossesDevices,
    );
    assert_eq!(fs::copy(other.path("there"), volume.path("x")).unwrap(), 12);
}

#[test]
fn volumes_that_the_guest_does_not_change() {
    let server = fake::serve("constant");
    server.server().tree.put_file("file", b"x");
    server.server().tree.put_directory("d");
    fs::mount_read_only("constant", "/constant").unwrap();
    let kind = ErrorKind::ReadOnlyFilesystem;
    assert_eq!(fs::read("/constant/file").unwrap(), b"x");
    fails(fs::write("/constant/file", "y"), kind);
    fails(fs::write("/constant/new", "y"), kind);
    fails(fs::create_dir("/constant/new"), kind);
    fails(fs::create_dir("/constant/d"), ErrorKind::AlreadyExists);
    fails(symlink("x", "/constant/file"), ErrorKind::AlreadyExists);
    fs::create_dir_all("/constant/d").unwrap();
    fails(fs::remove_file("/constant/file"), kind);
    fails(fs::remove_dir("/constant/d"), kind);
    fails(fs::remove_dir_all("/constant/d"), kind);
    fails(fs::rename("/constant/file", "/constant/d/x"), kind);
    fails(symlink("x", "/constant/new"), kind);
    fails(fs::hard_link("/constant/file", "/constant/new"), kind);
    let permissions = fs::metadata("/constant/file").unwrap().permissions();
    fails(
        fs::set_permissions("/constant/file", permissions.clone()),
        kind,
    );
    let file = File::open("/constant/file").unwrap();
    fails(file.set_permissions(permissions), kind);
    let mut options = OpenOptions::new();
    fails(
        options.append(true).open("/constant/none"),
        ErrorKind::NotFound,
    );
    fails(
        options.create_new(true).open("/constant/file"),
        ErrorKind::AlreadyExists,
    );
    assert_eq!(server.server().tree.content("file"), b"x");
}

#[test]
fn what_is_above_the_volumes() {
    let _volume = fake::serve("above");
    fs::mount("above", "/above/inner/volume").unwrap();
    let metadata = fs::metadata("/above/inner").unwrap();
    assert!(metadata.is_dir() && metadata.permissions().readonly());
    assert_eq!(names("/above"), ["inner"]);
    let entry = fs::read_dir("/above/inner")
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(entry.path(), Path::new("/above/inner/volume"));
    assert!(entry.metadata().unwrap().is_dir());
    fails(fs::create_dir("/above/inner"), ErrorKind::AlreadyExists);
    fs::create_dir_all("/above/inner/volume/x").unwrap();
    assert!(Path::new("above/inner/volume/x").is_dir());
    let error = fails(fs::create_dir("/above/other"), ErrorKind::NotFound);
    assert!(format!("{error}").contains("\"/above/other\""), "{error}");
    fails(fs::create_dir_all("/above/other/x"), ErrorKind::NotFound);
    fails(File::open("/above"), ErrorKind::IsADirectory);
    fails(fs::metadata(""), ErrorKind::NotFound);
    fails(
        fs::metadata("/above/inner/volume/a\0b"),
        ErrorKind::InvalidInput,
    );
    fails(
        fs::mount("above", "/above/inner/volume/"),
        ErrorKind::AlreadyExists,
    );
    fails(fs::mount("above", "relative"), ErrorKind::InvalidInput);
    fails(fs::mount("no such tag", "/x"), ErrorKind::NotFound);
    assert!(
        fs::mounts()
            .iter()
            .any(|mount| format!("{mount}") == "above:/above/inner/volume")
    );
}

#[test]
fn odd_ways_to_write_paths() {
    let volume = Volume::new("odd");
    fs::create_dir(volume.path("d")).unwrap();
    fs::write(volume.path("d/f"), "x").unwrap();
    for path in ["odd//d/./f", "/odd/d/../d/f", "/../odd/d/f"] {
        assert_eq!(fs::read_to_string(path).unwrap(), "x", "{path}");
    }
    fails(fs::metadata("/odd/d/f/"), ErrorKind::NotADirectory);
    fails(fs::metadata("/odd/d/f/.."), ErrorKind::NotADirectory);
    fails(fs::metadata("/odd/none/.."), ErrorKind::NotFound);
    fails(File::create("/odd/new/"), ErrorKind::IsADirectory);
    fails(fs::remove_dir("/odd/d/."), ErrorKind::InvalidInput);
    fails(fs::remove_dir_all("/odd/d/."), ErrorKind::InvalidInput);
    fails(fs::create_dir("/odd/d/."), ErrorKind::AlreadyExists);
    assert!(fs::exists("/odd/d/.").unwrap());
    assert!(!fs::exists("/odd/e").unwrap());
    fails(fs::exists("/odd/d/f/x"), ErrorKind::NotADirectory);
    let long = "x".repeat(300);
    fails(
        fs::metadata(format!("/odd/{long}")),
        ErrorKind::InvalidFilename,
    );
    let mut file = File::open("/odd/d/f").unwrap();
    let error = file.write(b"x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(9));
    assert!(fs::statfs("/odd").unwrap().block_size > 0);
}
