//! One night, from its story to its report.

use crate::command::{self, Operator};
use crate::engine::{Time, Trace};
use crate::jobs::{self, Job};
use crate::ledger::{Property, Violation};
use crate::story::{Program, Story, seconds};
use crate::world::World;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

/// What is known in the morning.
pub struct Report {
    /// The broken promises.
    pub violations: Vec<Violation>,
    /// The checksum of all that happened.
    pub checksum: u64,
    /// The lines of the trace that were kept.
    pub lines: Vec<String>,
    /// How many requests the platform received.
    pub requests: u64,
    /// How long the night was.
    pub length: Time,
}

const SECOND: Time = 1_000_000_000;

/// One night at a time: the registries of the real process, which all threads share, tell simulated processes apart by their
/// numbers, and these begin again with every night.
static ALONE: Mutex<()> = Mutex::new(());

/// Lives through a night; keeps this many lines of its trace.
pub fn live(story: &Story, lines: usize) -> Report {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::new(story.clone(), Trace::new(lines));
    let jobs = jobs::schedule(&world);
    let operators = command::schedule(&world);
    world.schedule();
    // Long after the last trouble, everything must have come to its end.
    let end = story.is_quiet_after() + 6 * 3600 * SECOND + story.cards * SECOND;
    world.engine.run(end);
    check_ends(&world, &jobs, &operators);
    check_throughput(&world);
    for process in world.engine.running() {
        world.engine.kill(process);
        world.remove(process);
    }
    world.engine.clear();
    Report {
        violations: world.ledger.violations(),
        checksum: world.engine.trace.checksum(),
        lines: world.engine.trace.lines(),
        requests: world.ledger.arrivals().0,
        length: world.engine.now(),
    }
}

fn check_ends(world: &World, jobs: &[Rc<Job>], operators: &[Rc<Operator>]) {
    let open: usize = jobs.iter().map(|job| job.open()).sum();
    let waiting = jobs.iter().filter(|job| !job.is_finished()).count()
        + operators.iter().filter(|operator| !operator.is_finished()).count();
    if open > 0 || waiting > 0 {
        let text = format!("{open} cards have no outcome, {waiting} processes have not ended");
        world.ledger.violated(Property::Ends, world.engine.now(), text);
    }
}

/// While nothing fails, and there is enough to do, 97 % of the spacing are used.
fn check_throughput(world: &World) {
    let story = &world.story;
    let keep_many = story.processes.iter().all(|plan| matches!(plan.program, Program::Batch(8..)));
    let each = story.cards / story.processes.len().max(1) as u64;
    if !story.is_calm() || !keep_many || each < 600 {
        return;
    }
    let (calls, took) = world.ledger.arrivals();
    let ideal = (calls.saturating_sub(1)) as f64 / 9.5;
    if ideal < 0.97 * seconds(took) {
        let text = format!("{calls} calls took {:.1} s instead of {ideal:.1} s", seconds(took));
        world.ledger.violated(Property::Throughput, world.engine.now(), text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_no_promise_is_broken(story: &Story, again: &str) {
        let broken: Vec<String> = live(story, 0).violations.iter().map(ToString::to_string).collect();
        assert!(broken.is_empty(), "{story}{}\n{again}", broken.join("\n"));
    }

    /// All that happens in a night.
    const ALL: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// The short form of `make night`.
    #[test]
    fn nights_break_no_promise() {
        for seed in 1..=50 {
            let again = format!("again: make night SEEDS={seed}..{seed} CARDS=200");
            assert_no_promise_is_broken(&Story::new(seed, 200), &again);
        }
    }

    /// Stories that have broken a promise: the seed, its cards, those that are refreshed, and what happens.
    #[test]
    fn nights_that_broke_a_promise_once_do_not_again() {
        let stories: [(u64, u64, u64, &[usize]); 10] = [
            // The first calls waited for their handshakes, and went out together with later ones.
            (1, 200, 200, &[0]),
            // A slow disk held the thread between a permit and its call.
            (16, 200, 200, &ALL),
            // The rate file was removed, and the process that made it again did not know the last permit of the other.
            (26, 200, 200, &ALL),
            // A power failure had torn the first line of a journal, and the run was refused.
            (30, 200, 25, &[3, 8]),
            // On a slow disk, three permits in a row were late, and the last one was used right before the next.
            (36, 400, 400, &ALL),
            // A slow disk held the thread while a reply of the Redis waited: its permit was not known to be late.
            (36, 400, 100, &[5]),
            // Calls that waited for connections in an outage went out one after the other when it was over.
            (137, 200, 200, &[0, 2, 9]),
            // On a slow disk, attempts did not learn that their connections had failed, and made others.
            (2684, 20_000, 8100, &[4, 5]),
            // A process was stopped, and then read the Redis's reply late: it took its permit for a later one.
            (7400, 20_000, 737, &[1, 3]),
            // Each order took two permits, because its handshake began when the first one was due.
            (8500, 20_000, 5000, &[]),
        ];
        for (seed, cards, work, places) in stories {
            let mut story = Story::new(seed, cards);
            story.happenings.retain(|(place, _)| places.contains(place));
            story.cards = work;
            assert_no_promise_is_broken(&story, "");
        }
    }

    /// The command and its files, with kills between two writes, power failures and full disks.
    #[test]
    fn nights_of_the_command_break_no_promise() {
        for seed in 1..=25 {
            let again = format!("again: make night KIND=--commands SEEDS={seed}..{seed} CARDS=100");
            assert_no_promise_is_broken(&Story::of_commands(seed, 100), &again);
        }
    }

    /// Requests and replies that are lost right before an outage.
    #[test]
    fn nights_of_the_network_break_no_promise() {
        for seed in 1..=25 {
            let again = format!("again: make night KIND=--network SEEDS={seed}..{seed} CARDS=200");
            assert_no_promise_is_broken(&Story::of_network(seed, 200), &again);
        }
    }

    #[test]
    fn night_of_the_same_seed_is_the_same_night() {
        for seed in [3, 4, 5] {
            let story = Story::new(seed, 150);
            let (first, second) = (live(&story, usize::MAX), live(&story, usize::MAX));
            assert_eq!((first.checksum, first.lines), (second.checksum, second.lines), "{story}");
        }
    }
}
