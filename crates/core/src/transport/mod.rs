//! transport

mod endpoint;
mod error;
mod event_loop;
mod event_loop_pool;
mod http;
mod proxy;
#[cfg(any(test, fuzzing))]
pub(crate) mod retry_after;
#[cfg(not(any(test, fuzzing)))]
mod retry_after;
mod tls;

pub(crate) use endpoint::{REFRESH_USAGE, endpoint};
pub(crate) use event_loop::{Connections, Driven, KEEP_GOING_CHECK, Lane, Post, Transport, support_headers};
pub(crate) use event_loop_pool::Pool;
pub(crate) use proxy::{FROM_ENVIRONMENT, Proxy};
pub(crate) use tls::client_config;
