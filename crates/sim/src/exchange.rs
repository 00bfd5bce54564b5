//! What the platform does with one request.

use crate::answer::Answer;
use crate::faults::Fault;
use crate::faults::delivery::Delivery;

/// The result of one request: what was decided, and what goes out on the wire.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What goes out, and how.
    pub delivery: Delivery,
    /// `None` if a fault answered instead of the platform.
    answer: Option<Answer>,
    fault: Option<Fault>,
}

impl Exchange {
    pub(crate) fn new(delivery: Delivery, answer: Option<Answer>, fault: Option<&Fault>) -> Self {
        Self { delivery, answer, fault: fault.cloned() }
    }

    /// The platform's code: `200`, or the code that refuses the call. `None` if the platform never saw the call, because a
    /// fault answered instead.
    pub fn code(&self) -> Option<&str> {
        self.answer.as_ref().map(|answer| answer.code.as_str())
    }

    /// Whether the platform carried out the call, whatever then became of its reply.
    pub fn acted(&self) -> bool {
        self.answer.as_ref().is_some_and(Answer::is_success)
    }

    /// The fault, if there was one.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// One line for the log, without secrets and signatures.
    pub fn logged(&self) -> String {
        match (&self.answer, &self.fault) {
            (Some(answer), None) => answer.logged(),
            (Some(answer), Some(fault)) => format!("{}, with fault {fault}", answer.logged()),
            (None, Some(fault)) => format!("fault {fault} instead of an answer"),
            (None, None) => String::new(),
        }
    }
}
