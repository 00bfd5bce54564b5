//! The `eiot-sim` command: a simulator of the EIOTCLUB platform.

mod manual;

use clap::{CommandFactory, Parser, ValueEnum};
use eiot_sim::{Account, Fault, FaultPeriod, Faults, NoFault, Options, SignMethod, Simulator};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

/// Simulate the EIOTCLUB platform on 127.0.0.1. Prints its URL, then serves until it is stopped.
#[derive(Parser)]
#[command(name = "eiot-sim", version, max_term_width = 92, after_help = after_help())]
struct Arguments {
    /// The port to listen on; 0 is any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Use TLS, with a certificate authority generated at start
    #[arg(long, requires = "ca_out")]
    tls: bool,
    /// Write that certificate authority to FILE (PEM), for the client's ca_file
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// The account's appkey
    #[arg(long, help_heading = "Account", default_value = "demo-appkey")]
    appkey: String,
    /// The account's secret; not a real one, because the process list shows it
    #[arg(long, help_heading = "Account", default_value = "demo-secret")]
    secret: String,
    /// The hash behind the signature
    #[arg(long, help_heading = "Account", value_enum, default_value = "sha1")]
    sign_method: Method,
    /// How far a timestamp may be off, or "off"
    #[arg(long, help_heading = "Limits", value_name = "SECONDS", default_value = "300")]
    timestamp_window: Limit<u64>,
    /// Refuse duplicate nonces
    #[arg(long, help_heading = "Limits", value_enum, default_value = "on")]
    nonce_check: Switch,
    /// Calls per second that the account may make, or "off"
    #[arg(long, help_heading = "Limits", value_name = "CALLS", default_value = "10")]
    rate_limit: Limit<u32>,
    /// The cooldown of a card after a refresh, or "off"
    #[arg(long, help_heading = "Limits", value_name = "SECONDS", default_value = "300")]
    cooldown: Limit<u64>,
    /// The code that refuses a refresh during the cooldown; 501 is the platform's "Too many requests."
    #[arg(long, help_heading = "Limits", value_name = "CODE", default_value = "sim.cooldown", value_parser = refusal_code)]
    cooldown_code: String,
    /// Switch off rate limit, cooldown and nonce check
    #[arg(long, help_heading = "Limits", conflicts_with_all = ["nonce_check", "rate_limit", "cooldown"])]
    unlimited: bool,
    /// An address on the allow-list; repeatable [any address]
    #[arg(long, help_heading = "Account", value_name = "IP")]
    allow_ip: Vec<IpAddr>,
    /// A card that exists; repeatable [any card]
    #[arg(long, help_heading = "Account", value_name = "EID")]
    known_eid: Vec<String>,
    /// Offset of the simulator's own clock
    #[arg(
        long,
        help_heading = "Replies",
        value_name = "SECONDS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    clock_offset: i64,
    /// Refuse every call that has a valid signature with this code
    #[arg(long, help_heading = "Replies", value_name = "CODE", value_parser = refusal_code)]
    refuse: Option<String>,
    /// Refuse with HTTP 4xx or 500 instead of HTTP 200
    #[arg(long, help_heading = "Replies")]
    http_refusals: bool,
    /// Send numeric codes as integers
    #[arg(long, help_heading = "Replies")]
    integer_codes: bool,
    /// Close connections that are idle for this long
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 60_000)]
    idle_timeout_ms: u64,
    /// Delay each reply
    #[arg(long, help_heading = "Replies", value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,
    /// The fault of the first call; repeated, of the second, and so on: NAME, NAME=ARGUMENT, or "none"
    #[arg(long, help_heading = "Faults", value_name = "FAULT", value_parser = Fault::or_none)]
    fault: Vec<Option<Fault>>,
    /// Start over with the first --fault after the last
    #[arg(long, help_heading = "Faults", requires = "fault")]
    fault_repeat: bool,
    /// The fault of all calls in a period, in seconds after the start; repeatable: 60..120=status=503 is an outage of a minute
    #[arg(long, help_heading = "Faults", value_name = "FROM..UNTIL=FAULT")]
    fault_during: Vec<FaultPeriod>,
    /// The probability of a random fault for each later call, from 0 to 1
    #[arg(long, help_heading = "Faults", value_name = "PROBABILITY", value_parser = probability, default_value_t = 0.0)]
    fault_chance: f64,
    /// The seed of random faults: the same seed gives the same faults
    #[arg(
        long,
        help_heading = "Faults",
        value_name = "NUMBER",
        requires = "fault_chance",
        default_value_t = 0
    )]
    fault_seed: u64,
    /// The faults that random faults are chosen from, separated by commas
    #[arg(long, help_heading = "Faults", value_name = "FAULTS", requires = "fault_chance", value_parser = listed)]
    fault_among: Option<List>,
    /// Read a JSON object from standard input, print it signed as a webhook, then exit
    #[arg(long, conflicts_with_all = ["port", "tls", "stop_with_stdin"])]
    sign_webhook: bool,
    /// Stop at the end of standard input, so that the simulator ends with the process that started it
    #[arg(long)]
    stop_with_stdin: bool,
    /// Print a line per call on standard error, without secrets and signatures
    #[arg(short, long)]
    verbose: bool,
    /// Print the manual page, for man, in this language
    #[arg(
        long,
        value_name = "LANG",
        exclusive = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "en"
    )]
    man: Option<manual::Language>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    Sha1,
    Md5,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// A number, or "off".
#[derive(Clone)]
struct Limit<T>(Option<T>);

impl<T: FromStr> FromStr for Limit<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|number| Self(Some(number)))
                .map_err(|_| "must be a number or \"off\"".to_owned()),
        }
    }
}

/// A list of faults. With a plain `Vec`, clap would expect a repeatable option.
#[derive(Clone)]
struct List(Vec<Fault>);

fn listed(text: &str) -> Result<List, NoFault> {
    Fault::list(text).map(List)
}

fn refusal_code(text: &str) -> Result<String, String> {
    eiot_sim::refusal_code(text).map_err(|rule| format!("must be {rule}"))
}

const EXAMPLE: &str = "\
Example:
  eiot-sim --port 8080 &
  export EIOT_BASE_URL=http://127.0.0.1:8080
  export EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret
  eiot refresh 89044011112233441122334411223321";

fn after_help() -> String {
    let known: Vec<_> = Fault::known().collect();
    format!("{EXAMPLE}\n\nFaults: {}.", known.join(", "))
}

fn probability(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(chance @ 0.0..=1.0) => Ok(chance),
        _ => Err("must be a number from 0 to 1"),
    }
}

impl Arguments {
    fn faults(&self) -> Faults {
        let faults = Faults {
            during: self.fault_during.clone(),
            plan: self.fault.clone(),
            repeat: self.fault_repeat,
            chance: self.fault_chance,
            seed: self.fault_seed,
            ..Faults::default()
        };
        match &self.fault_among {
            Some(List(among)) => Faults { among: among.clone(), ..faults },
            None => faults,
        }
    }

    fn options(&self) -> Options {
        let listed = |all: bool| all.then_some(());
        Options {
            accounts: vec![Account { appkey: self.appkey.clone(), secret: self.secret.clone() }],
            sign_method: match self.sign_method {
                Method::Sha1 => SignMethod::Sha1,
                Method::Md5 => SignMethod::Md5,
            },
            port: self.port,
            tls: self.tls,
            timestamp_window: self.timestamp_window.0.map(Duration::from_secs),
            nonce_check: matches!(self.nonce_check, Switch::On) && !self.unlimited,
            rate_limit: self.rate_limit.0.filter(|_| !self.unlimited),
            cooldown: self.cooldown.0.map(Duration::from_secs).filter(|_| !self.unlimited),
            cooldown_code: Some(self.cooldown_code.clone()),
            allowed_ips: listed(!self.allow_ip.is_empty()).map(|()| self.allow_ip.clone()),
            known_eids: listed(!self.known_eid.is_empty()).map(|()| self.known_eid.clone()),
            clock_offset_seconds: self.clock_offset,
            refuse: self.refuse.clone(),
            http_refusals: self.http_refusals,
            integer_codes: self.integer_codes,
            idle_timeout: Some(Duration::from_millis(self.idle_timeout_ms.max(1))),
            latency: Duration::from_millis(self.latency_ms),
            faults: self.faults(),
            on_call: self.verbose.then_some(|line| eprintln!("{line}")),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("eiot-sim: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(language) = arguments.man {
        std::io::stdout().write_all(manual::manual(Arguments::command(), language)?.as_bytes())?;
        return Ok(());
    }
    if arguments.sign_webhook {
        let payload = std::io::read_to_string(std::io::stdin())?;
        let method = arguments.options().sign_method;
        let signed = eiot_sim::signed_webhook(&payload, &arguments.secret, method)
            .map_err(|why| format!("cannot sign the webhook: {why}"))?;
        writeln!(std::io::stdout(), "{signed}")?;
        return Ok(());
    }
    let simulator = Simulator::start(arguments.options())?;
    if let (Some(pem), Some(path)) = (simulator.ca_pem(), &arguments.ca_out) {
        std::fs::write(path, pem).map_err(|why| format!("cannot write {}: {why}", path.display()))?;
    }
    // Alone on its line and flushed at once, for the process that started the simulator.
    let mut output = std::io::stdout();
    writeln!(output, "{}", simulator.url())?;
    output.flush()?;
    if arguments.stop_with_stdin {
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}
