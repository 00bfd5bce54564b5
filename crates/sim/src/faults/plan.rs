//! Which call has which fault.

use crate::faults::{Fault, NoFault};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which call has which fault: that of a period, or else that of a plan in order, or else a random one. Calls are numbered as
/// they arrive, over all connections. Default: no faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// Periods in which every call has the same fault: an outage, for example. The first one that fits counts.
    pub during: Vec<FaultPeriod>,
    /// The first call has the first of these, and so on; `None` is a call without a fault.
    pub plan: Vec<Option<Fault>>,
    /// Repeat the plan; then there are no random faults. Default off.
    pub repeat: bool,
    /// The probability that a call after the plan has a fault, from 0, the default, to 1.
    pub chance: f64,
    /// The seed of random faults: the same seed gives the same faults. Default 0.
    pub seed: u64,
    /// The random faults, all equally likely. Default: those that a network, a proxy or a busy platform causes, except those
    /// that only a timeout ends.
    pub among: Vec<Fault>,
}

impl Default for Faults {
    fn default() -> Self {
        let status = |code, retry_after: Option<&str>| Fault::Status {
            code,
            retry_after: retry_after.map(str::to_owned),
        };
        Self {
            during: Vec::new(),
            plan: Vec::new(),
            repeat: false,
            chance: 0.0,
            seed: 0,
            among: vec![
                Fault::Delay(Duration::from_millis(100)),
                Fault::Drip(Duration::from_millis(1)),
                Fault::Close,
                Fault::Reset,
                Fault::ResetHeaders,
                Fault::ResetBody,
                Fault::ResetAfter,
                Fault::CloseAfter,
                status(429, Some("1")),
                status(500, None),
                status(502, None),
                status(503, Some("1")),
                Fault::Html,
                Fault::BrokenJson,
                Fault::TruncatedJson,
                Fault::Garbage,
                Fault::NoDate,
                Fault::Refuse("500".to_owned()),
            ],
        }
    }
}

impl Faults {
    /// A plan: the first call has the first of these, and so on.
    pub fn in_order<F: Into<Option<Fault>>>(plan: impl IntoIterator<Item = F>) -> Self {
        Self { plan: plan.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Every call has this fault.
    pub fn always(fault: Fault) -> Self {
        Self { repeat: true, ..Self::in_order([fault]) }
    }

    /// Each call has a fault with this probability.
    pub fn by_chance(chance: f64, seed: u64) -> Self {
        Self { chance, seed, ..Self::default() }
    }

    /// The fault of a call that arrives this long after the start; the first call has number 0.
    fn of(&self, call: u64, since_start: Duration) -> Option<&Fault> {
        if let Some(period) = self.during.iter().find(|period| period.contains(since_start)) {
            return Some(&period.fault);
        }
        let planned = self.plan.len() as u64;
        if call < planned || (self.repeat && planned > 0) {
            return self.plan.get((call % planned) as usize)?.as_ref();
        }
        let (whether, which) =
            (draw(self.seed, call.wrapping_mul(2)), draw(self.seed, call.wrapping_mul(2) + 1));
        // A float holds 53 bits.
        let whether = (whether >> 11) as f64 / (1_u64 << 53) as f64;
        if self.among.is_empty() {
            return None;
        }
        let fault = self.among.get((which % self.among.len() as u64) as usize);
        fault.filter(|_| whether < self.chance)
    }

    fn is_none(&self) -> bool {
        self.during.is_empty() && self.plan.iter().all(Option::is_none) && self.chance <= 0.0
    }
}

/// A period in which every call has the same fault. Parsed from `FROM..UNTIL=FAULT`, in seconds after the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultPeriod {
    /// When it begins, after the start of the platform.
    pub from: Duration,
    /// When it is over, after the start of the platform.
    pub until: Duration,
    /// The fault.
    pub fault: Fault,
}

impl FaultPeriod {
    fn contains(&self, since_start: Duration) -> bool {
        (self.from..self.until).contains(&since_start)
    }
}

impl FromStr for FaultPeriod {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
        let parsed = text.split_once('=').and_then(|(period, fault)| {
            let (from, until) = period.split_once("..")?;
            Some((seconds(from)?, seconds(until)?, fault))
        });
        let Some((from, until, fault)) = parsed.filter(|(from, until, _)| from < until) else {
            let rule = "must be FROM..UNTIL=FAULT, in seconds after the start";
            return Err(NoFault(format!("{text:?} {rule}, for example 60..120=status=503")));
        };
        Ok(Self { from, until, fault: fault.parse()? })
    }
}

/// The n-th random number of SplitMix64 (Steele, Lea, Flood 2014). Its state is a counter, so any number can be computed without
/// the ones before.
fn draw(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Assigns faults to calls as they arrive.
pub(crate) struct FaultPlan {
    faults: Option<Faults>,
    calls: AtomicU64,
}

impl FaultPlan {
    pub(crate) fn new(faults: &Faults) -> Self {
        let faults = Some(faults).filter(|faults| !faults.is_none()).cloned();
        Self { faults, calls: AtomicU64::new(0) }
    }

    /// The fault of the next call, which arrives this long after the start.
    pub(crate) fn next(&self, since_start: Duration) -> Option<&Fault> {
        let faults = self.faults.as_ref()?;
        faults.of(self.calls.fetch_add(1, Ordering::Relaxed), since_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(faults: &Faults, calls: usize) -> Vec<&'static str> {
        let plan = FaultPlan::new(faults);
        (0..calls).map(|_| plan.next(Duration::ZERO).map_or("none", Fault::name)).collect()
    }

    fn plan() -> Faults {
        Faults::in_order([Some(Fault::Reset), None, Some(Fault::Html)])
    }

    #[test]
    fn fault_plan_is_in_order_and_ends() {
        assert_eq!(names(&plan(), 5), ["reset", "none", "html", "none", "none"]);
    }

    #[test]
    fn fault_plan_repeats_on_request() {
        let faults = Faults { repeat: true, ..plan() };
        assert_eq!(names(&faults, 7), ["reset", "none", "html", "reset", "none", "html", "reset"]);
        assert_eq!(names(&Faults::always(Fault::Close), 2), ["close", "close"]);
    }

    #[test]
    fn fault_period_takes_precedence_and_calls_in_it_are_numbered() {
        let during = vec!["2..4=close".parse().expect("a period"), "3..5=stall".parse().expect("a period")];
        let plan = FaultPlan::new(&Faults { during, ..plan() });
        let at = |second| plan.next(Duration::from_secs(second)).map_or("none", Fault::name);
        assert_eq!([1, 3, 4, 5].map(at), ["reset", "close", "stall", "none"]);
    }

    #[test]
    fn fault_period_has_a_begin_an_end_and_a_fault() {
        let period: FaultPeriod = "0..3600=status=429,2".parse().expect("a period");
        assert_eq!((period.from, period.until), (Duration::ZERO, Duration::from_secs(3600)));
        assert_eq!(period.fault.to_string(), "status=429,2");
        for wrong in ["", "1..2", "1=close", "2..1=close", "1..1=close", "-1..2=close", "1..2=", "1..2=none"]
        {
            assert!(wrong.parse::<FaultPeriod>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_faults_start_after_the_plan() {
        let faults = Faults { chance: 1.0, among: vec![Fault::Close], ..plan() };
        assert_eq!(names(&faults, 5), ["reset", "none", "html", "close", "close"]);
    }

    #[test]
    fn fault_plan_is_empty_by_default_and_without_choices() {
        assert_eq!(names(&Faults::default(), 3), ["none"; 3]);
        assert_eq!(names(&Faults { repeat: true, ..Faults::default() }, 3), ["none"; 3]);
        assert_eq!(names(&Faults { chance: 1.0, among: Vec::new(), ..Faults::default() }, 3), ["none"; 3]);
        assert_eq!(names(&Faults { chance: f64::NAN, ..Faults::default() }, 3), ["none"; 3]);
    }

    #[test]
    fn random_faults_have_their_probability_and_are_uniform() {
        let faults = Faults::by_chance(0.3, 42);
        let mut seen = std::collections::BTreeMap::new();
        for call in 0..100_000 {
            *seen.entry(faults.of(call, Duration::ZERO).map(Fault::to_string)).or_insert(0) += 1;
        }
        let none = seen.remove(&None).expect("calls without a fault");
        assert!((69_000..71_000).contains(&none), "{none} without a fault");
        assert_eq!(seen.len(), faults.among.len());
        let each = 30_000 / seen.len();
        assert!(seen.values().all(|count| (each * 9 / 10..each * 11 / 10).contains(count)), "{seen:?}");
    }

    #[test]
    fn random_faults_depend_on_the_seed_only() {
        let of_seed = |seed| {
            (0..200).map(|call| Faults::by_chance(0.5, seed).of(call, Duration::ZERO).cloned()).collect()
        };
        let (one, again, other): (Vec<_>, Vec<_>, Vec<_>) = (of_seed(7), of_seed(7), of_seed(8));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }

    #[test]
    fn random_numbers_are_those_of_the_published_generator() {
        // From the seed 1234567, as the generator's reference code gives them.
        assert_eq!(
            [0, 1].map(|number| draw(1_234_567, number)),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
