//! HTTP over TLS to the platform. Independent of the content of requests.
//!
//! `reqwest::blocking` would start a thread of its own, switch to it for every call and fail in a forked child. So an
//! [`EventLoop`] is a single-threaded runtime that runs on the caller's thread, with a reqwest client whose connections
//! belong to it. `docs/architecture.md` has the measurements.

mod connecting;
mod connections;
mod endpoint;
mod error;
mod event_loop;
mod event_loop_pool;
mod http;
mod proxy;
mod response;
#[cfg(any(test, fuzzing))]
pub(crate) mod retry_after;
#[cfg(not(any(test, fuzzing)))]
mod retry_after;
#[cfg(feature = "simulation")]
mod simulated;
mod tls;
mod tracked_body;

pub(crate) use connecting::Connecting;
pub(crate) use connections::{Connections, Post};
pub(crate) use endpoint::endpoint;
pub(crate) use event_loop::{EventLoop, KEEP_GOING_CHECK, RunResult};
pub(crate) use event_loop_pool::EventLoopPool;
pub(crate) use proxy::{FROM_ENVIRONMENT, Proxy};
pub(crate) use response::{HttpResponse, MAX_BODY_BYTES, Times, support_headers};
pub(crate) use tls::{TlsFiles, client_config};

use crate::error::{Delivered, Error};
use endpoint::{below, default_port, host_of, is_trusted};
use http::Http;
use hyper::Uri;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How to reach the platform.
pub(crate) struct Settings<'a> {
    /// The base URL.
    pub(crate) endpoint: Uri,
    /// The path of most requests; its URL is parsed once.
    pub(crate) default_path: &'static str,
    pub(crate) user_agent: String,
    pub(crate) connect_timeout: Duration,
    /// Requests must not be sent late.
    pub(crate) is_paced: bool,
    /// The option `proxy`.
    pub(crate) proxy: Option<&'a str>,
    pub(crate) source_address: Option<IpAddr>,
    pub(crate) tls: TlsFiles<'a>,
}

/// State that all event loops of a client share, created once.
pub(crate) struct Transport {
    endpoint: Uri,
    pub(crate) http: Http,
    /// For messages.
    pub(crate) ca_file: Option<PathBuf>,
    default_path: &'static str,
    default_url: Url,
    headers: HeaderMap,
}

impl Transport {
    pub(crate) fn new(settings: Settings<'_>) -> Result<Self, Error> {
        let http = Http::new(&settings)?;
        let ca_file = settings.tls.ca_file.map(Into::into);
        let Settings { endpoint, default_path, user_agent, .. } = settings;
        let default_url = url(&endpoint, default_path).map_err(|why| Error::config("base_url", why))?;
        let headers = HeaderMap::from_iter([
            // As the vendor's SDK 1.0.1 sends them.
            (CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            // As reqwest and hyper would add them, but then the copy of each request would have to grow.
            (USER_AGENT, HeaderValue::try_from(user_agent).map_err(Error::internal)?),
            (HOST, HeaderValue::try_from(default_url.authority()).map_err(Error::internal)?),
        ]);
        Ok(Self { default_path, default_url, endpoint, http, ca_file, headers })
    }

    /// The URL of a path below the base URL.
    fn url(&self, path: &str) -> Result<Url, Error> {
        if path == self.default_path {
            return Ok(self.default_url.clone());
        }
        url(&self.endpoint, path).map_err(Error::invalid_argument)
    }

    pub(crate) fn endpoint(&self) -> &Uri {
        &self.endpoint
    }

    /// The proxy that reads requests and may answer them: for plain http. Other proxies open a tunnel.
    fn answering_proxy(&self) -> Option<String> {
        let is_plain = self.endpoint.scheme_str() == Some("http");
        self.http.proxy.as_ref().filter(|proxy| is_plain && proxy.is_http()).map(Proxy::name)
    }

    /// The error of a reply that is not the platform's and may be that of a proxy, which may not have forwarded the
    /// request.
    pub(crate) fn with_proxy(&self, error: Error) -> Error {
        match self.answering_proxy().filter(|_| error.platform_code().is_none()) {
            Some(proxy) => error
                .with_note(&format!("this may be a response of the proxy {proxy}"))
                .with_delivered(Delivered::Unknown),
            None => error,
        }
    }

    /// Whether what the platform reports about itself, such as the time, can be trusted.
    pub(crate) fn is_trusted(&self) -> bool {
        is_trusted(&self.endpoint)
    }

    /// The host and port of connections, without a proxy.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let host = self.endpoint.host().unwrap_or_default().trim_matches(['[', ']']);
        (host, self.endpoint.port_u16().unwrap_or(default_port(&self.endpoint)))
    }

    /// The host and port of calls, for messages.
    pub(crate) fn host(&self) -> String {
        host_of(&self.endpoint)
    }
}

/// The URL of a path below the base URL, or why it is invalid.
fn url(endpoint: &Uri, path: &str) -> Result<Url, String> {
    let address = below(endpoint, path).ok_or_else(|| format!("{path:?} is not a valid URL path"))?;
    let address = address.to_string();
    Url::parse(&address).map_err(|why| format!("{address:?} is not a valid URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::endpoint;

    #[test]
    fn endpoint_requires_punycode_for_international_names() {
        // "中国.example", as the base URL must be written.
        let base = endpoint("https://xn--fiqs8s.example/gateway", false).expect("valid");
        let address = url(&base, "/api/v3/cloudesim/refreshUsage").expect("an address");
        assert_eq!(address.as_str(), "https://xn--fiqs8s.example/gateway/api/v3/cloudesim/refreshUsage");
    }
}
