//! The next free slot, shared by the processes of a machine: one instant in a locked file.

use crate::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A slot further away than this was not written since the machine was started, or not by us.
const FURTHEST: Duration = Duration::from_secs(600);

/// The file, open in this process. Threads take turns by a mutex, processes by the file's lock.
pub(crate) struct HostSlot {
    path: PathBuf,
    #[cfg(unix)]
    file: std::sync::Mutex<std::fs::File>,
}

/// Where the slot of an account is kept; the name tells neither appkey nor host.
pub(crate) fn path_for(appkey: &str, host: &str) -> PathBuf {
    use sha1::{Digest, Sha1};
    let name = hex::encode(Sha1::digest(format!("{appkey}\n{host}")));
    Path::new("/tmp").join(format!("eiot-rate-{name}"))
}

#[cfg(not(unix))]
impl HostSlot {
    pub(crate) fn open(_: PathBuf) -> Result<Self, Error> {
        Err(Error::config("rate_scope", "\"host\" is not available on this system"))
    }

    pub(crate) fn update(
        &self,
        now: Instant,
        change: impl FnOnce(Instant) -> (Instant, Option<Instant>),
    ) -> Result<Instant, Error> {
        Ok(change(now).0)
    }
}

#[cfg(unix)]
impl HostSlot {
    /// Opens the file, or makes it for everybody on this machine.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        use rustix::fs::{Mode, OFlags, fchmod, open};
        // Not through a link: in a directory that all may write to, somebody may have put one there.
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = open(&path, flags, Mode::empty()).or_else(|_| {
            let made = open(&path, flags | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(0o666));
            // Somebody else may have made it at the same moment.
            let file = made.or_else(|_| open(&path, flags, Mode::empty()))?;
            // For other users too, whatever the mask of this process is; where it is theirs, it is so already.
            let _ = fchmod(&file, Mode::from_raw_mode(0o666));
            Ok::<_, rustix::io::Errno>(file)
        });
        match file {
            Ok(file) => Ok(Self { file: std::sync::Mutex::new(file.into()), path }),
            Err(why) => Err(unusable(&path, why)),
        }
    }

    /// Reads when the next slot is free, and moves it where `change` says, alone on this machine.
    pub(crate) fn update(
        &self,
        now: Instant,
        change: impl FnOnce(Instant) -> (Instant, Option<Instant>),
    ) -> Result<Instant, Error> {
        use rustix::fs::{FlockOperation, flock};
        let file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        flock(&*file, FlockOperation::LockExclusive).map_err(|why| unusable(&self.path, why))?;
        let updated = exchange(&file, now, change);
        let unlocked = flock(&*file, FlockOperation::Unlock);
        let told = updated.map_err(|why| unusable(&self.path, why))?;
        unlocked.map_err(|why| unusable(&self.path, why))?;
        Ok(told)
    }
}

/// The file holds the time since the machine was started, in nanoseconds: all processes count from there.
#[cfg(unix)]
fn exchange(
    file: &std::fs::File,
    now: Instant,
    change: impl FnOnce(Instant) -> (Instant, Option<Instant>),
) -> std::io::Result<Instant> {
    use std::os::unix::fs::FileExt;
    let uptime = uptime();
    let mut bytes = [0; 8];
    let stored = match file.read_at(&mut bytes, 0)? {
        8 => Duration::from_nanos(u64::from_le_bytes(bytes)),
        _ => Duration::ZERO,
    };
    let ahead = stored.saturating_sub(uptime);
    let free = if ahead > FURTHEST { now } else { now + ahead };
    let (told, moved) = change(free);
    if let Some(moved) = moved {
        let moved = uptime + moved.saturating_duration_since(now);
        let nanoseconds = u64::try_from(moved.as_nanos()).unwrap_or(u64::MAX);
        file.write_all_at(&nanoseconds.to_le_bytes(), 0)?;
    }
    Ok(told)
}

#[cfg(unix)]
fn uptime() -> Duration {
    // Linux counts the time asleep too, as the platform does.
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(clock)).unwrap_or_default()
}

#[cfg(unix)]
fn unusable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::config(
        "rate_scope",
        format!("the file {} that processes share cannot be used: {why}", path.display()),
    )
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn file_of(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("eiot-host-slot-{test}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn two_that_opened_the_same_file_see_each_others_slots() {
        let path = file_of("shared");
        let (one, other) =
            (HostSlot::open(path.clone()).expect("new"), HostSlot::open(path.clone()).expect("there"));
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        one.update(now, |free| (free, Some(later))).expect("written");
        let seen = other.update(now, |free| (free, None)).expect("read");
        assert!(later - seen < Duration::from_millis(100), "{:?}", later - seen);
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn no_slot_is_given_out_twice() {
        let path = file_of("contended");
        let now = Instant::now();
        let step = Duration::from_millis(1);
        let take_500 = || {
            // Opened anew, as another process would: the file's lock is all that keeps them apart.
            let slot = HostSlot::open(path.clone()).expect("usable");
            for _ in 0..500 {
                slot.update(now, |free| (free, Some(free + step))).expect("moved");
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(take_500))));
        let free =
            HostSlot::open(path.clone()).expect("there").update(now, |free| (free, None)).expect("read");
        // What the file tells is cut by the time that went by meanwhile.
        let given_out = free - now + now.elapsed();
        assert!(given_out >= step * 2000, "{given_out:?} for 2,000 slots of {step:?}");
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn what_is_no_slot_is_no_obstacle() {
        let path = file_of("garbage");
        for content in [&b""[..], b"x", &[0xff; 8], &[0xff; 100]] {
            std::fs::write(&path, content).expect("writable");
            let now = Instant::now();
            let free =
                HostSlot::open(path.clone()).expect("there").update(now, |free| (free, None)).expect("read");
            assert_eq!(free, now, "{content:?}");
        }
        std::fs::remove_file(path).expect("there");
    }

    #[test]
    fn a_link_is_not_followed_and_an_unusable_file_is_named() {
        let (path, target) = (file_of("link"), file_of("target"));
        std::fs::write(&target, "").expect("writable");
        std::os::unix::fs::symlink(&target, &path).expect("a link");
        let error = HostSlot::open(path.clone()).err().expect("a link");
        assert!(error.to_string().contains(path.to_str().expect("UTF-8")), "{error}");
        let _ = (std::fs::remove_file(path), std::fs::remove_file(target));
    }

    #[test]
    fn the_name_of_the_file_tells_nothing() {
        let path = path_for("my-appkey", "oapi.eiotclub.com");
        assert!(!path.to_string_lossy().contains("my-appkey"));
        assert_ne!(path, path_for("my-appkey", "elsewhere"));
    }
}
