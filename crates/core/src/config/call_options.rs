//! The options that belong to a call, and those that belong to what calls share.

use crate::config::Config;

impl Config {
    /// The options by which each call goes for itself, by name: what
    /// [`Client::with_options`](crate::Client::with_options) can change. All others belong to what clients share.
    pub const CALL_OPTIONS: [&'static str; 7] = [
        "timeout",
        "max_attempts",
        "rate_wait",
        "error_codes",
        "max_auth_failures",
        "outage_timeout",
        "strict_eid",
    ];

    /// The first option that two clients cannot have in two ways and share connections and rate, where these differ.
    pub(crate) fn shared_difference(&self, other: &Self) -> Option<&'static str> {
        // Names every field, so that a new option must be put on one of the two sides.
        let Self {
            appkey,
            secret,
            secret_file,
            base_url,
            allow_http,
            timeout: _,
            connect_timeout,
            max_attempts: _,
            rate_limit,
            rate_scope,
            rate_dir,
            rate_share,
            rate_wait: _,
            eid_cooldown,
            clock_skew,
            error_codes: _,
            max_auth_failures: _,
            outage_timeout: _,
            strict_eid: _,
            sign_method,
            ca_file,
            client_cert_file,
            client_key_file,
            proxy,
            source_address,
            user_agent_suffix,
        } = self;
        let same = [
            ("appkey", *appkey == other.appkey),
            ("secret", secret.expose() == other.secret.expose()),
            ("secret_file", *secret_file == other.secret_file),
            ("base_url", *base_url == other.base_url),
            ("allow_http", *allow_http == other.allow_http),
            ("connect_timeout", *connect_timeout == other.connect_timeout),
            ("rate_limit", *rate_limit == other.rate_limit),
            ("rate_scope", *rate_scope == other.rate_scope),
            ("rate_dir", *rate_dir == other.rate_dir),
            ("rate_share", *rate_share == other.rate_share),
            ("eid_cooldown", *eid_cooldown == other.eid_cooldown),
            ("clock_skew", *clock_skew == other.clock_skew),
            ("sign_method", *sign_method == other.sign_method),
            ("ca_file", *ca_file == other.ca_file),
            ("client_cert_file", *client_cert_file == other.client_cert_file),
            ("client_key_file", *client_key_file == other.client_key_file),
            ("proxy", *proxy == other.proxy),
            ("source_address", *source_address == other.source_address),
            ("user_agent_suffix", *user_agent_suffix == other.user_agent_suffix),
        ];
        same.into_iter().find_map(|(option, same)| (!same).then_some(option))
    }
}
