//! The HTTP client's settings, the same for all event loops of a client.

use super::connecting::{Connecting, KeptConnections};
use super::proxy::Proxy;
use super::{Settings, tls};
use crate::error::Error;
use crate::system;
use reqwest::redirect::Policy;
use reqwest::retry;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// An idle connection is closed before a typical server closes it.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The settings of reqwest.
pub(crate) struct Http {
    tls: ClientConfig,
    user_agent: String,
    pub(crate) source_address: Option<IpAddr>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connect_timeout: Duration,
    /// Requests must not be sent late.
    is_paced: bool,
}

/// What the connections of a reqwest client are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionsFor {
    /// They are kept for the next request.
    ManyRequests,
    OneRequest,
    /// They are made ahead, and kept in [`Connecting`].
    LaterRequests,
}

impl Http {
    pub(crate) fn new(settings: &Settings<'_>) -> Result<Self, Error> {
        let endpoint = &settings.endpoint;
        if endpoint.scheme_str() == Some("https") {
            let host = endpoint.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            ServerName::try_from(host)
                .map_err(|_| Error::config("base_url", "has a host that no certificate can name"))?;
        }
        Ok(Self {
            tls: tls::client_config(&settings.tls)?,
            user_agent: settings.user_agent.clone(),
            source_address: settings.source_address,
            proxy: Proxy::of(settings.proxy, endpoint, |name| system::variable(name)?.into_string().ok())?,
            connect_timeout: settings.connect_timeout,
            is_paced: settings.is_paced,
        })
    }

    /// Creates a reqwest client, whose connections belong to the event loop on which it is used. `connected` becomes
    /// true when it has established one, and each new one is polled before it is used; without `connected` a request costs 3 % less. If
    /// requests must not be sent late, connections that are made too late are kept in `connecting`.
    pub(crate) fn client(
        &self,
        purpose: ConnectionsFor,
        connected: Option<Arc<AtomicBool>>,
        connecting: &Arc<Connecting>,
    ) -> Result<reqwest::Client, Error> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(&self.user_agent)
            .connect_timeout(self.connect_timeout)
            .local_address(self.source_address)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(if purpose == ConnectionsFor::ManyRequests { usize::MAX } else { 0 })
            .http1_only()
            // Calls have their own deadlines.
            .tcp_keepalive(None)
            // A signed request follows no redirects, and every retry is signed again.
            .redirect(Policy::none())
            .retry(retry::never());
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let builder = builder.tcp_user_timeout(None);
        let builder = match self.is_paced {
            true => {
                let is_ahead = purpose == ConnectionsFor::LaterRequests;
                let kept = KeptConnections::new(connecting.clone(), self.connect_timeout, is_ahead);
                builder.connector_layer(kept)
            }
            false => builder,
        };
        let builder = match connected {
            Some(connected) => builder.connector_layer(Connected(connected)),
            None => builder,
        };
        let builder = match &self.proxy {
            Some(proxy) => builder.proxy(proxy.rule.clone()),
            None => builder.no_proxy(),
        };
        builder.build().map_err(Error::internal)
    }
}

/// Reports that a connection was established, and lets the event loop poll it before it is used: a server that sends
/// first is detected, and its data is not taken for the reply to the request.
#[derive(Clone)]
struct Connected<T>(T);

impl<S> Layer<S> for Connected<Arc<AtomicBool>> {
    type Service = Connected<(S, Arc<AtomicBool>)>;

    fn layer(&self, inner: S) -> Self::Service {
        Connected((inner, self.0.clone()))
    }
}

impl<R, S> Service<R> for Connected<(S, Arc<AtomicBool>)>
where
    S: Service<R>,
    S::Response: Send,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connecting, connected) = (self.0.0.call(request), self.0.1.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            connected.store(true, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(connection)
        })
    }
}
