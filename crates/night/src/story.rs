//! The story of a night: who runs where, and what happens to them. Made from a seed; a shorter story of the same seed leaves
//! out some of what happens.

use crate::engine::Time;
use crate::random::Random;
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
    Command(usize),
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
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// The platform answers with this HTTP status, and this `Retry-After` if it is not 0.
    Status(u16, u64),
    /// The platform answers with this code.
    Code(&'static str),
    /// Replies end early.
    Cut(u32),
    /// The network delivers requests twice.
    Repeat(u32),
    /// The platform's own limit is so much lower: it answers 501 at this chance.
    TooMany(u32),
    /// The Redis does not answer.
    NoRedis,
    /// A machine's disk is slow, so that processes can be killed in the middle of a file operation.
    SlowDisk(usize),
    /// A machine's disk is full.
    FullDisk(usize),
}

const SECOND: u64 = 1_000_000_000;

impl Story {
    /// The story of a seed.
    pub fn new(seed: u64, cards: u64) -> Self {
        let mut random = Random::new(seed).fork("story");
        let scope =
            random.pick(&[Scope::Process, Scope::Host, Scope::Host, Scope::Redis, Scope::Redis], Scope::Host);
        let nodes = if scope == Scope::Redis { 1 + random.below(3) as usize } else { 1 };
        let count = if scope == Scope::Process { 1 } else { 1 + random.below(3) as usize };
        let processes = (0..count.max(nodes))
            .map(|index| Plan {
                node: index % nodes,
                program: match random.below(4) {
                    0 => Program::Single,
                    1 => Program::Command(random.pick(&[1, 4, 32, 128], 32)),
                    _ => Program::Batch(random.pick(&[1, 2, 8, 32, 128], 32)),
                },
                starts: random.below(20 * SECOND),
            })
            .collect();
        let least = Duration::from_millis(5 + random.below(60));
        let latency = (least, least + Duration::from_millis(1 + random.below(15)));
        let has_cooldown = random.chance(250_000);
        let mut story =
            Self { seed, cards, scope, has_cooldown, nodes, processes, latency, happenings: Vec::new() };
        // How long the night is if nothing goes wrong.
        let night = (cards * SECOND / 9).max(60 * SECOND);
        // One night in ten is calm.
        let count = if random.chance(100_000) { 0 } else { 1 + random.below(12) };
        story.happenings =
            (0..count as usize).map(|place| (place, story.happening(&mut random, night))).collect();
        story
    }

    /// The story of a seed in which every process runs the command, and more happens to machines than to the network.
    pub fn of_commands(seed: u64, cards: u64) -> Self {
        let mut story = Self::new(seed, cards);
        let mut random = Random::new(seed).fork("commands");
        for plan in &mut story.processes {
            plan.program = Program::Command(random.pick(&[1, 4, 32, 128], 32));
        }
        let night = (cards * SECOND / 9).max(60 * SECOND);
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
                    until: at + random.below(60 * SECOND),
                    fault: Fault::FullDisk(node),
                },
            };
            story.happenings.push((place, happening));
        }
        story
    }

    fn happening(&self, random: &mut Random, night: Time) -> Happening {
        let at = random.below(night);
        let node = random.below(self.nodes as u64) as usize;
        let process = random.below(self.processes.len() as u64) as usize;
        let short = Duration::from_millis(random.below(20_000));
        match random.below(15) {
            0..=5 => {
                let longest = random.pick(&[2, 20, 120, 900], 20) * SECOND;
                let until = at + SECOND / 10 + random.below(longest);
                Happening::Spell { from: at, until, fault: self.fault(random) }
            }
            6 => {
                let seconds =
                    random.pick(&[-90_000, -3600, -400, -30, -2, -1, 0, 1, 2, 30, 400, 3600, 90_000], 0);
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
        match random.below(17) {
            0 => Fault::Refused,
            1 => Fault::Silent,
            2..=4 => Fault::Lossy {
                before: chance(random) / 4,
                after: chance(random) / 4,
                reset: random.below(1_000_000) as u32,
            },
            5 => Fault::Slow(Duration::from_millis(random.below(3_000))),
            6 => Fault::SlowPlatform(Duration::from_millis(random.below(40_000))),
            7 => Fault::Status(random.pick(&[500, 502, 503, 504, 401, 403, 404], 503), 0),
            8 => Fault::Status(random.pick(&[429, 503], 503), 1 + random.below(130)),
            9 => Fault::Code(random.pick(&["500", "501", "403", "502", "9999"], "500")),
            10 => Fault::Cut(chance(random)),
            11 => Fault::Repeat(chance(random)),
            12 => Fault::TooMany(chance(random)),
            13 if self.scope == Scope::Redis => Fault::NoRedis,
            13 | 14 => Fault::SlowDisk(node),
            15 => Fault::FullDisk(node),
            _ => Fault::Status(200, 0),
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
            Happening::Clock { at, .. }
            | Happening::RemoveRateFiles { at, .. }
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
        let Self { seed, cards, scope, has_cooldown, nodes, latency, .. } = self;
        writeln!(
            f,
            "seed {seed}: {cards} cards, rate shared by {scope:?}, cooldown {has_cooldown}, machines: {nodes}, \
             latency {latency:?}"
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
