//! Open files.

use std::string::String;
use std::vec::Vec;

use p9_front::test_utils::Order;
use p9_front::wire::Kind;

use super::Volume;
use crate::fs::{self, File, FileTimes, OpenOptions, TryLockError};
use crate::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use crate::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};

fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

#[test]
fn what_is_written_is_read() {
    let volume = Volume::new("written");
    let path = volume.path("file");
    for len in [0, 1, 4096, 100_000, 3 << 20] {
        let content = pattern(len);
        fs::write(&path, &content).unwrap();
        assert!(volume.server.server().tree.content("file") == content);
        assert!(fs::read(&path).unwrap() == content);
    }
    fs::write(&path, "text ä").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "text ä");
    fs::write(&path, [0xff]).unwrap();
    let error = fs::read_to_string(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn the_cursor_is_shared_by_clones_and_not_by_read_at() {
    let volume = Volume::new("cursor");
    let path = volume.path("file");
    fs::write(&path, "0123456789").unwrap();
    let mut file = File::open(&path).unwrap();
    let mut clone = file.try_clone().unwrap();
    let mut two = [0; 2];
    file.read_exact(&mut two).unwrap();
    clone.read_exact(&mut two).unwrap();
    assert_eq!(&two, b"23");
    file.read_exact_at(&mut two, 8).unwrap();
    assert_eq!(&two, b"89");
    assert_eq!(file.stream_position().unwrap(), 4);
    assert_eq!(clone.seek(SeekFrom::End(-1)).unwrap(), 9);
    let mut rest = Vec::new();
    (&file).read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"9");
    assert_eq!(file.seek(SeekFrom::Current(100)).unwrap(), 110);
    assert_eq!(file.read(&mut two).unwrap(), 0);
    for to in [
        SeekFrom::End(-11),
        SeekFrom::Current(-111),
        SeekFrom::Start(1 << 63),
        SeekFrom::Current(i64::MAX),
    ] {
        let error = file.seek(to).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{to:?}");
    }
    assert_eq!(file.stream_position().unwrap(), 110);
    let error = file.read_exact_at(&mut two, 9).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn appending_goes_to_the_end_whoever_moved_it() {
    let volume = Volume::new("append");
    let path = volume.path("log");
    let open = || {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        options.open(&path).unwrap()
    };
    let (mut a, mut b) = (open(), open());
    a.write_all(b"one ").unwrap();
    b.write_all(b"two ").unwrap();
    a.seek(SeekFrom::Start(0)).unwrap();
    a.write_all(b"three").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one two three");
    assert_eq!(a.stream_position().unwrap(), 13);
    a.seek(SeekFrom::Start(4)).unwrap();
    let mut three = [0; 3];
    a.read_exact(&mut three).unwrap();
    assert_eq!(&three, b"two");
    a.write_at(b"!", 0).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one two three!");
}

#[test]
fn a_reader_sees_what_the_same_guest_wrote_and_where_the_file_ends_now() {
    let volume = Volume::new("coherent");
    let path = volume.path("file");
    fs::write(&path, pattern(100_000)).unwrap();
    let mut file = File::options().read(true).write(true).open(&path).unwrap();
    let mut bytes = [0; 1000];
    for _ in 0..10 {
        file.read_exact(&mut bytes).unwrap();
    }
    fs::write(volume.path("other"), "").unwrap();
    file.write_all_at(&[7; 1000], 10_000).unwrap();
    file.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [7; 1000]);
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 100_000 - 11_000);
    volume
        .server
        .server()
        .tree
        .put_file("file", b"from the host");
    file.rewind().unwrap();
    let mut text = String::new();
    File::open(&path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "from the host");
}

#[test]
fn length_permissions_times() {
    let volume = Volume::new("attributes");
    let path = volume.path("file");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o777);
    let file = options.open(&path).unwrap();
    assert_eq!(file.metadata().unwrap().mode(), 0o100_755);
    file.set_len(5).unwrap();
    assert_eq!(fs::read(&path).unwrap(), [0; 5]);
    let mut permissions = file.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode(), 0o100_555);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), 0o100_640);
    let time = fs::UNIX_EPOCH + core::time::Duration::new(1_000_000_007, 9);
    file.set_times(FileTimes::new().set_accessed(time)).unwrap();
    file.set_modified(time).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.modified().unwrap(), time);
    assert_eq!(metadata.accessed().unwrap(), time);
    assert_eq!(metadata.mtime(), 1_000_000_007);
    let error = metadata.created().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    file.sync_all().unwrap();
    file.sync_data().unwrap();
    assert_eq!(volume.server.server().count(Kind::Sync), 2);
    let error = File::open(&path).unwrap().set_len(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn locks_keep_each_other_out() {
    let volume = Volume::new("locks");
    let path = volume.path("file");
    fs::write(&path, "").unwrap();
    let open = || File::options().read(true).write(true).open(&path).unwrap();
    let (a, b) = (open(), open());
    a.lock().unwrap();
    assert!(matches!(b.try_lock_shared(), Err(TryLockError::WouldBlock)));
    let clone = a.try_clone().unwrap();
    drop(a);
    assert!(matches!(b.try_lock(), Err(TryLockError::WouldBlock)));
    clone.try_lock_shared().unwrap();
    b.lock_shared().unwrap();
    assert!(clone.try_lock().is_err());
    b.unlock().unwrap();
    b.unlock().unwrap();
    clone.lock().unwrap();
    drop(clone);
    b.try_lock().unwrap();
}

#[test]
fn copies_of_all_sizes_with_permissions() {
    let volume = Volume::new("copies");
    let (from, to) = (volume.path("from"), volume.path("to"));
    for (order, len) in [
        (Order::AtOnce, 0),
        (Order::Late, 1),
        (Order::Backwards, (1 << 20) - 1),
        (Order::Shuffled(1), 1 << 20),
        (Order::AtOnce, (1 << 20) + 1),
        (Order::Shuffled(2), 3_333_333),
    ] {
        volume.server.set_order(Order::AtOnce);
        fs::write(&from, pattern(len)).unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o604)).unwrap();
        let _ = fs::remove_file(&to);
        volume.server.set_order(order);
        assert_eq!(fs::copy(&from, &to).unwrap(), len as u64);
        volume.server.set_order(Order::AtOnce);
        assert!(
            volume.server.server().tree.content("to") == pattern(len),
            "{len}"
        );
        assert_eq!(fs::metadata(&to).unwrap().mode(), 0o100_604);
    }
    volume.server.server().tree.set_capacity(8_000_000);
    let error = fs::copy(&from, volume.path("third")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    fs::create_dir(volume.path("directory")).unwrap();
    let error = fs::copy(volume.path("directory"), &to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_server_that_goes_is_an_error_of_its_own() {
    let volume = Volume::new("gone");
    let path = volume.path("file");
    fs::write(&path, "x").unwrap();
    let mut file = File::open(&path).unwrap();
    volume.server.go();
    let error = file.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleNetworkFileHandle);
    assert_eq!(error.raw_os_error(), Some(116));
    core::mem::forget(volume);
}
