//! Parts of a call: classification and the rate limiter.

use crate::signing::nanoseconds;
use crate::turns::{EID, Failure};
use eiot::Eid;
use eiot::internals::{Limiter, read_reply};
use std::hint::black_box;

const ROUNDS: usize = 301;

/// Prints the median of each part in nanoseconds, with its name.
pub(crate) fn run() -> Result<(), Failure> {
    let eid = Eid::parse(EID)?;
    for (name, body) in [
        ("reading a success", r#"{"code":"200","message":"success"}"#),
        ("reading a refusal", r#"{"code":"45109","message":"too frequent"}"#),
        ("reading a page of HTML", "<html>a proxy's error page</html>"),
    ] {
        print(name, || drop(black_box(read_reply(200, black_box(body.as_bytes()), &eid))));
    }
    // A rate at which the permits of a whole run fit into an `Instant`.
    for (name, limit) in
        [("reserving a permit", Some(1e6)), ("reserving a permit without a rate limit", None)]
    {
        let limiter = Limiter::new(limit)?;
        print(name, || drop(black_box(limiter.reserve())));
    }
    Ok(())
}

fn print(name: &str, mut part: impl FnMut()) {
    let mut found: Vec<f64> = (0..ROUNDS).map(|_| nanoseconds(|_| part())).collect();
    found.sort_unstable_by(f64::total_cmp);
    println!("{:.1} {name}", found.get(ROUNDS / 2).copied().unwrap_or_default());
}
