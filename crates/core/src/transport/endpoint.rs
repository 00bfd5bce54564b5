//! The platform's address.

use crate::error::Error;
use hyper::Uri;
use hyper::http::uri::Parts;
use std::net::IpAddr;

/// The base URL of all requests.
///
/// Plain `http` would expose appkey and signature on the network, so it is limited to loopback addresses unless it is
/// explicitly allowed.
pub(crate) fn endpoint(base_url: &str, allow_http: bool) -> Result<Uri, Error> {
    let refused = |why: &str| Err(Error::config("base_url", format!("{why}: {base_url:?}")));
    if base_url.contains('@') {
        // The error omits the value, which may contain a password.
        return Err(Error::config("base_url", "must not contain a user name or password"));
    }
    if !base_url.is_ascii() || base_url.contains('%') {
        return refused("must be ASCII (write an internationalized host name as xn--…)");
    }
    if base_url.contains(['?', '#']) {
        return refused("must not have a query or a fragment");
    }
    let address = base_url.parse::<Uri>().ok().filter(has_host_and_port);
    let Some(address) = address else {
        return refused("must be a URL such as https://oapi.eiotclub.com");
    };
    match address.scheme_str() {
        Some("https") => {}
        Some("http") if allow_http || is_loopback(&address) => {}
        Some("http") => return refused("must be https (http requires a loopback address or allow_http)"),
        _ => return refused("must be https"),
    }
    match below(&address, "/api") {
        Some(_) => Ok(address),
        None => refused("must be a URL such as https://oapi.eiotclub.com"),
    }
}

/// The URL of a path below the base URL, if it is valid.
pub(crate) fn below(endpoint: &Uri, path: &str) -> Option<Uri> {
    let path = format!("{}{path}", endpoint.path().trim_end_matches('/'));
    let mut parts: Parts = endpoint.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The host, with its port unless that is the default: for the `Host` header and for messages.
pub(crate) fn host_of(endpoint: &Uri) -> String {
    let host = endpoint.host().unwrap_or_default();
    match endpoint.port_u16().filter(|port| *port != default_port(endpoint)) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The default port of the scheme.
pub(crate) fn default_port(endpoint: &Uri) -> u16 {
    if endpoint.scheme_str() == Some("https") { 443 } else { 80 }
}

/// Whether there is a host, and a port after it if anything. The parser accepts anything there.
pub(crate) fn has_host_and_port(address: &Uri) -> bool {
    let (Some(authority), Some(host)) = (address.authority(), address.host()) else { return false };
    let given = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = address.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    !host.is_empty() && given == format!("{host}{port}")
}

/// Whether responses can be trusted: over verified TLS and from this machine they can; over plain `http` from elsewhere
/// they cannot.
pub(crate) fn is_trusted(endpoint: &Uri) -> bool {
    endpoint.scheme_str() == Some("https") || is_loopback(endpoint)
}

fn is_loopback(address: &Uri) -> bool {
    address.host().is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn endpoint_path_is_appended_once() {
        let expect = "https://oapi.eiotclub.com/api/v3/cloudesim/refreshUsage";
        for base in ["https://oapi.eiotclub.com", "https://oapi.eiotclub.com/"] {
            let endpoint = endpoint(base, false).expect("valid");
            assert_eq!(below(&endpoint, "/api/v3/cloudesim/refreshUsage").expect("valid"), expect);
        }
        let behind_gateway = endpoint("https://gateway.example/eiot/", false).expect("valid");
        let address = below(&behind_gateway, "/api/v3/cloudesim/refreshUsage").expect("valid");
        assert_eq!(address.path(), "/eiot/api/v3/cloudesim/refreshUsage");
    }

    #[test]
    fn endpoint_with_plain_http_requires_loopback() {
        for base in ["http://127.0.0.1:8080", "http://127.1.2.3", "http://localhost:1", "http://[::1]:8080"] {
            assert!(endpoint(base, false).is_ok(), "{base}");
        }
        for base in
            ["http://oapi.eiotclub.com", "http://10.0.0.1", "http://localhost.example", "ftp://localhost"]
        {
            assert_eq!(endpoint(base, false).expect_err(base).kind(), ErrorKind::Config);
        }
        let allowed = endpoint("http://10.0.0.1", true).expect("allowed");
        assert!(!is_trusted(&allowed));
        assert!(endpoint("ftp://10.0.0.1", true).is_err());
    }

    #[test]
    fn endpoint_rejects_an_invalid_base_url_without_repeating_a_password() {
        for base in [
            "",
            "oapi.eiotclub.com",
            "https://",
            "https://x/?a=1",
            "https://x/#a",
            "https://É",
            "https://%C3%89A",
            "https://x:port",
            "https://x:99999",
            "https://:443",
        ] {
            assert!(endpoint(base, false).expect_err(base).to_string().starts_with("base_url: "), "{base}");
        }
        for base in ["https://user:swordfish@x", "https://user:swordfish@x:port", "user:swordfish@x"] {
            let text = endpoint(base, false).expect_err(base).to_string();
            assert!(!text.contains("swordfish"), "{text}");
        }
    }
}
