//! The network of a night, with the platform behind it: connections, requests and answers.

use super::World;
use super::host::{Inside, true_time};
use super::pool::For;
use crate::engine::{Time, nanoseconds};
use crate::ledger::{Arrival, Property};
use crate::platform::{self, Answer, Parsed, Reply, Wish};
use crate::story::{Fault, Happening, seconds};
use eiot::simulation::{Received, Request, Response};
use eiot_sim::Now;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// What the platform says of requests that no client should send.
const REFUSALS_OF_BAD_REQUESTS: [&str; 6] = [
    "sim.no-such-call",
    "sim.bad-content-type",
    "sim.bad-json",
    "sim.bad-field",
    "sim.unknown-appkey",
    "sim.bad-sign",
];

impl World {
    pub(super) fn chance(&self, per_million: u32) -> bool {
        self.network.borrow_mut().chance(per_million)
    }

    pub(super) fn between(&self, least: Duration, most: Duration) -> Duration {
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

    /// Finds a connection, or makes one. `reuse`: one that has served requests will do.
    pub fn connect(self: &Rc<Self>, host: Rc<Inside>, operation: u64, timeout: Duration, reuse: bool) {
        let purpose = if reuse { For::Any } else { For::One };
        self.check_pause(&host);
        let now = self.engine.now();
        let is_refused = self.faults().any(|fault| matches!(fault, Fault::Refused));
        let ready = {
            let mut pools = self.pools.borrow_mut();
            let pool = pools.entry(host.id()).or_default();
            if is_refused {
                pool.close_idle();
            }
            pool.take(now, purpose)
        };
        if let Some(ready) = ready {
            return self.connected(&host, operation, ready);
        }
        self.begin_handshake(host, operation, timeout, purpose);
    }

    /// Makes a connection for a later request.
    pub fn connect_ahead(self: &Rc<Self>, host: Rc<Inside>, operation: u64, timeout: Duration) {
        if self.pools.borrow_mut().entry(host.id()).or_default().has_room() {
            self.begin_handshake(host, operation, timeout, For::Later);
        }
    }

    fn begin_handshake(self: &Rc<Self>, host: Rc<Inside>, operation: u64, timeout: Duration, purpose: For) {
        let (wait, result) = self.handshake(timeout);
        if result.is_err() {
            self.check_breaker(&host);
        }
        if let Some(pool) = self.pools.borrow_mut().get_mut(&host.id()) {
            pool.begin(operation, purpose);
        }
        let world = self.clone();
        self.engine.after(wait, move |_| world.end_handshake(&host, operation, result));
    }

    /// How long a new connection takes, and what comes of it: TCP takes a round trip, and TLS another one.
    fn handshake(&self, timeout: Duration) -> (Duration, Result<(), io::ErrorKind>) {
        let (mut wait, mut result) = (Duration::ZERO, Ok(()));
        for _ in 0..4 {
            wait += self.latency() + self.extra_latency();
        }
        for fault in self.faults() {
            match fault {
                Fault::SlowHandshake(most, _) => wait += self.between(Duration::ZERO, *most),
                Fault::Refused => {
                    (wait, result) = (self.latency() * 2, Err(io::ErrorKind::ConnectionRefused))
                }
                Fault::Silent => (wait, result) = (timeout, Err(io::ErrorKind::TimedOut)),
                _ => {}
            }
        }
        if wait > timeout { (timeout, Err(io::ErrorKind::TimedOut)) } else { (wait, result) }
    }

    fn end_handshake(self: &Rc<Self>, host: &Rc<Inside>, operation: u64, result: Result<(), io::ErrorKind>) {
        let (is_used, waiting) = {
            let mut pools = self.pools.borrow_mut();
            let Some(pool) = pools.get_mut(&host.id()) else { return };
            let is_used = pool.end(operation, host.is_waiting_for(operation), self.engine.now(), result);
            (is_used, pool.take_waiting_for_any())
        };
        if is_used {
            self.connected(host, operation, result);
        }
        waiting.into_iter().for_each(|operation| host.complete(operation, Ok(Received::Nothing)));
    }

    fn connected(&self, host: &Inside, operation: u64, result: Result<(), io::ErrorKind>) {
        self.note(&[3, u64::from(host.id()), operation], || match &result {
            Ok(()) => format!("process {} has a connection", host.id()),
            Err(why) => format!("process {} gets no connection: {why}", host.id()),
        });
        host.complete(operation, result.map(|()| Received::Nothing).map_err(io::Error::from));
    }

    /// Waits until a connection is ready, or until none is being made.
    pub fn wait_for_connection(&self, host: &Inside, operation: u64) {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.entry(host.id()).or_default();
        let result = match pool.wait_for_any(operation) {
            None => return,
            Some(true) => Ok(Received::Nothing),
            Some(false) => Err(io::ErrorKind::NotFound.into()),
        };
        drop(pools);
        host.complete(operation, result);
    }

    /// A connection has served its request, and takes the next one.
    fn free_connection(&self, host: &Rc<Inside>) {
        let now = self.engine.now();
        let (next, waiting) = {
            let mut pools = self.pools.borrow_mut();
            let Some(pool) = pools.get_mut(&host.id()) else { return };
            (pool.free(now, |operation| host.is_waiting_for(operation)), pool.take_waiting_for_any())
        };
        if let Some(operation) = next {
            self.connected(host, operation, Ok(()));
        }
        waiting.into_iter().for_each(|operation| host.complete(operation, Ok(Received::Nothing)));
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
        let mut most = 3 * (concurrency as u64 + 5) * (2 + minutes / 10) + 3 * (8 + minutes);
        // Where every operation of the disk is slow, permits come so late that a call may not learn that its connection has failed, and
        // makes a second one for the same attempt.
        if self.story.happenings.iter().any(|(_, happening)| {
            matches!(happening, Happening::Spell { fault: Fault::SlowDisk(_, 1_000_000), .. })
        }) {
            most *= 2;
        }
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
        let sent = self.engine.now();
        let due = sent + nanoseconds(ordinary);
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
            self.engine.after(later, move |_| world.arrive(&host, None, &request, (sent, due)));
        }
        let world = self.clone();
        self.engine.after(wait, move |_| world.arrive(&host, Some(operation), &request, (sent, due)));
    }

    /// A request arrives at the platform. Without an operation it is a copy, whose answer nothing waits for.
    fn arrive(
        self: &Rc<Self>,
        host: &Rc<Inside>,
        operation: Option<u64>,
        request: &Request,
        (sent, due): (Time, Time),
    ) {
        let Some(parsed) = platform::parse(request) else {
            let text = format!("the platform cannot read {}", String::from_utf8_lossy(&request.body));
            return self.ledger.violated(Property::Requests, self.engine.now(), text);
        };
        let answer = self.answer(request, &parsed);
        if answer.acted && parsed.wish != Wish::Read {
            self.ledger.acted_on(parsed.card);
        }
        if answer.code.as_deref().is_some_and(|code| REFUSALS_OF_BAD_REQUESTS.contains(&code)) {
            let text = format!("the platform refuses a request with {:?}", answer.code);
            self.ledger.violated(Property::Requests, self.engine.now(), text);
        }
        let arrival = Arrival {
            process: host.id(),
            card: parsed.card,
            nonce: parsed.nonce,
            sent,
            due,
            is_repeat: operation.is_none(),
            wish: parsed.wish,
            acted: answer.acted,
        };
        self.note(&[6, parsed.card, u64::from(parsed.nonce), u64::from(answer.acted)], || {
            let body = match &answer.reply {
                Reply::Response(response) => {
                    String::from_utf8_lossy(&response.body).chars().take(80).collect()
                }
                Reply::Lost => "a lost connection".to_owned(),
                Reply::Nothing => "nothing".to_owned(),
            };
            format!("the platform answers process {} about card {}: {body}", host.id(), parsed.card)
        });
        self.ledger.arrived(self.engine.now(), arrival, answer.is_too_many);
        let Some(operation) = operation else { return };
        let (mut lost, mut reset, mut closes) =
            (false, false, !answer.keeps_alive || parsed.wish == Wish::Order);
        for fault in self.faults() {
            match fault {
                Fault::Silent => lost = true,
                Fault::Lossy { after, reset: noticed, .. } if self.chance(*after) => {
                    lost = true;
                    reset = self.chance(*noticed);
                }
                Fault::SlowHandshake(_, chance) => closes |= self.chance(*chance),
                _ => {}
            }
        }
        let late = self.slowness_of_the_platform();
        let wait = answer.after + late + self.latency() + self.extra_latency();
        let result = match (answer.reply, lost, reset) {
            (Reply::Response(response), false, _) => Ok(Received::Response(response)),
            (Reply::Nothing, ..) | (_, true, false) => {
                return self.note(&[7], || "the answer is lost".to_owned());
            }
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        };
        let (world, host) = (self.clone(), host.clone());
        self.engine.after(wait, move |_| {
            if let Ok(Received::Response(response)) = &result {
                world.asked_to_wait(&host, response);
                // A call that no longer waits has closed its connection.
                if !closes && !response.is_cut && host.is_waiting_for(operation) {
                    world.free_connection(&host);
                }
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

    fn slowness_of_the_platform(&self) -> Duration {
        let most = self.faults().filter_map(|fault| match fault {
            Fault::SlowPlatform(most) => Some(*most),
            _ => None,
        });
        most.max().map_or(Duration::ZERO, |most| self.between(Duration::ZERO, most))
    }

    /// How the platform answers.
    fn answer(&self, request: &Request, parsed: &Parsed) -> Answer {
        let fault = self.faults().find_map(|fault| match fault {
            Fault::Platform(fault, chance) if self.chance(*chance) => Some(fault.clone()),
            _ => None,
        });
        let fault = fault.or_else(|| platform::refusal(parsed));
        let now = Now { wall: true_time(&self.engine), monotonic: self.engine.instant() };
        self.platform.answer(request, fault.as_ref(), now)
    }
}
