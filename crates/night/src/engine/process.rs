//! Processes: coroutines that the engine resumes when something has woken them.
#![allow(unsafe_code)]

use super::{Engine, Ready};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use eiot::simulation;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

/// Identifies a process; none has the number of an earlier one.
pub type ProcessId = u32;

/// How a process has ended.
#[derive(Debug)]
pub enum Ended {
    /// It returned.
    Returned,
    /// It panicked, with this message.
    Panicked(String),
}

/// The stack of a process: enough for debug builds.
const STACK_BYTES: usize = 1024 * 1024;

/// What the engine and the code that runs in a process share.
pub struct Process {
    /// Its number.
    pub id: ProcessId,
    waker: Arc<ProcessWaker>,
    /// How to give the thread back; set while the coroutine exists.
    yielder: Cell<Option<NonNull<Yielder<(), ()>>>>,
    /// It was killed: nothing it does from then on has an effect.
    is_dead: Cell<bool>,
    /// SIGSTOP came, and SIGCONT has not.
    is_stopped: Cell<bool>,
}

/// What happens when a process has ended by itself.
type WhenEnded = Box<dyn FnOnce(&Rc<Engine>, Ended)>;

/// A process, as the engine keeps it.
pub(super) struct Slot {
    process: Rc<Process>,
    host: Rc<dyn simulation::Host>,
    /// `None` while it runs.
    coroutine: Option<Coroutine<(), (), (), DefaultStack>>,
    when_ended: Option<WhenEnded>,
}

struct ProcessWaker {
    id: ProcessId,
    /// It is in the queue, or was woken while it ran.
    is_woken: AtomicBool,
    ready: Ready,
}

impl Wake for ProcessWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.id);
        }
    }
}

thread_local! {
    /// Stacks of processes that have ended.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

impl Process {
    /// What wakes the process.
    pub fn waker(&self) -> Waker {
        self.waker.clone().into()
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.is_dead.get()
    }

    /// Called inside the process: gives the thread back until something wakes the process.
    pub fn wait(&self) {
        // A destructor of a killed process waits for nothing.
        if self.is_dead() {
            return;
        }
        if let Some(yielder) = self.yielder.get() {
            // SAFETY: the yielder lives on the coroutine's stack from the start of its function to its end, which clears the
            // pointer; and this runs on that stack, since only the process itself waits.
            unsafe { yielder.as_ref() }.suspend(());
        }
    }
}

impl Engine {
    /// Starts a process: `program` runs in it, with the host that `host` makes. `when_ended` is called when it ends by itself.
    pub fn start<H: simulation::Host + 'static>(
        self: &Rc<Self>,
        host: impl FnOnce(Rc<Process>) -> Rc<H>,
        program: impl FnOnce(Rc<H>) + 'static,
        when_ended: impl FnOnce(&Rc<Self>, Ended) + 'static,
    ) -> ProcessId {
        let id = self.next_process.get();
        self.next_process.set(id + 1);
        let waker =
            Arc::new(ProcessWaker { id, is_woken: AtomicBool::new(false), ready: self.ready.clone() });
        let process = Rc::new(Process {
            id,
            waker,
            yielder: Cell::new(None),
            is_dead: Cell::new(false),
            is_stopped: Cell::new(false),
        });
        let host = host(process.clone());
        let stack = STACKS.with_borrow_mut(Vec::pop);
        // Without memory there is no night.
        #[allow(clippy::expect_used)]
        let stack = stack.unwrap_or_else(|| DefaultStack::new(STACK_BYTES).expect("memory for a stack"));
        let (inside, inner_host) = (process.clone(), host.clone());
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            inside.yielder.set(Some(NonNull::from(yielder)));
            program(inner_host);
            inside.yielder.set(None);
        });
        process.waker().wake_by_ref();
        let slot = Slot { process, host, coroutine: Some(coroutine), when_ended: Some(Box::new(when_ended)) };
        self.processes.borrow_mut().insert(id, slot);
        id
    }

    /// Runs a process until it waits or ends.
    pub(super) fn resume(self: &Rc<Self>, id: ProcessId) {
        let taken = {
            let mut processes = self.processes.borrow_mut();
            let Some(slot) = processes.get_mut(&id) else { return };
            slot.process.waker.is_woken.store(false, Ordering::Relaxed);
            if slot.process.is_stopped.get() {
                // SIGCONT resumes it.
                return;
            }
            slot.coroutine.take().map(|coroutine| (coroutine, slot.host.clone()))
        };
        let Some((mut coroutine, host)) = taken else { return };
        let before = simulation::install(Some(host));
        let result = catch_unwind(AssertUnwindSafe(|| coroutine.resume(())));
        simulation::install(before);
        let ended = match result {
            Ok(CoroutineResult::Yield(())) => {
                if let Some(slot) = self.processes.borrow_mut().get_mut(&id) {
                    slot.coroutine = Some(coroutine);
                }
                return;
            }
            Ok(CoroutineResult::Return(())) => Ended::Returned,
            Err(panic) => Ended::Panicked(text_of(panic.as_ref())),
        };
        STACKS.with_borrow_mut(|stacks| stacks.push(coroutine.into_stack()));
        let slot = self.processes.borrow_mut().remove(&id);
        simulation::end_process(id);
        if let Some(when_ended) = slot.and_then(|slot| slot.when_ended) {
            when_ended(self, ended);
        }
    }

    /// Kills a process where it waits: its memory is freed, and nothing that its destructors do has an effect. Returns whether
    /// there was one.
    pub fn kill(self: &Rc<Self>, id: ProcessId) -> bool {
        let slot = self.processes.borrow_mut().remove(&id);
        let Some(Slot { process, host, coroutine, .. }) = slot else { return false };
        process.is_dead.set(true);
        let before = simulation::install(Some(host));
        if let Some(mut coroutine) = coroutine {
            coroutine.force_unwind();
            STACKS.with_borrow_mut(|stacks| stacks.push(coroutine.into_stack()));
        }
        simulation::install(before);
        simulation::end_process(id);
        true
    }

    /// SIGSTOP or SIGCONT.
    pub fn set_stopped(&self, id: ProcessId, is_stopped: bool) {
        if let Some(slot) = self.processes.borrow().get(&id) {
            slot.process.is_stopped.set(is_stopped);
            if !is_stopped {
                slot.process.waker().wake_by_ref();
            }
        }
    }

    /// The processes that have not ended.
    pub fn running(&self) -> Vec<ProcessId> {
        self.processes.borrow().keys().copied().collect()
    }
}

/// The message of a panic.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
