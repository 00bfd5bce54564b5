//! The rate limiter of a client.
//!
//! The platform allows ten calls per second per account (reported by a third party). Calls are spaced evenly at 95 % of
//! the limit, so that no closed second holds more than the limit even if the network latency varies.

use super::account::Account;
use super::cooldown::Cooldown;
use super::permit::Permit;
use super::rate::Rate;
use super::redis::Redis;
use super::schedule::{Reserved, Schedule, Spacing, clock, nanoseconds};
use super::share::Grid;
use super::shared_file::{SharedFile, unusable};
use crate::error::{Error, ErrorKind};
use crate::observer::Notice;
use crate::signing::{Clock, Permutation, Walk};
use crate::system;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The minimum wait that is reported to the observer.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// How many permits a call takes because they are late; it uses the last one.
const MAX_STALE: u32 = 5;

/// For how long no other call gets a permit when one goes out although it is late: a second for a slow disk to hold it up, and
/// one that begins with it.
const LATE_PAUSE: Duration = Duration::from_secs(2);

/// How far ahead a call reserves after late permits.
const MAX_LEAD: Duration = Duration::from_secs(1);

/// The maximum wait for the lock of a shared file. It is held for microseconds, unless its holder was suspended.
const MAX_LOCK_WAIT: Duration = Duration::from_secs(10);

/// A call that waits for the lock gives up this long before its deadline, so that its error can give the reason.
pub(super) const LOCK_MARGIN: Duration = Duration::from_millis(20);

/// Other processes hold the lock for microseconds, so only after this many tries is a sleep worthwhile.
const SPINS: u32 = 20;

/// The sleep between two tries.
const LOCK_POLL: Duration = Duration::from_millis(2);

/// A time further ahead than this was not written by a limiter: no server's wait and no ordinary queue is longer.
const MAX_AHEAD: Duration = Duration::from_secs(600);

/// At low rates, the queue may be longer than that.
const MAX_QUEUE: u32 = 64;

/// Decides when a client's calls may be made.
///
/// All clients of an account share its schedule. Each spaces its calls by its own interval: a client with half the
/// limit leaves twice the gap after each call.
pub(crate) struct RateLimiter {
    pub(super) account: Arc<Account>,
    pub(super) rate: Rate,
    pub(super) interval: Option<Duration>,
    store: Store,
    clock: Arc<dyn Clock>,
}

/// Where the schedule is stored.
enum Store {
    /// In this process.
    Memory,
    /// In a file that processes share.
    File {
        file: SharedFile,
        /// Whether the in-process schedule is used if the file becomes unusable.
        is_optional: bool,
    },
    /// In a Redis that machines share.
    Redis(Box<Redis>),
}

impl RateLimiter {
    /// A limiter with an in-process schedule. Shares of a rate follow `clock`.
    pub(crate) fn in_process(account: Arc<Account>, rate: Rate, clock: Arc<dyn Clock>) -> Self {
        Self { interval: rate.interval(), account, rate, store: Store::Memory, clock }
    }

    fn kept_in(self, store: Store) -> Self {
        Self { store, ..self }
    }

    /// A limiter with a schedule in a file of a directory that processes share.
    pub(crate) fn in_file(self, file: SharedFile, is_optional: bool) -> Self {
        self.kept_in(Store::File { file, is_optional })
    }

    /// A limiter with a schedule in Redis.
    pub(crate) fn in_redis(self, redis: Redis) -> Self {
        self.kept_in(Store::Redis(Box::new(redis)))
    }

    /// The spacing of permits, from now on.
    fn spacing(&self) -> Option<Spacing> {
        let grid = self.rate.undivided().filter(|_| self.rate.share.1 > 1).map(|interval| {
            Grid::new(interval, self.rate.share, self.account.offset.correct(self.clock.now()))
        });
        self.interval.map(|interval| Spacing { interval, grid })
    }

    /// The error, if the shared rate file is unusable.
    #[allow(clippy::ptr_arg, reason = "for map_err")]
    pub(crate) fn unusable(why: &String) -> Error {
        Error::config("rate_scope", why)
    }

    /// Waits for the next permit. Fails immediately if the permit is due at `deadline` or later, or if the caller does
    /// not `wait` and no permit is available now. Dropping the future cancels the wait and releases its place. If
    /// machines share the rate, they share the card's `cooldown` with it. `notice` receives long waits; `meanwhile` is called before
    /// each wait for a permit that is reserved.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        deadline: Instant,
        wait: bool,
        cooldown: Option<&Cooldown>,
        notice: &(dyn Fn(&Notice<'_>) + Sync),
        meanwhile: &(dyn Fn() + Sync),
    ) -> Result<Permit, Error> {
        let (mut tries, mut ahead, mut late) = (0, Duration::ZERO, None);
        loop {
            let mut permit = match &self.store {
                // Boxed: the future of every call would be three times as large.
                Store::Redis(redis) => {
                    Box::pin(self.reserve_in(redis, ahead, deadline, wait, cooldown)).await?
                }
                Store::Memory | Store::File { .. } => self.reserve(ahead, deadline, wait, notice).await?,
            };
            let mut now = system::now();
            // What made that one late may make this one late, too: the call is made between the two, and uses up both.
            if let Some(mut late) = late.take().filter(|late: &Permit| permit.is_next_to(late, now)) {
                late.spend();
                return Ok(permit);
            }
            // Immediate if the time is past, because the event loop's timer rounds up to a millisecond.
            if permit.at > now {
                meanwhile();
                self.report_wait(permit.at.saturating_duration_since(now), notice);
                system::sleep_until(permit.at).await;
                now = system::now();
            }
            // On a busy or suspended machine, this may be much later.
            tries += 1;
            if !permit.is_stale() {
                return Ok(permit);
            }
            if tries == MAX_STALE {
                self.make_way().await;
                permit.at = system::now();
                return Ok(permit);
            }
            // A reservation that takes long, on a slow disk or after a distant Redis's reply, is for a later time.
            if wait {
                ahead = (ahead + now.saturating_duration_since(permit.at)).min(MAX_LEAD);
            }
            // Released, it may be the next one again, if no other call waits; after two of them, it counts.
            late = (tries > 1).then_some(permit);
        }
    }

    /// Reserves the next permit that is due in `ahead` or later, without waiting for it.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        ahead: Duration,
        deadline: Instant,
        wait: bool,
        notice: &(dyn Fn(&Notice<'_>) + Sync),
    ) -> Result<Permit, Error> {
        let outcome = self.update(deadline, notice, |schedule| {
            let (now, clock) = (system::now(), clock());
            let left = if wait { deadline.saturating_duration_since(now) } else { Duration::from_nanos(1) };
            let reserved = schedule.reserve(
                clock,
                nanoseconds(ahead),
                self.spacing(),
                clock.saturating_add(nanoseconds(left)),
            );
            (reserved, schedule.nonces.seed, now, clock)
        });
        let (reserved, seed, now, clock) = outcome.await?;
        let until = |at: u64| Duration::from_nanos(at.saturating_sub(clock));
        match reserved {
            Ok(reserved) => Ok(self.permit(reserved, seed, now + until(reserved.at))),
            Err(at) => Err(self.refusal(until(at), wait)),
        }
    }

    pub(super) fn permit(self: &Arc<Self>, reserved: Reserved, seed: u64, at: Instant) -> Permit {
        let nonce = Permutation::new(seed, self.rate.share).nonce(reserved.position);
        Permit { limiter: self.clone(), reserved, nonce, at, used: false }
    }

    /// The card was not refreshed: other machines may refresh it.
    pub(super) fn end_cooldown(&self, eid: &str, token: u64) {
        if let Store::Redis(redis) = &self.store {
            redis.end_cooldown(self.known_nonces(), eid, token);
        }
    }

    /// Where the nonces continue if the stored state is lost.
    pub(super) fn known_nonces(&self) -> Walk {
        self.account.schedule().nonces.beyond_others()
    }

    pub(super) fn max_ahead(&self) -> Duration {
        MAX_AHEAD.max(self.interval.map_or(Duration::ZERO, |interval| interval.saturating_mul(MAX_QUEUE)))
    }

    fn report_wait(&self, wait: Duration, notice: &(dyn Fn(&Notice<'_>) + Sync)) {
        let usual = self.interval.map_or(Duration::ZERO, |interval| interval.saturating_mul(2));
        if wait > LONG_WAIT.max(usual) {
            notice(&Notice::Waiting { wait, set_by: self.place().as_deref() });
        }
    }

    /// Where the rate limiter's state is stored, for messages; `None` if it is private to this process.
    fn place(&self) -> Option<String> {
        match &self.store {
            Store::Memory => None,
            Store::Redis(redis) => Some(format!("the Redis at {}", redis.name())),
            Store::File { file, .. } => Some(file.path().display().to_string()),
        }
    }

    pub(super) fn refusal(&self, after: Duration, wait: bool) -> Error {
        let because = if wait { "past this call's deadline" } else { "and rate_wait is off" };
        let place = self.place().map_or_else(String::new, |place| format!(" (set by {place})"));
        let seconds = after.as_secs_f64();
        let text = format!(
            "rate limit: the next call is allowed in {seconds:.1} s{place}, {because}; nothing was sent"
        );
        Error::new(ErrorKind::RateLimited, text).with_retry_after(Some(after))
    }

    /// The platform rejected a call for the account's rate: no client of the account starts another call during the
    /// pause.
    pub(crate) async fn pause(&self, pause: Duration) -> Result<(), Error> {
        if self.interval.is_none() {
            return Ok(());
        }
        if let Store::Redis(redis) = &self.store {
            // If it is unreachable, there are no permits either; the error of the call is more useful.
            drop(Box::pin(redis.pause(system::now() + MAX_LOCK_WAIT, self.known_nonces(), pause)).await);
            return Ok(());
        }
        self.update(system::now() + MAX_LOCK_WAIT, &|_| (), |schedule| {
            schedule.pause(clock().saturating_add(nanoseconds(pause)));
        })
        .await
    }

    /// A call goes out although its permit is too old: those that have no permit yet keep the limit for it.
    pub(super) async fn make_way(&self) {
        // Without the pause, it is one call too many.
        drop(self.pause(LATE_PAUSE).await);
    }

    /// Updates the account's schedule once.
    async fn update<T>(
        &self,
        deadline: Instant,
        notice: &(dyn Fn(&Notice<'_>) + Sync),
        mut change: impl FnMut(&mut Schedule) -> T,
    ) -> Result<T, Error> {
        let (file, is_optional) = match &self.store {
            // The one in Redis is updated there.
            Store::Memory | Store::Redis(_) => return Ok(change(&mut self.account.schedule())),
            Store::File { file, is_optional } => (file, *is_optional),
        };
        let started = system::now();
        let deadline = deadline.checked_sub(LOCK_MARGIN).unwrap_or(deadline).min(started + MAX_LOCK_WAIT);
        let mut tries = 0_u32;
        let mut told = false;
        loop {
            match self.try_update(file, &mut change) {
                Ok(Some(changed)) => return Ok(changed),
                Ok(None) => {}
                Err(why) => {
                    let why = unusable(file.path(), &why);
                    if !is_optional {
                        return Err(Self::unusable(&why));
                    }
                    self.account.fall_back(why);
                    return Ok(change(&mut self.account.schedule()));
                }
            }
            tries = tries.saturating_add(1);
            let waited = system::elapsed(started);
            if waited > LONG_WAIT && !told {
                told = true;
                notice(&Notice::Locked { waited, file: &file.path().display().to_string() });
            }
            if tries < SPINS {
                std::thread::yield_now();
            } else if system::now() < deadline {
                system::sleep_until(system::now() + LOCK_POLL).await;
            } else {
                let text = format!(
                    "rate limit: another process has held the lock of {} for {:.1} s; nothing was sent",
                    file.path().display(),
                    waited.as_secs_f64()
                );
                return Err(Error::new(ErrorKind::RateLimited, text));
            }
        }
    }

    /// Updates the schedule in the file, unless another process holds the lock. The process remembers what it saw last:
    /// a file that was removed is recreated from that.
    fn try_update<T>(
        &self,
        file: &SharedFile,
        change: impl FnOnce(&mut Schedule) -> T,
    ) -> std::io::Result<Option<T>> {
        file.try_update(&mut self.account.schedule(), nanoseconds(self.max_ahead()), change)
    }

    pub(super) fn release(&self, reserved: Reserved) {
        let give_back = |schedule: &mut Schedule| schedule.release(reserved, self.spacing());
        match &self.store {
            Store::Memory => give_back(&mut self.account.schedule()),
            Store::Redis(redis) => {
                redis.release(self.known_nonces(), self.interval, reserved.at, reserved.position);
            }
            Store::File { file, .. } => {
                // If another process holds the lock for longer, the only loss is the permit.
                for _ in 0..SPINS {
                    match self.try_update(file, give_back) {
                        Ok(None) => std::thread::yield_now(),
                        Ok(Some(())) | Err(_) => return,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn rate(limit: f64) -> Rate {
        Rate { limit: Some(limit), share: (1, 1) }
    }

    /// An account that no other test uses.
    fn account() -> Arc<Account> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Account::of(&format!("limiter test {}", NEXT.fetch_add(1, Ordering::Relaxed)), || 7)
    }

    fn limiter(account: &Arc<Account>, rate: Rate) -> Arc<RateLimiter> {
        Arc::new(RateLimiter::in_process(account.clone(), rate, Arc::new(crate::signing::SystemClock)))
    }

    fn reserve(limiter: &Arc<RateLimiter>, wait: bool, left: Duration) -> Result<Permit, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a loop");
        runtime.block_on(limiter.reserve(Duration::ZERO, Instant::now() + left, wait, &|_| ()))
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn rate_limiter_never_allows_more_than_the_limit_in_a_closed_second() {
        let limiter = limiter(&account(), rate(10.0));
        let permits: Vec<_> =
            (0..1000).map(|_| reserve(&limiter, true, HOUR).expect("a permit").spent()).collect();
        for eleven in permits.windows(11) {
            assert!(eleven[10] - eleven[0] > Duration::from_secs(1));
        }
        let rate = 999.0 / (permits[999] - permits[0]).as_secs_f64();
        assert!((9.49..9.51).contains(&rate), "{rate}");
    }

    #[test]
    fn rate_limiters_of_one_account_share_its_schedule_and_keep_their_own_interval() {
        let account = account();
        let (fast, slow) = (limiter(&account, rate(10.0)), limiter(&account, rate(1.0)));
        let first = reserve(&slow, true, HOUR).expect("a permit").spent();
        let second = reserve(&fast, true, HOUR).expect("a permit").spent();
        let third = reserve(&slow, true, HOUR).expect("a permit").spent();
        assert_eq!(((second - first).as_millis(), (third - second).as_millis()), (1052, 105));
    }

    #[test]
    fn rate_limiters_of_one_account_never_give_a_nonce_twice() {
        let account = account();
        let limiters = [rate(10.0), Rate { limit: None, share: (1, 1) }].map(|rate| limiter(&account, rate));
        let nonces: std::collections::HashSet<_> =
            (0..1000).map(|call| reserve(&limiters[call % 2], true, HOUR).expect("one").spend()).collect();
        assert_eq!(nonces.len(), 1000);
    }

    #[test]
    fn rate_limiter_refuses_a_permit_past_the_deadline_and_says_how_long_to_wait() {
        let limiter = limiter(&account(), rate(1.0));
        reserve(&limiter, true, HOUR).expect("the first").spend();
        let error = reserve(&limiter, true, Duration::from_millis(500)).err().expect("past the deadline");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().expect("a wait") > Duration::from_millis(900));
        assert!(error.to_string().contains("1.1 s, past this call's deadline"), "{error}");
        let error = reserve(&limiter, false, HOUR).err().expect("not now");
        assert!(error.to_string().contains("rate_wait"), "{error}");
        assert!(reserve(&limiter, true, HOUR).is_ok(), "it stays free");
    }

    #[test]
    fn rate_limiter_gives_the_permit_of_a_call_that_was_not_made_to_the_next() {
        let limiter = limiter(&account(), rate(1.0));
        reserve(&limiter, true, HOUR).expect("the first").spend();
        let second = reserve(&limiter, true, HOUR).expect("the second");
        let at = second.at;
        drop(second);
        let again = reserve(&limiter, true, HOUR).expect("the second").spent();
        assert!(again.max(at) - again.min(at) < Duration::from_millis(100), "{:?}", again - at);
    }

    #[test]
    fn rate_limiters_of_a_fleet_alternate_by_the_wall_clock() {
        let fleet: Vec<_> =
            (1..=4).map(|which| limiter(&account(), Rate { share: (which, 4), ..rate(10.0) })).collect();
        let mut permits: Vec<_> = fleet
            .iter()
            .flat_map(|limiter| (0..50).map(|_| reserve(limiter, true, HOUR).expect("a permit").spent()))
            .collect();
        permits.sort_unstable();
        let steps = permits.windows(2).skip(4).take(190).map(|two| (two[1] - two[0]).as_micros());
        let (least, most) =
            steps.fold((u128::MAX, 0), |(least, most), step| (least.min(step), most.max(step)));
        // Readings of two clocks, one after the other, differ by the time between them.
        assert!(least > 85_000 && most < 125_000, "{least} to {most} us");
    }

    impl Permit {
        fn spent(mut self) -> Instant {
            let at = self.at;
            self.spend();
            at
        }
    }
}
