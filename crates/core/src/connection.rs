//! Making a connection to the platform, through a proxy where there is one.

use crate::config::Config;
use crate::endpoint::has_host_and_port;
use crate::error::Error;
use crate::tls;
use crate::wire::TrackedBody;
use hyper::Uri;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderValue;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// Makes connections; all lanes of a client share one.
pub(crate) struct Connector {
    endpoint: Uri,
    tcp: HttpConnector,
    proxy: Option<Proxy>,
    /// For `https`: how, and whose certificate is wanted.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    timeout: Duration,
}

struct Proxy {
    address: Uri,
    /// From the user and password in its address.
    authorization: Option<HeaderValue>,
}

/// Why there is no connection.
pub(crate) enum NoConnection {
    /// None was made in time.
    TimedOut,
    /// It failed.
    Failed(Box<dyn StdError + Send + Sync>),
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for NoConnection {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Connector {
    pub(crate) fn new(config: &Config, endpoint: Uri) -> Result<Self, Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided between the addresses of a name, so that one that is silent does not use up all of it.
        tcp.set_connect_timeout(Some(config.connect_timeout));
        let client_config = tls::client_config(config.ca_file.as_deref())?;
        let tls = match endpoint.scheme_str() {
            Some("https") => {
                let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(host)
                    .map_err(|_| Error::config("base_url", "has a host that no certificate can name"))?;
                Some((TlsConnector::from(Arc::new(client_config)), name))
            }
            _ => None,
        };
        let proxy = config.proxy.as_deref().map(Proxy::read).transpose()?;
        Ok(Self { endpoint, tcp, proxy, tls, timeout: config.connect_timeout })
    }

    /// How a request names an address of the endpoint's host: a proxy for plain http wants to hear the whole.
    pub(crate) fn target_of(&self, address: &Uri) -> Uri {
        match (&self.proxy, &self.tls) {
            (Some(_), None) => address.clone(),
            _ => address.path_and_query().map_or_else(Uri::default, |path| path.clone().into()),
        }
    }

    /// What a proxy for plain http wants to see in each request.
    pub(crate) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())?.authorization.as_ref()
    }

    /// A connection that is ready for a request, name look-up, tunnel and TLS included.
    pub(crate) async fn connect(&self) -> Result<SendRequest<TrackedBody>, NoConnection> {
        // In memory of its own: it is rare, and large, and would make every call as large.
        let made = Box::pin(tokio::time::timeout(self.timeout, self.connect_at_leisure()));
        made.await.unwrap_or(Err(NoConnection::TimedOut))
    }

    async fn connect_at_leisure(&self) -> Result<SendRequest<TrackedBody>, NoConnection> {
        let mut tcp = self.tcp.clone();
        let stream = match (&self.proxy, &self.tls) {
            (None, _) => tcp.call(self.endpoint.clone()).await?,
            (Some(proxy), None) => tcp.call(proxy.address.clone()).await?,
            (Some(proxy), Some(_)) => {
                let mut tunnel = Tunnel::new(proxy.address.clone(), tcp);
                if let Some(authorization) = &proxy.authorization {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                tunnel.call(self.endpoint.clone()).await?
            }
        };
        match &self.tls {
            None => speak_http(stream).await,
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream.into_inner()).await?;
                speak_http(TokioIo::new(stream)).await
            }
        }
    }
}

/// Hands the connection to the engine of the lane, which works on it while it is driven.
async fn speak_http<S>(stream: S) -> Result<SendRequest<TrackedBody>, NoConnection>
where
    S: Read + Write + Send + Unpin + 'static,
{
    let (requests, connection) = handshake(stream).await?;
    // What ends the connection is told to the request that it meets.
    tokio::spawn(async move { drop(connection.await) });
    Ok(requests)
}

impl Proxy {
    fn read(address: &str) -> Result<Self, Error> {
        // The value is not repeated: it may hold a password.
        let refused = || Error::config("proxy", "must be http://[user:password@]host:port, in plain ASCII");
        let given: Uri = address.parse().map_err(|_| refused())?;
        if given.scheme_str() != Some("http") || !address.is_ascii() || !has_host_and_port(&given) {
            return Err(refused());
        }
        let matcher = Matcher::builder().all(address).build();
        // Every https address will do: it is for all of them.
        let found = matcher.intercept(&Uri::from_static("https://eiot.invalid")).ok_or_else(refused)?;
        Ok(Self { address: found.uri().clone(), authorization: found.basic_auth().cloned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{below, endpoint};

    fn connector(base_url: &str, proxy: &str) -> Result<Connector, Error> {
        let mut config = Config::new("k", "s");
        config.proxy = Some(proxy.to_owned());
        Connector::new(&config, endpoint(base_url, true).expect("valid"))
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_its_password() {
        for proxy in
            ["", "h:1", "https://u:swordfish@h:1", "socks5://h:1", "http://", "http://u:swordfish@h:port"]
        {
            let text = connector("https://x", proxy).err().expect(proxy).to_string();
            assert!(text.starts_with("proxy: ") && !text.contains("swordfish"), "{text}");
        }
    }

    #[test]
    fn a_proxy_sees_the_address_of_plain_http_and_none_of_https() {
        let plain = connector("http://10.0.0.1/p", "http://user:sword%20fish@h:1").expect("valid");
        assert_eq!(
            plain.target_of(&below(&plain.endpoint, "/a/b").expect("valid")).to_string(),
            "http://10.0.0.1/p/a/b"
        );
        // "user:sword fish" in base64.
        assert_eq!(plain.proxy_authorization().expect("given"), "Basic dXNlcjpzd29yZCBmaXNo");
        let secure = connector("https://10.0.0.1/p", "http://user:swordfish@h:1").expect("valid");
        let address = below(&secure.endpoint, "/a/b").expect("valid");
        assert_eq!(secure.target_of(&address).to_string(), "/p/a/b");
        assert_eq!(secure.proxy_authorization(), None);
    }
}
