//! The story of a night: who runs where, and what happens to them. Made from a seed; a shorter story of the same seed leaves
//! out some of what happens.

use crate::engine::Time;
use crate::random::Random;
use eiot_sim::Fault as PlatformFault;
use std::fmt;
use std::time::Duration;

/// A night.
#[derive(Debug, Clone)]
pub struct Story {
    /// The seed.
    pub seed: u64,
    /// How many cards are to be refreshed.
    pub cards: u64,
    /// Who shares the rate.
    pub scope: Scope,
    /// Whether `eid_cooldown` is set.
    pub has_cooldown: bool,
    /// How many machines there are.
    pub nodes: usize,
    /// The processes.
    pub processes: Vec<Plan>,
    /// The time from a machine to the platform, at least and at most.
    pub latency: (Duration, Duration),
    /// What the platform does with a card that was refreshed in the last five minutes.
    pub platform_cooldown: PlatformCooldown,
    /// What happens, each with its place in the story of the seed.
    pub happenings: Vec<(usize, Happening)>,
}

/// Who shares the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `rate_scope=process`
    Process,
    /// `rate_scope=host`
    Host,
    /// `rate_scope=redis://…`
    Redis,
    /// `rate_share`: each machine has its part, by its clock
    Share,
}

/// What the platform does with a card that was refreshed a moment ago; which code it uses is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlatformCooldown {
    /// It refreshes the card.
    None,
    /// It refuses, with a code of its own.
    Unknown,
    /// It refuses with "too many requests".
    TooMany,
}

/// A process: an operator's job that is started again if it is killed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The machine it runs on.
    pub node: usize,
    /// How it makes its calls.
    pub program: Program,
    /// When it starts first.
    pub starts: Time,
}

/// How a process makes its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A batch with this many calls in flight.
    Batch(usize),
    /// One call after the other.
    Single,
    /// The command, over a file of cards, with this many calls in flight.
    Command(Task, usize),
}

/// What the command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// `eiot refresh --from`
    Refresh,
    /// `eiot refresh --from --then-get`
    RefreshThenGet,
    /// `eiot call …/purchase --from`
    Order,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Between two times, something is wrong with the platform or the way to it.
    Spell {
        /// From when.
        from: Time,
        /// Until when.
        until: Time,
        /// What is wrong.
        fault: Fault,
    },
    /// A machine's wall clock is set, so that it is off by this many seconds from then on.
    Clock {
        /// When.
        at: Time,
        /// Which machine.
        node: usize,
        /// How far it is off.
        seconds: i64,
    },
    /// A process is killed, and started again later.
    Kill {
        /// When.
        at: Time,
        /// Which process.
        process: usize,
        /// How much later.
        again: Duration,
    },
    /// The operator presses Ctrl-C.
    Interrupt {
        /// When.
        at: Time,
        /// Which process.
        process: usize,
    },
    /// A machine loses its power, and with it what is not on its disk; it starts again later.
    PowerFailure {
        /// When.
        at: Time,
        /// Which machine.
        node: usize,
        /// How much later.
        again: Duration,
    },
    /// A process is stopped, and continued later.
    Stop {
        /// When.
        at: Time,
        /// Which process.
        process: usize,
        /// How much later.
        length: Duration,
    },
    /// The operator removes the rate files of a machine.
    RemoveRateFiles {
        /// When.
        at: Time,
        /// Which machine.
        node: usize,
    },
    /// The Redis starts again, empty.
    EmptyRedis {
        /// When.
        at: Time,
    },
}

/// What is wrong with the platform or the way to it. Chances are per million.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Connections are refused.
    Refused,
    /// Nothing comes through: connections are not made in time, requests vanish.
    Silent,
    /// Requests are lost on the way there, replies on the way back, and connections reset at either time.
    Lossy {
        /// The request is lost.
        before: u32,
        /// The reply is lost.
        after: u32,
        /// A loss is noticed, as a reset; otherwise there is silence.
        reset: u32,
    },
    /// Each way takes up to so much longer.
    Slow(Duration),
    /// The platform answers so much later.
    SlowPlatform(Duration),
    /// The platform answers with this fault of the simulator, at this chance.
    Platform(PlatformFault, u32),
    /// A new connection takes up to so much longer, and each answer ends its connection at this chance.
    SlowHandshake(Duration, u32),
    /// The network delivers requests twice.
    Repeat(u32),
    /// The Redis does not answer.
    NoRedis,
    /// A machine's disk is slow, so that processes can be killed in the middle of a file operation: it holds up an operation at
    /// this chance.
    SlowDisk(usize, u32),
    /// A machine's disk is full.
    FullDisk(usize),
}

/// When a wrong clock is set right. A single order per process is refused until then: it is not signed again with the
/// platform's time, since it is not known whether a refusal with an unpublished code means that it was not placed.
pub const CLOCK_IS_WRONG: Duration = Duration::from_secs(3600);

const SECOND: u64 = 1_000_000_000;

/// Faults of the simulator. Those that a simulated connection cannot have are left out: bytes that are not HTTP, and replies
/// without an end.
const PLATFORM_FAULTS: [&str; 38] = [
    "status=500",
    "status=502",
    "status=503",
    "status=504",
    "status=401",
    "status=403",
    "status=404",
    "status=429,1",
    "status=429,20",
    "status=429,130",
    "status=503,5",
    "status=503,100",
    "refuse=500",
    "refuse=501",
    "refuse=501",
    "refuse=501",
    "refuse=403",
    "refuse=502",
    "refuse=9999",
    "reset-body",
    "reset-headers",
    "reset",
    "reset-after",
    "close",
    "close-after",
    "stall",
    "stall-body",
    "delay=2000",
    "html",
    "broken-json",
    "truncated-json",
    "oversized",
    "gzip-bomb",
    "redirect",
    "chinese",
    "date=-400",
    "no-date",
    "age=100",
];

/// The command.
fn command(random: &mut Random) -> Program {
    let task = random.pick(&[Task::Refresh, Task::Refresh, Task::RefreshThenGet, Task::Order], Task::Refresh);
    Program::Command(task, random.pick(&[1, 4, 32, 128], 32))
}

impl Story {
    /// The story of a seed.
    pub fn new(seed: u64, cards: u64) -> Self {
        let mut random = Random::new(seed).fork("story");
        let scopes = [Scope::Process, Scope::Host, Scope::Host, Scope::Redis, Scope::Redis, Scope::Share];
        let scope = random.pick(&scopes, Scope::Host);
        let nodes = match scope {
            Scope::Process | Scope::Host => 1,
            Scope::Redis => 1 + random.below(3) as usize,
            Scope::Share => 2 + random.below(3) as usize,
        };
        let count = match scope {
            Scope::Process => 1,
            Scope::Host | Scope::Redis => 1 + random.below(3) as usize,
            // A machine without work would leave its share unused.
            Scope::Share => nodes,
        };
        let processes = (0..count.max(nodes))
            .map(|index| Plan {
                node: index % nodes,
                program: match random.below(4) {
                    0 => Program::Single,
                    1 => command(&mut random),
                    _ => Program::Batch(random.pick(&[1, 2, 8, 32, 128], 32)),
                },
                starts: random.below(20 * SECOND),
            })
            .collect();
        let least = Duration::from_millis(5 + random.below(60));
        let latency = (least, least + Duration::from_millis(1 + random.below(15)));
        let has_cooldown = random.chance(250_000);
        let platform_cooldown = random.pick(
            &[PlatformCooldown::None, PlatformCooldown::Unknown, PlatformCooldown::TooMany],
            PlatformCooldown::None,
        );
        let happenings = Vec::new();
        let mut story = Self {
            seed,
            cards,
            scope,
            has_cooldown,
            nodes,
            processes,
            latency,
            platform_cooldown,
            happenings,
        };
        let night = story.usual_length();
        // One night in ten is calm.
        let count = if random.chance(100_000) { 0 } else { 1 + random.below(12) };
        story.happenings =
            (0..count as usize).map(|place| (place, story.happening(&mut random, night))).collect();
        // Some disks are slow all the time.
        if count > 0 && random.chance(100_000) {
            let fault = Fault::SlowDisk(0, random.pick(&[50_000, 200_000], 200_000));
            story.happenings.push((count as usize, Happening::Spell { from: 0, until: 2 * night, fault }));
        }
        story
    }

    /// The story of a seed in which every process runs the command, and more happens to machines than to the network.
    pub fn of_commands(seed: u64, cards: u64) -> Self {
        let mut story = Self::new(seed, cards);
        let mut random = Random::new(seed).fork("commands");
        for plan in &mut story.processes {
            plan.program = command(&mut random);
        }
        let night = story.usual_length();
        let first = story.happenings.len();
        for place in first..first + random.below(8) as usize {
            let at = random.below(night);
            let node = random.below(story.nodes as u64) as usize;
            let process = random.below(story.processes.len() as u64) as usize;
            let again = Duration::from_secs(1 + random.below(60));
            let happening = match random.below(8) {
                0..=2 => Happening::Kill { at, process, again },
                3 => Happening::Interrupt { at, process },
                4 | 5 => Happening::PowerFailure { at, node, again },
                _ => Happening::Spell {
                    from: at,
                    // Where it is full for a moment only, calls in flight come back when there is room again.
                    until: at
                        + random.pick(&[SECOND / 2, 60 * SECOND], SECOND).min(1 + random.below(60 * SECOND)),
                    fault: Fault::FullDisk(node),
                },
            };
            story.happenings.push((place, happening));
        }
        story
    }

    /// The story of a seed in which more happens to the network: it loses requests and replies, and connections are refused or not made
    /// before the calls concerned have ended.
    pub fn of_network(seed: u64, cards: u64) -> Self {
        let mut story = Self::new(seed, cards);
        let mut random = Random::new(seed).fork("network");
        let night = story.usual_length();
        for _ in 0..4 + random.below(8) {
            let from = random.below(night);
            let until = from + SECOND / 10 + random.below(20 * SECOND);
            let lossy = Fault::Lossy {
                before: random.below(200_000) as u32,
                after: random.below(800_000) as u32,
                reset: random.below(1_000_000) as u32,
            };
            let outage = if random.chance(500_000) { Fault::Refused } else { Fault::Silent };
            let over = until + random.below(40 * SECOND);
            let spells =
                [(from, until, lossy), (until, over, outage), (over, over + 20 * SECOND, Fault::NoRedis)];
            let are_possible = if story.scope == Scope::Redis { 3 } else { 2 };
            for (from, until, fault) in spells.into_iter().take(are_possible) {
                let place = story.happenings.len();
                story.happenings.push((place, Happening::Spell { from, until, fault }));
            }
        }
        story
    }

    /// How long the night is if nothing goes wrong.
    fn usual_length(&self) -> Time {
        (self.cards * SECOND / 9).max(60 * SECOND)
    }

    fn happening(&self, random: &mut Random, night: Time) -> Happening {
        let at = random.below(night);
        let node = random.below(self.nodes as u64) as usize;
        let process = random.below(self.processes.len() as u64) as usize;
        let short = Duration::from_millis(random.below(20_000));
        match random.below(15) {
            0..=5 => {
                let longest = random.pick(&[2, 20, 120, 900], 20) * SECOND;
                let mut until = at + SECOND / 10 + random.below(longest);
                let fault = self.fault(random);
                // A command keeps each of these replies in its files, and a night of them would take half a minute.
                if matches!(fault, Fault::Platform(PlatformFault::Oversized, _)) {
                    until = until.min(at + 20 * SECOND);
                }
                Happening::Spell { from: at, until, fault }
            }
            6 => {
                let seconds =
                    random.pick(&[-80_000, -3600, -400, -30, -2, -1, 0, 1, 2, 30, 400, 3600, 80_000], 0);
                // Shares follow the clocks of the machines, which NTP keeps right.
                let seconds = if self.scope == Scope::Share { 0 } else { seconds };
                Happening::Clock { at, node, seconds }
            }
            7 | 8 => Happening::Kill { at, process, again: Duration::from_secs(1) + short },
            9 | 10 => Happening::Stop { at, process, length: short },
            11 | 12 => Happening::Interrupt { at, process },
            13 => Happening::PowerFailure { at, node, again: Duration::from_secs(30) + short },
            _ => match self.scope {
                Scope::Redis => Happening::EmptyRedis { at },
                _ => Happening::RemoveRateFiles { at, node },
            },
        }
    }

    fn fault(&self, random: &mut Random) -> Fault {
        let chance = |random: &mut Random| 20_000 + random.below(600_000) as u32;
        let node = random.below(self.nodes as u64) as usize;
        match random.below(20) {
            0 => Fault::Refused,
            1 => Fault::Silent,
            2..=4 => Fault::Lossy {
                before: chance(random) / 4,
                after: chance(random) / 4,
                reset: random.below(1_000_000) as u32,
            },
            5 => Fault::Slow(Duration::from_millis(random.below(3_000))),
            6 => Fault::SlowPlatform(Duration::from_millis(random.below(40_000))),
            7 => Fault::SlowHandshake(Duration::from_millis(random.below(4_000)), chance(random)),
            8..=13 => {
                let which = random.below(PLATFORM_FAULTS.len() as u64) as usize;
                let text = match PLATFORM_FAULTS.get(which).copied().unwrap_or_default() {
                    // By it, machines with shares know whose turn it is.
                    text if self.scope == Scope::Share && text.starts_with("date=") => "no-date",
                    text => text,
                };
                // A test parses all of them.
                let fault = text.parse().unwrap_or(PlatformFault::Close);
                let always = random.chance(400_000);
                Fault::Platform(fault, if always { 1_000_000 } else { chance(random) })
            }
            14 => Fault::Repeat(chance(random)),
            15 if self.scope == Scope::Redis => Fault::NoRedis,
            15 | 16 => Fault::SlowDisk(node, random.pick(&[30_000, 200_000, 1_000_000], 30_000)),
            17 => Fault::FullDisk(node),
            _ => Fault::Lossy { before: chance(random) / 40, after: chance(random) / 40, reset: 500_000 },
        }
    }

    /// Whether nothing happens, so that the whole rate must be used.
    pub fn is_calm(&self) -> bool {
        self.happenings.is_empty()
    }

    /// When the last thing has happened.
    pub fn is_quiet_after(&self) -> Time {
        let ends = self.happenings.iter().map(|(_, happening)| match happening {
            Happening::Spell { until, .. } => *until,
            Happening::Clock { at, .. } => at + crate::engine::nanoseconds(CLOCK_IS_WRONG),
            Happening::RemoveRateFiles { at, .. }
            | Happening::EmptyRedis { at }
            | Happening::Interrupt { at, .. } => *at,
            Happening::Kill { at, again: length, .. }
            | Happening::PowerFailure { at, again: length, .. }
            | Happening::Stop { at, length, .. } => at + crate::engine::nanoseconds(*length),
        });
        ends.max().unwrap_or(0)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cards, scope, has_cooldown, nodes, latency, platform_cooldown, .. } = self;
        writeln!(
            f,
            "seed {seed}: {cards} cards, rate shared by {scope:?}, cooldown {has_cooldown}, the platform's: \
             {platform_cooldown:?}, machines: {nodes}, latency {latency:?}"
        )?;
        for (index, Plan { node, program, starts }) in self.processes.iter().enumerate() {
            writeln!(
                f,
                "  process {index} on machine {node}: {program:?}, starts at {:.3} s",
                seconds(*starts)
            )?;
        }
        for (place, happening) in &self.happenings {
            writeln!(f, "  {place}: {happening}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spell { from, until, fault } => {
                write!(f, "from {:.3} s to {:.3} s {fault:?}", seconds(*from), seconds(*until))
            }
            Self::Clock { at, node, seconds: off } => {
                write!(f, "at {:.3} s the clock of machine {node} is set {off} s off", seconds(*at))
            }
            Self::Kill { at, process, again } => {
                write!(f, "at {:.3} s process {process} is killed; again after {again:?}", seconds(*at))
            }
            Self::Interrupt { at, process } => {
                write!(f, "at {:.3} s SIGINT to process {process}", seconds(*at))
            }
            Self::PowerFailure { at, node, again } => {
                write!(f, "at {:.3} s machine {node} loses its power; again after {again:?}", seconds(*at))
            }
            Self::Stop { at, process, length } => {
                write!(f, "at {:.3} s process {process} is stopped for {length:?}", seconds(*at))
            }
            Self::RemoveRateFiles { at, node } => {
                write!(f, "at {:.3} s the rate files of machine {node} are removed", seconds(*at))
            }
            Self::EmptyRedis { at } => write!(f, "at {:.3} s the Redis starts again, empty", seconds(*at)),
        }
    }
}

/// Seconds of a time.
pub fn seconds(time: Time) -> f64 {
    time as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_faults_are_faults_of_the_simulator() {
        for fault in PLATFORM_FAULTS {
            assert!(fault.parse::<PlatformFault>().is_ok(), "{fault}");
        }
    }
}
