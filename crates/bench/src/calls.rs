//! The call from Rust, as a program that uses the crate makes it.

use crate::turns::{self, EID, Failure, eid_number, variable};
use eiot::{Batch, Client, Config, RateScope};
use std::path::PathBuf;

/// Sequential calls.
pub(crate) fn single() -> Result<(), Failure> {
    let client = client()?;
    client.refresh_usage(EID)?;
    turns::take(|calls| {
        for _ in 0..calls {
            client.refresh_usage(EID)?;
        }
        Ok(())
    })
}

/// Many calls in flight.
pub(crate) fn batch(in_flight: usize) -> Result<(), Failure> {
    let mut batch = client()?.batch(in_flight, Box::new(()))?;
    let mut next_card = 0;
    run_batch(&mut batch, &mut next_card, in_flight)?;
    turns::take(|calls| run_batch(&mut batch, &mut next_card, calls))
}

fn run_batch(batch: &mut Batch, next_card: &mut u64, calls: usize) -> Result<(), Failure> {
    let (mut pushed, mut back) = (0, 0);
    while back < calls {
        while pushed < calls && batch.has_room() {
            batch.push(eid_number(*next_card));
            *next_card += 1;
            pushed += 1;
        }
        batch.next().ok_or("all came back too soon")?.result?;
        back += 1;
    }
    Ok(())
}

fn client() -> Result<Client, Failure> {
    let mut config = Config::new(variable("EIOT_APPKEY")?, variable("EIOT_SECRET")?);
    config.base_url = variable("EIOT_BASE_URL")?;
    config.ca_file = Some(PathBuf::from(variable("EIOT_CA_FILE")?));
    // As the other clients: no rate limit, and nothing shared with other processes.
    (config.rate_limit, config.rate_scope) = (None, RateScope::Process);
    Ok(Client::new(config)?)
}
