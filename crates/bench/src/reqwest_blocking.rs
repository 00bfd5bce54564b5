//! The signed call with `reqwest::blocking`, the usual alternative in Rust.

use crate::signed::{Requests, tls_config};
use crate::turns::{self, EID, Failure, variable};
use reqwest::blocking::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use std::time::Duration;

/// Sequential calls.
pub(crate) fn single() -> Result<(), Failure> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls_config()?)
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?;
    let url = format!("{}/api/v3/cloudesim/refreshUsage", variable("EIOT_BASE_URL")?);
    let mut requests = Requests::from_environment()?;
    let mut call = move || -> Result<(), Failure> {
        let reply = client
            .post(&url)
            .header(CONTENT_TYPE, "application/json;charset=utf-8")
            .header(ACCEPT, "application/json")
            .body(requests.next_body(EID)?)
            .send()?
            .error_for_status()?
            .text()?;
        if !reply.contains("\"code\":\"200\"") {
            return Err(reply.into());
        }
        Ok(())
    };
    call()?;
    turns::take(|calls| (0..calls).try_for_each(|_| call()))
}
