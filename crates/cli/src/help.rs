//! The examples and tables of `--help`.

/// The shortest complete example.
pub(crate) const EXAMPLE: &str = "\
Example:
  export EIOT_APPKEY=my-appkey EIOT_SECRET=my-secret
  eiot refresh 89044011112233441122334411223321";

/// The variables, in the order of `Config::OPTIONS`.
const ENVIRONMENT: &str = "\
Environment (a flag overrides its variable):
  EIOT_APPKEY           the account's appkey; required
  EIOT_SECRET           the account's secret; required, here or in a file
  EIOT_SECRET_FILE      a file that holds the secret and nothing else
  EIOT_BASE_URL         where the platform is [https://oapi.eiotclub.com]
  EIOT_ALLOW_HTTP       on: plain http to any address [off]
  EIOT_TIMEOUT          seconds for the whole call, for each EID, retries and
                        waits included [30]
  EIOT_CONNECT_TIMEOUT  seconds for making a connection [5]
  EIOT_MAX_ATTEMPTS     requests a call may make, retries included [3]
  EIOT_RATE_LIMIT       calls a second that the account may make, or off [10]
  EIOT_RATE_SCOPE       who shares that rate: process, host (all processes of
                        this user), redis://[user:password@]host:port/db (all
                        machines), or auto: host where possible [auto]
  EIOT_RATE_DIR         the directory of the file that processes share
                        [/tmp/eiot-UID]
  EIOT_RATE_SHARE       which part of it is ours, for fleets [1/1]
  EIOT_RATE_WAIT        off: fail at once when there is no free slot [on]
  EIOT_EID_COOLDOWN     seconds a card rests between refreshes [off]
  EIOT_CLOCK_SKEW       off: do not correct this machine's clock [on]
  EIOT_ERROR_CODES            what error codes of the platform mean, CODE=KIND,...
                        with the kinds auth, rate_limited, cooldown,
                        unavailable, platform, final (the same call would fail
                        again) and retry [none]
  EIOT_MAX_AUTH_FAILURES  refusals of the account in a row after which a run
                        stops, or off [20]
  EIOT_OUTAGE_TIMEOUT   seconds that a run waits for a platform that cannot be
                        reached before it stops, or off [900]
  EIOT_STRICT_EID       on: ask for GSMA EIDs, 32 digits with a check [off]
  EIOT_SIGN_METHOD      the hash behind the signature, sha1 or md5 [sha1]
  EIOT_CA_FILE          certificate authorities (PEM) to trust instead of the
                        system's
  EIOT_CLIENT_CERT_FILE  client certificate (PEM) and its chain, for gateways
                        that require one [none]
  EIOT_CLIENT_KEY_FILE  the private key of that certificate (PEM) [none]
  EIOT_PROXY            a proxy, http://[user:password@]host:port, or https,
                        socks5 or socks5h; env: read HTTPS_PROXY, ALL_PROXY and
                        NO_PROXY [none]
  EIOT_SOURCE_ADDRESS   the local IP address that connections are made from;
                        the platform allow-lists addresses [the system's choice]
  EIOT_USER_AGENT_SUFFIX  names your program to the platform, such as billing/2.3
                        [(cli)]

There is deliberately no --secret flag: every user of the machine could read it in
the process list. For the same reason, set a proxy with a password by EIOT_PROXY.";

const EXIT_CODES: &str = "\
Exit codes:
  0    every EID was refreshed
  1    a call failed (connection, TLS, timeout, rejected by the platform), or the
       output could not be written
  2    invalid usage or configuration, or an invalid EID
  3    authentication failed: credentials, permissions or source address
  70   a bug in eiot; please report it
  130  interrupted
  141  standard output was closed; remaining EIDs were not sent
If several EIDs are given, all are tried, and the exit code is the largest of theirs.
With --from, an invalid EID does not keep the others from being sent. With --journal,
cards that failed permanently in an earlier run count as well.";

const OUTPUT: &str = "\
Output:
  Each refreshed EID is a line on standard output with three tab-separated fields:
  the EID, ok, the platform's message. Each failure is a line on standard error.

  With --json, each EID is one JSON object per line on standard output, in the order
  given. Every object has all of these fields, null if there is no value:
    eid               the EID
    ok                true if the card was refreshed
    kind              \"ok\", or the error kind, such as \"invalid_eid\" or \"timeout\"
    status            0, or the number of that kind (EIOT_ERR_... of the C library)
    code              the platform's error code, verbatim
    message           the platform's message, or what went wrong and what to do
    platform_message  the platform's message, verbatim
    http_status       the HTTP status of the response, if the call failed
    attempts          how many requests were made
    retry_after_ms    how long the platform asks to wait, in milliseconds
    delivered         whether the platform received the request: \"yes\", \"no\", \"unknown\"
    final             true if the same call would fail again
    headers           the response headers that help support, such as \"x-request-id\",
                      if the call failed: an object of names in lower case
    body              the first 2 KiB of a response that is not the platform's, as text
    data              the reply's data

  With --from, results are printed in order of completion, including failures, as
  lines of three fields: the EID, ok or the error kind, the message. Progress is shown
  on standard error: continuously on a terminal, otherwise once per minute.

  --journal records each result in a file. Ctrl-C or SIGTERM completes the calls in
  flight; run the same command again to resume, also after kill -9. Refreshed cards
  are skipped. Malformed EIDs and final rejections are skipped too, and count as failed
  in every run; all other failures are retried (--retry changes that). Exit code 0
  means that every card of the file is refreshed. Use one journal per run, for example
  with the date in its name. A second Ctrl-C exits immediately.

  A run that cannot succeed stops: after 20 consecutive authentication failures
  (--max-auth-failures). While the platform is unreachable, the run holds its cards
  back, for at most 15 minutes (--outage-timeout). Unsent cards remain to be done.

  Code 200 means that the platform has started to fetch the usage from the carrier;
  new figures may become visible a little later.";

/// The end of `eiot --help`.
pub(crate) fn for_everything() -> String {
    format!("{EXAMPLE}\n\n{ENVIRONMENT}\n\n{EXIT_CODES}")
}

/// The end of `eiot refresh --help`.
pub(crate) fn for_refresh() -> String {
    format!("{EXAMPLE}\n\n{OUTPUT}\n\n{ENVIRONMENT}\n\n{EXIT_CODES}")
}

/// The end of `eiot check --help`.
pub(crate) const FOR_CHECK: &str = "\
Example:
  eiot check cards.csv
  some-query | eiot check - --column card_eid --json

The first line determines the format: if it contains a tab, the file is TSV, if it
contains a comma or semicolon, CSV, both with a header. Otherwise it has one EID per
line, and lines that start with # are skipped. Blank lines are always skipped.

Output:
  Malformed and duplicate EIDs are lines on standard error, the first 100 of each.
  The counts are a line on standard output, with --json an object with these fields:
    ok          true if no EID is malformed
    cards       how many EIDs were read
    valid       how many are well formed, including duplicates
    malformed   how many are not
    duplicates  how many of the valid ones are duplicates

Exit codes: 0 every EID is well formed, 1 the output could not be written, 2 some are
malformed, or the file could not be read.";

/// The end of `eiot doctor --help`.
pub(crate) const FOR_DOCTOR: &str = "\
Example:
  eiot doctor && eiot refresh --from cards.csv

Each check is a line on standard output that starts with ok, warning, failed or
skipped:
  configuration  the options in effect, secrets masked
  environment    every EIOT_ variable is known; a warning names those that are not,
                 with the nearest known one and without their values
  signature      the vendor's sample has the expected signature
  dns            the host name resolves
  connection     TCP, and the TLS handshake with a trusted certificate
  answer         the host responds to HTTP; it is not necessarily the platform
  clock          this machine's clock is within 2 s of the server's
  account        the platform accepts appkey, secret and this machine's address

account is one signed read-only call, POST /api/v3/agent/balance, which does not
concern a card. It counts against the account's rate limit, and is retried like any
other call. The balance is not shown. The check distinguishes:
  code 502        this machine's public address is not on the account's allow-list
  code 403        the account lacks permissions
  HTTP 401, 403   the credentials, or the allow-list
  other codes     the platform does not publish its codes for wrong credentials: code
                  and message are shown verbatim, with the most likely causes
  code 500        the platform is temporarily unavailable
  code 501        a warning: too many requests, so the credentials were not checked
  anything else   no connection, or base_url is wrong

With --json, each check is one object per line with all of these fields, null if there
is no value:
    check            its name
    status           \"ok\", \"warning\", \"failed\" or \"skipped\"
    message          what was found
    advice           what to do, unless the message says it
    options          of configuration: every option and its value
    clock_offset_ms  of clock: how far the server's clock is ahead, in milliseconds
    kind             the error kind, such as \"auth\" or \"tls\", if there is one
    code             the platform's error code, verbatim

The flags and variables are those of eiot refresh.

Exit codes, of the first check that failed:
  0    no check failed; there may be warnings
  1    a check failed, or the output could not be written
  2    invalid usage or configuration
  3    authentication failed: credentials, permissions or allow-list (kind auth)
  70   a bug in eiot; please report it";

/// The end of `eiot sign --help`.
pub(crate) const FOR_SIGN: &str = "\
Example:
  export EIOT_SECRET=my-secret
  eiot sign appkey=my-appkey eid=11111111111111111111111111 \\
      nonce=49890 timestamp=1700000000

With --explain, prints the string to sign instead, with the secret masked. Compare it
when the platform rejects a signature. It needs no secret and shows no signature, so
you can share it.

There is deliberately no --secret flag: every user of the machine could read it in
the process list.

Exit codes: 0 success, 1 the output could not be written, 2 invalid usage or
configuration.";

/// The end of `eiot call --help`.
pub(crate) const FOR_CALL: &str = "\
Examples:
  eiot call /api/v3/cloudesim/get '{\"eid\": \"89044011112233441122334411223321\"}'
  eiot call /api/v3/cloudesim/list '{\"pageNum\": 1, \"pageSize\": 500}' | jq .

Output:
  The reply's data, verbatim JSON, is a line on standard output; null if there is
  none. With --json, the whole result is one object, as of eiot refresh --json. A
  failure is a line on standard error.

Flags, variables and exit codes are those of eiot refresh.";

/// The end of `eiot webhook verify --help`.
pub(crate) const FOR_WEBHOOK_VERIFY: &str = "\
Example:
  export EIOT_SECRET=my-secret
  eiot webhook verify --max-age 300 webhook.json && process webhook.json

The signature does not cover appkey and sign (vendor SDK 1.0.1), so do not rely on
the appkey in a webhook.

Exit codes: 0 the signature is valid, 1 the output could not be written, 2 invalid
usage or configuration, or the file could not be read, 3 the signature is invalid, or
the webhook is too old.";

/// The end of `eiot completions --help`.
pub(crate) const FOR_COMPLETIONS: &str = "\
Examples:
  eiot completions bash > ~/.local/share/bash-completion/completions/eiot
  eiot completions zsh > \"${fpath[1]}/_eiot\"
  eiot completions fish > ~/.config/fish/completions/eiot.fish";

/// The end of `eiot man --help`.
pub(crate) const FOR_MAN: &str = "\
Examples:
  eiot man refresh | man -l -
  eiot man > /usr/local/share/man/man1/eiot.1";

#[cfg(test)]
mod tests {
    use super::*;
    use eiot::{Config, ErrorKind};

    #[test]
    fn every_variable_is_listed_in_the_order_of_the_options() {
        let listed: Vec<&str> = ENVIRONMENT
            .lines()
            .filter_map(|line| line.strip_prefix("  EIOT_")?.split_whitespace().next())
            .collect();
        assert_eq!(listed, Config::OPTIONS.map(str::to_uppercase));
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let default = Config::default();
        let line = |name: &str| {
            let (_, entry) = ENVIRONMENT.split_once(&format!("EIOT_{name} ")).expect(name);
            entry.split("\n  EIOT_").next().expect("an entry").split("\n\n").next().expect("an entry")
        };
        assert!(line("BASE_URL").ends_with(&format!("[{}]", default.base_url)));
        assert!(line("TIMEOUT").ends_with(&format!("[{}]", default.timeout.as_secs())));
        assert!(line("CONNECT_TIMEOUT").ends_with(&format!("[{}]", default.connect_timeout.as_secs())));
        assert!(line("ALLOW_HTTP").ends_with("[off]") && !default.allow_http);
        assert!(line("MAX_ATTEMPTS").ends_with(&format!("[{}]", default.max_attempts)));
        assert!(line("RATE_LIMIT").ends_with(&format!("[{}]", default.rate_limit.expect("a limit"))));
        assert!(line("RATE_SCOPE").ends_with("[auto]") && default.rate_scope == eiot::RateScope::Auto);
        assert!(line("RATE_SHARE").ends_with("[1/1]") && default.rate_share == (1, 1));
        assert!(line("RATE_WAIT").ends_with("[on]") && default.rate_wait);
        assert!(line("EID_COOLDOWN").ends_with("[off]") && default.eid_cooldown.is_zero());
        assert!(line("CLOCK_SKEW").ends_with("[on]") && default.clock_skew);
        assert!(line("ERROR_CODES").ends_with("[none]") && default.error_codes.is_empty());
        assert!(line("MAX_AUTH_FAILURES").ends_with(&format!("[{}]", default.max_auth_failures)));
        assert!(line("OUTAGE_TIMEOUT").ends_with(&format!("[{}]", default.outage_timeout.as_secs())));
        assert!(line("STRICT_EID").ends_with("[off]") && !default.strict_eid);
        assert!(line("SIGN_METHOD").ends_with(&format!("[{}]", default.sign_method.name())));
        assert!(line("PROXY").ends_with("[none]") && default.proxy.is_none());
    }

    #[test]
    fn every_exit_code_is_explained() {
        for kind in ErrorKind::ALL {
            let line = format!("\n  {:<5}", kind.exit_code());
            assert!(EXIT_CODES.contains(&line), "{kind:?} exits with a code that is not listed");
        }
    }
}
