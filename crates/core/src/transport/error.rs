//! Classifies the transport's errors.

use super::Transport;
use super::proxy::Refusal;
use super::tls::{advice, is_about_client_certificate};
use crate::error::{Delivered, Error, ErrorKind};
use std::error::Error as StdError;
use std::io;

/// The message of hyper-util about a proxy that does not open a tunnel.
const TUNNEL: &str = "tunnel error: ";

/// The progress of an exchange when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The connection had not accepted the request.
    Unsent,
    /// The connection had accepted the request.
    Sent,
    /// The head of the reply had arrived.
    Answered,
}

impl Transport {
    /// The error of a failed exchange.
    pub(crate) async fn failed(&self, error: reqwest::Error, stage: Stage) -> Error {
        if error.is_connect() {
            // Boxed: it is rare, and would make every call larger.
            Box::pin(self.not_connected(&error)).await
        } else {
            self.broken(&error, stage)
        }
    }

    /// No connection was made, so nothing was sent.
    async fn not_connected(&self, error: &reqwest::Error) -> Error {
        let host = self.host();
        // Which of several timeouts fires first is a matter of chance.
        if error.is_timeout() {
            return self.unreachable_in_time();
        }
        let tunnel = chain(error).find_map(|error| error.to_string().strip_prefix(TUNNEL).map(str::to_owned));
        if let (Some(why), Some(proxy)) = (tunnel, &self.http.proxy) {
            let refusal = match why.as_str() {
                "proxy authorization required" => Some(Refusal { http_status: 407, retry_after: None }),
                "unsuccessful" => proxy.refusal(self.endpoint()).await,
                _ => None,
            };
            if let Some(refusal) = refusal {
                return refusal.error(&proxy.name(), &host);
            }
            if let Some(tls) = find::<rustls::Error>(error) {
                return self.tls_failure(tls, &proxy.name());
            }
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return self.tls_failure(tls, &host);
        }
        if let (Some(io::ErrorKind::AddrNotAvailable), Some(address)) =
            (find::<io::Error>(error).map(io::Error::kind), self.http.source_address)
        {
            let text = format!(
                "no connection to {host}: source_address {address} is not an address of this machine"
            );
            return Error::new(ErrorKind::Connect, text);
        }
        let cause = root_cause(error);
        self.unreachable(cause.strip_prefix(TUNNEL).unwrap_or(&cause))
    }

    /// No connection was made, for this reason.
    pub(super) fn unreachable(&self, cause: &str) -> Error {
        Error::new(ErrorKind::Connect, format!("no connection to {}: {cause}", self.host_and_proxy()))
    }

    /// No connection was made in time.
    pub(super) fn unreachable_in_time(&self) -> Error {
        let (host, limit) = (self.host_and_proxy(), self.http.connect_timeout);
        Error::new(ErrorKind::Timeout, format!("no connection to {host} within connect_timeout ({limit:?})"))
    }

    fn host_and_proxy(&self) -> String {
        let through = self.http.proxy.as_ref().map(|proxy| format!(" through the proxy {}", proxy.name()));
        self.host() + &through.unwrap_or_default()
    }

    /// The handshake failed.
    fn tls_failure(&self, tls: &rustls::Error, host: &str) -> Error {
        Error::new(
            ErrorKind::Tls,
            format!("TLS with {host} failed: {}", advice(tls, self.ca_file.as_deref())),
        )
    }

    /// A connection failed during a call.
    fn broken(&self, error: &reqwest::Error, stage: Stage) -> Error {
        let (host, cause) = (self.host(), root_cause(error));
        let tls = find::<rustls::Error>(error);
        let is_malformed = match find::<io::Error>(error) {
            // Invalid chunks and lengths; a truncated body is another kind.
            Some(why) => matches!(why.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData),
            None => find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse),
        };
        let (kind, delivered, text) = match (stage, tls) {
            // The server verifies the client's certificate after the client has finished the handshake.
            (Stage::Unsent, Some(tls)) if is_about_client_certificate(tls) => {
                return self.tls_failure(tls, &host);
            }
            (Stage::Sent, Some(tls)) if is_about_client_certificate(tls) => {
                return self.tls_failure(tls, &host).with_delivered(Delivered::Unknown);
            }
            (Stage::Unsent, _) => (
                ErrorKind::ConnectionLost,
                Delivered::No,
                format!("the connection to {host} failed before anything was sent: {cause}"),
            ),
            (_, Some(tls)) => (
                ErrorKind::ConnectionLost,
                Delivered::Unknown,
                format!(
                    "TLS with {host} failed before the reply arrived, so the request may have taken effect: {tls}"
                ),
            ),
            (Stage::Sent, None) if is_malformed => (
                ErrorKind::Protocol,
                Delivered::Unknown,
                format!("the response of {host} is not HTTP: {cause}"),
            ),
            (Stage::Answered, None) if is_malformed => {
                (ErrorKind::Protocol, Delivered::Yes, format!("invalid HTTP response from {host}: {cause}"))
            }
            _ => (
                ErrorKind::ConnectionLost,
                Delivered::Unknown,
                format!(
                    "the connection to {host} was lost before the reply arrived, so the request may have taken effect: {cause}"
                ),
            ),
        };
        Error::new(kind, text).with_delivered(delivered)
    }
}

/// The innermost message, which describes the cause without the layers around it.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The first error of type `E` in the chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref::<E>())
}

/// The error and its causes, the innermost last.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        // An I/O error returns the source of its payload, and skips the payload itself.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        }
    })
}
