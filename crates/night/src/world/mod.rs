//! The world of a night: machines, network, platform and Redis, and what happens to them.

pub mod host;

use self::host::{Inside, Node, clock_error, true_time};
use crate::engine::{Engine, Time, Trace, nanoseconds};
use crate::ledger::{Arrival, Ledger, Property};
use crate::platform;
use crate::random::Random;
use crate::redis::Redis;
use crate::story::{Fault, Happening, Story, seconds};
use eiot::simulation::{Received, Request, Response};
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
        Rc::new(Self {
            engine: Engine::new(trace),
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

    /// What is wrong now.
    fn faults(&self) -> impl Iterator<Item = &Fault> {
        let now = self.engine.now();
        self.story.happenings.iter().filter_map(move |(_, happening)| match happening {
            Happening::Spell { from, until, fault } if (*from..*until).contains(&now) => Some(fault),
            _ => None,
        })
    }

    /// Whether a machine's disk is slow now.
    pub fn is_disk_slow(&self, node: &Node) -> bool {
        self.faults().any(|fault| matches!(fault, Fault::SlowDisk(index) if *index == node.index))
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
                        if let Some(node) = world.nodes.get(node) {
                            node.clock_error.set(clock_error(seconds));
                        }
                    });
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

    fn chance(&self, per_million: u32) -> bool {
        self.network.borrow_mut().chance(per_million)
    }

    fn between(&self, least: Duration, most: Duration) -> Duration {
        self.network.borrow_mut().between(least, most)
    }

    /// One way from a machine to the platform, or back.
    fn latency(&self) -> Duration {
        let (least, most) = self.story.latency;
        self.between(least, most)
    }

    fn extra_latency(&self) -> Duration {
        let most = self.faults().filter_map(|fault| match fault {
            Fault::Slow(most) => Some(*most),
            _ => None,
        });
        most.max().map_or(Duration::ZERO, |most| self.between(Duration::ZERO, most))
    }

    /// Connects. A connection is there already, unless something is wrong.
    pub fn connect(&self, host: Rc<Inside>, operation: u64, timeout: Duration) {
        let (mut wait, mut result) = (Duration::ZERO, Ok(Received::Nothing));
        for fault in self.faults() {
            match fault {
                Fault::Refused => {
                    (wait, result) = (self.latency() * 2, Err(io::ErrorKind::ConnectionRefused.into()))
                }
                Fault::Silent => (wait, result) = (timeout, Err(io::ErrorKind::TimedOut.into())),
                _ => {}
            }
        }
        self.check_pause(&host);
        if result.is_err() {
            self.check_breaker(&host);
        }
        self.note(&[3, u64::from(host.id()), operation], || match &result {
            Ok(_) => format!("process {} has a connection", host.id()),
            Err(why) => format!("process {} gets no connection: {why}", host.id()),
        });
        match wait {
            Duration::ZERO => host.complete(operation, result),
            wait => drop(self.engine.after(wait, move |_| host.complete(operation, result))),
        }
    }

    /// A call begins. One permit may have been granted before the platform asked for a pause, and one to each other call that
    /// waits for another attempt.
    fn check_pause(&self, host: &Inside) {
        const MAX_CALLS: u32 = 3;
        let mut pauses = self.pauses.borrow_mut();
        let Some((until, calls)) = pauses.get_mut(&host.id()) else { return };
        let now = self.engine.now();
        if now >= *until {
            pauses.remove(&host.id());
            return;
        }
        *calls += 1;
        if *calls > MAX_CALLS {
            let text = format!(
                "process {} has made {calls} calls since it was asked to wait until {:.3} s",
                host.id(),
                seconds(*until)
            );
            self.ledger.violated(Property::RetryAfter, now, text);
        }
    }

    /// A connection of a batch has failed. In a long outage there are few: those in flight when it began, each with its attempts,
    /// and a probe per minute.
    fn check_breaker(&self, host: &Inside) {
        let now = self.engine.now();
        let outage = self.story.happenings.iter().find_map(|(_, happening)| match happening {
            Happening::Spell { from, until, fault: Fault::Refused | Fault::Silent }
                if (*from..*until).contains(&now) =>
            {
                Some(*from)
            }
            _ => None,
        });
        let (Some(began), Some(concurrency)) = (outage, host.concurrency.get()) else { return };
        let mut failed = self.failed_connections.borrow_mut();
        let count = failed.entry((host.id(), began)).or_default();
        *count += 1;
        let minutes = (now - began) / 60_000_000_000;
        // Rounds of the job begin again with a breaker that knows nothing.
        let most = 3 * (concurrency as u64 + 5) * (2 + minutes / 10) + 3 * (8 + minutes);
        if *count > most {
            let text = format!(
                "process {} has tried to connect {count} times in an outage, {minutes} minutes old",
                host.id()
            );
            self.ledger.violated(Property::Breaker, now, text);
        }
    }

    /// Sends a request over the network.
    pub fn send(self: &Rc<Self>, host: Rc<Inside>, operation: u64, request: Request) {
        let ordinary = self.latency();
        let due = self.engine.now() + nanoseconds(ordinary);
        let (mut lost, mut reset, mut repeats) = (false, false, false);
        for fault in self.faults() {
            match fault {
                Fault::Silent => lost = true,
                Fault::Lossy { before, reset: noticed, .. } if self.chance(*before) => {
                    lost = true;
                    reset = self.chance(*noticed);
                }
                Fault::Repeat(chance) => repeats |= self.chance(*chance),
                _ => {}
            }
        }
        self.note(&[4, u64::from(host.id()), operation, u64::from(lost)], || {
            let body = String::from_utf8_lossy(&request.body);
            let fate = if lost { ", which is lost on its way" } else { "" };
            format!("process {} sends {} {body}{fate}", host.id(), request.path)
        });
        if lost {
            if reset {
                let wait = ordinary * 2;
                self.engine.after(wait, move |_| {
                    host.complete(operation, Err(io::ErrorKind::ConnectionReset.into()))
                });
            }
            return;
        }
        let request = Rc::new(request);
        let wait = ordinary + self.extra_latency();
        if repeats {
            let (world, host, request) = (self.clone(), host.clone(), request.clone());
            let later = wait + self.between(Duration::ZERO, Duration::from_millis(500));
            self.engine.after(later, move |_| world.arrive(&host, None, &request, due));
        }
        let world = self.clone();
        self.engine.after(wait, move |_| world.arrive(&host, Some(operation), &request, due));
    }

    /// A request arrives at the platform. Without an operation it is a copy, whose answer nothing waits for.
    fn arrive(self: &Rc<Self>, host: &Rc<Inside>, operation: Option<u64>, request: &Request, due: Time) {
        let Some(parsed) = platform::parse(request) else {
            self.note(&[5], || "the platform cannot read a request".to_owned());
            return;
        };
        let (mut response, is_too_many, late) = self.answer(&parsed);
        if response.body.windows(5).any(|part| part == b"\"200\"") && !parsed.is_order {
            self.ledger.acted_on(parsed.card);
        }
        let arrival = Arrival {
            process: host.id(),
            card: parsed.card,
            nonce: parsed.nonce,
            due,
            is_repeat: operation.is_none(),
            is_order: parsed.is_order,
        };
        self.note(&[6, parsed.card, u64::from(parsed.nonce), u64::from(response.status)], || {
            let body = String::from_utf8_lossy(&response.body);
            format!(
                "the platform answers process {} about card {}: {} {body}",
                host.id(),
                parsed.card,
                response.status
            )
        });
        self.ledger.arrived(self.engine.now(), arrival, is_too_many);
        let Some(operation) = operation else { return };
        let (mut lost, mut reset) = (false, false);
        for fault in self.faults() {
            match fault {
                Fault::Silent => lost = true,
                Fault::Lossy { after, reset: noticed, .. } if self.chance(*after) => {
                    lost = true;
                    reset = self.chance(*noticed);
                }
                Fault::Cut(chance) if self.chance(*chance) => {
                    response.body.truncate(response.body.len() / 2);
                    response.is_cut = true;
                }
                _ => {}
            }
        }
        let wait = late + self.latency() + self.extra_latency();
        let result = match (lost, reset) {
            (false, _) => Ok(Received::Response(response)),
            (true, true) => Err(io::ErrorKind::ConnectionReset.into()),
            (true, false) => return self.note(&[7], || "the answer is lost".to_owned()),
        };
        let (world, host) = (self.clone(), host.clone());
        self.engine.after(wait, move |_| {
            if let Ok(Received::Response(response)) = &result {
                world.asked_to_wait(&host, response);
            }
            host.complete(operation, result);
        });
    }

    /// A response arrives that may ask its process to wait.
    fn asked_to_wait(&self, host: &Inside, response: &Response) {
        let wait = response.headers.iter().find(|(name, _)| name == "retry-after");
        let Some(wait) = wait.and_then(|(_, wait)| wait.parse::<u64>().ok()) else { return };
        if response.status == 429 && !response.is_cut && self.process(host.id()).is_some() {
            // No client waits longer than two minutes.
            let until = self.engine.now() + wait.min(120) * 1_000_000_000 - 1_000_000;
            let mut pauses = self.pauses.borrow_mut();
            let before = pauses.get(&host.id()).map_or((0, 0), |known| *known);
            if before.0 <= self.engine.now() {
                pauses.insert(host.id(), (until, 0));
            }
        }
    }

    /// How the platform answers, whether with "too many requests", and how much later.
    fn answer(&self, request: &platform::Parsed) -> (Response, bool, Duration) {
        let date = httpdate::fmt_http_date(true_time(&self.engine));
        let mut late = Duration::ZERO;
        for fault in self.faults() {
            match fault {
                Fault::SlowPlatform(most) => late = self.between(Duration::ZERO, *most),
                Fault::Status(status, retry_after) if *status != 200 => {
                    let mut response = platform::status(*status, "<html>refused</html>".to_owned(), date);
                    if *retry_after > 0 {
                        response.headers.push(("retry-after".to_owned(), retry_after.to_string()));
                    }
                    return (response, *status == 429, late);
                }
                Fault::Code(code) => return (platform::answer(code, date), *code == "501", late),
                Fault::TooMany(chance) if self.chance(*chance) => {
                    return (platform::answer("501", date), true, late);
                }
                _ => {}
            }
        }
        // Some cards have no package.
        let code = if request.card % 97 == 13 { "41018" } else { "200" };
        (platform::answer(code, date), false, late)
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
