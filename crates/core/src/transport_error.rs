//! What a failed exchange means: the transport's errors, in the taxonomy's words.

use crate::error::{Delivered, Error, ErrorKind};
use std::error::Error as StdError;

/// Sorts the transport's error. `sent` tells whether the connection had taken the request.
pub(crate) fn classify(error: &reqwest::Error, host: &str, sent: bool) -> Error {
    let cause = root_cause(error);
    if let Some(tls) = find::<rustls::Error>(error) {
        let advice = match tls {
            rustls::Error::InvalidCertificate(_) => "; for a private certificate authority set ca_file",
            rustls::Error::InvalidMessage(_) => "; does base_url name a port that speaks TLS?",
            _ => "",
        };
        let delivered = if sent { Delivered::Unknown } else { Delivered::No };
        return Error::new(ErrorKind::Tls, format!("TLS with {host} failed: {cause}{advice}"))
            .with_delivered(delivered);
    }
    if !sent {
        let (kind, text) = if error.is_timeout() {
            (ErrorKind::Timeout, format!("no connection to {host} within connect_timeout"))
        } else if error.is_connect() {
            (ErrorKind::Connect, format!("no connection to {host}: {cause}"))
        } else {
            (
                ErrorKind::ConnectionLost,
                format!("the connection to {host} closed before anything was sent: {cause}"),
            )
        };
        return Error::new(kind, text);
    }
    if error.is_redirect() || error.is_builder() {
        return Error::new(ErrorKind::Protocol, format!("{host} redirects to what is no address: {cause}"))
            .with_delivered(Delivered::Yes);
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return Error::new(ErrorKind::Protocol, format!("what {host} answered is not HTTP: {cause}"))
            .with_delivered(Delivered::Unknown);
    }
    Error::new(
        ErrorKind::ConnectionLost,
        format!("the connection to {host} broke before the reply had come, so the refresh may have happened: {cause}"),
    )
    .with_delivered(Delivered::Unknown)
}

/// The innermost text, which says what happened without the layers round it.
fn root_cause(error: &dyn StdError) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The first error of type `E` in the chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An I/O error gives out the source of what it carries, and leaves out the thing itself.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}
