//! The platform: what it checks, and how it answers.

use eiot::simulation::{Request, Response};
use serde_json::Value;

/// A request as the platform reads it.
pub struct Parsed {
    /// The nonce.
    pub nonce: u32,
    /// The card, or the order's number.
    pub card: u64,
    /// It is an order.
    pub is_order: bool,
}

/// The EID of a card.
pub fn eid(card: u64) -> String {
    format!("89{card:030}")
}

/// Reads a request; `None` if the platform could not.
pub fn parse(request: &Request) -> Option<Parsed> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let nonce = u32::try_from(body.get("nonce")?.as_u64()?).ok()?;
    let is_order = request.path.ends_with("/purchase");
    let eid = body.get("eid")?.as_str()?;
    let card = eid.get(2..)?.parse().ok()?;
    Some(Parsed { nonce, card, is_order })
}

/// An answer with this code of the platform.
pub fn answer(code: &str, date: String) -> Response {
    let message = if code == "200" { "success" } else { "refused" };
    status(200, format!(r#"{{"code":"{code}","message":"{message}"}}"#), date)
}

/// An answer with this HTTP status.
pub fn status(status: u16, body: String, date: String) -> Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned()), ("date".to_owned(), date)];
    Response { status, headers, body: body.into_bytes(), is_cut: false }
}
