//! Faults on demand, and their names. `plan` decides which call has which fault · `reply` alters replies · `delivery` says how
//! much of them goes out.

pub(crate) mod delivery;
pub(crate) mod plan;
pub(crate) mod reply;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest delay, so that no connection waits forever by mistake.
const MAX_DELAY_MS: u64 = 3_600_000;

/// A fault of one reply. Parsed from `NAME` or `NAME=ARGUMENT`; `README.md` has the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `delay=MS`: the reply is delayed.
    Delay(Duration),
    /// `drip=MS`: the reply is sent byte by byte, with this delay between.
    Drip(Duration),
    /// `stall`: no reply is sent; the connection stays open.
    Stall,
    /// `stall-headers`: half of the head is sent, then nothing.
    StallHeaders,
    /// `stall-body`: the head and half of the body are sent, then nothing.
    StallBody,
    /// `close`: the connection is closed in an orderly way, without a reply.
    Close,
    /// `reset`: the connection is reset, without a reply.
    Reset,
    /// `reset-headers`: half of the head is sent, then the connection is reset.
    ResetHeaders,
    /// `reset-body`: the head and half of the body are sent, then the connection is reset.
    ResetBody,
    /// `reset-after`: the whole reply is sent, then the connection is reset, although it was to be kept alive.
    ResetAfter,
    /// `close-after`: the whole reply is sent, then the connection is closed, although it was to be kept alive.
    CloseAfter,
    /// `status=CODE` or `status=CODE,RETRY-AFTER`: an HTTP status with a small HTML page.
    Status {
        /// The status, from 200 to 599.
        code: u16,
        /// The `Retry-After` header, verbatim.
        retry_after: Option<String>,
    },
    /// `html`: HTTP 200 with an HTML page.
    Html,
    /// `broken-json`: malformed JSON.
    BrokenJson,
    /// `truncated-json`: truncated JSON in a complete HTTP reply.
    TruncatedJson,
    /// `endless`: a chunked reply that continues until the client disconnects, at most 64 MiB.
    Endless,
    /// `gzip-bomb`: 10 kB that decompress to more than 10 MB of valid JSON.
    GzipBomb,
    /// `redirect`: HTTP 302 to another path of the simulator.
    Redirect,
    /// `garbage`: bytes that are not HTTP, then the connection is closed.
    Garbage,
    /// `integer-code`: the code is an integer.
    IntegerCode,
    /// `chinese`: the message is in Chinese.
    Chinese,
    /// `oversized`: the message is long, and the reply has 1 MiB.
    Oversized,
    /// `date=SECONDS`: the `Date` header is off by this much.
    Date(i64),
    /// `no-date`: the reply has no `Date` header.
    NoDate,
    /// `age=SECONDS`: the reply has an `Age` header, as from a cache.
    Age(u64),
    /// `refuse=CODE`: the platform refuses the call with this code, after checking the signature.
    Refuse(String),
}

/// The syntax of faults with an argument.
const WITH_ARGUMENT: [&str; 6] =
    ["delay=MS", "drip=MS", "status=CODE[,RETRY-AFTER]", "date=SECONDS", "age=SECONDS", "refuse=CODE"];

/// The faults without an argument.
static PLAIN: [(&str, Fault); 20] = [
    ("stall", Fault::Stall),
    ("stall-headers", Fault::StallHeaders),
    ("stall-body", Fault::StallBody),
    ("close", Fault::Close),
    ("reset", Fault::Reset),
    ("reset-headers", Fault::ResetHeaders),
    ("reset-body", Fault::ResetBody),
    ("reset-after", Fault::ResetAfter),
    ("close-after", Fault::CloseAfter),
    ("html", Fault::Html),
    ("broken-json", Fault::BrokenJson),
    ("truncated-json", Fault::TruncatedJson),
    ("oversized", Fault::Oversized),
    ("endless", Fault::Endless),
    ("gzip-bomb", Fault::GzipBomb),
    ("redirect", Fault::Redirect),
    ("garbage", Fault::Garbage),
    ("integer-code", Fault::IntegerCode),
    ("chinese", Fault::Chinese),
    ("no-date", Fault::NoDate),
];

/// Why a text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFault(String);

impl fmt::Display for NoFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoFault {}

impl Fault {
    /// The syntax of all faults.
    pub fn known() -> impl Iterator<Item = &'static str> {
        WITH_ARGUMENT.into_iter().chain(PLAIN.iter().map(|(name, _)| *name))
    }

    /// The name without the argument, as in the counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Drip(_) => "drip",
            Self::Status { .. } => "status",
            Self::Date(_) => "date",
            Self::Age(_) => "age",
            Self::Refuse(_) => "refuse",
            plain => PLAIN.iter().find(|(_, fault)| fault == plain).map_or("", |(name, _)| name),
        }
    }

    /// One place of a plan: a fault, or `none`.
    ///
    /// # Errors
    /// If the text is neither.
    pub fn or_none(text: &str) -> Result<Option<Self>, NoFault> {
        if text == "none" { Ok(None) } else { text.parse().map(Some) }
    }

    /// A comma-separated list. Since the argument of `status` has commas of its own, a part that does not start with a
    /// lower-case letter belongs to the fault before it: `reset,status=429,2,close` are three.
    ///
    /// # Errors
    /// If one of them is not a fault.
    pub fn list(text: &str) -> Result<Vec<Self>, NoFault> {
        let mut texts: Vec<String> = Vec::new();
        for part in text.split(',') {
            match texts.last_mut().filter(|_| !part.starts_with(|first: char| first.is_ascii_lowercase())) {
                Some(before) => {
                    before.push(',');
                    before.push_str(part);
                }
                None => texts.push(part.to_owned()),
            }
        }
        texts.iter().map(|text| text.parse()).collect()
    }

    /// The code with which the platform refuses the call.
    pub(crate) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refuse(code) => Some(code),
            _ => None,
        }
    }

    /// Whether the fault replaces the platform's answer, so that the platform never sees the call.
    pub(crate) fn replaces_the_platform(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Html
                | Self::BrokenJson
                | Self::TruncatedJson
                | Self::Endless
                | Self::GzipBomb
                | Self::Redirect
                | Self::Garbage
        )
    }
}

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let (name, argument) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
        if let Some((_, fault)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
            return match argument {
                None => Ok(fault.clone()),
                Some(_) => Err(NoFault(format!("the fault {name} takes no argument"))),
            };
        }
        let is_named = |form: &&str| form.split('=').next() == Some(name);
        let Some(form) = WITH_ARGUMENT.into_iter().find(is_named) else {
            let known: Vec<_> = Self::known().collect();
            return Err(NoFault(format!(
                "unknown fault {name:?}; valid faults are none, {}",
                known.join(", ")
            )));
        };
        let wrong = |rule: &str| NoFault(format!("{text:?} must be {form}, {rule}"));
        let argument = argument.unwrap_or_default();
        let milliseconds = || match argument.parse() {
            Ok(ms @ 0..=MAX_DELAY_MS) => Ok(Duration::from_millis(ms)),
            _ => Err(wrong("milliseconds up to an hour")),
        };
        match name {
            "delay" => milliseconds().map(Self::Delay),
            "drip" => milliseconds().map(Self::Drip),
            "date" => argument.parse().map(Self::Date).map_err(|_| wrong("a number, negative for the past")),
            "age" => argument.parse().map(Self::Age).map_err(|_| wrong("a number")),
            "refuse" => refusal_code(argument).map(Self::Refuse).map_err(wrong),
            _ => status(argument).ok_or_else(|| wrong("CODE from 200 to 599, RETRY-AFTER printable ASCII")),
        }
    }
}

/// Parses a code to refuse calls with.
///
/// # Errors
/// If the text is empty, is `200`, which is success, or contains a comma, which separates faults in a list.
pub fn refusal_code(text: &str) -> Result<String, &'static str> {
    match text {
        "" | "200" => Err("a code other than 200"),
        _ if text.contains(',') => Err("a code without commas"),
        _ => Ok(text.to_owned()),
    }
}

fn status(argument: &str) -> Option<Fault> {
    let (code, retry_after) = argument.split_once(',').map_or((argument, None), |(c, r)| (c, Some(r)));
    let code = code.parse().ok().filter(|code| (200..=599).contains(code))?;
    // Other characters are not valid in a header.
    let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match retry_after {
        Some(text) if !plain(text) => None,
        _ => Some(Fault::Status { code, retry_after: retry_after.map(str::to_owned) }),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Delay(time) | Self::Drip(time) => write!(f, "={}", time.as_millis()),
            Self::Status { code, retry_after: None } => write!(f, "={code}"),
            Self::Status { code, retry_after: Some(text) } => write!(f, "={code},{text}"),
            Self::Date(seconds) => write!(f, "={seconds}"),
            Self::Age(seconds) => write!(f, "={seconds}"),
            Self::Refuse(code) => write!(f, "={code}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Fault>().expect_err(text).to_string()
    }

    #[test]
    fn fault_is_displayed_as_it_is_parsed() {
        let arguments = [
            "delay=5",
            "drip=0",
            "status=503",
            "status=429,2",
            "date=-3600",
            "date=3600",
            "age=7",
            "refuse=500",
            "refuse=a=b",
        ];
        for text in arguments.into_iter().chain(PLAIN.iter().map(|(name, _)| *name)) {
            let fault: Fault = text.parse().expect(text);
            assert_eq!(fault.to_string(), text);
            assert_eq!(Some(fault.name()), text.split('=').next());
        }
    }

    #[test]
    fn fault_status_takes_everything_after_the_first_comma_as_retry_after() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let fault = format!("status=503,{date}").parse();
        assert_eq!(fault, Ok(Fault::Status { code: 503, retry_after: Some(date.to_owned()) }));
    }

    #[test]
    fn fault_with_an_unknown_name_is_refused_with_all_names() {
        for name in ["", "rest", "Reset", "none", "delay-5"] {
            let told = refused(name);
            assert!(told.starts_with(&format!("unknown fault {name:?}; valid faults are none, delay=MS, ")));
            assert!(Fault::known().all(|known| told.contains(known)), "{told}");
        }
    }

    #[test]
    fn fault_with_a_wrong_argument_is_refused_with_its_syntax() {
        for text in ["delay", "delay=", "delay=x", "delay=-1", "delay=3600001", "drip=1.5"] {
            assert!(refused(text).ends_with("=MS, milliseconds up to an hour"), "{text}");
        }
        for text in ["status", "status=", "status=99", "status=600", "status=,2", "status=503,1\r\nx: y"] {
            assert!(refused(text).contains("CODE from 200 to 599"), "{text}");
        }
        assert!(refused("age=-1").ends_with("age=SECONDS, a number"));
        for text in ["refuse", "refuse=", "refuse=200"] {
            assert!(refused(text).ends_with("must be refuse=CODE, a code other than 200"), "{text}");
        }
        assert!(refused("refuse=500,501").ends_with("must be refuse=CODE, a code without commas"));
        assert_eq!(refused("close=1"), "the fault close takes no argument");
    }

    #[test]
    fn fault_list_knows_which_commas_separate() {
        let list = |text| Fault::list(text).map(|faults| faults.iter().map(Fault::to_string).collect());
        let date = "status=503,Sun, 06 Nov 1994 08:49:37 GMT";
        let faults = ["reset", "status=429,2", date, "refuse=500", "delay=3"].map(str::to_owned);
        assert_eq!(list(&faults.join(",")), Ok(faults.to_vec()));
        assert!(Fault::list("reset,clsoe").is_err() && Fault::list("reset,").is_err());
        assert!(Fault::list("").is_err());
    }

    #[test]
    fn fault_none_is_a_call_without_a_fault() {
        assert_eq!(Fault::or_none("none"), Ok(None));
        assert_eq!(Fault::or_none("stall"), Ok(Some(Fault::Stall)));
    }

    #[test]
    fn fault_table_of_the_readme_is_complete() {
        let readme = include_str!("../../README.md");
        for form in Fault::known() {
            assert!(readme.contains(&format!("`{form}`")), "{form}");
        }
    }
}
