//! A request body that records whether it was sent.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// A request body that records whether the connection has accepted it: until then, nothing was sent.
pub(super) struct TrackedBody {
    bytes: Option<Bytes>,
    taken: Arc<AtomicBool>,
}

impl TrackedBody {
    /// `taken` becomes true when the connection reads the body.
    pub(super) fn new(bytes: Vec<u8>, taken: Arc<AtomicBool>) -> Self {
        Self { bytes: Some(bytes.into()), taken }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
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
