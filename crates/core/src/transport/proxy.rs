//! The proxy between this machine and the platform.

use super::endpoint::{has_host_and_port, host_of};
use super::retry_after;
use crate::error::{Delivered, Error, ErrorKind};
use crate::system;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The format of a proxy's address.
const TAKES: &str = "must be http://[user:password@]host:port, or the same with https, socks5 or socks5h, in plain ASCII, \
                     or env";

/// The value that refers to the environment's variables.
pub(crate) const FROM_ENVIRONMENT: &str = "env";

/// The maximum size of a proxy's response.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// How long a proxy may take to repeat why it does not connect.
const REPEAT_TIMEOUT: Duration = Duration::from_secs(2);

/// The proxy between this machine and the platform.
pub(crate) struct Proxy {
    /// The setting for reqwest.
    pub(crate) rule: reqwest::Proxy,
    /// Its address, without user and password.
    address: Uri,
    authorization: Option<HeaderValue>,
}

/// The response of a proxy that does not connect.
pub(crate) struct Refusal {
    pub(crate) http_status: u16,
    pub(crate) retry_after: Option<Duration>,
}

impl Proxy {
    /// The proxy for the endpoint; none if the option is not set, or the environment has none for it.
    pub(crate) fn of(
        option: Option<&str>,
        endpoint: &Uri,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let (option, address, except) = match option {
            None => return Ok(None),
            Some(FROM_ENVIRONMENT) => {
                let first = |names: &[&'static str]| {
                    let values = names.iter().map(|name| (*name, variable(name).unwrap_or_default()));
                    values.into_iter().find(|(_, value)| !value.is_empty())
                };
                // As in curl, only the lower-case http_proxy is read, because a web server sets HTTP_PROXY from a
                // request's header.
                let names: &[&str] = match endpoint.scheme_str() {
                    Some("https") => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
                    _ => &["http_proxy", "all_proxy", "ALL_PROXY"],
                };
                let Some((name, value)) = first(names) else { return Ok(None) };
                let address = if value.contains("://") { value } else { format!("http://{value}") };
                let except = first(&["no_proxy", "NO_PROXY"]).map(|(_, value)| value);
                (format!("proxy: {name}"), address, except.unwrap_or_default())
            }
            Some(address) => ("proxy".to_owned(), address.to_owned(), String::new()),
        };
        // The error omits the value, which may contain a password.
        let refused = || Error::config(&option, TAKES);
        let given: Uri = address.parse().map_err(|_| refused())?;
        if !matches!(given.scheme_str(), Some("http" | "https" | "socks5" | "socks5h"))
            || !address.is_ascii()
            || !has_host_and_port(&given)
        {
            return Err(refused());
        }
        let rule = reqwest::Proxy::all(&address).map_err(|_| refused())?;
        let Some(found) = Matcher::builder().all(address).no(except).build().intercept(endpoint) else {
            return Ok(None);
        };
        let is_ipv6 = endpoint.host().is_some_and(|host| host.starts_with('['));
        if is_ipv6 && endpoint.scheme_str() == Some("https") {
            // reqwest 0.13.5 takes the brackets for a part of the certificate's name.
            let why =
                "is an IPv6 address, which cannot be reached over TLS through a proxy; give a host name";
            return Err(Error::config("base_url", why));
        }
        Ok(Some(Self { rule, address: found.uri().clone(), authorization: found.basic_auth().cloned() }))
    }

    /// For messages: without user and password.
    pub(crate) fn name(&self) -> String {
        format!("{}://{}", self.address.scheme_str().unwrap_or_default(), host_of(&self.address))
    }

    /// Whether it reads requests; other proxies only forward bytes.
    pub(crate) fn is_http(&self) -> bool {
        matches!(self.address.scheme_str(), Some("http" | "https"))
    }

    /// Repeats the CONNECT to `target` to get the proxy's error, which the transport does not provide; `None` if the
    /// proxy does not reject it again. Only over plain http.
    pub(crate) async fn refusal(&self, target: &Uri) -> Option<Refusal> {
        if self.address.scheme_str() != Some("http") {
            return None;
        }
        system::timeout_at(system::now() + REPEAT_TIMEOUT, self.ask(target)).await?.ok()?
    }

    async fn ask(&self, target: &Uri) -> io::Result<Option<Refusal>> {
        let host = self.address.host().unwrap_or_default().trim_matches(['[', ']']);
        let mut stream = TcpStream::connect((host, self.address.port_u16().unwrap_or(80))).await?;
        let port = target.port_u16().unwrap_or(443);
        let authority = format!("{}:{port}", target.host().unwrap_or_default());
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut head = Vec::with_capacity(1024);
        while head.len() < MAX_HEAD_BYTES && stream.read_buf(&mut head).await? > 0 {
            if Refusal::is_whole(&head) {
                break;
            }
        }
        Ok(Refusal::read(&head))
    }
}

impl Refusal {
    fn is_whole(head: &[u8]) -> bool {
        head.windows(4).any(|window| window == b"\r\n\r\n")
    }

    fn read(head: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(head).ok()?;
        let http_status = response.code.filter(|status| *status != 200)?;
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("retry-after"));
        let retry_after = header
            .and_then(|header| std::str::from_utf8(header.value).ok())
            .and_then(|value| retry_after::parse(value, system::wall_clock()));
        Some(Self { http_status, retry_after })
    }

    /// The error of a call that a proxy rejects.
    pub(crate) fn error(&self, proxy: &str, host: &str) -> Error {
        let status = self.http_status;
        let advice = match status {
            407 => {
                "; it asks for a user name and password, or does not accept those in the option proxy \
                 (http://USER:PASSWORD@HOST:PORT)"
            }
            300..=399 => "; it may require a login in a browser first",
            401 | 403 | 405 => "; check that it allows this host and port",
            502..=504 => "; it cannot reach the host",
            _ => "",
        };
        let wait = self.retry_after.map(|wait| format!("; wait {} s", wait.as_secs())).unwrap_or_default();
        let text = format!("the proxy {proxy} refused to connect to {host}: HTTP {status}{advice}{wait}");
        Error::new(ErrorKind::Connect, text)
            .with_http_status(status)
            .with_retry_after(self.retry_after)
            .with_delivered(Delivered::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::endpoint;

    fn proxy(base_url: &str, proxy: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, Error> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Proxy::of(Some(proxy), &endpoint(base_url, true).expect("valid"), variable)
    }

    #[test]
    fn proxy_that_cannot_be_used_is_refused_without_repeating_its_password() {
        for address in ["", "h:1", "ftp://u:swordfish@h:1", "http://", "http://u:swordfish@h:port"] {
            let text = proxy("https://x", address, &[]).err().expect(address).to_string();
            assert!(text.starts_with("proxy: ") && !text.contains("swordfish"), "{text}");
        }
    }

    #[test]
    fn proxy_is_named_without_its_password() {
        for (address, name) in [
            ("http://user:swordfish@h:3128", "http://h:3128"),
            ("https://h", "https://h"),
            ("socks5://user:swordfish@h:1080", "socks5://h:1080"),
            ("socks5h://[::1]:1080", "socks5h://[::1]:1080"),
        ] {
            let proxy = proxy("https://x", address, &[]).expect("valid").expect("one");
            assert_eq!(proxy.name(), name);
        }
    }

    #[test]
    fn proxy_of_the_environment_is_the_one_for_the_scheme() {
        let of = |base_url, variables: &[(&str, &str)]| {
            proxy(base_url, "env", variables).expect("valid").map(|proxy| proxy.name())
        };
        let both =
            [("https_proxy", "http://secure:1"), ("http_proxy", "plain:2"), ("ALL_PROXY", "socks5://all:3")];
        assert_eq!(of("https://x", &both).as_deref(), Some("http://secure:1"));
        assert_eq!(of("http://x", &both).as_deref(), Some("http://plain:2"), "the scheme may be left out");
        assert_eq!(of("http://x", &both[2..]).as_deref(), Some("socks5://all:3"));
        assert_eq!(of("https://x", &[("HTTPS_PROXY", "h:1")]).as_deref(), Some("http://h:1"));
        assert_eq!(of("http://x", &[("HTTP_PROXY", "h:1")]), None, "a request's header may have set it");
        assert_eq!(
            of("https://x", &[("https_proxy", ""), ("HTTPS_PROXY", "h:1")]).as_deref(),
            Some("http://h:1")
        );
        assert_eq!(of("https://x", &[]), None);
    }

    #[test]
    fn proxy_of_the_environment_is_not_for_what_no_proxy_lists() {
        for (list, base_url, is_used) in [
            ("oapi.eiotclub.com", "https://oapi.eiotclub.com", false),
            (".eiotclub.com", "https://oapi.eiotclub.com", false),
            ("example.com, 10.0.0.0/8", "https://10.1.2.3", false),
            ("*", "https://oapi.eiotclub.com", false),
            ("club.com", "https://oapi.eiotclub.com", true),
        ] {
            let variables = [("https_proxy", "h:1"), ("NO_PROXY", list)];
            let found = proxy(base_url, "env", &variables).expect("valid");
            assert_eq!(found.is_some(), is_used, "{list} {base_url}");
        }
    }

    #[test]
    fn proxy_of_the_environment_that_cannot_be_used_names_its_variable() {
        let error =
            proxy("https://x", "env", &[("HTTPS_PROXY", "ftp://u:swordfish@h")]).err().expect("refused");
        let text = error.to_string();
        assert!(text.starts_with("proxy: HTTPS_PROXY: ") && !text.contains("swordfish"), "{text}");
    }
}
