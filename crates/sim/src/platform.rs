//! The platform's rules, and what it remembers.

use crate::answer::{Answer, Refusal, now as clock};
use crate::call::Call;
use crate::counters::Counters;
use crate::fault::Fault;
use crate::fault_plan::FaultPlan;
use crate::http::HttpRequest;
use crate::limits::{Cooldowns, Nonces, Window};
use crate::options::Options;
use crate::request::Request;
use crate::signature::{same, signature};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// Decides about calls. Shared by all connections.
pub(crate) struct Platform {
    pub(crate) options: Options,
    known_eids: Option<HashSet<String>>,
    faults: FaultPlan,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    accounts: HashMap<String, AccountMemory>,
    cooldowns: Cooldowns,
    counters: Counters,
}

#[derive(Default)]
struct AccountMemory {
    /// The calls that count against the rate.
    rate: Window,
    /// All calls with a valid signature, for the counters.
    arrivals: Window,
    nonces: Nonces,
}

impl Platform {
    pub(crate) fn new(options: Options) -> Self {
        let known_eids = options.known_eids.clone().map(HashSet::from_iter);
        let faults = FaultPlan::new(&options.faults);
        Self { options, known_eids, faults, memory: Mutex::default() }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.remember().counters.clone()
    }

    pub(crate) fn note_connection(&self) {
        self.remember().counters.connections += 1;
    }

    pub(crate) fn note_malformed(&self) {
        self.remember().counters.malformed += 1;
    }

    /// What will go wrong with the reply to this call, if anything; only calls have faults.
    pub(crate) fn fault(&self, http: &HttpRequest) -> Option<&Fault> {
        let fault = if call(http).is_some() { self.faults.next() } else { None }?;
        self.remember().counters.count_fault(fault.name());
        Some(fault)
    }

    /// Counts a call that a fault keeps from the platform.
    pub(crate) fn note_replaced(&self, http: &HttpRequest) {
        self.remember().counters.count_call(http);
    }

    /// Decides about one call, which a fault may refuse with a code.
    pub(crate) fn answer(&self, http: &HttpRequest, from: IpAddr, refuse: Option<&str>) -> Answer {
        let refuse = refuse.or(self.options.refuse.as_deref());
        let answer = match self.decide(http, from, refuse, clock(&self.options), Instant::now()) {
            Ok(data) => Answer::success(data),
            Err(refusal) => refusal,
        };
        let mut memory = self.remember();
        let counters = &mut memory.counters;
        counters.count_call(http);
        if answer.is_success() {
            counters.accepted += 1;
        } else {
            counters.count_refusal(&answer.code);
        }
        answer
    }

    /// The rules, in their order. A call with a valid signature uses up its nonce. It counts against the rate when it
    /// reaches that check and passes it, even if a later check refuses it.
    fn decide(
        &self,
        http: &HttpRequest,
        from: IpAddr,
        refuse: Option<&str>,
        clock: SystemTime,
        now: Instant,
    ) -> Result<Option<Value>, Answer> {
        let Some(call) = call(http) else {
            return Err(
                Refusal::NoSuchCall.because("there is no such call; see the README for those there are")
            );
        };
        let options = &self.options;
        let request = Request::read(http, call, options.sign_method)?;
        if options.allowed_ips.as_ref().is_some_and(|allowed| !allowed.contains(&from)) {
            return Err(Refusal::IpNotAllowed.because(format!("{from} is not on the allow-list")));
        }
        let Some(account) = options.accounts.iter().find(|account| account.appkey == request.appkey) else {
            return Err(Refusal::UnknownAppkey.because("there is no application with this appkey"));
        };
        let expected = signature(request.fields.signed(&["sign"]), &account.secret, options.sign_method);
        if !same(&request.sign, &expected) {
            return Err(
                Refusal::BadSign.because("the signature is not that of these parameters and this secret")
            );
        }

        let mut memory = self.remember();
        let Memory { accounts, cooldowns, counters } = &mut *memory;
        if !accounts.contains_key(&request.appkey) {
            accounts.insert(request.appkey.clone(), AccountMemory::default());
        }
        let Some(account) = accounts.get_mut(&request.appkey) else {
            return Err(Refusal::UnknownAppkey.because("the account has gone"));
        };
        account.arrivals.add(now);
        counters.busiest_second = counters.busiest_second.max(account.arrivals.count(now));
        if call.has_eid() {
            counters.count_eid(&request.eid);
        }
        let before = account.nonces.note(request.nonce, now);
        if let Some(before) = &before {
            counters.note_nonce_distance(before.calls_ago);
        }
        let repeated =
            before.is_some_and(|before| options.timestamp_window.is_none_or(|memory| before.ago <= memory));
        counters.repeated_nonces += u64::from(repeated);

        if let Some(code) = refuse {
            return Err(Answer::rehearsed(code));
        }
        let clock = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if options.timestamp_window.is_some_and(|window| request.timestamp.abs_diff(clock) > window.as_secs())
        {
            let by = request.timestamp.abs_diff(clock);
            return Err(
                Refusal::StaleTimestamp.because(format!("the timestamp is {by} s away from this clock"))
            );
        }
        if repeated && options.nonce_check {
            return Err(Refusal::NonceReused.because(format!("the nonce {} was used before", request.nonce)));
        }
        if let Some(limit) = options.rate_limit {
            if account.rate.count(now) >= limit as usize {
                return Err(Refusal::RateLimit.because(format!("more than {limit} calls in a second")));
            }
            account.rate.add(now);
        }
        if call.has_eid() && self.known_eids.as_ref().is_some_and(|known| !known.contains(&request.eid)) {
            return Err(Refusal::UnknownEid.because("this account has no card with this EID"));
        }
        if let Some(cooldown) = options.cooldown.filter(|_| call == Call::RefreshUsage) {
            if let Some(rest) = cooldowns.remaining(&request.eid, cooldown, now) {
                let seconds = rest.as_secs_f64().ceil();
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

    fn remember(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// A call as a client would make it, at a time of the test's choosing.
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
    fn a_good_call_is_accepted() {
        assert_eq!(Trial::new(Options::default()).at(0, GOOD), "200");
    }

    #[test]
    fn a_wrong_secret_and_an_unknown_appkey_are_refused() {
        let trial = Trial::new(Options::default());
        assert_eq!(trial.at(0, Call { secret: "wrong", ..GOOD }), "sim.bad-sign");
        assert_eq!(trial.at(0, Call { appkey: "nobody", ..GOOD }), "sim.unknown-appkey");
    }

    #[test]
    fn a_timestamp_may_be_as_far_off_as_the_window_says() {
        let trial = Trial::new(Options { nonce_check: false, ..Options::default() });
        assert_eq!(trial.at(0, Call { timestamp: CLOCK - 300, eid: "1", ..GOOD }), "200");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK + 300, eid: "2", ..GOOD }), "200");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK - 301, eid: "3", ..GOOD }), "sim.stale-timestamp");
        assert_eq!(trial.at(0, Call { timestamp: CLOCK + 301, eid: "3", ..GOOD }), "sim.stale-timestamp");
    }

    #[test]
    fn a_nonce_seen_before_is_refused_for_its_account_only() {
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
    fn the_eleventh_call_in_a_closed_second_is_refused() {
        let trial = Trial::new(Options { cooldown: None, nonce_check: false, ..Options::default() });
        for call in 0..10 {
            assert_eq!(trial.at(call * 100, GOOD), "200");
        }
        let refusal = trial.decision(1000, GOOD).expect_err("the eleventh");
        assert_eq!(refusal.logged(), "501 Too many requests. (more than 10 calls in a second)");
        assert_eq!(refusal.message, "Too many requests.");
        assert_eq!(trial.at(1001, GOOD), "200", "what was refused for the rate does not count against it");
        assert_eq!(trial.platform.counters().busiest_second, 11);
    }

    #[test]
    fn a_card_rests_after_an_accepted_refresh_only() {
        let trial = Trial::new(Options { nonce_check: false, ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "200");
        assert_eq!(trial.at(299_000, GOOD), "sim.cooldown");
        assert_eq!(trial.at(300_000, GOOD), "200");
    }

    #[test]
    fn a_card_that_rests_is_refused_with_the_code_of_the_options() {
        for (code, message) in
            [("501", "Too many requests."), ("x", "this card can be refreshed again in 299 s")]
        {
            let cooldown_code = Some(code.to_owned());
            let trial = Trial::new(Options { nonce_check: false, cooldown_code, ..Options::default() });
            assert_eq!(trial.at(0, GOOD), "200");
            let refusal = trial.decision(1000, GOOD).expect_err("it rests");
            assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message));
            assert_eq!(trial.at(2000, Call { eid: "2", ..GOOD }), "200");
        }
    }

    #[test]
    fn cards_and_addresses_that_are_not_listed_are_refused() {
        let trial = Trial::new(Options { known_eids: Some(vec!["2".to_owned()]), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "sim.unknown-eid");
        let elsewhere = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        let trial = Trial::new(Options { allowed_ips: Some(vec![elsewhere]), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "502");
    }

    #[test]
    fn a_refusal_can_be_rehearsed() {
        let trial = Trial::new(Options { refuse: Some("45109".to_owned()), ..Options::default() });
        assert_eq!(trial.at(0, GOOD), "45109");
        assert_eq!(trial.at(0, Call { secret: "wrong", ..GOOD }), "sim.bad-sign");
    }

    #[test]
    fn a_rehearsed_refusal_has_the_published_words_where_there_are_any() {
        let message = |code: &str| {
            let trial = Trial::new(Options { refuse: Some(code.to_owned()), ..Options::default() });
            trial.decision(0, GOOD).expect_err("refused").message
        };
        assert_eq!(message("403"), "You don't have permission to access.");
        assert_eq!(message("500"), "Operation failed, try again later.");
        assert_eq!(message("45109"), "this rejection is simulated");
    }
}
