//! The check `account` of `eiot doctor`: one signed, read-only call shows whether the platform accepts the account.

use super::diagnosis::Diagnosis;
use eiot::{Call, Client, Error, ErrorKind};
use serde_json::json;

/// The name of the check.
pub(crate) const CHECK: &str = "account";

/// A read-only call without parameters that does not concern a card (vendor SDK 1.0.1).
const BALANCE: &str = "/api/v3/agent/balance";

const ACCEPTED: &str = "the platform accepts appkey, secret and this machine's address";

/// Makes the call, with the rate limit, timeout and retries of any other call. The balance is not shown.
pub(crate) fn account(client: &Client) -> Result<Diagnosis, Error> {
    let call = Call::new(BALANCE, &json!({}))?;
    Ok(match client.call(&call) {
        Ok(_) => Diagnosis::ok(CHECK, ACCEPTED),
        Err(error) => diagnose(&error),
    })
}

/// What an error of that call says about the account.
fn diagnose(error: &Error) -> Diagnosis {
    let (message, advice) = match error.kind() {
        // The error says what is wrong and what to do; some codes deserve a hint.
        ErrorKind::Auth => (error.to_string(), hint(error.platform_code())),
        ErrorKind::RateLimited => {
            let message = format!(
                "too many requests at the moment; credentials were not checked ({})",
                platform_words(error)
            );
            return Diagnosis::warning(CHECK, message, Some("run eiot doctor again later")).of(error);
        }
        ErrorKind::Platform if error.is_final() => (
            error.to_string(),
            Some("the call has no parameters; ask the platform what this code means here"),
        ),
        ErrorKind::Platform => (
            format!(
                "the platform refused a read-only call with an unpublished code ({})",
                platform_words(error)
            ),
            Some(
                "most likely appkey, secret or this machine's clock is wrong; otherwise check base_url and ask \
                 the platform what the code means",
            ),
        ),
        ErrorKind::Unavailable => (
            error.to_string(),
            Some(
                "credentials were not checked; run eiot doctor again later, and ask the platform if the error persists",
            ),
        ),
        ErrorKind::Http if matches!(error.http_status(), Some(408 | 500 | 502..=504)) => (
            error.to_string(),
            Some(
                "credentials were not checked; the platform or a gateway in front of it failed. Run eiot doctor again \
                 later, and check base_url if the error persists",
            ),
        ),
        ErrorKind::Http | ErrorKind::Protocol => (
            error.to_string(),
            Some(
                "base_url does not lead to the platform; check base_url, and whether a proxy or a captive portal answers \
                 instead",
            ),
        ),
        ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Timeout | ErrorKind::ConnectionLost => (
            error.to_string(),
            Some(
                "credentials were not checked; check the network, base_url, proxy and timeout, and try again",
            ),
        ),
        _ => (error.to_string(), None),
    };
    Diagnosis::failed(CHECK, message, advice).of(error)
}

fn hint(code: Option<&str>) -> Option<&'static str> {
    match code {
        Some("502") => Some("behind NAT or a proxy, that is the address of the gateway or the proxy"),
        Some("403") => Some(
            "the code is about permissions, not the signature; if the account lacks only the permission to read its \
             balance, refreshes can still work (--no-call skips this check)",
        ),
        // Only the HTTP status is about credentials here.
        None => Some("the response is not the platform's JSON; if the credentials are right, check base_url"),
        Some(_) => None,
    }
}

/// The platform's code and message verbatim, without the library's advice about cards. Without a code, the text of the error.
fn platform_words(error: &Error) -> String {
    match (error.platform_code(), error.platform_message()) {
        (Some(code), Some(message)) => format!("code {code}: {message}"),
        (Some(code), None) => format!("code {code}, without a message"),
        (None, _) => error.to_string(),
    }
}
