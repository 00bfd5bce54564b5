//! How outcomes get from the thread of started calls to an asyncio event loop.

use crate::exception::exception;
use crate::guard::guarded;
use crate::parts::{OutcomeParts, ReplyParts, SummaryParts, outcome_parts, reply_parts, summary_parts};
use eiot::{Attempt, Error, Notice, Observer, Outcome, Reply, Summary};
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
#[cfg(unix)]
use std::io::{ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// What the thread of started calls reports. The asyncio event loop watches its descriptor and drains it, so that the other thread
/// needs no interpreter: not while this one is busy, and not while the interpreter shuts down.
///
/// Not every event loop can watch a descriptor, and on Windows the usual one cannot. With `wake`, there is none: the other thread
/// calls `wake` when the first message has come.
#[pyclass(frozen, module = "eiot._native")]
pub(crate) struct Inbox {
    queue: Arc<Queue>,
    #[cfg(unix)]
    reader: Option<UnixStream>,
}

struct Queue {
    messages: Mutex<Vec<Message>>,
    wake: Wake,
}

/// What makes the event loop drain the inbox.
enum Wake {
    #[cfg(unix)]
    Descriptor(UnixStream),
    Callable(Py<PyAny>),
}

/// A message about a call, which has a number.
struct Message {
    number: u64,
    what: What,
}

enum What {
    /// An attempt as a line of text and as JSON.
    Attempt(String, String),
    Notice(String),
    Done(Result<Reply, Error>),
    /// The outcome of a card of a batch, and the counts so far.
    Card(Result<Outcome, Error>, Summary),
}

/// The number of a call or batch, and one of: an attempt as a line of text and as JSON, or a notice without JSON; the reply tuple;
/// the outcome of a card and the summary of its batch; the exception.
type MessageParts = (
    u64,
    Option<(String, Option<String>)>,
    Option<ReplyParts>,
    Option<(OutcomeParts, SummaryParts)>,
    Option<PyErr>,
);

#[pymethods]
impl Inbox {
    #[new]
    #[pyo3(signature = (wake: "object" = None))]
    fn new(wake: Option<Py<PyAny>>) -> PyResult<Self> {
        let Some(wake) = wake else { return Self::with_descriptor() };
        Ok(Self {
            queue: Arc::new(Queue { messages: Mutex::default(), wake: Wake::Callable(wake) }),
            #[cfg(unix)]
            reader: None,
        })
    }

    /// The descriptor that is readable when there are messages.
    fn fileno(&self) -> PyResult<i32> {
        #[cfg(unix)]
        if let Some(reader) = &self.reader {
            return Ok(reader.as_raw_fd());
        }
        Err(PyNotImplementedError::new_err("no descriptor"))
    }

    /// Takes all messages: the number of the call or batch, and one of: an attempt as a line of text and as JSON, or a notice
    /// without JSON; the reply tuple; the outcome of a card, as `BatchHandle.next` returns it, and the summary of its batch; the exception.
    #[pyo3(
        signature = () -> "list[tuple[int, tuple[str, str | None] | None, tuple[str, str, str, str | None, int, str] | None, tuple[tuple[int, str, bool, tuple[str, str, str, str | None, int, str] | None, BaseException | None], tuple[int, int, int, dict[str, int]]] | None, BaseException | None]]"
    )]
    fn drain(&self, py: Python<'_>) -> PyResult<Vec<MessageParts>> {
        guarded(py, || {
            // Before the messages are taken: what comes after that wakes the reader again.
            #[cfg(unix)]
            if let Some(mut reader) = self.reader.as_ref() {
                let mut wakes = [0; 16];
                while matches!(reader.read(&mut wakes), Ok(count) if count == wakes.len()) {}
            }
            let messages = std::mem::take(&mut *self.queue.lock());
            Ok(messages.into_iter().map(|message| message.parts(py)).collect())
        })
    }
}

impl Inbox {
    #[cfg(unix)]
    fn with_descriptor() -> PyResult<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let queue = Queue { messages: Mutex::default(), wake: Wake::Descriptor(writer) };
        Ok(Self { queue: Arc::new(queue), reader: Some(reader) })
    }

    #[cfg(not(unix))]
    fn with_descriptor() -> PyResult<Self> {
        Err(PyNotImplementedError::new_err("event loops of this system cannot watch a descriptor"))
    }

    /// The observer of a call or batch.
    pub(crate) fn observer(&self, number: u64, reports: bool) -> Box<dyn Observer> {
        Box::new(Reporter { queue: self.queue.clone(), number, reports })
    }

    /// Reports the outcome of a call.
    pub(crate) fn on_done(&self, number: u64) -> eiot::OnDone {
        let queue = self.queue.clone();
        Box::new(move |result| queue.push(Message { number, what: What::Done(result) }))
    }

    /// Reports the outcomes of a batch.
    pub(crate) fn on_outcome(&self, number: u64) -> eiot::OnOutcome {
        let queue = self.queue.clone();
        Box::new(move |outcome, summary| {
            queue.push(Message { number, what: What::Card(outcome, summary.clone()) });
        })
    }
}

impl Queue {
    fn push(&self, message: Message) {
        let mut messages = self.lock();
        let wakes = messages.is_empty();
        messages.push(message);
        drop(messages);
        if !wakes {
            return;
        }
        match &self.wake {
            // One byte is enough; if the buffer is full, the reader is awake.
            #[cfg(unix)]
            Wake::Descriptor(writer) => {
                let mut writer = writer;
                while matches!(writer.write(&[0]), Err(why) if why.kind() == ErrorKind::Interrupted) {}
            }
            // While the interpreter shuts down, nothing waits for it; and an exception would have nowhere to go.
            Wake::Callable(wake) => drop(Python::try_attach(|py| wake.call0(py).is_ok())),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Message>> {
        // A panic cannot leave this half done.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Message {
    fn parts(self, py: Python<'_>) -> MessageParts {
        match self.what {
            What::Attempt(line, event) => (self.number, Some((line, Some(event))), None, None, None),
            What::Notice(line) => (self.number, Some((line, None)), None, None, None),
            What::Done(Ok(reply)) => (self.number, None, Some(reply_parts(&reply)), None, None),
            What::Card(Ok(outcome), summary) => {
                let card = (outcome_parts(py, outcome), summary_parts(&summary));
                (self.number, None, None, Some(card), None)
            }
            What::Done(Err(error)) | What::Card(Err(error), _) => {
                (self.number, None, None, None, Some(exception(py, &error)))
            }
        }
    }
}

struct Reporter {
    queue: Arc<Queue>,
    number: u64,
    reports: bool,
}

impl Observer for Reporter {
    fn attempt(&mut self, attempt: &Attempt<'_>) {
        if self.reports {
            let what = What::Attempt(attempt.to_string(), attempt.to_json());
            self.queue.push(Message { number: self.number, what });
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        self.queue.push(Message { number: self.number, what: What::Notice(notice.to_string()) });
    }
}
