//! The platform: the simulator's rules, without sockets and clock.

use crate::story::{PlatformCooldown, Story};
use eiot::simulation::{Request, Response};
use eiot_sim::{Account, End, Fault, HttpRequest, Now, Options, Sent};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// What is refreshed or ordered, by number.
pub type Card = u64;

/// The account of all processes.
pub const APPKEY: &str = "night";

/// Its secret.
pub const SECRET: &str = "secret";

/// Where all requests come from; no allow-list asks.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The platform of a night.
pub struct Platform(eiot_sim::Platform);

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A card is refreshed.
    Refresh,
    /// A card is read.
    Read,
    /// A package is ordered.
    Order,
}

/// A request, as far as it says which call it is.
pub struct Parsed {
    /// The nonce.
    pub nonce: u32,
    /// The card, or the order's number.
    pub card: Card,
    /// What it wants.
    pub wish: Wish,
}

/// What the platform does with a request.
pub struct Answer {
    /// Its code; `None` if the platform never saw the request, because a fault answered instead.
    pub code: Option<String>,
    /// The request was carried out.
    pub acted: bool,
    /// The answer, or something else in its place, says that there were too many requests.
    pub is_too_many: bool,
    /// How much later it goes out.
    pub after: Duration,
    /// What goes out.
    pub reply: Reply,
    /// The connection serves the next request.
    pub keeps_alive: bool,
}

/// What goes out.
pub enum Reply {
    /// A response.
    Response(Response),
    /// The connection is lost instead.
    Lost,
    /// Nothing, and the connection stays open.
    Nothing,
}

impl Platform {
    /// The platform of a story. `started` is when it started.
    pub fn new(story: &Story, started: Instant) -> Self {
        Self(eiot_sim::Platform::new(
            Options {
                accounts: vec![Account { appkey: APPKEY.to_owned(), secret: SECRET.to_owned() }],
                cooldown: (story.platform_cooldown != PlatformCooldown::None)
                    .then_some(Duration::from_secs(300)),
                cooldown_code: (story.platform_cooldown == PlatformCooldown::TooMany)
                    .then(|| "501".to_owned()),
                ..Options::default()
            },
            started,
        ))
    }

    /// Answers a request, with a fault or without one.
    pub fn answer(&self, request: &Request, fault: Option<&Fault>, now: Now) -> Answer {
        let content_type = request.headers.iter().find(|(name, _)| name == "content-type");
        let http = HttpRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            content_type: content_type.map(|(_, value)| value.clone()).unwrap_or_default(),
            user_agent: String::new(),
            body: request.body.clone(),
            last: false,
        };
        let exchange = self.0.exchange_with(fault, &http, FROM, now);
        let delivery = &exchange.delivery;
        let response = |length: usize, is_cut| {
            let headers = delivery.reply.headers().into_iter();
            Reply::Response(Response {
                status: delivery.reply.status,
                headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
                body: delivery.reply.body.get(..length).unwrap_or_default().to_vec(),
                is_cut,
            })
        };
        let length = delivery.reply.body.len();
        let reply = match (delivery.sent, delivery.end) {
            (Sent::All | Sent::Garbage | Sent::Endless, _) => response(length, false),
            (Sent::HalfOfBody, End::Close | End::Reset) => response(length / 2, true),
            (_, End::Hold) => Reply::Nothing,
            _ => Reply::Lost,
        };
        Answer {
            code: exchange.code().map(str::to_owned),
            acted: exchange.acted(),
            is_too_many: exchange.code() == Some("501") || delivery.reply.status == 429,
            after: delivery.after,
            reply,
            keeps_alive: delivery.end == End::KeepAlive,
        }
    }
}

/// The EID of a card.
pub fn eid(card: Card) -> String {
    format!("89{card:030}")
}

/// The card of an EID.
pub fn card(eid: &str) -> Option<Card> {
    eid.strip_prefix("89").filter(|digits| digits.len() == 30)?.parse().ok()
}

/// Cards without a package, which the platform refuses for good.
pub fn has_package(card: Card) -> bool {
    card % 97 != 13
}

/// What refuses a request for good, if anything does.
pub fn refusal(request: &Parsed) -> Option<Fault> {
    let is_refused = request.wish == Wish::Refresh && !has_package(request.card);
    is_refused.then(|| Fault::Refuse("41018".to_owned()))
}

/// Reads a request; `None` if that is impossible.
pub fn parse(request: &Request) -> Option<Parsed> {
    #[derive(Deserialize)]
    struct Body<'a> {
        nonce: u32,
        eid: &'a str,
    }
    let Body { nonce, eid } = serde_json::from_slice(&request.body).ok()?;
    let wish = match request.path.rsplit('/').next()? {
        "refreshUsage" => Wish::Refresh,
        "get" => Wish::Read,
        "purchase" => Wish::Order,
        _ => return None,
    };
    Some(Parsed { nonce, card: card(eid)?, wish })
}
