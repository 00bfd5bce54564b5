//! Machines, and what a process on one of them sees: core's seams, answered in virtual time.

use crate::disk::{Disk, Session};
use crate::engine::{Engine, EventKey, Process, Seat, Time, nanoseconds};
use crate::random::Random;
use crate::world::World;
use eiot::simulation::{self, Operation, Received};
use eiot_cli::simulation::{Machine, Opening};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock at virtual time zero: an evening in November 2026.
pub const EVENING: Duration = Duration::from_secs(1_795_730_400);

/// A machine.
pub struct Node {
    /// Its place among the machines.
    pub index: usize,
    /// How far its wall clock is off, in nanoseconds.
    pub clock_error: Cell<i64>,
    /// When it started.
    pub booted: Cell<Time>,
    /// Its disk.
    pub disk: Rc<Disk>,
    /// When the disk was full last.
    pub last_full: Cell<Option<Time>>,
}

impl Node {
    /// A machine with an empty disk.
    pub fn new(index: usize) -> Self {
        Self {
            index,
            clock_error: Cell::new(0),
            booted: Cell::new(0),
            disk: Disk::new(),
            last_full: Cell::new(None),
        }
    }

    /// Removes all rate files, as an operator may at any time.
    pub fn remove_rate_files(&self) {
        self.disk.remove_all("/tmp");
    }
}

/// How many changes of a file come before something happens, and what happens.
type Trap = (u64, Box<dyn FnOnce()>);

/// What a process sees of the world.
pub struct Inside {
    world: Rc<World>,
    /// Its machine.
    pub node: Rc<Node>,
    process: Rc<Process>,
    /// Its files and streams.
    pub session: Rc<Session>,
    /// What happens at one of the next changes of a file, and at which.
    trap: RefCell<Option<Trap>>,
    /// How many calls its batch has in flight; `None` if it has none.
    pub concurrency: Cell<Option<usize>>,
    random: RefCell<Random>,
    operations: RefCell<BTreeMap<u64, Pending>>,
    next_operation: Cell<u64>,
}

/// An operation that was started and whose result was not taken.
#[derive(Default)]
struct Pending {
    result: Option<io::Result<Received>>,
    waker: Option<Waker>,
    timer: Option<EventKey>,
}

impl Inside {
    /// The view of a process with these environment variables.
    pub fn new(
        world: Rc<World>,
        node: Rc<Node>,
        process: Rc<Process>,
        variables: Vec<(String, String)>,
    ) -> Rc<Self> {
        let random = RefCell::new(world.random.fork(&format!("process {}", process.id)));
        Rc::new_cyclic(|inside: &Weak<Self>| {
            let inside = inside.clone();
            let in_the_middle = move || inside.upgrade().iter().for_each(|inside| inside.in_the_middle());
            let session = Rc::new(Session::new(node.disk.clone(), variables, in_the_middle));
            Self {
                world,
                node,
                process,
                session,
                trap: RefCell::default(),
                concurrency: Cell::new(None),
                random,
                operations: RefCell::default(),
                next_operation: Cell::new(0),
            }
        })
    }

    /// Something happens in the middle of one of the next changes of a file: `change` more come before it.
    pub fn set_trap(&self, change: u64, happens: impl FnOnce() + 'static) {
        *self.trap.borrow_mut() = Some((change, Box::new(happens)));
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// Ends an operation, unless nothing waits for it any more.
    pub fn complete(&self, operation: u64, result: io::Result<Received>) {
        if let Some(pending) = self.operations.borrow_mut().get_mut(&operation) {
            pending.result = Some(result);
            if let Some(waker) = pending.waker.take() {
                waker.wake();
            }
        }
    }

    /// Whether something still waits for this operation.
    pub fn is_waiting_for(&self, operation: u64) -> bool {
        self.operations.borrow().get(&operation).is_some_and(|pending| pending.result.is_none())
    }

    fn engine(&self) -> &Rc<Engine> {
        &self.world.engine
    }

    /// When a timer that is set for this time fires: at a whole millisecond, as tokio's do, and a little late.
    fn timer(&self, at: Time) -> Time {
        const MILLISECOND: Time = 1_000_000;
        at.max(self.engine().now()).div_ceil(MILLISECOND) * MILLISECOND
            + self.random.borrow_mut().below(100_000)
    }

    /// In the middle of a file operation: with a slow disk, the process may be stopped or killed here.
    fn in_the_middle(&self) {
        let trap = self.trap.borrow_mut().take();
        match trap {
            Some((0, happens)) => {
                happens();
                // The process goes no further: whatever happens, happens now.
                self.process.wait();
            }
            Some((changes, happens)) => *self.trap.borrow_mut() = Some((changes - 1, happens)),
            None => {}
        }
        let held_up = self.world.held_up_by_disk(&self.node);
        if held_up > 0 && self.random.borrow_mut().chance(held_up) {
            let wait = self.random.borrow_mut().between(Duration::ZERO, Duration::from_millis(200));
            let (waker, operation) = (self.process.waker(), self.reserve());
            let host = self.world.process(self.id());
            let key = self.engine().after(wait, move |_| {
                if let Some(host) = host {
                    host.complete(operation, Ok(Received::Nothing));
                }
            });
            self.set_timer(operation, key);
            while simulation::Host::poll(self, operation, &waker).is_pending() {
                if self.process.is_dead() {
                    return;
                }
                self.process.wait();
            }
        }
    }

    fn reserve(&self) -> u64 {
        let operation = self.next_operation.get();
        self.next_operation.set(operation + 1);
        self.operations.borrow_mut().insert(operation, Pending::default());
        operation
    }

    fn set_timer(&self, operation: u64, key: EventKey) {
        if let Some(pending) = self.operations.borrow_mut().get_mut(&operation) {
            pending.timer = Some(key);
        }
    }

    fn alive(&self) -> io::Result<()> {
        match self.process.is_dead() {
            true => Err(io::Error::other("the process was killed")),
            false => Ok(()),
        }
    }
}

impl simulation::Host for Inside {
    fn now(&self) -> Instant {
        self.engine().instant()
    }

    fn wall_clock(&self) -> SystemTime {
        let (now, error) = (Duration::from_nanos(self.engine().now()), self.node.clock_error.get());
        let size = Duration::from_nanos(error.unsigned_abs());
        let right = UNIX_EPOCH + EVENING + now;
        if error < 0 { right - size } else { right + size }
    }

    fn since_boot(&self) -> Duration {
        // Every machine has been up for another time.
        let before = Duration::from_secs(3600 * (1 + self.node.index as u64));
        Duration::from_nanos(self.engine().now().saturating_sub(self.node.booted.get())) + before
    }

    fn process_id(&self) -> u32 {
        self.id()
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().next_u64()
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        Machine::variable(self.session.as_ref(), name)
    }

    fn waker(&self) -> Waker {
        self.process.waker()
    }

    fn wait(&self) {
        self.process.wait();
    }

    fn start(&self, operation: Operation) -> u64 {
        let number = self.reserve();
        // What is started by the destructors of a killed process never ends.
        let Some(host) = self.world.process(self.id()).filter(|_| !self.process.is_dead()) else {
            return number;
        };
        match operation {
            Operation::Sleep(until) => {
                let at = self.timer(self.engine().time_of(until));
                let key = self.engine().at(at, move |_| host.complete(number, Ok(Received::Nothing)));
                self.set_timer(number, key);
            }
            Operation::Connect { timeout, reuse, .. } => self.world.connect(host, number, timeout, reuse),
            Operation::ConnectAhead { timeout, .. } => self.world.connect_ahead(host, number, timeout),
            Operation::WaitForConnection => self.world.wait_for_connection(&host, number),
            Operation::Request(request) => self.world.send(host, number, request),
            Operation::Redis { command, .. } => self.world.ask_redis(Some((host, number)), command),
        }
        number
    }

    fn poll(&self, operation: u64, waker: &Waker) -> Poll<io::Result<Received>> {
        let mut operations = self.operations.borrow_mut();
        let Some(pending) = operations.get_mut(&operation) else { return Poll::Pending };
        match pending.result.take() {
            Some(result) => {
                operations.remove(&operation);
                Poll::Ready(result)
            }
            None => {
                if !pending.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    pending.waker = Some(waker.clone());
                }
                Poll::Pending
            }
        }
    }

    fn abandon(&self, operation: u64) {
        let pending = self.operations.borrow_mut().remove(&operation);
        if let Some(key) = pending.and_then(|pending| pending.timer) {
            self.engine().cancel(key);
        }
    }

    fn tell_redis(&self, _: &str, command: &[u8]) {
        if self.alive().is_ok() {
            self.world.ask_redis(None, command.to_vec());
        }
    }

    fn open_rate_file(&self, path: &Path) -> io::Result<u64> {
        if let Some(directory) = path.parent() {
            self.node.disk.make_directory(directory);
        }
        let opening = Opening { read: true, write: true, create: true, ..Opening::default() };
        self.session.open(path, opening)
    }

    fn try_lock(&self, file: u64) -> io::Result<bool> {
        match self.session.lock(file) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(false),
            locked => locked.map(|()| true),
        }
    }

    fn unlock(&self, file: u64) -> io::Result<()> {
        self.session.unlock(file)
    }

    fn is_at(&self, file: u64, path: &Path) -> io::Result<bool> {
        self.session.is_at(file, path)
    }

    fn read_at_start(&self, file: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.in_the_middle();
        self.session.read(file, 0, bytes)
    }

    fn write_at_start(&self, file: u64, bytes: &[u8]) -> io::Result<()> {
        match self.session.write(file, 0, bytes)? {
            (_, count) if count == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn close(&self, file: u64) {
        self.session.close(file);
    }
}

impl Seat for Inside {
    fn machine(&self) -> Rc<dyn Machine> {
        self.session.clone()
    }

    fn killed(&self) {
        self.session.kill();
    }
}

/// The time on a node's wall clock that is right.
pub fn true_time(engine: &Engine) -> SystemTime {
    UNIX_EPOCH + EVENING + Duration::from_nanos(engine.now())
}

/// Nanoseconds of a clock error.
pub fn clock_error(seconds: i64) -> i64 {
    seconds.saturating_mul(nanoseconds(Duration::from_secs(1)) as i64)
}
