//! The platform's rules and state. Decides; does not listen, wait or look at a clock.

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::clock::{Now, shifted};
use crate::counters::Counters;
use crate::exchange::Exchange;
use crate::faults::Fault;
use crate::faults::delivery::Delivery;
use crate::faults::plan::FaultPlan;
use crate::faults::reply::{altered, replacement};
use crate::http::HttpRequest;
use crate::limits::{Cooldowns, Nonces, SlidingWindow};
use crate::options::Options;
use crate::reply::{Reply, ReplyFormat};
use crate::request::Request;
use crate::signature::{same, signature};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// The platform: what it checks, and what it remembers. [`Simulator`](crate::Simulator) is this on sockets.
///
/// It has no sockets, threads and clocks of its own. Every request comes with the time at which it arrives, so that a day
/// can pass in a second; the same requests at the same times always get the same answers. Options about listening and
/// connections (`port`, `tls`, `idle_timeout`, `on_call`) have no effect here. Thread-safe.
///
/// ```
/// use eiot_sim::{End, HttpRequest, Now, Options, Platform};
/// use std::time::{Duration, Instant, SystemTime};
///
/// let start = Now { wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000), monotonic: Instant::now() };
/// let platform = Platform::new(Options::default(), start.monotonic);
/// let request = HttpRequest {
///     method: "POST".to_owned(),
///     path: "/api/v3/agent/balance".to_owned(),
///     content_type: "application/json".to_owned(),
///     user_agent: String::new(),
///     body: b"{}".to_vec(),
///     last: false,
/// };
/// let exchange = platform.exchange(&request, [127, 0, 0, 1].into(), start);
/// assert_eq!(exchange.code(), Some("sim.bad-field"), "there is no appkey");
/// assert_eq!(exchange.delivery.reply.status, 200);
/// assert_eq!(exchange.delivery.end, End::KeepAlive);
/// ```
pub struct Platform {
    options: Options,
    known_eids: Option<HashSet<String>>,
    faults: FaultPlan,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<String, AccountState>,
    cooldowns: Cooldowns,
    counters: Counters,
}

#[derive(Default)]
struct AccountState {
    /// The calls that count against the rate limit.
    rate: SlidingWindow,
    /// All calls with a valid signature, for the counters.
    arrivals: SlidingWindow,
    nonces: Nonces,
}

impl Platform {
    /// A platform with these rules. `started` is when its arrivals and its periods of faults are counted from.
    pub fn new(options: Options, started: Instant) -> Self {
        let known_eids = options.known_eids.clone().map(HashSet::from_iter);
        let faults = FaultPlan::new(&options.faults);
        Self { options, known_eids, faults, started, state: Mutex::default() }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The counters so far.
    pub fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    /// Counts a connection.
    pub fn count_connection(&self) {
        self.lock().counters.connections += 1;
    }

    /// The reply to a request that is not HTTP.
    pub(crate) fn malformed(&self, status: u16, now: Now) -> Reply {
        self.lock().counters.malformed += 1;
        Reply::json(status, "", self.reply_format(now.wall).date)
    }

    /// How replies are written at this time.
    pub(crate) fn reply_format(&self, wall: SystemTime) -> ReplyFormat {
        let Options { http_refusals, integer_codes, clock_offset_seconds, .. } = self.options;
        ReplyFormat { http_refusals, integer_codes, date: shifted(wall, clock_offset_seconds) }
    }

    /// Answers a request that arrives now. The options' faults say which one this call has.
    pub fn exchange(&self, http: &HttpRequest, from: IpAddr, now: Now) -> Exchange {
        let since_start = now.monotonic.saturating_duration_since(self.started);
        // Other requests have no faults.
        let fault = call(http).and_then(|_| self.faults.next(since_start));
        self.exchange_with(fault, http, from, now)
    }

    /// Answers a request that arrives now, with this fault or without one. The options' faults are not used up.
    pub fn exchange_with(
        &self,
        fault: Option<&Fault>,
        http: &HttpRequest,
        from: IpAddr,
        now: Now,
    ) -> Exchange {
        let latency = self.options.latency;
        let format = self.reply_format(now.wall + latency);
        if let Some(fault) = fault {
            self.lock().counters.count_fault(fault.name());
        }
        if let Some(fault) = fault.filter(|fault| fault.replaces_the_platform()) {
            self.lock().counters.count_call(http);
            let reply = replacement(fault, format.date);
            return Exchange::new(Delivery::new(Some(fault), reply, latency), None, Some(fault));
        }
        let answer = self.answer(http, from, fault.and_then(Fault::refusal), now);
        let reply = match fault {
            Some(fault) => altered(fault, &answer, format),
            None => answer.reply(&format),
        };
        Exchange::new(Delivery::new(fault, reply, latency), Some(answer), fault)
    }

    /// Answers one call. `refuse` is the code of a fault that refuses it.
    fn answer(&self, http: &HttpRequest, from: IpAddr, refuse: Option<&str>, now: Now) -> Answer {
        let refuse = refuse.or(self.options.refuse.as_deref());
        let answer = match self.decide(http, from, refuse, now) {
            Ok(data) => Answer::success(data),
            Err(refusal) => refusal,
        };
        let mut state = self.lock();
        let counters = &mut state.counters;
        counters.count_call(http);
        if answer.is_success() {
            counters.accepted += 1;
        } else {
            counters.count_refusal(&answer.code);
        }
        answer
    }

    /// The rules, in their order. A call with a valid signature uses up its nonce. It counts against the rate limit if it passes
    /// that check, even if a later check refuses it.
    fn decide(
        &self,
        http: &HttpRequest,
        from: IpAddr,
        refuse: Option<&str>,
        now: Now,
    ) -> Result<Option<Value>, Answer> {
        let Now { wall, monotonic: now } = now;
        let Some(call) = call(http) else {
            return Err(Refusal::NoSuchCall.because("unknown call; the README of eiot-sim lists all calls"));
        };
        let options = &self.options;
        let request = Request::read(http, call, options.sign_method)?;
        if options.allowed_ips.as_ref().is_some_and(|allowed| !allowed.contains(&from)) {
            return Err(Refusal::IpNotAllowed.because(format!("{from} is not on the allow-list")));
        }
        let Some(account) = options.accounts.iter().find(|account| account.appkey == request.appkey) else {
            return Err(Refusal::UnknownAppkey.because("unknown appkey"));
        };
        let expected = signature(request.fields.signed(&["sign"]), &account.secret, options.sign_method);
        if !same(&request.sign, &expected) {
            return Err(
                Refusal::BadSign.because("the signature does not match these parameters and this secret")
            );
        }

        let mut state = self.lock();
        let State { accounts, cooldowns, counters } = &mut *state;
        if !accounts.contains_key(&request.appkey) {
            accounts.insert(request.appkey.clone(), AccountState::default());
        }
        let Some(account) = accounts.get_mut(&request.appkey) else {
            return Err(Refusal::UnknownAppkey.because("unknown appkey"));
        };
        account.arrivals.add(now);
        counters.busiest_second = counters.busiest_second.max(account.arrivals.count(now));
        counters.note_arrival(now.saturating_duration_since(self.started));
        if call.has_eid() {
            counters.count_eid(&request.eid);
        }
        let before = account.nonces.insert(request.nonce, now);
        if let Some(before) = &before {
            counters.count_nonce_distance(before.calls_ago);
        }
        let repeated =
            before.is_some_and(|before| options.timestamp_window.is_none_or(|memory| before.ago <= memory));
        counters.repeated_nonces += u64::from(repeated);

        if let Some(code) = refuse {
            return Err(Answer::on_demand(code));
        }
        let clock = shifted(wall, options.clock_offset_seconds);
        let clock = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if options.timestamp_window.is_some_and(|window| request.timestamp.abs_diff(clock) > window.as_secs())
        {
            let by = request.timestamp.abs_diff(clock);
            return Err(Refusal::StaleTimestamp.because(format!("the timestamp is off by {by} s")));
        }
        if repeated && options.nonce_check {
            return Err(Refusal::NonceReused.because(format!("the nonce {} was used before", request.nonce)));
        }
        if let Some(limit) = options.rate_limit {
            if account.rate.count(now) >= limit as usize {
                return Err(Refusal::RateLimit.because(format!("more than {limit} calls per second")));
            }
            account.rate.add(now);
        }
        if call.has_eid() && self.known_eids.as_ref().is_some_and(|known| !known.contains(&request.eid)) {
            return Err(Refusal::UnknownEid.because("this account has no card with this EID"));
        }
        if let Some(cooldown) = options.cooldown.filter(|_| call == Call::RefreshUsage) {
            if let Some(remaining) = cooldowns.remaining(&request.eid, cooldown, now) {
                let seconds = remaining.as_secs_f64().ceil();
                let code = options.cooldown_code.as_deref().unwrap_or(Refusal::Cooldown.code());
                let detail = format!("this card can be refreshed again in {seconds} s");
                return Err(Refusal::Cooldown.with_code(code, detail));
            }
            cooldowns.start(&request.eid, cooldown, now);
        }
        if call == Call::Purchase {
            counters.count_order(&request.fields.text("outTradeNo").unwrap_or_default());
        }
        Ok(call.data(&request.eid, &request.fields, &counters.orders, counters.placed))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn call(http: &HttpRequest) -> Option<Call> {
    Call::at(&http.path).filter(|_| http.method == "POST")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::delivery::{End, Sent};
    use crate::faults::plan::{FaultPeriod, Faults};
    use crate::options::{Account, SignMethod};
    use serde_json::json;
    use std::net::Ipv4Addr;
    use std::str::FromStr;
    use std::time::Duration;

    const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    const CLOCK: u64 = 1_700_000_000;

    /// A call of a client.
    struct Call {
        appkey: &'static str,
        secret: &'static str,
        timestamp: u64,
        nonce: u32,
        eid: &'static str,
    }

    const GOOD: Call =
        Call { appkey: "demo-appkey", secret: "demo-secret", timestamp: CLOCK, nonce: 10_000, eid: "1" };

    struct Trial {
        platform: Platform,
        start: Instant,
    }

    impl Trial {
        fn new(options: Options) -> Self {
            let start = Instant::now();
            Self { platform: Platform::new(options, start), start }
        }

        /// The code of the answer, "200" for success.
        fn at(&self, milliseconds: u64, call: Call) -> String {
            self.decision(milliseconds, call).map_or_else(|refusal| refusal.code, |_| "200".to_owned())
        }

        fn decision(&self, milliseconds: u64, call: Call) -> Result<Option<Value>, Answer> {
            let refuse = self.platform.options.refuse.as_deref();
            self.platform.decide(&call.request(), FROM, refuse, self.now(milliseconds))
        }

        fn exchange(&self, milliseconds: u64, call: Call) -> Exchange {
            self.platform.exchange(&call.request(), FROM, self.now(milliseconds))
        }

        /// The wall clock stands still, because all calls have the same timestamp.
        fn now(&self, milliseconds: u64) -> Now {
            let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(CLOCK);
            Now { wall, monotonic: self.start + Duration::from_millis(milliseconds) }
        }
    }

    impl Call {
        fn request(self) -> HttpRequest {
            let params = vec![
                ("appkey", self.appkey.to_owned()),
                ("timestamp", self.timestamp.to_string()),
                ("nonce", self.nonce.to_string()),
                ("eid", self.eid.to_owned()),
            ];
            let body = json!({
                "appkey": self.appkey, "timestamp": self.timestamp, "nonce": self.nonce, "eid": self.eid,
                "sign": signature(params, self.secret, SignMethod::Sha1),
            });
            HttpRequest {
                method: "POST".to_owned(),
                path: "/api/v3/cloudesim/refreshUsage".to_owned(),
                content_type: "application/json".to_owned(),
                user_agent: String::new(),
                body: body.to_string().into_bytes(),
                last: false,
            }
        }
    }

    #[test]
    fn exchange_says_what_goes_out_and_whether_the_platform_acted() {
        let faults = Faults::in_order([
            None,
            Some(Fault::ResetBody),
            Some(Fault::Html),
            Some(Fault::Delay(Duration::from_secs(3))),
            Some(Fault::Refuse("500".to_owned())),
        ]);
        let latency = Duration::from_millis(40);
        let options = Options { faults, latency, nonce_check: false, ..Options::default() };
        let trial = Trial::new(options);
        let seen = ["1", "2", "3", "4", "5"].map(|eid| {
            let exchange = trial.exchange(0, Call { eid, ..GOOD });
            let Delivery { after, sent, end, .. } = exchange.delivery;
            (exchange.code().map(str::to_owned), exchange.acted(), after.as_millis(), sent, end)
        });
        let ok = || Some("200".to_owned());
        let expected = [
            (ok(), true, 40, Sent::All, End::KeepAlive),
            (ok(), true, 40, Sent::HalfOfBody, End::Reset),
            (None, false, 40, Sent::All, End::KeepAlive),
            (ok(), true, 3040, Sent::All, End::KeepAlive),
            (Some("500".to_owned()), false, 40, Sent::All, End::KeepAlive),
        ];
        assert_eq!(seen, expected);
        assert_eq!(trial.platform.counters().accepted, 3);
    }

    #[test]
    fn exchange_has_the_date_of_the_time_that_it_is_given() {
        let options = Options { clock_offset_seconds: -60, ..Options::default() };
        let headers = Trial::new(options).exchange(0, GOOD).delivery.reply.headers();
        let (name, date) = &headers[0];
        assert_eq!((*name, date.as_str()), ("Date", "Tue, 14 Nov 2023 22:12:20 GMT"));
    }

    #[test]
    fn platform_has_a_fault_for_as_long_as_its_period_lasts() {
        let period = FaultPeriod::from_str("10..20=status=503").expect("a period");
        let options = Options {
            faults: Faults { during: vec![period], ..Faults::default() },
            nonce_check: false,
            cooldown: None,
            ..Options::default()
        };
        let trial = Trial::new(options);
        let status = |at| trial.exchange(at, GOOD).delivery.reply.status;
        assert_eq!([0, 9_999, 10_000, 19_999, 20_000].map(status), [200, 200, 503, 503, 200]);
    }

    #[test]
    fn platform_accepts_a_valid_call() {
        assert_eq!(Trial::new(Options::default()).at(0, GOOD), "200");
    }

    #[test]
    fn platform_refuses_a_wrong_secret_and_an_unknown_appkey() {
        let trial = Trial::new(Options::default());
        assert_eq!(trial.at(0, Call { secret: "wrong", ..GOOD }), "sim.bad-sign");
        assert_eq!(trial.at(0, Call { appkey: "unknown", ..GOOD }), "sim.unknown-appkey");
    }

    #[test]
    fn platform_accepts_timestamps_within_the_window() {
        let trial = Trial::new(Options { nonce_check: false, ..Options::default() });
        assert_eq!(trial.at(0, Call { timestamp: CLOCK - 300, eid: "1", ..GOOD }), "200");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK + 300, eid: "2", ..GOOD }), "200");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK - 301, eid: "3", ..GOOD }), "sim.stale-timestamp");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK + 301, eid: "3", ..GOOD }), "sim.stale-timestamp");
    }

    #[test]
    fn platform_refuses_a_repeated_nonce_per_account() {
        let other = Account { appkey: "other".to_owned(), secret: "o".to_owned() };
        let mut options = Options { cooldown: None, ..Options::default() };
        options.accounts.push(other);
        let trial = Trial::new(options);
        assert_eq!(trial.at(0, GOOD), "200");
        assert_eq!(trial.at(1, GOOD), "sim.nonce-reused");
        assert_eq!(trial.at(2, Call { appkey: "other", secret: "o", ..GOOD }), "200");
        assert_eq!(trial.platform.counters().repeated_nonces, 1);
    }

    #[test]
    fn platform_refuses_the_eleventh_call_in_a_closed_second() {
        let trial = Trial::new(Options { cooldown: None, nonce_check: false, ..Options::default() });
        for call in 0..10 {
            assert_eq!(trial.at(call * 100, GOOD), "200");
        }
        let refusal = trial.decision(1000, GOOD).expect_err("the eleventh");
        assert_eq!(refusal.logged(), "501 Too many requests. (more than 10 calls per second)");
        assert_eq!(refusal.message, "Too many requests.");
        assert_eq!(trial.at(1001, GOOD), "200", "what was refused for the rate does not count against it");
        assert_eq!(trial.platform.counters().busiest_second, 11);
    }

    #[test]
    fn platform_starts_a_cooldown_after_an_accepted_refresh_only() {
        let trial = Trial::new(Options { nonce_check: false, ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "200");
        assert_eq!(trial.at(299_000, GOOD), "sim.cooldown");
        assert_eq!(trial.at(300_000, GOOD), "200");
    }

    #[test]
    fn platform_refuses_a_card_in_its_cooldown_with_the_code_of_the_options() {
        for (code, message) in
            [("501", "Too many requests."), ("x", "this card can be refreshed again in 299 s")]
        {
            let cooldown_code = Some(code.to_owned());
            let trial = Trial::new(Options { nonce_check: false, cooldown_code, ..Options::default() });
            assert_eq!(trial.at(0, GOOD), "200");
            let refusal = trial.decision(1000, GOOD).expect_err("in its cooldown");
            assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message));
            assert_eq!(trial.at(2000, Call { eid: "2", ..GOOD }), "200");
        }
    }

    #[test]
    fn platform_refuses_unlisted_cards_and_addresses() {
        let trial = Trial::new(Options { known_eids: Some(vec!["2".to_owned()]), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "sim.unknown-eid");
        let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let trial = Trial::new(Options { allowed_ips: Some(vec![elsewhere]), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "502");
    }

    #[test]
    fn platform_refuses_with_a_given_code() {
        let trial = Trial::new(Options { refuse: Some("45109".to_owned()), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "45109");
        assert_eq!(trial.at(0, Call { secret: "wrong", ..GOOD }), "sim.bad-sign");
    }

    #[test]
    fn platform_refuses_with_the_published_words_of_a_code() {
        let message = |code: &str| {
            let trial = Trial::new(Options { refuse: Some(code.to_owned()), ..Options::default() });
            trial.decision(0, GOOD).expect_err("refused").message
        };
        assert_eq!(message("403"), "You don't have permission to access.");
        assert_eq!(message("500"), "Operation failed, try again later.");
        assert_eq!(message("45109"), "refused on demand");
    }
}
