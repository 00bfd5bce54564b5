//! `eiot doctor`: checks everything between this machine and the platform.

mod account;
mod diagnosis;
mod environment;

use self::account::account;
use self::diagnosis::{Diagnosis, OptionValues, Sources};
use self::environment::environment;
use crate::help;
use crate::options::{Options, Source};
use crate::output::{ExitCode, Failure, color, print_line};
use clap::Args;
use eiot::{Answer, Client, Config, Error, ErrorKind, Probe, Secret, SignMethod};
use std::net::IpAddr;
use std::path::PathBuf;

/// A sample from the vendor's SDK (1.0.1), and its signature.
const SAMPLE_SIGNATURE: &str = "963A56BAEBED746F2746E4D9B3B77BE0F2E171E7";
const SAMPLE_SECRET: &str = "a1b1c1d1";
const SAMPLE: [(&str, &str); 6] = [
    ("userName", "wx"),
    ("age", "24"),
    ("sex", "1"),
    ("appkey", "000001"),
    ("nonce", "24523"),
    ("timestamp", "1556595508"),
];

/// The largest offset of the clock that passes. `Date` has whole seconds only.
const MAX_CLOCK_OFFSET_MS: u64 = 2_000;

/// The options that are always shown. Others are shown if they are set.
const ALWAYS_SHOWN: [&str; 4] = ["appkey", "secret", "base_url", "timeout"];

/// Check configuration, signing, network, clock and account, and say what to fix.
///
/// Refreshes no card. Sends one unsigned GET to base_url, then one signed, read-only call, POST /api/v3/agent/balance, which
/// shows whether the platform accepts appkey, secret and this machine's address. That call counts against the account's rate
/// limit; --no-call skips it.
#[derive(Args)]
#[command(after_help = help::for_doctor())]
pub(crate) struct Doctor {
    /// Skip the signed call; appkey, secret and allow-list are not checked
    #[arg(long)]
    no_call: bool,
    /// Print one JSON object per line for every check
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

impl Doctor {
    /// Runs every check, even after one has failed. Returns the exit code of the first that failed.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let mut exit_code = None;
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        let mut report = |diagnosis: Diagnosis| {
            exit_code = exit_code.or(diagnosis.exit_code);
            print_line(&match (self.json, width, color::is_wanted()) {
                (true, ..) => diagnosis.to_json()?,
                (false, None, false) => diagnosis.to_text(),
                (false, width, in_color) => diagnosis.to_terminal(width, in_color),
            })
        };
        let (configuration, client) = self.configuration();
        report(configuration)?;
        report(environment())?;
        report(signing())?;
        match client {
            Ok(client) => {
                let probe = client.probe()?;
                network_checks(&probe, client.config()).into_iter().try_for_each(&mut report)?;
                report(self.account(&client, matches!(probe.connection, Some(Ok(()))))?)?;
            }
            Err(()) => ["dns", "connection", "answer", "clock", account::CHECK]
                .into_iter()
                .try_for_each(|check| report(Diagnosis::skipped(check, "needs a configuration")))?,
        }
        Ok(exit_code.unwrap_or(ExitCode::Success))
    }

    fn account(&self, client: &Client, connected: bool) -> Result<Diagnosis, Error> {
        match (self.no_call, connected) {
            (true, _) => Ok(Diagnosis::skipped(account::CHECK, "--no-call was given")),
            (false, false) => Ok(Diagnosis::skipped(account::CHECK, "needs a connection")),
            (false, true) => account(client),
        }
    }

    fn configuration(&self) -> (Diagnosis, Result<Client, ()>) {
        let made = self.options.load().and_then(|loaded| {
            // The configuration of a client no longer has the secret, so the values are read before.
            let values = loaded.config.values();
            let shown = Shown { values: values.into(), sources: loaded.sources, profile: loaded.profile };
            Ok((Client::new(loaded.config)?, shown))
        });
        match made {
            Ok((client, shown)) => (shown.diagnosis(client.config().warnings()), Ok(client)),
            Err(error) => (Diagnosis::failed("configuration", error.to_string(), None).of(&error), Err(())),
        }
    }
}

/// What the check `configuration` shows.
struct Shown {
    values: OptionValues,
    sources: Sources,
    profile: Option<(String, PathBuf)>,
}

impl Shown {
    fn diagnosis(self, mut warnings: Vec<String>) -> Diagnosis {
        let check = "configuration";
        warnings.extend(self.mixed_account());
        let in_effect = self.in_effect();
        let diagnosis = match warnings.is_empty() {
            true => Diagnosis::ok(check, in_effect),
            false => Diagnosis::warning(check, format!("{}; {in_effect}", warnings.join("; ")), None),
        };
        diagnosis.with_options(self.values, self.sources, self.profile)
    }

    /// The options worth showing, each with its source unless that is the default.
    fn in_effect(&self) -> String {
        let named = self.values.iter().filter_map(|(option, value)| {
            let value = value.as_ref()?;
            let source = self.source(option);
            let matters = ALWAYS_SHOWN.contains(option) || source != Source::Default;
            let source =
                if source == Source::Default { String::new() } else { format!(" ({})", source.name()) };
            matters.then(|| format!("{option}={value}{source}"))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let profile = self.profile.as_ref();
        let profile = profile.map(|(name, file)| format!("; profile {name:?} of {}", file.display()));
        format!("{named}; all others have their defaults{}", profile.unwrap_or_default())
    }

    /// A warning if one half of the credentials is the profile's: it may be the other half of another account.
    fn mixed_account(&self) -> Option<String> {
        let secret = self.source("secret").min(self.source("secret_file"));
        let appkey = self.source("appkey");
        let mixed = appkey != secret && [appkey, secret].contains(&Source::Profile);
        mixed.then(|| {
            let (appkey, secret) = (appkey.name(), secret.name());
            format!("appkey is from the {appkey} and the secret from the {secret}: are they of one account?")
        })
    }

    fn source(&self, option: &str) -> Source {
        self.sources.get(option).copied().unwrap_or(Source::Default)
    }
}

/// Whether this program signs as the vendor's SDK does.
fn signing() -> Diagnosis {
    let check = "signature";
    match eiot::sign(&SAMPLE, &Secret::new(SAMPLE_SECRET), SignMethod::Sha1) {
        Ok(signature) if signature == SAMPLE_SIGNATURE => {
            Diagnosis::ok(check, "the signature of the vendor's sample is correct")
        }
        Ok(signature) => {
            let message =
                format!("the signature of the vendor's sample is {signature}, expected {SAMPLE_SIGNATURE}");
            Diagnosis::failed(check, message, Some("this binary is corrupt; reinstall it"))
        }
        Err(error) => Diagnosis::failed(check, error.to_string(), None),
    }
}

/// The checks of the network between this machine and the platform.
fn network_checks(probe: &Probe, config: &Config) -> [Diagnosis; 4] {
    let clock = probe.answer.as_ref().and_then(|answer| answer.as_ref().ok());
    [
        dns(probe.addresses.as_ref(), probe.proxy.is_some()),
        connection(probe.connection.as_ref(), &probe.host, config.base_url.starts_with("https:")),
        answer(probe.answer.as_ref(), &config.base_url),
        clock_offset(clock),
    ]
}

fn dns(addresses: Option<&Result<Vec<IpAddr>, Error>>, through_proxy: bool) -> Diagnosis {
    let check = "dns";
    match addresses {
        None if through_proxy => Diagnosis::skipped(check, "the proxy resolves the host name"),
        None => Diagnosis::skipped(check, "base_url has an IP address"),
        Some(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
            Diagnosis::ok(check, format!("the host name resolves to {}", addresses.join(", ")))
        }
        Some(Err(error)) => {
            Diagnosis::failed(check, error.to_string(), Some("check base_url and this machine's DNS servers"))
                .of(error)
        }
    }
}

fn connection(connection: Option<&Result<(), Error>>, host: &str, uses_tls: bool) -> Diagnosis {
    let check = "connection";
    match connection {
        None => Diagnosis::skipped(check, "needs an address"),
        Some(Ok(())) if uses_tls => {
            Diagnosis::ok(check, format!("TCP and TLS to {host}; the certificate is trusted"))
        }
        Some(Ok(())) => Diagnosis::ok(check, format!("TCP to {host}; plain http, without TLS")),
        Some(Err(error)) => {
            let advice = match error.kind() {
                // The text of a TLS error says what to do.
                ErrorKind::Tls => None,
                _ => Some("check base_url, proxy and the firewall"),
            };
            Diagnosis::failed(check, error.to_string(), advice).of(error)
        }
    }
}

fn answer(answer: Option<&Result<Answer, Error>>, base_url: &str) -> Diagnosis {
    let check = "answer";
    match answer {
        None => Diagnosis::skipped(check, "needs a connection"),
        Some(Ok(answer)) => Diagnosis::ok(
            check,
            format!(
                "an unsigned GET of {base_url} returned HTTP {}: a web server, not necessarily the platform",
                answer.http_status
            ),
        ),
        Some(Err(error)) => Diagnosis::failed(
            check,
            error.to_string(),
            Some("check base_url, and proxies or firewalls between this machine and the platform"),
        )
        .of(error),
    }
}

fn clock_offset(answer: Option<&Answer>) -> Diagnosis {
    let check = "clock";
    let Some(answer) = answer else { return Diagnosis::skipped(check, "needs an HTTP response") };
    let Some(offset_ms) = answer.clock_offset_milliseconds else {
        return Diagnosis::skipped(check, "the response has no Date header, or took too long");
    };
    let off = offset_ms.unsigned_abs();
    let seconds = off as f64 / 1000.0;
    let direction = if offset_ms < 0 { "ahead of" } else { "behind" };
    let diagnosis = match off > MAX_CLOCK_OFFSET_MS {
        false => Diagnosis::ok(check, format!("{seconds:.1} s {direction} the server's clock")),
        true => Diagnosis::failed(
            check,
            format!("this machine's clock is {seconds:.0} s {direction} the server's clock"),
            Some("set it, preferably by NTP; the platform may refuse requests with a wrong timestamp"),
        ),
    };
    diagnosis.with_clock_offset_ms(offset_ms)
}

#[cfg(test)]
mod tests {
    use self::diagnosis::Status;
    use super::*;
    use serde_json::Value;

    #[test]
    fn signing_sample_is_that_of_the_vendor() {
        let file: Value =
            serde_json::from_str(include_str!("../../../../../tests/vectors/signing.json")).expect("JSON");
        let vendors = &file["cases"][0];
        assert!(vendors["name"].as_str().expect("a text").starts_with("vendor golden sample"));
        assert_eq!(
            (vendors["sha1"].as_str(), vendors["secret"].as_str()),
            (Some(SAMPLE_SIGNATURE), Some(SAMPLE_SECRET))
        );
        let params = vendors["params"].as_object().expect("an object");
        assert_eq!(params.len(), SAMPLE.len());
        assert!(SAMPLE.iter().all(|(name, value)| params[*name] == *value));
        assert_eq!(signing().status, Status::Ok);
    }

    fn shown(sources: &[(&'static str, Source)]) -> Shown {
        let mut config = Config::new("k", "hunter2");
        config.set("strict_eid", "on").expect("a switch");
        Shown { values: config.values().into(), sources: sources.iter().copied().collect(), profile: None }
    }

    #[test]
    fn configuration_shows_the_options_that_were_set_and_their_sources() {
        let sources = [("appkey", Source::Environment), ("strict_eid", Source::Flag)];
        assert_eq!(
            shown(&sources).in_effect(),
            "appkey=k (environment), base_url=https://oapi.eiotclub.com, secret=[redacted], strict_eid=on (flag), \
             timeout=30; all others have their defaults"
        );
    }

    #[test]
    fn configuration_warns_if_half_of_the_credentials_is_of_the_profile() {
        use Source::{Environment, Profile};
        for (appkey, option, secret, warns) in [
            (Profile, "secret_file", Profile, false),
            (Environment, "secret", Environment, false),
            (Environment, "secret", Source::Default, false),
            (Profile, "secret", Environment, true),
            (Environment, "secret_file", Profile, true),
        ] {
            let shown = shown(&[("appkey", appkey), (option, secret)]);
            assert_eq!(shown.mixed_account().is_some(), warns, "{appkey:?} {secret:?}");
        }
    }
}
