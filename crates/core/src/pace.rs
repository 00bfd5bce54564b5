//! The account's rate: when the next request may go out.
//!
//! The platform takes ten calls a second an account (said by an outside integrator). Requests are spaced evenly at 95 %
//! of the limit, so that no closed second holds more than the limit although the way to the platform is not always
//! equally long.

use crate::error::{Error, ErrorKind};
use crate::host_slot::HostSlot;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much of the limit is used.
pub(crate) const SHARE_USED: f64 = 0.95;

/// What a client is told about its rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rate {
    /// Calls a second that the account may make; `None` is any number.
    pub(crate) limit: Option<f64>,
    /// How many clients divide the limit between them.
    pub(crate) divided_by: u32,
}

impl Rate {
    /// The time from one request to the next.
    fn interval(&self) -> Option<Duration> {
        let per_second = self.limit? * SHARE_USED / f64::from(self.divided_by.max(1));
        Duration::try_from_secs_f64(1.0 / per_second).ok()
    }
}

/// Gives out the slots in which requests may be sent.
pub(crate) struct Pace {
    interval: Option<Duration>,
    next: NextFree,
}

/// When the next slot is free, and who shares it.
enum NextFree {
    /// The threads of this client.
    Process(Mutex<Option<Instant>>),
    /// All processes of this machine that call for the same account.
    Host(HostSlot),
}

impl Pace {
    pub(crate) fn of_process(rate: &Rate) -> Self {
        Self { interval: rate.interval(), next: NextFree::Process(Mutex::new(None)) }
    }

    pub(crate) fn of_host(rate: &Rate, slot: HostSlot) -> Self {
        Self { interval: rate.interval(), next: NextFree::Host(slot) }
    }

    /// Takes the next free slot, and tells when it is; `None` where there is nothing to wait for. Nothing is taken when
    /// it lies at `deadline` or behind it, or when the caller does not `wait` and it is not free now.
    pub(crate) fn take(&self, deadline: Instant, wait: bool) -> Result<Option<Instant>, Error> {
        match self.interval {
            None => Ok(None),
            Some(interval) => self.take_at(Instant::now(), interval, deadline, wait).map(Some),
        }
    }

    fn take_at(
        &self,
        now: Instant,
        interval: Duration,
        deadline: Instant,
        waits: bool,
    ) -> Result<Instant, Error> {
        let latest = if waits { deadline } else { now + Duration::from_nanos(1) };
        let free = self.next.update(now, |free| {
            let slot = free.max(now);
            (slot, (slot < latest).then(|| slot + interval))
        })?;
        if free < latest {
            return Ok(free);
        }
        let wait = free.saturating_duration_since(now);
        let because = if waits { "in the time that this call has" } else { "and rate_wait is off" };
        let text = format!(
            "the account's rate leaves no free slot for {:.1} s, {because}; nothing was sent",
            wait.as_secs_f64()
        );
        Err(Error::new(ErrorKind::RateLimited, text).with_retry_after(Some(wait)))
    }

    /// The platform has had too many requests: nobody sends before `until`.
    pub(crate) fn pause(&self, now: Instant, until: Instant) -> Result<(), Error> {
        if self.interval.is_some() {
            self.next.update(now, |free| (free, (free < until).then_some(until)))?;
        }
        Ok(())
    }
}

impl NextFree {
    /// Reads when the next slot is free, and moves it where `change` says.
    fn update(
        &self,
        now: Instant,
        change: impl FnOnce(Instant) -> (Instant, Option<Instant>),
    ) -> Result<Instant, Error> {
        match self {
            Self::Process(next) => {
                // A panic elsewhere cannot have left an instant half written.
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                let (told, moved) = change(next.unwrap_or(now));
                *next = moved.or(*next);
                Ok(told)
            }
            Self::Host(slot) => slot.update(now, change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(limit: f64) -> Rate {
        Rate { limit: Some(limit), divided_by: 1 }
    }

    fn take(pace: &Pace, now: Instant, deadline: Instant) -> Result<Instant, Error> {
        pace.take_at(now, pace.interval.expect("a rate"), deadline, true)
    }

    fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn no_closed_second_holds_more_than_the_limit() {
        let start = Instant::now();
        let pace = Pace::of_process(&rate(10.0));
        let far = start + milliseconds(1_000_000);
        let slots: Vec<_> = (0..1000).map(|_| take(&pace, start, far).expect("a slot")).collect();
        for eleven in slots.windows(11) {
            assert!(eleven[10] - eleven[0] > milliseconds(1_000));
        }
        let rate = 999.0 / (slots[999] - slots[0]).as_secs_f64();
        assert!((9.49..9.51).contains(&rate), "{rate}");
    }

    #[test]
    fn slots_that_nobody_took_are_not_saved_up() {
        let start = Instant::now();
        let pace = Pace::of_process(&rate(10.0));
        let far = start + milliseconds(1_000_000);
        take(&pace, start, far).expect("a slot");
        let later = start + milliseconds(60_000);
        assert_eq!(take(&pace, later, far).expect("a slot"), later);
        assert!(take(&pace, later, far).expect("a slot") > later + milliseconds(100));
    }

    #[test]
    fn a_slot_behind_the_deadline_is_refused_and_stays_free() {
        let start = Instant::now();
        let pace = Pace::of_process(&rate(10.0));
        take(&pace, start, start + milliseconds(1)).expect("the first slot");
        let error = take(&pace, start, start + milliseconds(100)).expect_err("the next is later");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().expect("a wait") > milliseconds(100));
        let slot = take(&pace, start, start + milliseconds(200)).expect("nobody took it");
        assert_eq!((slot - start).as_millis(), 105);
    }

    #[test]
    fn without_waiting_only_a_slot_now_will_do() {
        let start = Instant::now();
        let pace = Pace::of_process(&rate(10.0));
        let interval = pace.interval.expect("a rate");
        let far = start + milliseconds(1_000_000);
        assert_eq!(pace.take_at(start, interval, far, false).expect("a slot"), start);
        let error = pace.take_at(start, interval, far, false).expect_err("taken");
        assert!(error.to_string().contains("rate_wait"));
    }

    #[test]
    fn a_fleet_divides_the_limit() {
        let start = Instant::now();
        let pace = Pace::of_process(&Rate { divided_by: 4, ..rate(10.0) });
        let far = start + milliseconds(1_000_000);
        take(&pace, start, far).expect("a slot");
        assert_eq!((take(&pace, start, far).expect("a slot") - start).as_millis(), 421);
    }

    #[test]
    fn a_pause_holds_everybody_and_never_shortens_another() {
        let start = Instant::now();
        let pace = Pace::of_process(&rate(10.0));
        pace.pause(start, start + milliseconds(5_000)).expect("paused");
        pace.pause(start, start + milliseconds(1_000)).expect("paused");
        let slot = take(&pace, start, start + milliseconds(9_000)).expect("a slot");
        assert_eq!((slot - start).as_millis(), 5_000);
    }

    #[test]
    fn without_a_limit_there_is_no_waiting() {
        let start = Instant::now();
        let pace = Pace::of_process(&Rate { limit: None, divided_by: 1 });
        assert_eq!(pace.take(start, true).expect("nothing to take"), None);
    }
}
