//! The schedule of an account in a file, for all processes that share its directory.
//!
//! A process holds the file's lock for the few microseconds in which it reads and writes the schedule, and never waits
//! while it holds the lock.

use super::schedule::{Schedule, clock};
use crate::locked::locked;
use crate::system::{Directory, RateFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Identifies the file format and its version.
const MAGIC: u64 = u64::from_le_bytes(*b"eiotrat2");

/// The numbers in a file: magic, checksum, time of writing, next permit, seed, position, released permits, unused
/// positions.
const WORDS: usize = 6 + 2 * Schedule::MAX_RELEASED;

/// How often a file that was replaced concurrently is reopened before that is an error.
const REOPENS: u32 = 8;

/// How long no call is made after a file was lost, in nanoseconds.
const LOST_PAUSE: u64 = 1_000_000_000;

/// A schedule in a file.
pub(crate) struct SharedFile {
    directory: Directory,
    path: PathBuf,
    file: Mutex<Option<RateFile>>,
}

impl SharedFile {
    /// Opens the file of an account; creates the file and its directory if they are missing. The file's name reveals
    /// neither appkey nor host.
    pub(crate) fn open(directory: Directory, key: &str) -> Result<Self, String> {
        use sha1::{Digest, Sha1};
        let name = format!("rate-{}", hex::encode(Sha1::digest(key)));
        let path = directory.path().join(name);
        let file = RateFile::open(&directory, &path).map_err(|why| unusable(&path, &why))?;
        Ok(Self { directory, path, file: Mutex::new(Some(file)) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Updates the schedule in the file; returns `None` if another process holds the lock. `known` is the schedule that
    /// this process saw last, and is updated: a new file starts with it. Times further ahead than `max_ahead` are
    /// discarded.
    pub(super) fn try_update<T>(
        &self,
        known: &mut Schedule,
        max_ahead: u64,
        change: impl FnOnce(&mut Schedule) -> T,
    ) -> io::Result<Option<T>> {
        let mut slot = locked(&self.file);
        for _ in 0..REOPENS {
            let file = match slot.take() {
                Some(file) => file,
                None => RateFile::open(&self.directory, &self.path)?,
            };
            let file = slot.insert(file);
            if !file.try_lock()? {
                return Ok(None);
            }
            // If the file was removed or replaced, other processes use a new one: the lock of this one is worthless.
            if file.is_at(&self.path)? {
                let changed = exchange(file, known, max_ahead, change);
                // Unlocks explicitly: a child that was forked in the meantime has inherited the descriptor.
                file.unlock()?;
                return changed.map(Some);
            }
            *slot = None;
        }
        Err(io::Error::other("it is replaced repeatedly"))
    }
}

/// The context of a file's error.
pub(super) fn unusable(path: &Path, why: &io::Error) -> String {
    format!("{} cannot be used: {why}", path.display())
}

/// Reads, updates and writes the schedule. The lock is held.
fn exchange<T>(
    file: &RateFile,
    known: &mut Schedule,
    max_ahead: u64,
    change: impl FnOnce(&mut Schedule) -> T,
) -> io::Result<T> {
    let now = clock();
    let mut bytes = [0; WORDS * 8];
    let count = file.read_at_start(&mut bytes)?;
    let before = (count == bytes.len()).then(|| decode(&bytes, now)).flatten();
    let mut schedule = before.clone().unwrap_or_else(|| made_again(known, now));
    schedule.forget_beyond(now.saturating_add(max_ahead));
    let changed = change(&mut schedule);
    if before.as_ref() != Some(&schedule) {
        file.write_at_start(&encode(&schedule, now))?;
    }
    *known = schedule;
    Ok(changed)
}

/// The schedule of a file that was lost, or of a new one. If it was lost, the permits and nonces that other processes took
/// since are unknown: after a second, no window of the limit holds those.
fn made_again(known: &Schedule, now: u64) -> Schedule {
    let mut schedule = Schedule { nonces: known.nonces.beyond_others(), ..known.clone() };
    if known.nonces.position > 0 {
        schedule.pause(now.saturating_add(LOST_PAUSE));
    }
    schedule
}

fn encode(schedule: &Schedule, now: u64) -> [u8; WORDS * 8] {
    let mut words = [0; WORDS];
    let numbers = [MAGIC, 0, now, schedule.next, schedule.nonces.seed, schedule.nonces.position];
    let numbers = numbers.into_iter().chain(schedule.released).chain(schedule.unused);
    for (word, number) in words.iter_mut().zip(numbers) {
        *word = number;
    }
    let sum = checksum(&words);
    let mut bytes = [0; WORDS * 8];
    for (place, (chunk, word)) in bytes.chunks_exact_mut(8).zip(words).enumerate() {
        chunk.copy_from_slice(&if place == 1 { sum } else { word }.to_le_bytes());
    }
    bytes
}

/// `None` unless a limiter has written it.
fn decode(bytes: &[u8; WORDS * 8], now: u64) -> Option<Schedule> {
    let mut words = [0; WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(chunk.try_into().ok()?);
    }
    let [magic, sum, written, next, seed, position, lists @ ..] = words;
    let [_, stored, ..] = &mut words;
    *stored = 0;
    if magic != MAGIC || sum != checksum(&words) {
        return None;
    }
    let mut schedule = Schedule::new(seed);
    schedule.nonces.position = position;
    let (released, unused) = lists.split_at(Schedule::MAX_RELEASED);
    schedule.unused = unused.try_into().ok()?;
    // Times from before a reboot are meaningless; the nonces continue.
    if written <= now {
        (schedule.next, schedule.released) = (next, released.try_into().ok()?);
    }
    Some(schedule)
}

/// FNV-1a over the words. It need not resist attacks: it detects files that no limiter has written.
fn checksum(words: &[u64; WORDS]) -> u64 {
    words.iter().fold(0xCBF2_9CE4_8422_2325, |sum, word| (sum ^ word).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::schedule::Spacing;
    use super::*;
    use std::time::Duration;

    const FAR: u64 = u64::MAX;
    const STEP: Option<Spacing> = Some(Spacing { interval: Duration::from_millis(1), grid: None });

    /// A separate directory for each test.
    fn directory_of(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("eiot-shared-file-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        path
    }

    fn open_in(directory: &Path) -> SharedFile {
        SharedFile::open(Directory::chosen(directory), "key").expect("usable")
    }

    fn reserve(file: &SharedFile, known: &mut Schedule) -> super::super::schedule::Reserved {
        loop {
            let reserve =
                |schedule: &mut Schedule| schedule.reserve(clock(), 0, STEP, FAR).expect("a permit");
            if let Some(reserved) = file.try_update(known, FAR, reserve).expect("usable") {
                return reserved;
            }
        }
    }

    #[test]
    fn shared_file_gives_each_permit_and_each_nonce_once() {
        let directory = directory_of("contended");
        let reserve_500 = || {
            // Each opens the file itself, as other processes would: only the file's lock separates them.
            let (file, mut known) = (open_in(&directory), Schedule::new(7));
            (0..500).map(|_| reserve(&file, &mut known)).map(|r| (r.at, r.position)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(reserve_500)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[1].0 - two[0].0 >= 1_000_000));
        assert!(all.iter().map(|(_, position)| *position).eq(0..2000));
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn shared_file_that_is_removed_or_replaced_is_shared_again() {
        let directory = directory_of("removed");
        let (one, other) = (open_in(&directory), open_in(&directory));
        let (mut first, mut second) = (Schedule::new(7), Schedule::new(8));
        reserve(&one, &mut first);
        reserve(&other, &mut second);
        std::fs::remove_file(one.path()).expect("there");
        assert_eq!(reserve(&one, &mut first).position, 1 + 1024, "beyond what others may have taken");
        assert_eq!(reserve(&other, &mut second).position, 2 + 1024);
        std::fs::remove_dir_all(&directory).expect("there");
        assert_eq!(reserve(&other, &mut second).position, 3 + 2 * 1024, "the directory too");
        assert_eq!(reserve(&one, &mut first).position, 4 + 2 * 1024);
        assert_eq!((first.nonces.seed, second.nonces.seed), (7, 7));
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn shared_file_that_was_lost_leaves_a_second_for_the_permits_that_others_took() {
        let directory = directory_of("lost");
        let file = open_in(&directory);
        let mut known = Schedule::new(7);
        let first = reserve(&file, &mut known).at;
        assert!(first.saturating_sub(clock()) < 1_000_000_000, "a new one");
        std::fs::remove_file(file.path()).expect("there");
        assert!(reserve(&file, &mut known).at >= first + 1_000_000_000);
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn shared_file_with_other_content_is_written_again() {
        let directory = directory_of("garbage");
        let file = open_in(&directory);
        for content in [&b""[..], b"x", &[0xff; 8], &[0; WORDS * 8], &[0xff; 1000]] {
            std::fs::write(file.path(), content).expect("writable");
            let mut known = Schedule::new(7);
            let now = clock();
            assert!(reserve(&file, &mut known).at - now < 1_000_000_000, "{content:?}");
            let seen =
                file.try_update(&mut Schedule::new(8), FAR, |schedule| schedule.clone()).expect("usable");
            assert_eq!(seen, Some(known), "{content:?}");
        }
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn shared_file_from_before_a_reboot_or_with_a_time_too_far_ahead_keeps_its_nonces_only() {
        let directory = directory_of("reboot");
        let file = open_in(&directory);
        let mut stored = Schedule::new(7);
        (stored.nonces.position, stored.unused[0]) = (1234, 1200);
        let hour = 3_600_000_000_000;
        for (written, next) in [(clock() + hour, clock() + hour), (clock(), clock() + hour)] {
            stored.next = next;
            std::fs::write(file.path(), encode(&stored, written)).expect("writable");
            let update = file.try_update(&mut Schedule::new(8), hour / 6, |schedule| schedule.clone());
            let seen = update.expect("usable").expect("not locked");
            assert_eq!((seen.next, seen.nonces, seen.unused), (0, stored.nonces, stored.unused));
        }
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn shared_file_has_a_name_that_reveals_nothing() {
        let directory = directory_of("name");
        let path = |key: &str| SharedFile::open(Directory::chosen(&directory), key).expect("usable").path;
        let name = path("my-appkey\noapi.eiotclub.com").display().to_string();
        assert!(!name.contains("my-appkey") && !name.contains("oapi"), "{name}");
        assert_ne!(path("my-appkey\nhost"), path("my-appkey\nhost:81"));
        std::fs::remove_dir_all(directory).expect("there");
    }

    #[test]
    fn private_directory_is_refused_where_others_have_access_or_it_is_a_link() {
        use std::os::unix::fs::PermissionsExt;
        let directory = directory_of("private");
        let open = || SharedFile::open(Directory::private(&directory), "key").map(|file| file.path);
        open().expect("made");
        for mode in [0o750, 0o701, 0o777] {
            std::fs::set_permissions(&directory, PermissionsExt::from_mode(mode)).expect("ours");
            let why = open().expect_err("others have access");
            assert!(why.contains("chmod 700"), "{why}");
        }
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).expect("ours");
        if std::os::unix::fs::chown(&directory, Some(54_321), None).is_ok() {
            let why = open().expect_err("another user's");
            assert!(why.contains("belongs to user 54321, not to this process's user 0"), "{why}");
        }
        let target = directory.with_extension("target");
        std::fs::rename(&directory, &target).expect("there");
        std::os::unix::fs::symlink(&target, &directory).expect("a link");
        open().expect_err("a link");
        let _ = (std::fs::remove_file(&directory), std::fs::remove_dir_all(&target));
    }
}
