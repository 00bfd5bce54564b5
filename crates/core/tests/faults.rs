//! The fault matrix: every fault of the simulator, with its error, in time. `tests/test_faults.py` runs the same table
//! through the other front ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{EID, config};
use eiot::Client;
use eiot_sim::{Fault, Faults, Options, Simulator};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The timeout of a call that a fault makes wait. Real time, because of real peers.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The timeout of all others, which a busy machine must not exceed.
const AMPLE_TIMEOUT: Duration = Duration::from_secs(20);

fn cases() -> Vec<serde_json::Value> {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/faults.json")).expect("JSON");
    file["cases"].as_array().expect("a list").clone()
}

fn matrix(tls: bool) {
    for case in cases() {
        let fault: Fault = case["fault"].as_str().expect("text").parse().expect("a fault");
        let options = Options { tls, faults: Faults::in_order([fault]), ..Options::unlimited() };
        let platform = Simulator::start(options).expect("a free port");
        let mut config = config(platform.url());
        config.timeout = if case["kind"] == "timeout" { TIMEOUT } else { AMPLE_TIMEOUT };
        let timeout = config.timeout;
        let ca_file = std::env::temp_dir().join(format!("eiot-faults-{}.pem", std::process::id()));
        if let Some(pem) = platform.ca_pem() {
            std::fs::write(&ca_file, pem).expect("a file");
            config.ca_file = Some(ca_file.clone());
        }
        let client = Client::new(config).expect("valid");
        let began = Instant::now();
        let (kind, delivered) = match client.refresh_usage(EID) {
            Ok(reply) => ("ok", reply.delivered()),
            Err(error) => (error.kind().name(), error.delivered()),
        };
        let took = began.elapsed();
        assert_eq!(case["kind"], kind, "{case}");
        assert_eq!(case["delivered"], delivered.name(), "{case}");
        // A stalled peer stalls for far longer.
        assert!(took < timeout + Duration::from_secs(2), "{case}: {took:?}");
        let _ = std::fs::remove_file(ca_file);
    }
}

#[test]
fn fault_has_its_kind_of_error_over_http() {
    matrix(false);
}

#[test]
fn fault_has_its_kind_of_error_over_tls() {
    matrix(true);
}

#[test]
fn fault_matrix_is_complete() {
    let name = |fault: &str| fault.split(['=', '[']).next().unwrap_or_default().to_owned();
    let known: BTreeSet<String> = Fault::known().map(name).collect();
    let tried: BTreeSet<String> =
        cases().iter().map(|case| name(case["fault"].as_str().expect("text"))).collect();
    assert_eq!(known, tried);
}
