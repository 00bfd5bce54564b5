//! Which call gets which fault.

use crate::fault::Fault;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Which call gets which fault: first those of a plan in their order, then some by chance. Calls are numbered as they
/// come, whatever their connection. Default: none at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// The first call gets the first of these, and so on; `None` is a call without a fault.
    pub plan: Vec<Option<Fault>>,
    /// Begin the plan again when it is over; then nothing is left to chance. Default off.
    pub repeat: bool,
    /// How likely a call beyond the plan gets a fault, from 0, the default, to 1.
    pub chance: f64,
    /// Where chance begins: the same seed gives the same calls the same faults. Default 0.
    pub seed: u64,
    /// What chance chooses from, each fault as likely as the other. Default those that a network, a proxy or a busy
    /// platform causes, without any that only a timeout ends.
    pub among: Vec<Fault>,
}

impl Default for Faults {
    fn default() -> Self {
        let status = |code, retry_after: Option<&str>| Fault::Status {
            code,
            retry_after: retry_after.map(str::to_owned),
        };
        Self {
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
    /// A plan: the first call gets the first of these, and so on.
    pub fn in_order<F: Into<Option<Fault>>>(plan: impl IntoIterator<Item = F>) -> Self {
        Self { plan: plan.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Every call gets this fault.
    pub fn always(fault: Fault) -> Self {
        Self { repeat: true, ..Self::in_order([fault]) }
    }

    /// Each call gets a fault with this probability.
    pub fn by_chance(chance: f64, seed: u64) -> Self {
        Self { chance, seed, ..Self::default() }
    }

    /// The fault of a call; the first call has number 0.
    fn of(&self, call: u64) -> Option<&Fault> {
        let planned = self.plan.len() as u64;
        if call < planned || (self.repeat && planned > 0) {
            return self.plan.get((call % planned) as usize)?.as_ref();
        }
        let (whether, which) =
            (draw(self.seed, call.wrapping_mul(2)), draw(self.seed, call.wrapping_mul(2) + 1));
        // The upper 53 bits are what a float can hold.
        let whether = (whether >> 11) as f64 / (1_u64 << 53) as f64;
        if self.among.is_empty() {
            return None;
        }
        let fault = self.among.get((which % self.among.len() as u64) as usize);
        fault.filter(|_| whether < self.chance)
    }

    fn is_none(&self) -> bool {
        self.plan.iter().all(Option::is_none) && self.chance <= 0.0
    }
}

/// The random number with this number: SplitMix64 (Steele, Lea, Flood 2014), whose state only counts, so that any of its
/// numbers can be had without those before.
fn draw(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Gives the calls their faults as they come.
pub(crate) struct FaultPlan {
    faults: Option<Faults>,
    calls: AtomicU64,
}

impl FaultPlan {
    pub(crate) fn new(faults: &Faults) -> Self {
        let faults = Some(faults).filter(|faults| !faults.is_none()).cloned();
        Self { faults, calls: AtomicU64::new(0) }
    }

    /// The fault of the call that has just come.
    pub(crate) fn next(&self) -> Option<&Fault> {
        let faults = self.faults.as_ref()?;
        faults.of(self.calls.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(faults: &Faults, calls: usize) -> Vec<&'static str> {
        let plan = FaultPlan::new(faults);
        (0..calls).map(|_| plan.next().map_or("none", Fault::name)).collect()
    }

    fn plan() -> Faults {
        Faults::in_order([Some(Fault::Reset), None, Some(Fault::Html)])
    }

    #[test]
    fn a_plan_goes_in_order_and_then_there_are_no_faults() {
        assert_eq!(names(&plan(), 5), ["reset", "none", "html", "none", "none"]);
    }

    #[test]
    fn a_plan_repeats_when_asked_to() {
        let faults = Faults { repeat: true, ..plan() };
        assert_eq!(names(&faults, 7), ["reset", "none", "html", "reset", "none", "html", "reset"]);
        assert_eq!(names(&Faults::always(Fault::Close), 2), ["close", "close"]);
    }

    #[test]
    fn chance_begins_where_the_plan_ends() {
        let faults = Faults { chance: 1.0, among: vec![Fault::Close], ..plan() };
        assert_eq!(names(&faults, 5), ["reset", "none", "html", "close", "close"]);
    }

    #[test]
    fn there_are_no_faults_by_default_and_none_from_an_empty_list() {
        assert_eq!(names(&Faults::default(), 3), ["none"; 3]);
        assert_eq!(names(&Faults { repeat: true, ..Faults::default() }, 3), ["none"; 3]);
        assert_eq!(names(&Faults { chance: 1.0, among: Vec::new(), ..Faults::default() }, 3), ["none"; 3]);
        assert_eq!(names(&Faults { chance: f64::NAN, ..Faults::default() }, 3), ["none"; 3]);
    }

    #[test]
    fn chance_is_near_its_probability_and_uniform() {
        let faults = Faults::by_chance(0.3, 42);
        let mut seen = std::collections::BTreeMap::new();
        for call in 0..100_000 {
            *seen.entry(faults.of(call).map(Fault::to_string)).or_insert(0) += 1;
        }
        let none = seen.remove(&None).expect("calls without a fault");
        assert!((69_000..71_000).contains(&none), "{none} without a fault");
        assert_eq!(seen.len(), faults.among.len());
        let each = 30_000 / seen.len();
        assert!(seen.values().all(|count| (each * 9 / 10..each * 11 / 10).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_seed_gives_the_same_faults_again_and_another_gives_others() {
        let of_seed = |seed| (0..200).map(|call| Faults::by_chance(0.5, seed).of(call).cloned()).collect();
        let (one, again, other): (Vec<_>, Vec<_>, Vec<_>) = (of_seed(7), of_seed(7), of_seed(8));
        assert_eq!(one, again);
        assert_ne!(one, other);
    }

    #[test]
    fn the_random_numbers_are_those_of_the_published_generator() {
        // From the seed 1234567, as the generator's reference code gives them.
        assert_eq!(
            [0, 1].map(|number| draw(1_234_567, number)),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
