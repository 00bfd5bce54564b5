//! The platform's rules and state.

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::counters::Counters;
use crate::faults::Fault;
use crate::faults::plan::FaultPlan;
use crate::http::HttpRequest;
use crate::limits::{Cooldowns, Nonces, SlidingWindow};
use crate::options::Options;
use crate::request::Request;
use crate::signature::{same, signature};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// Decides calls. Shared by all connections.
pub(crate) struct Platform {
    pub(crate) options: Options,
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
    pub(crate) fn new(options: Options) -> Self {
        let known_eids = options.known_eids.clone().map(HashSet::from_iter);
        let faults = FaultPlan::new(&options.faults);
        Self { options, known_eids, faults, started: Instant::now(), state: Mutex::default() }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.lock().counters.clone()
    }

    pub(crate) fn count_connection(&self) {
        self.lock().counters.connections += 1;
    }

    pub(crate) fn count_malformed(&self) {
        self.lock().counters.malformed += 1;
    }

    /// The fault of this call, if any. Other requests have no faults.
    pub(crate) fn fault(&self, http: &HttpRequest) -> Option<&Fault> {
        let fault = if call(http).is_some() { self.faults.next() } else { None }?;
        self.lock().counters.count_fault(fault.name());
        Some(fault)
    }

    /// Counts a call that the platform does not see because of a fault.
    pub(crate) fn count_replaced(&self, http: &HttpRequest) {
        self.lock().counters.count_call(http);
    }

    /// Answers one call. `refuse` is the code of a fault that refuses it.
    pub(crate) fn answer(&self, http: &HttpRequest, from: IpAddr, refuse: Option<&str>) -> Answer {
        let refuse = refuse.or(self.options.refuse.as_deref());
        let answer = match self.decide(http, from, refuse, self.options.now(), Instant::now()) {
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
        clock: SystemTime,
        now: Instant,
    ) -> Result<Option<Value>, Answer> {
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
        Ok(call.data(&request.eid, &request.fields, &counters.orders))
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
    use crate::options::{Account, SignMethod};
    use serde_json::json;
    use std::net::Ipv4Addr;
    use std::time::Duration;

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
            Self { platform: Platform::new(options), start: Instant::now() }
        }

        /// The code of the answer, "200" for success.
        fn at(&self, milliseconds: u64, call: Call) -> String {
            self.decision(milliseconds, call).map_or_else(|refusal| refusal.code, |_| "200".to_owned())
        }

        fn decision(&self, milliseconds: u64, call: Call) -> Result<Option<Value>, Answer> {
            let params = vec![
                ("appkey", call.appkey.to_owned()),
                ("timestamp", call.timestamp.to_string()),
                ("nonce", call.nonce.to_string()),
                ("eid", call.eid.to_owned()),
            ];
            let body = json!({
                "appkey": call.appkey, "timestamp": call.timestamp, "nonce": call.nonce, "eid": call.eid,
                "sign": signature(params, call.secret, SignMethod::Sha1),
            });
            let http = HttpRequest {
                method: "POST".to_owned(),
                path: "/api/v3/cloudesim/refreshUsage".to_owned(),
                content_type: "application/json".to_owned(),
                user_agent: String::new(),
                body: body.to_string().into_bytes(),
                last: false,
            };
            let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(CLOCK);
            let now = self.start + Duration::from_millis(milliseconds);
            let refuse = self.platform.options.refuse.as_deref();
            self.platform.decide(&http, from, refuse, clock, now)
        }
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
