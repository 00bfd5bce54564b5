//! `eiot doctor`: what stands between this machine and the platform?

use crate::account::{self, account};
use crate::diagnosis::{Diagnosis, OptionValues};
use crate::help;
use crate::options::Options;
use crate::output::{Failure, say};
use crate::variables::environment;
use clap::Args;
use eiot::{Answer, Client, Config, Error, ErrorKind, Probe, Secret, SignMethod};
use std::net::IpAddr;

/// The signature of a sample from the vendor's own SDK (1.0.1), and the sample.
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

/// A clock that is further off than this should be set; `Date` knows whole seconds only.
const MOST_CLOCK_OFFSET_MS: u64 = 2_000;

/// The options that are always named; others where they differ from the defaults.
const ALWAYS_NAMED: [&str; 4] = ["appkey", "secret", "base_url", "timeout"];

/// Check configuration, signing, network, clock and account, and say what to do.
///
/// Refreshes no card. Sends one unsigned GET to base_url, then makes one signed, read-only call, POST
/// /api/v3/agent/balance, which shows whether the platform accepts appkey, secret and this machine's address. That call
/// counts against the account's rate limit; --no-call skips it.
#[derive(Args)]
#[command(after_help = help::FOR_DOCTOR)]
pub(crate) struct Doctor {
    /// Skip the signed call: appkey, secret and allow-list are not checked
    #[arg(long)]
    no_call: bool,
    /// Print one JSON object per line for each check
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

impl Doctor {
    /// Makes every check, whatever came of those before; the exit code is that of the first that failed.
    pub(crate) fn run(&self) -> Result<u8, Failure> {
        let mut exit_code = None;
        let mut tell = |diagnosis: Diagnosis| {
            exit_code = exit_code.or(diagnosis.exit_code);
            say(&if self.json { diagnosis.to_json()? } else { diagnosis.to_text() })
        };
        let (configuration, client) = self.configuration();
        tell(configuration)?;
        tell(environment())?;
        tell(signature())?;
        match client {
            Ok(client) => {
                let probe = client.probe()?;
                way(&probe, client.config()).into_iter().try_for_each(&mut tell)?;
                tell(self.account(&client, matches!(probe.connection, Some(Ok(()))))?)?;
            }
            Err(()) => ["dns", "connection", "answer", "clock", account::CHECK]
                .into_iter()
                .try_for_each(|check| tell(Diagnosis::skipped(check, "needs a configuration")))?,
        }
        Ok(exit_code.unwrap_or(0))
    }

    fn account(&self, client: &Client, connected: bool) -> Result<Diagnosis, Error> {
        match (self.no_call, connected) {
            (true, _) => Ok(Diagnosis::skipped(account::CHECK, "left out by --no-call")),
            (false, false) => Ok(Diagnosis::skipped(account::CHECK, "needs a connection")),
            (false, true) => account(client),
        }
    }

    fn configuration(&self) -> (Diagnosis, Result<Client, ()>) {
        let made = self.options.config().and_then(|config| {
            // A client's own configuration has no secret that could be named.
            let values = config.values();
            Ok((Client::new(config)?, values))
        });
        match made {
            Ok((client, values)) => {
                let options = OptionValues::from(values);
                let in_effect = in_effect(&options);
                let diagnosis = match client.config().warnings().as_slice() {
                    [] => Diagnosis::ok("configuration", in_effect),
                    warnings => Diagnosis::warning(
                        "configuration",
                        format!("{}; {in_effect}", warnings.join("; ")),
                        None,
                    ),
                };
                (diagnosis.with_options(options), Ok(client))
            }
            Err(error) => (Diagnosis::failed("configuration", error.to_string(), None).of(&error), Err(())),
        }
    }
}

/// The options that matter to a reader.
fn in_effect(options: &OptionValues) -> String {
    let defaults = OptionValues::from(Config::default().values());
    let named = options.iter().filter_map(|(option, value)| {
        let value = value.as_ref()?;
        let matters = ALWAYS_NAMED.contains(option) || defaults.get(option)?.as_ref() != Some(value);
        matters.then(|| format!("{option}={value}"))
    });
    format!("{}; the others have their defaults", named.collect::<Vec<_>>().join(" "))
}

/// Does this program sign as the vendor's own does?
fn signature() -> Diagnosis {
    let check = "signature";
    match eiot::sign(&SAMPLE, &Secret::new(SAMPLE_SECRET), SignMethod::Sha1) {
        Ok(signature) if signature == SAMPLE_SIGNATURE => {
            Diagnosis::ok(check, "the vendor's sample is signed as the vendor's own SDK signs it")
        }
        Ok(signature) => {
            let message = format!("the vendor's sample is signed {signature}, must be {SAMPLE_SIGNATURE}");
            Diagnosis::failed(check, message, Some("this binary is corrupt; reinstall it"))
        }
        Err(error) => Diagnosis::failed(check, error.to_string(), None),
    }
}

/// What was seen on the way to the platform.
fn way(probe: &Probe, config: &Config) -> [Diagnosis; 4] {
    let clock = probe.answer.as_ref().and_then(|answer| answer.as_ref().ok());
    [
        name(probe.addresses.as_ref(), probe.proxy.is_some()),
        connection(probe.connection.as_ref(), &probe.host, config.base_url.starts_with("https:")),
        answer(probe.answer.as_ref(), &config.base_url),
        clock_offset(clock),
    ]
}

fn name(addresses: Option<&Result<Vec<IpAddr>, Error>>, through_proxy: bool) -> Diagnosis {
    let check = "dns";
    match addresses {
        None if through_proxy => Diagnosis::skipped(check, "the proxy looks the name up"),
        None => Diagnosis::skipped(check, "base_url has an address in place of a name"),
        Some(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
            Diagnosis::ok(check, format!("the host's name is found: {}", addresses.join(", ")))
        }
        Some(Err(error)) => Diagnosis::failed(
            check,
            error.to_string(),
            Some("look at base_url, and at this machine's name servers"),
        )
        .of(error),
    }
}

fn connection(connection: Option<&Result<(), Error>>, host: &str, by_tls: bool) -> Diagnosis {
    let check = "connection";
    match connection {
        None => Diagnosis::skipped(check, "needs an address"),
        Some(Ok(())) if by_tls => {
            Diagnosis::ok(check, format!("TCP and TLS with {host}; the certificate is trusted"))
        }
        Some(Ok(())) => Diagnosis::ok(check, format!("TCP with {host}; plain http, without TLS")),
        Some(Err(error)) => {
            let advice = match error.kind() {
                // What to do about a certificate depends on what is wrong with it, and stands in the text.
                ErrorKind::Tls => None,
                _ => Some("look at base_url and proxy, and ask whether a firewall lets this machine out"),
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
                "HTTP {} to an unsigned GET of {base_url}: a web server, not necessarily the platform",
                answer.http_status
            ),
        ),
        Some(Err(error)) => Diagnosis::failed(
            check,
            error.to_string(),
            Some("ask whether base_url is right, and what stands between this machine and it"),
        )
        .of(error),
    }
}

fn clock_offset(answer: Option<&Answer>) -> Diagnosis {
    let check = "clock";
    let Some(answer) = answer else { return Diagnosis::skipped(check, "needs an answer") };
    let Some(offset_ms) = answer.clock_offset_milliseconds else {
        return Diagnosis::skipped(check, "the answer does not tell the time, or was too slow to");
    };
    let off = offset_ms.unsigned_abs();
    let seconds = off as f64 / 1000.0;
    let direction = if offset_ms < 0 { "ahead of" } else { "behind" };
    let diagnosis = match off > MOST_CLOCK_OFFSET_MS {
        false => Diagnosis::ok(check, format!("{seconds:.1} s {direction} the server's")),
        true => Diagnosis::failed(
            check,
            format!("this machine's clock is {seconds:.0} s {direction} the server's"),
            Some("set it right, best by NTP: requests with a wrong time may be refused"),
        ),
    };
    diagnosis.with_clock_offset_ms(offset_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Status;
    use serde_json::Value;

    #[test]
    fn the_sample_is_the_vendors() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/signing.json")).expect("JSON");
        let vendors = &file["cases"][0];
        assert!(vendors["name"].as_str().expect("a text").starts_with("vendor golden sample"));
        assert_eq!(
            (vendors["sha1"].as_str(), vendors["secret"].as_str()),
            (Some(SAMPLE_SIGNATURE), Some(SAMPLE_SECRET))
        );
        let params = vendors["params"].as_object().expect("an object");
        assert_eq!(params.len(), SAMPLE.len());
        assert!(SAMPLE.iter().all(|(name, value)| params[*name] == *value));
        assert_eq!(signature().status, Status::Ok);
    }

    #[test]
    fn the_options_that_are_named_are_those_that_were_set() {
        let mut config = Config::new("k", "hunter2");
        config.set("strict_eid", "on").expect("a switch");
        let text = in_effect(&config.values().into());
        assert_eq!(
            text,
            "appkey=k base_url=https://oapi.eiotclub.com secret=[redacted] strict_eid=on timeout=30; \
             the others have their defaults"
        );
    }
}
