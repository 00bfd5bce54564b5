//! Any signed call of the platform's API.

use super::parameters::Parameters;
use crate::error::Error;
use serde::Serialize;
use sha1::{Digest, Sha1};

/// The system parameters, which the client adds, and the name that precedes the secret in the string to sign: callers
/// may not set them.
const RESERVED: [&str; 5] = ["appkey", "timestamp", "nonce", "sign", "secret"];

/// The idempotent calls: read-only calls and the refresh (listed by vendor SDK 1.0.1).
const IDEMPOTENT: [&str; 9] = [
    "/api/v3/agent/balance",
    "/api/v3/cdr/traffic/query",
    "/api/v3/cloudesim/get",
    "/api/v3/cloudesim/list",
    "/api/v3/cloudesim/orderStatus",
    "/api/v3/cloudesim/pkg/list",
    "/api/v3/cloudesim/pkg/record/list",
    "/api/v3/cloudesim/refreshUsage",
    "/api/v3/outputApi/queryCardNumber",
];

/// A signed call of the platform's API: a path and its parameters.
///
/// The client adds `appkey`, `timestamp`, `nonce` and `sign`, fresh in every attempt, and sends exactly the values that
/// it signs. If the reply is lost, the call is retried only when it is idempotent. Read-only calls and the refresh are;
/// for other calls use [`Call::idempotent`].
///
/// ```no_run
/// use serde_json::json;
/// # let client = eiot::Client::new(eiot::Config::new("my-appkey", "my-secret"))?;
/// let eid = "89044011112233441122334411223321";
/// let reply = client.call(&eiot::Call::new("/api/v3/cloudesim/get", &json!({ "eid": eid }))?)?;
/// println!("{}", reply.data_json().unwrap_or("no data"));
/// # Ok::<(), eiot::Error>(())
/// ```
pub struct Call {
    path: String,
    parameters: Parameters,
    eid: Option<String>,
    idempotent: bool,
}

impl Call {
    /// Creates a call of `path`, such as `/api/v3/cloudesim/get`, with the members of `parameters`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) if the path is invalid, `parameters` are not a JSON
    /// object, or one of them is a system parameter, which the client adds.
    pub fn new(path: &str, parameters: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_string(parameters).map_err(|why| {
            Error::invalid_argument(format!("the parameters cannot be written as JSON: {why}"))
        })?;
        Self::from_json(path, &json)
    }

    /// Like [`Call::new`], with the parameters as the text of a JSON object. Numbers are sent and signed verbatim, and
    /// nested names keep their order.
    ///
    /// # Errors
    /// As [`Call::new`].
    pub fn from_json(path: &str, parameters: &str) -> Result<Self, Error> {
        if !is_path(path) {
            return Err(Error::invalid_argument(format!(
                "the path must look like /api/v3/cloudesim/get, not {path:?}"
            )));
        }
        let parameters = Parameters::read(parameters)
            .map_err(|why| Error::invalid_argument(format!("the parameters are {why}")))?;
        if parameters.get("").is_some() {
            return Err(Error::invalid_argument("a parameter name is empty"));
        }
        if let Some(name) = RESERVED.into_iter().find(|name| parameters.get(name).is_some()) {
            return Err(Error::invalid_argument(match name {
                "secret" => "the secret is never sent; remove the parameter \"secret\"".to_owned(),
                _ => format!("{name:?} is added to each request; remove it from the parameters"),
            }));
        }
        let eid = parameters.get("eid").filter(|eid| eid.json.starts_with('"')).map(|eid| eid.signed.clone());
        Ok(Self { path: path.to_owned(), parameters, eid, idempotent: IDEMPOTENT.contains(&path) })
    }

    /// Whether the call is idempotent, so that it is retried if its reply is lost. By default, only calls that are known to be
    /// idempotent are: refreshUsage and read-only calls.
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The parameter `eid`, if the call has one.
    pub fn eid(&self) -> Option<&str> {
        self.eid.as_deref()
    }

    /// A fingerprint of the path and the parameters, 32 hexadecimal digits: what tells this call from others in a journal. The same
    /// for the same values and types, in whatever order and with whatever whitespace they are given, in every version.
    pub fn fingerprint(&self) -> String {
        let mut parameters: Vec<_> = self.parameters.iter().collect();
        parameters.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut hash = Sha1::new_with_prefix(&self.path);
        for parameter in parameters {
            // A line end is in no path and in no JSON without whitespace. A name may have one, so its length comes first.
            hash.update(format!("\n{} {}={}", parameter.name.len(), parameter.name, parameter.json));
        }
        let mut digits = hex::encode(hash.finalize());
        digits.truncate(32);
        digits
    }

    /// Whether the call is retried if its reply is lost.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }
}

/// Rejects characters that require percent-encoding, and paths that lead elsewhere.
fn is_path(path: &str) -> bool {
    let segment = |segment: &str| {
        !segment.is_empty()
            && !segment.bytes().all(|byte| byte == b'.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment))
}

impl std::fmt::Debug for Call {
    /// Without the values of the parameters, which belong to the caller.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("path", &self.path)
            .field("eid", &self.eid)
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/api/v3/cloudesim/purchase";

    #[test]
    fn call_rejects_system_parameters() {
        for name in RESERVED {
            let error = Call::from_json(PATH, &format!(r#"{{"eid":"1","{name}":"x"}}"#)).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
        for parameters in ["", "[]", "null", "{", r#"{"":1}"#, r#"{"a":1,"a":2}"#] {
            assert!(Call::from_json(PATH, parameters).is_err(), "{parameters}");
        }
    }

    #[test]
    fn parameter_that_is_nested_too_deeply_is_named() {
        let deep = format!(r#"{{"eid":"1","plan":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
        let text = Call::from_json(PATH, &deep).expect_err("too deep").to_string();
        assert!(
            text.starts_with("the parameters are nested deeper than")
                && text.ends_with("in parameter \"plan\""),
            "{text}"
        );
    }

    #[test]
    fn call_path_must_be_plain() {
        for path in [
            "",
            "/",
            "get",
            "//get",
            "/a/",
            "/a?b=1",
            "/a#b",
            "/a b",
            "/a/../b",
            "/a%2fb",
            "/é",
            "https://x/a",
        ] {
            assert!(Call::from_json(path, "{}").is_err(), "{path}");
        }
        assert!(Call::from_json("/api/v3/card.x/a-b_c~d", "{}").is_ok());
    }

    #[test]
    fn call_is_idempotent_if_listed_or_declared() {
        let call = |path| Call::from_json(path, r#"{"eid":"1"}"#).expect("valid");
        assert!(IDEMPOTENT.into_iter().all(|path| call(path).is_idempotent()));
        for path in
            [PATH, "/api/v3/cloudesim/unlock", "/api/v3/cloudesim/cancelSession", "/api/v3/card/refreshUsage"]
        {
            assert!(!call(path).is_idempotent(), "{path}");
        }
        assert!(call(PATH).idempotent(true).is_idempotent());
        assert!(!call(IDEMPOTENT[0]).idempotent(false).is_idempotent());
        assert_eq!(call(PATH).eid(), Some("1"));
    }

    #[test]
    fn call_has_the_fingerprint_of_its_values_and_no_other() {
        let of = |path, parameters| Call::from_json(path, parameters).expect("valid").fingerprint();
        let one = of(PATH, r#"{"eid":"1","plan":{"days":[1,2]}}"#);
        // Journals hold it: it never changes.
        assert_eq!(one, "0cc96122321e422644efb249a76229b7");
        assert_eq!(of(PATH, "{ \"plan\" : {\"days\": [1, 2]},\n\"eid\":\"\\u0031\" }"), one);
        for (path, parameters) in [
            ("/api/v3/cloudesim/get", r#"{"eid":"1","plan":{"days":[1,2]}}"#),
            (PATH, r#"{"eid":1,"plan":{"days":[1,2]}}"#),
            (PATH, r#"{"eid":"1"}"#),
            (PATH, r#"{"eid":"1","plan":{"days":[1,2]},"note":""}"#),
            (PATH, r#"{"eid=\"1\"\n4 plan":{"days":[1,2]}}"#),
        ] {
            assert_ne!(of(path, parameters), one, "{path} {parameters}");
        }
    }
}
