//! Promises of the disk.

use super::{Disk, Session};
use eiot_cli::simulation::{FileId, Machine, Opening};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const APPEND: Opening = Opening { read: true, write: false, append: true, create: true, create_new: false };

fn disk() -> Rc<Disk> {
    let disk = Disk::new();
    disk.make_directory("/d");
    disk
}

fn session(disk: &Rc<Disk>) -> Session {
    Session::new(disk.clone(), [], || {})
}

fn open(session: &Session, path: &str) -> FileId {
    session.open(Path::new(path), APPEND).expect("open")
}

#[test]
fn disk_keeps_what_a_killed_process_has_written() {
    let disk = disk();
    let one = session(&disk);
    let file = open(&one, "/d/a");
    one.write(file, 0, b"one\n").expect("written");
    one.lock(file).expect("free");
    let two = session(&disk);
    let again = open(&two, "/d/a");
    assert_eq!(two.lock(again).expect_err("locked").kind(), ErrorKind::WouldBlock);
    one.kill();
    assert!(one.write(file, 0, b"more").is_err() && one.open(Path::new("/d/a"), APPEND).is_err());
    two.lock(again).expect("the holder is dead");
    assert_eq!(disk.get("/d/a").as_deref(), Some(&b"one\n"[..]));
}

#[test]
fn disk_loses_only_what_was_not_synced_at_a_power_failure() {
    let mut seen = BTreeSet::new();
    for seed in 0..500_u64 {
        let disk = disk();
        let process = session(&disk);
        let file = open(&process, "/d/a");
        process.write(file, 0, b"synced\n").expect("written");
        process.sync(file).expect("synced");
        process.write(file, 0, b"not\n").expect("written");
        let other = open(&process, "/d/b");
        process.write(other, 0, b"b").expect("written");
        process.kill();
        let mut state = seed;
        disk.cut_power(|below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        });
        let left = disk.get("/d/a").expect("synced once");
        assert!(left.starts_with(b"synced\n") && left.len() <= 11, "{left:?}");
        let tail = left.get(7..).expect("a tail");
        let kept = tail.iter().take_while(|byte| **byte != 0).count();
        assert!(b"not\n".starts_with(tail.get(..kept).expect("a part")), "{tail:?}");
        assert!(tail.iter().skip(kept).all(|byte| *byte == 0), "{tail:?}");
        seen.insert((left, disk.get("/d/b")));
    }
    assert!(seen.iter().any(|(_, other)| other.is_none()), "never synced");
    assert!(seen.iter().any(|(left, _)| left.len() == 11) && seen.iter().any(|(left, _)| left.len() == 7));
    assert!(seen.iter().any(|(left, _)| left.ends_with(b"\0")), "{seen:?}");
}

#[test]
fn disk_that_is_full_takes_a_part_and_then_nothing() {
    let disk = disk();
    let process = session(&disk);
    let file = open(&process, "/d/a");
    disk.set_free(Some(3));
    assert_eq!(process.write(file, 0, b"abcde").expect("a part"), (3, 3));
    assert_eq!(process.write(file, 0, b"de").expect_err("full").kind(), ErrorKind::StorageFull);
    assert_eq!(process.open(Path::new("/d/b"), APPEND).expect_err("full").kind(), ErrorKind::StorageFull);
    process.set_length(file, 1).expect("shorter");
    assert_eq!(process.write(file, 0, b"xyz").expect("room again"), (3, 2));
    disk.set_free(None);
    assert_eq!(process.write(file, 0, b"!").expect("enough"), (4, 1));
    assert_eq!(disk.get("/d/a").as_deref(), Some(&b"axy!"[..]));
}

#[test]
fn disk_keeps_a_removed_or_replaced_file_for_those_who_have_it_open() {
    let disk = disk();
    let process = session(&disk);
    let file = open(&process, "/d/a");
    process.write(file, 0, b"old").expect("written");
    disk.put("/d/new", b"new");
    process.rename(Path::new("/d/new"), Path::new("/d/a")).expect("renamed");
    assert!(!process.is_at(file, Path::new("/d/a")).expect("known"));
    let mut bytes = [0; 3];
    assert_eq!(process.read(file, 0, &mut bytes).expect("readable"), 3);
    assert_eq!((&bytes, disk.get("/d/a").as_deref()), (b"old", Some(&b"new"[..])));
    process.close(file);
    assert_eq!(process.list(Path::new("/d")).expect("a directory"), [PathBuf::from("/d/a")]);
}
