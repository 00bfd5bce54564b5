//! The options that are in effect, as text for people.

use crate::config::{Config, RateScope};
use crate::proxy::FROM_ENVIRONMENT;
use std::path::Path;
use std::time::Duration;

/// In place of secrets.
const MASK: &str = "[redacted]";

impl Config {
    /// Every option of [`Config::OPTIONS`] and its value, as [`Config::set`] takes it; `None` where it is not set. The secret
    /// and the proxy's password are masked.
    pub fn values(&self) -> [(&'static str, Option<String>); Self::OPTIONS.len()] {
        let texts = [
            given(&self.appkey),
            given(self.secret.expose()).map(|_| MASK.to_owned()),
            self.secret_file.as_deref().map(path),
            given(&self.base_url),
            Some(switch(self.allow_http)),
            Some(seconds(self.timeout)),
            Some(seconds(self.connect_timeout)),
            Some(self.max_attempts.to_string()),
            Some(self.rate_limit.map_or("off".to_owned(), |limit| limit.to_string())),
            Some(scope(&self.rate_scope)),
            self.rate_dir.as_deref().map(path),
            Some(format!("{}/{}", self.rate_share.0, self.rate_share.1)),
            Some(switch(self.rate_wait)),
            Some(seconds_or_off(self.eid_cooldown)),
            Some(switch(self.clock_skew)),
            given(&self.error_codes_text()),
            Some(self.max_auth_failures.to_string()),
            Some(seconds_or_off(self.outage_timeout)),
            Some(switch(self.strict_eid)),
            Some(self.sign_method.name().to_owned()),
            self.ca_file.as_deref().map(path),
            self.client_cert_file.as_deref().map(path),
            self.client_key_file.as_deref().map(path),
            self.proxy.as_deref().map(masked),
            self.source_address.map(|address| address.to_string()),
            given(&self.user_agent_suffix),
        ];
        let mut values = Self::OPTIONS.map(|option| (option, None));
        for (value, text) in values.iter_mut().zip(texts) {
            value.1 = text;
        }
        values
    }

    fn error_codes_text(&self) -> String {
        let pairs = self.error_codes.iter().map(|(code, meaning)| format!("{code}={}", meaning.name()));
        pairs.collect::<Vec<_>>().join(",")
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

fn seconds_or_off(duration: Duration) -> String {
    if duration.is_zero() { "off".to_owned() } else { seconds(duration) }
}

fn scope(scope: &RateScope) -> String {
    let name = match scope {
        RateScope::Redis(url) => return url.to_string(),
        RateScope::Auto => "auto",
        RateScope::Process => "process",
        RateScope::Host => "host",
    };
    name.to_owned()
}

/// A proxy's address without user name and password.
fn masked(proxy: &str) -> String {
    match (proxy.split_once("://"), proxy.rsplit_once('@')) {
        _ if proxy == FROM_ENVIRONMENT => proxy.to_owned(),
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{MASK}@{host}"),
        (Some(_), None) => proxy.to_owned(),
        (None, _) => MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Config {
        let mut config = Config::new("k", "hunter2");
        for (option, value) in [
            ("secret_file", "/run/secret"),
            ("base_url", "http://localhost:1"),
            ("allow_http", "on"),
            ("timeout", "2.5"),
            ("connect_timeout", "0.5"),
            ("max_attempts", "7"),
            ("rate_limit", "off"),
            ("rate_scope", "host"),
            ("rate_dir", "/run/eiot"),
            ("rate_share", "2/5"),
            ("rate_wait", "off"),
            ("eid_cooldown", "300"),
            ("clock_skew", "off"),
            ("error_codes", "1=auth,2=final"),
            ("max_auth_failures", "3"),
            ("outage_timeout", "60"),
            ("strict_eid", "on"),
            ("sign_method", "md5"),
            ("ca_file", "/etc/ca.pem"),
            ("client_cert_file", "/etc/client.pem"),
            ("client_key_file", "/etc/client.key"),
            ("proxy", "http://proxy:3128"),
            ("source_address", "192.0.2.1"),
            ("user_agent_suffix", "billing/2.3"),
        ] {
            config.set(option, value).expect(option);
        }
        config
    }

    #[test]
    fn what_is_shown_is_what_set_takes() {
        for config in [sample(), Config::default()] {
            let mut again = Config::default();
            for (option, value) in config.values() {
                let Some(value) = value else { continue };
                again.set(option, &value).expect(option);
            }
            assert_eq!(format!("{again:?}"), format!("{config:?}"));
            assert_eq!(again.proxy, config.proxy);
        }
        assert!(sample().values().iter().all(|(_, value)| value.is_some()));
    }

    #[test]
    fn proxy_from_the_environment_is_shown_as_it_is() {
        let config = Config { proxy: Some("env".to_owned()), ..Config::default() };
        assert!(config.values().contains(&("proxy", Some("env".to_owned()))));
    }

    #[test]
    fn secrets_are_masked() {
        let mut config = sample();
        for proxy in [
            "http://user:hunter2@proxy:3128",
            "http://user:hunter2@x@proxy:3128",
            "user:hunter2",
            "hunter2@x",
        ] {
            config.proxy = Some(proxy.to_owned());
            let shown = format!("{:?}", config.values());
            assert!(!shown.contains("hunter2") && shown.contains(MASK), "{shown}");
        }
    }
}
