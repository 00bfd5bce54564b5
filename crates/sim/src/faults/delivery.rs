//! How much of a reply goes out, when, and what becomes of the connection. `send` does it on a socket.

use crate::faults::Fault;
use crate::reply::Reply;
use std::time::Duration;

/// The bytes of `garbage`.
const GARBAGE: &[u8] = b"\x15\x03\x01 this is not HTTP\r\n\r\n";

/// A reply on its way to the client.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// How long after the request the first byte goes out.
    pub after: Duration,
    /// The whole reply.
    pub reply: Reply,
    /// How much of it goes out.
    pub sent: Sent,
    /// The pause after each byte; zero if all go out at once.
    pub pause: Duration,
    /// What becomes of the connection then.
    pub end: End,
}

/// How much of a reply goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Nothing.
    Nothing,
    /// The first half of the head.
    HalfOfHead,
    /// The head and the first half of the body.
    HalfOfBody,
    /// Everything.
    All,
    /// Bytes that are not HTTP, instead of the reply.
    Garbage,
    /// The head, then chunks of a body until the client disconnects, at most 64 MiB.
    Endless,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It serves the next request.
    KeepAlive,
    /// It is closed in an orderly way.
    Close,
    /// It is reset.
    Reset,
    /// Nothing more is sent; it stays open until the client closes it.
    Hold,
}

impl Delivery {
    /// The delivery of a reply with a fault or without one. The platform takes `latency` to answer.
    pub(crate) fn new(fault: Option<&Fault>, reply: Reply, latency: Duration) -> Self {
        let (sent, end) = match fault {
            Some(Fault::Stall) => (Sent::Nothing, End::Hold),
            Some(Fault::StallHeaders) => (Sent::HalfOfHead, End::Hold),
            Some(Fault::StallBody) => (Sent::HalfOfBody, End::Hold),
            Some(Fault::Close) => (Sent::Nothing, End::Close),
            Some(Fault::Reset) => (Sent::Nothing, End::Reset),
            Some(Fault::ResetHeaders) => (Sent::HalfOfHead, End::Reset),
            Some(Fault::ResetBody) => (Sent::HalfOfBody, End::Reset),
            Some(Fault::ResetAfter) => (Sent::All, End::Reset),
            Some(Fault::CloseAfter) => (Sent::All, End::Close),
            Some(Fault::Garbage) => (Sent::Garbage, End::Close),
            Some(Fault::Endless) => (Sent::Endless, End::Close),
            _ => (Sent::All, End::KeepAlive),
        };
        let (delay, pause) = match fault {
            Some(Fault::Delay(time)) => (*time, Duration::ZERO),
            Some(Fault::Drip(pause)) => (Duration::ZERO, *pause),
            _ => (Duration::ZERO, Duration::ZERO),
        };
        Self { after: latency + delay, reply, sent, pause, end }
    }

    /// The bytes that go out; of an endless reply, those before its body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = match self.sent {
            Sent::Nothing => return Vec::new(),
            Sent::Garbage => return GARBAGE.to_vec(),
            _ => self.reply.to_bytes(),
        };
        let head = bytes.len() - self.reply.body.len();
        bytes.truncate(match self.sent {
            Sent::HalfOfHead => head / 2,
            Sent::HalfOfBody => head + self.reply.body.len() / 2,
            _ => bytes.len(),
        });
        bytes
    }
}
