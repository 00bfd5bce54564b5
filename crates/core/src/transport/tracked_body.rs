//! A request body that records whether it was sent, and is not sent late.

use crate::system;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

/// A request body that records whether the connection has accepted it: until then, nothing was sent.
pub(super) struct TrackedBody {
    bytes: Option<Bytes>,
    taken: Arc<AtomicBool>,
    latest: Option<Instant>,
}

/// Something else has held up the thread since the request was handed to the connection.
#[derive(Debug)]
pub(super) struct TooLate;

impl TrackedBody {
    /// `taken` becomes true when the connection reads the body; later than `latest`, it cannot.
    pub(super) fn new(bytes: Vec<u8>, taken: Arc<AtomicBool>, latest: Option<Instant>) -> Self {
        Self { bytes: Some(bytes.into()), taken, latest }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        if self.latest.is_some_and(|latest| system::now() > latest) && self.bytes.is_some() {
            return Poll::Ready(Some(Err(TooLate)));
        }
        self.taken.store(true, Ordering::Relaxed);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its permit has become too old")
    }
}

impl Error for TooLate {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn body_is_not_sent_later_than_its_permit_allows() {
        let now = Instant::now();
        let mut context = Context::from_waker(std::task::Waker::noop());
        for (latest, is_sent) in
            [(None, true), (now.checked_add(Duration::from_secs(60)), true), (Some(now), false)]
        {
            let taken = Arc::<AtomicBool>::default();
            let mut body = TrackedBody::new(b"{}".to_vec(), taken.clone(), latest);
            std::thread::sleep(Duration::from_millis(1));
            let frame = Pin::new(&mut body).poll_frame(&mut context);
            assert_eq!(matches!(frame, Poll::Ready(Some(Ok(_)))), is_sent, "{latest:?}");
            assert_eq!(taken.load(Ordering::Relaxed), is_sent);
        }
    }
}
