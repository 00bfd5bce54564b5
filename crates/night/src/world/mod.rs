//! The world of a night: machines, network, platform and Redis, and what happens to them.

pub mod host;
mod network;
mod pool;

use self::host::{Inside, Node, clock_error, true_time};
use self::pool::Pool;
use crate::engine::{Engine, Time, Trace, nanoseconds};
use crate::ledger::Ledger;
use crate::platform::Platform;
use crate::random::Random;
use crate::redis::Redis;
use crate::story::{CLOCK_IS_WRONG, Fault, Happening, Scope, Story};
use eiot::simulation::Received;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// The world of a night.
pub struct World {
    /// Virtual time and processes.
    pub engine: Rc<Engine>,
    /// What happens.
    pub story: Story,
    /// What happened.
    pub ledger: Ledger,
    /// The seed of every process's random numbers.
    pub random: Random,
    /// The machines.
    pub nodes: Vec<Rc<Node>>,
    network: RefCell<Random>,
    redis: RefCell<Redis>,
    platform: Platform,
    pools: RefCell<BTreeMap<u32, Pool>>,
    processes: RefCell<BTreeMap<u32, Rc<Inside>>>,
    /// Until when the platform has asked a process to wait, and how many calls it has made since.
    pauses: RefCell<BTreeMap<u32, (Time, u32)>>,
    /// How many connections of a process failed in the outage that began at this time.
    failed_connections: RefCell<BTreeMap<(u32, Time), u64>>,
}

impl World {
    /// The world at nightfall.
    pub fn new(story: Story, trace: Trace) -> Rc<Self> {
        let random = Random::new(story.seed);
        let engine = Engine::new(trace);
        Rc::new(Self {
            platform: Platform::new(&story, engine.instant()),
            pools: RefCell::default(),
            engine,
            ledger: Ledger::new(&story),
            nodes: (0..story.nodes).map(|index| Rc::new(Node::new(index))).collect(),
            network: RefCell::new(random.fork("network")),
            redis: RefCell::new(Redis::default()),
            processes: RefCell::default(),
            pauses: RefCell::default(),
            failed_connections: RefCell::default(),
            random,
            story,
        })
    }

    /// The view of a process that has not ended.
    pub fn process(&self, id: u32) -> Option<Rc<Inside>> {
        self.processes.borrow().get(&id).cloned()
    }

    /// A process has started.
    pub fn add(&self, inside: &Rc<Inside>) {
        self.processes.borrow_mut().insert(inside.id(), inside.clone());
    }

    /// A process has ended.
    pub fn remove(&self, id: u32) {
        if let Some(inside) = self.processes.borrow_mut().remove(&id) {
            inside.session.kill();
        }
        self.pools.borrow_mut().remove(&id);
    }

    /// Adds a line to the trace.
    pub fn note(&self, numbers: &[u64], line: impl FnOnce() -> String) {
        let trace = &self.engine.trace;
        trace.sum(&[self.engine.now()]);
        trace.sum(numbers);
        // What comes after a broken promise explains nothing.
        if trace.is_kept() && !(trace.is_short() && self.ledger.is_broken()) {
            trace.line(self.engine.now(), format_args!("{}", line()));
        }
    }

    /// The options of clients of a machine that say who shares the rate.
    pub fn rate_options(&self, node: usize) -> Vec<(&'static str, String)> {
        let scope = match self.story.scope {
            Scope::Process => "process",
            Scope::Host | Scope::Share => "host",
            Scope::Redis => "redis://redis.example:6379",
        };
        let scope = ("rate_scope", scope.to_owned());
        match self.story.scope {
            Scope::Share => vec![scope, ("rate_share", format!("{}/{}", node + 1, self.story.nodes))],
            _ => vec![scope],
        }
    }

    /// What is wrong now.
    fn faults(&self) -> impl Iterator<Item = &Fault> {
        let now = self.engine.now();
        self.story.happenings.iter().filter_map(move |(_, happening)| match happening {
            Happening::Spell { from, until, fault } if (*from..*until).contains(&now) => Some(fault),
            _ => None,
        })
    }

    /// How many operations per million a machine's disk holds up now.
    pub fn held_up_by_disk(&self, node: &Node) -> u32 {
        let held_up = self.faults().filter_map(|fault| match fault {
            Fault::SlowDisk(index, chance) if *index == node.index => Some(*chance),
            _ => None,
        });
        held_up.max().unwrap_or(0)
    }

    /// Schedules what happens to machines and to Redis. Kills and stops of processes are the jobs'.
    pub fn schedule(self: &Rc<Self>) {
        for (_, happening) in &self.story.happenings {
            let (world, story) = (self.clone(), happening.clone());
            let note = move |world: &Self| world.note(&[1], || format!("happens: {story}"));
            match *happening {
                Happening::Clock { at, node, seconds } => {
                    self.engine.at(at, move |_| {
                        note(&world);
                        world.set_clock(node, seconds);
                    });
                    let world = self.clone();
                    self.engine.at(at + nanoseconds(CLOCK_IS_WRONG), move |_| world.set_clock(node, 0));
                }
                Happening::RemoveRateFiles { at, node } => {
                    self.engine.at(at, move |_| {
                        note(&world);
                        if let Some(node) = world.nodes.get(node) {
                            node.remove_rate_files();
                        }
                    });
                }
                Happening::EmptyRedis { at } => {
                    self.engine.at(at, move |_| {
                        note(&world);
                        world.redis.borrow_mut().clear();
                    });
                }
                Happening::Spell { from, until, fault: Fault::FullDisk(node) } => {
                    let (other, end) = (world.clone(), world.clone());
                    self.engine.at(from, move |_| other.set_full(node, true));
                    self.engine.at(until, move |_| end.set_full(node, false));
                }
                Happening::Spell { from, .. } => {
                    self.engine.at(from, move |_| note(&world));
                }
                Happening::PowerFailure { at, node, .. } => {
                    self.engine.at(at, move |_| {
                        note(&world);
                        world.cut_power(node);
                    });
                }
                Happening::Kill { .. } | Happening::Stop { .. } | Happening::Interrupt { .. } => {}
            }
        }
    }

    fn set_clock(&self, node: usize, seconds: i64) {
        if let Some(node) = self.nodes.get(node) {
            node.clock_error.set(clock_error(seconds));
        }
    }

    fn set_full(&self, node: usize, is_full: bool) {
        self.note(&[2], || format!("the disk of machine {node} is full: {is_full}"));
        if let Some(node) = self.nodes.get(node) {
            node.last_full.set(Some(self.engine.now()));
            // Sometimes a part of a line fits in.
            let left = self.network.borrow_mut().below(400);
            node.disk.set_free(is_full.then_some(left));
        }
    }

    /// The unsynced part of a machine's disk is lost. Its processes are killed.
    fn cut_power(&self, node: usize) {
        let Some(node) = self.nodes.get(node) else { return };
        let mut random = self.random.fork(&format!("power {}", self.engine.now()));
        node.disk.cut_power(|end| random.below(end));
        node.booted.set(self.engine.now());
    }

    /// Sends a command to the Redis. Without an operation nothing waits for the reply.
    pub fn ask_redis(self: &Rc<Self>, from: Option<(Rc<Inside>, u64)>, command: Vec<u8>) {
        let is_down = self.faults().any(|fault| matches!(fault, Fault::NoRedis));
        if is_down {
            if let Some((host, operation)) = from {
                let refused = Err(io::ErrorKind::ConnectionRefused.into());
                self.engine.after(Duration::from_millis(1), move |_| host.complete(operation, refused));
            }
            return;
        }
        let way = self.between(Duration::from_micros(100), Duration::from_micros(600));
        let world = self.clone();
        self.engine.after(way, move |engine| {
            let reply = world.redis.borrow_mut().command(&command, true_time(engine));
            world.note(&[8], || {
                format!("the Redis answers {}", String::from_utf8_lossy(&reply).replace("\r\n", " "))
            });
            let back = world.between(Duration::from_micros(100), Duration::from_micros(600));
            if let Some((host, operation)) = from {
                engine.after(back, move |_| host.complete(operation, Ok(Received::Bytes(reply))));
            }
        });
    }
}
