//! What a failed exchange means: the transport's errors, in the taxonomy's words.

use crate::connection::NoConnection;
use crate::error::{Delivered, Error, ErrorKind};
use std::error::Error as StdError;

/// No connection was made, so nothing was sent.
pub(crate) fn not_connected(why: NoConnection, host: &str) -> Error {
    match why {
        NoConnection::TimedOut => {
            Error::new(ErrorKind::Timeout, format!("no connection to {host} within connect_timeout"))
        }
        NoConnection::Failed(error) => {
            tls_failure(error.as_ref(), host, Delivered::No).unwrap_or_else(|| {
                Error::new(
                    ErrorKind::Connect,
                    format!("no connection to {host}: {}", root_cause(error.as_ref())),
                )
            })
        }
    }
}

/// A connection failed under a call. `sent` tells whether it had taken the request.
pub(crate) fn broken(error: &hyper::Error, host: &str, sent: bool) -> Error {
    let cause = root_cause(error);
    let delivered = if sent { Delivered::Unknown } else { Delivered::No };
    if let Some(tls) = tls_failure(error, host, delivered) {
        return tls;
    }
    let (kind, text) = if !sent {
        let text = format!("the connection to {host} closed before anything was sent: {cause}");
        (ErrorKind::ConnectionLost, text)
    } else if error.is_parse() {
        (ErrorKind::Protocol, format!("what {host} answered is not HTTP: {cause}"))
    } else {
        let text = format!(
            "the connection to {host} broke before the reply had come, so what was asked for may have happened: {cause}"
        );
        (ErrorKind::ConnectionLost, text)
    };
    Error::new(kind, text).with_delivered(delivered)
}

/// The error of a TLS failure, if it is one.
fn tls_failure(error: &(dyn StdError + 'static), host: &str, delivered: Delivered) -> Option<Error> {
    let tls = find::<rustls::Error>(error)?;
    let advice = match tls {
        rustls::Error::InvalidCertificate(_) => "; for a private certificate authority set ca_file",
        rustls::Error::InvalidMessage(_) => "; does base_url name a port that speaks TLS?",
        _ => "",
    };
    let text = format!("TLS with {host} failed: {}{advice}", root_cause(error));
    Some(Error::new(ErrorKind::Tls, text).with_delivered(delivered))
}

/// The innermost text, which says what happened without the layers round it.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
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
