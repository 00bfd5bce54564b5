//! The `eiot-sim` command: a simulator of the EIOTCLUB platform.

use clap::{Parser, ValueEnum};
use eiot_sim::{Account, Fault, Faults, NoFault, Options, SignMethod, Simulator};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

/// A simulator of the EIOTCLUB platform on 127.0.0.1. Prints its URL, then serves until it is stopped.
///
/// Example:
///   eiot-sim --port 8080 &
///   export EIOT_BASE_URL=http://127.0.0.1:8080
///   export EIOT_APPKEY=demo-appkey EIOT_SECRET=demo-secret
///   eiot refresh 89044011112233441122334411223321
#[derive(Parser)]
#[command(name = "eiot-sim", version, verbatim_doc_comment, after_help = known_faults())]
struct Arguments {
    /// The port to listen on; 0 is any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Use TLS, with a certificate of a CA created at start
    #[arg(long, requires = "ca_out")]
    tls: bool,
    /// Write the CA certificate (PEM) to this file, for the client's ca_file
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// The account that may call
    #[arg(long, default_value = "demo-appkey")]
    appkey: String,
    /// The account's secret; use a made-up one, since it is visible in the process list
    #[arg(long, default_value = "demo-secret")]
    secret: String,
    /// The hash function of the signature
    #[arg(long, value_enum, default_value = "sha1")]
    sign_method: Method,
    /// How far a timestamp may be off, in seconds, or "off"
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    timestamp_window: Limit<u64>,
    /// Refuse nonces that were used before
    #[arg(long, value_enum, default_value = "on")]
    nonce_check: Switch,
    /// Calls that the account may make in any second, or "off"
    #[arg(long, value_name = "CALLS", default_value = "10")]
    rate_limit: Limit<u32>,
    /// The cooldown of a card after a refresh, in seconds, or "off"
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    cooldown: Limit<u64>,
    /// The code that rejects a refresh during the cooldown; 501 is the platform's "Too many requests."
    #[arg(long, value_name = "CODE", default_value = "sim.cooldown", value_parser = refusal_code)]
    cooldown_code: String,
    /// No rate limit, no cooldown, no nonce check
    #[arg(long, conflicts_with_all = ["nonce_check", "rate_limit", "cooldown"])]
    unlimited: bool,
    /// An address that may call; can be given again. Without it, any may
    #[arg(long, value_name = "IP")]
    allow_ip: Vec<IpAddr>,
    /// A card that exists; can be given again. Without it, all do
    #[arg(long, value_name = "EID")]
    known_eid: Vec<String>,
    /// Shift the simulator's clock by this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
    /// Reject every call that has a valid signature with this code; a published one with its published words
    #[arg(long, value_name = "CODE", value_parser = refusal_code)]
    refuse: Option<String>,
    /// Refuse with HTTP 4xx or 500 instead of HTTP 200
    #[arg(long)]
    http_refusals: bool,
    /// Send codes that are numbers as integers
    #[arg(long)]
    integer_codes: bool,
    /// Close connections that have been idle for this long
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 60_000)]
    idle_timeout_ms: u64,
    /// Wait before each reply
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,
    /// The fault of the first call; repeat it for the second, and so on. NAME, NAME=ARGUMENT, or "none"
    #[arg(long, value_name = "FAULT", value_parser = Fault::or_none)]
    fault: Vec<Option<Fault>>,
    /// Start over with the first --fault after the last
    #[arg(long, requires = "fault")]
    fault_repeat: bool,
    /// The probability of a fault in each call after those, from 0 to 1
    #[arg(long, value_name = "PROBABILITY", value_parser = probability, default_value_t = 0.0)]
    fault_chance: f64,
    /// The seed of the random faults: the same seed gives the same calls the same faults
    #[arg(long, value_name = "NUMBER", requires = "fault_chance", default_value_t = 0)]
    fault_seed: u64,
    /// The faults to choose from, separated by commas
    #[arg(long, value_name = "FAULTS", requires = "fault_chance", value_parser = listed)]
    fault_among: Option<List>,
    /// Read a JSON object from standard input, print it signed as a webhook, and exit
    #[arg(long, conflicts_with_all = ["port", "tls", "stop_with_stdin"])]
    sign_webhook: bool,
    /// Exit when standard input is closed, so that the simulator does not outlive its parent process
    #[arg(long)]
    stop_with_stdin: bool,
    /// Log one line per call on standard error, without secret or signature
    #[arg(short, long)]
    verbose: bool,
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

/// Some faults; clap would take a plain list for an option that can be given again.
#[derive(Clone)]
struct List(Vec<Fault>);

fn listed(text: &str) -> Result<List, NoFault> {
    Fault::list(text).map(List)
}

fn refusal_code(text: &str) -> Result<String, String> {
    eiot_sim::refusal_code(text).map_err(|rule| format!("must be {rule}"))
}

fn known_faults() -> String {
    let known: Vec<_> = Fault::known().collect();
    format!("Faults: {}.", known.join(", "))
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
    // On a line of its own, flushed: the parent process reads it.
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
