//! Measures signing and formatting a request body against the bare hash of the signed bytes.

use crate::turns::{EID, Failure};
use eiot::Eid;
use eiot::internals::Signer;
use sha1::{Digest, Sha1};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 301;
const TIMES: u32 = 1000;

/// Prints the medians of both in nanoseconds, and of their ratio. The measurements alternate.
pub(crate) fn run() -> Result<(), Failure> {
    let signer = Signer::new("demo-appkey", "demo-secret")?;
    let eid = Eid::parse(EID)?;
    let signed = format!("appkey=demo-appkey&eid={EID}&nonce=12345&timestamp=1700000000&secret=demo-secret");
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let hash = nanoseconds(|_| {
            black_box(Sha1::digest(black_box(signed.as_bytes())));
        });
        let body = nanoseconds(|time| {
            drop(black_box(signer.signed_body(&eid, 1_700_000_000 + u64::from(time), 10_000 + time)));
        });
        found.push((hash, body, body / hash));
    }
    let median = |of: fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = found.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    println!("{:.1} {:.1} {:.2}", median(|one| one.0), median(|one| one.1), median(|one| one.2));
    Ok(())
}

/// The duration of one call of `work`, averaged over a thousand.
pub(crate) fn nanoseconds(mut work: impl FnMut(u32)) -> f64 {
    let began = Instant::now();
    (0..TIMES).for_each(&mut work);
    began.elapsed().as_nanos() as f64 / f64::from(TIMES)
}
