//! The check `account` of `eiot doctor`: one signed, read-only call shows whether the platform accepts the account.

use crate::commands::doctor::diagnosis::Diagnosis;
use eiot::{Call, Client, Error, ErrorKind};
use serde_json::json;

/// The name of the check.
pub(crate) const CHECK: &str = "account";

/// Takes no parameters, changes nothing and concerns no card (vendor SDK 1.0.1).
const BALANCE: &str = "/api/v3/agent/balance";

const ACCEPTED: &str = "the platform accepts appkey, secret and this machine's address";

/// Makes the call, with the rate limit, timeout and retries of any call. The balance itself is not shown.
pub(crate) fn account(client: &Client) -> Result<Diagnosis, Error> {
    let call = Call::new(BALANCE, &json!({}))?;
    Ok(match client.call(&call) {
        Ok(_) => Diagnosis::ok(CHECK, ACCEPTED),
        Err(error) => diagnose(&error),
    })
}

/// What the failure of a call that concerns no card says about the account.
fn diagnose(error: &Error) -> Diagnosis {
    let (message, advice) = match error.kind() {
        // The text of the error names what is wrong and what to do; these codes leave one more thing to say.
        ErrorKind::Auth => (error.to_string(), hint(error.platform_code())),
        ErrorKind::RateLimited => {
            let message = format!(
                "too many requests right now: credentials were not checked ({})",
                platform_words(error)
            );
            return Diagnosis::warning(CHECK, message, Some("run eiot doctor again later")).of(error);
        }
        ErrorKind::Platform if error.is_final() => (
            error.to_string(),
            Some("the call has no parameters: ask the platform what this code means here"),
        ),
        ErrorKind::Platform => (
            format!(
                "the platform refused a call that concerns no card with an unpublished code ({})",
                platform_words(error)
            ),
            Some(
                "most likely appkey or secret is wrong, or this machine's clock; if neither is, check base_url and \
                 ask the platform what the code means",
            ),
        ),
        ErrorKind::Unavailable => (
            error.to_string(),
            Some(
                "credentials were not checked: run eiot doctor again later, and ask the platform if it lasts",
            ),
        ),
        ErrorKind::Http if matches!(error.http_status(), Some(408 | 500 | 502..=504)) => (
            error.to_string(),
            Some(
                "credentials were not checked: the platform or a gateway in front of it fails; run eiot doctor again \
                 later, and check base_url if it lasts",
            ),
        ),
        ErrorKind::Http | ErrorKind::Protocol => (
            error.to_string(),
            Some(
                "base_url does not lead to the platform: check it, and whether a proxy or a login page of the network \
                 answers in the platform's place",
            ),
        ),
        ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Timeout | ErrorKind::ConnectionLost => (
            error.to_string(),
            Some(
                "credentials were not checked: check the network, base_url, proxy and timeout, and try again",
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
            "the platform speaks of rights, not of a wrong signature: if the account may only not read its balance, \
             refreshes can still work (--no-call leaves this check out)",
        ),
        // Nothing but the HTTP status speaks of credentials here.
        None => Some("the answer is not the platform's JSON: if those are right, check base_url"),
        Some(_) => None,
    }
}

/// The platform's code and message verbatim, without the library's advice about cards; else the text of the error.
fn platform_words(error: &Error) -> String {
    match (error.platform_code(), error.platform_message()) {
        (Some(code), Some(message)) => format!("code {code}: {message}"),
        (Some(code), None) => format!("code {code}, without a message"),
        (None, _) => error.to_string(),
    }
}
