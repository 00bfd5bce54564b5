//! The address of a Redis, with credentials.

use crate::error::Error;
use crate::signing::Secret;
use std::fmt;
use std::str::FromStr;

/// The default port of Redis.
const PORT: u16 = 6379;

/// The address of a Redis: `redis://[[user]:password@]host[:port][/database]`, or `rediss://…` for TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    password: Option<Secret>,
    pub(crate) database: u32,
}

impl RedisUrl {
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.expose())
    }

    /// The host with its port, for messages.
    pub(crate) fn host_and_port(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return None,
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (user, password) = match credentials {
            None => (None, None),
            Some(credentials) => {
                let (user, password) = credentials.split_once(':')?;
                let user = Some(decoded(user)?).filter(|user| !user.is_empty());
                (user, Some(Secret::new(decoded(password)?)))
            }
        };
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { 0 } else { database.parse().ok()? };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Some(PORT), |port| port.parse().ok())?;
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return None;
        }
        Some(Self { tls, host: host.to_owned(), port, user, password, database })
    }
}

/// Decodes percent-encoding such as `%40`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl FromStr for RedisUrl {
    type Err = Error;

    /// The error omits the text, which may contain a password.
    fn from_str(text: &str) -> Result<Self, Error> {
        let takes = "must be redis://[[user]:password@]host[:port][/database], or rediss:// for TLS";
        Self::parse(text).ok_or_else(|| Error::config("rate_scope", takes))
    }
}

impl fmt::Display for RedisUrl {
    /// The address with user and password masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let mask = if self.password.is_some() { ":[redacted]@" } else { "" };
        write!(f, "{scheme}://{mask}{}/{}", self.host_and_port(), self.database)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_url_is_read_with_all_its_parts() {
        let read = |text: &str| text.parse::<RedisUrl>().expect(text);
        let url = read("rediss://us%40er:p%3aw%2F@redis.example:7000/3");
        assert_eq!((url.tls, url.host.as_str(), url.port, url.database), (true, "redis.example", 7000, 3));
        assert_eq!((url.user.as_deref(), url.password()), (Some("us@er"), Some("p:w/")));
        let url = read("redis://:hunter2@[::1]");
        assert_eq!((url.host_and_port().as_str(), url.user.as_deref()), ("[::1]:6379", None));
        let url = read("redis://localhost/");
        assert_eq!((url.tls, url.port, url.password(), url.database), (false, 6379, None, 0));
    }

    #[test]
    fn redis_url_that_is_malformed_is_refused_without_its_password() {
        for text in [
            "http://hunter2@x",
            "redis://hunter2@x",
            "redis://:hunter2@",
            "redis://:hunter2@x:port",
            "redis://:hunter2@x/db",
            "redis://:hunter2%4@x",
            "redis://:hunter2@a b",
            "redis://:hunter2@[::1",
        ] {
            let error = text.parse::<RedisUrl>().expect_err(text).to_string();
            assert!(
                error.starts_with("rate_scope: must be redis://") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn redis_url_is_shown_without_its_password() {
        let url: RedisUrl = "redis://user:hunter2@redis:6380/1".parse().expect("valid");
        for shown in [format!("{url}"), format!("{url:?}")] {
            assert_eq!(shown, "redis://:[redacted]@redis:6380/1");
        }
    }
}
