//! The schedule of an account in Redis, shared by all its machines.
//!
//! It needs four commands and five types of replies of the protocol (RESP2). A connection does not belong to an event
//! loop: each call registers it with its own event loop while it uses it.

use super::redis_clock::RedisClock;
use super::redis_url::RedisUrl;
use super::resp::{MAX_REPLY, Value, accepted, command};
use super::schedule::Spacing;
use crate::error::{Error, ErrorKind};
use crate::locked::locked;
use crate::signing::Walk;
use crate::system;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use sha1::{Digest, Sha1};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The script that updates the schedule.
const SCRIPT: &str = include_str!("account.lua");

/// The maximum number of idle connections.
const MAX_IDLE: usize = 8;

/// The maximum number of commands that are kept for the next call.
const MAX_UNSENT: usize = 64;

/// The maximum wait for a reply, besides the deadline of the call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis and an account in it.
pub(crate) struct Redis {
    url: RedisUrl,
    tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    /// The prefix of all keys. In a cluster, the part in braces places them on one node.
    prefix: String,
    script_hash: String,
    idle: Mutex<Vec<Connection>>,
    /// Commands that no connection was available for: the next call sends them along.
    unsent: Mutex<Vec<Vec<u8>>>,
    clock: Mutex<RedisClock>,
}

/// The script's reply to a reservation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The call may be made after this wait, at this time of the Redis's clock.
    Permit { after: Duration, at: u64, position: u64, seed: u64 },
    /// No permit is available before the call's deadline.
    Wait(Duration),
    /// The card was refreshed recently.
    Cooldown(Duration),
}

/// The request of a call.
pub(super) struct Reservation<'a> {
    pub(super) interval: Option<Duration>,
    /// Fails unless the permit is due sooner than this.
    pub(super) patience: Duration,
    /// The permit is due in this time or later.
    pub(super) ahead: Duration,
    pub(super) max_ahead: Duration,
    /// The card, and its cooldown from now on.
    pub(super) card: Option<(&'a str, Duration)>,
    /// Identifies this refresh of the card.
    pub(super) token: u64,
}

impl Redis {
    /// Connects to nothing yet. `key` identifies the account.
    pub(crate) fn new(url: RedisUrl, tls: Option<rustls::ClientConfig>, key: &str) -> Result<Self, String> {
        let tls = match tls {
            None => None,
            Some(config) => {
                let name = ServerName::try_from(url.host.clone());
                let wrong = |_| format!("{:?} is not a host name", url.host);
                Some((Arc::new(config), name.map_err(wrong)?))
            }
        };
        Ok(Self {
            url,
            tls,
            prefix: format!("eiot:{{{}}}", hex::encode(Sha1::digest(key))),
            script_hash: hex::encode(Sha1::digest(SCRIPT)),
            idle: Mutex::default(),
            unsent: Mutex::default(),
            clock: Mutex::default(),
        })
    }

    /// The host with its port, for messages.
    pub(super) fn name(&self) -> String {
        self.url.host_and_port()
    }

    /// Requests a permit.
    pub(super) async fn reserve(
        &self,
        deadline: Instant,
        known: Walk,
        wanted: &Reservation<'_>,
    ) -> Result<Answer, Error> {
        let (card, cooldown) = wanted.card.unwrap_or(("", Duration::ZERO));
        let arguments = [
            wanted.interval.map_or(0, microseconds),
            microseconds(wanted.patience).max(1),
            microseconds(wanted.max_ahead),
            u64::try_from(cooldown.as_millis()).unwrap_or(u64::MAX),
            wanted.token,
            microseconds(Spacing::MAX_LATE),
            microseconds(wanted.ahead.max(self.travel()).min(wanted.patience / 2)),
        ];
        let reply = self.run(deadline, card, "reserve", known, &arguments).await?;
        Answer::read(&reply).ok_or_else(|| self.failed(&"its response is invalid"))
    }

    /// How long replies take, unless that makes no permit late.
    fn travel(&self) -> Duration {
        Some(locked(&self.clock).travel()).filter(|travel| *travel > Spacing::MAX_LATE).unwrap_or_default()
    }

    /// When a permit that was just received is due; `asked` is when it was requested.
    pub(super) fn due(&self, asked: Instant, after: Duration, at: u64) -> Instant {
        locked(&self.clock).read(at.saturating_sub(microseconds(after)), asked, system::now()) + after
    }

    /// Pauses all calls of the account.
    pub(super) async fn pause(&self, deadline: Instant, known: Walk, pause: Duration) -> Result<(), Error> {
        self.run(deadline, "", "pause", known, &[microseconds(pause)]).await.map(drop)
    }

    /// Releases a permit without waiting: if the Redis cannot be told immediately, the permit is lost.
    pub(super) fn release(&self, known: Walk, interval: Option<Duration>, at: u64, position: u64) {
        self.send_without_reply("", "release", known, &[interval.map_or(0, microseconds), at, position]);
    }

    /// Ends the cooldown of a card that was not refreshed, unless another client has started it. Does not wait.
    pub(super) fn end_cooldown(&self, known: Walk, card: &str, token: u64) {
        self.send_without_reply(card, "end-cooldown", known, &[token]);
    }

    async fn run(
        &self,
        deadline: Instant,
        card: &str,
        step: &str,
        known: Walk,
        arguments: &[u64],
    ) -> Result<Vec<Value>, Error> {
        let arguments = [&[known.seed, known.position], arguments].concat();
        let deadline = deadline.min(system::now() + TIMEOUT);
        let answer = system::timeout_at(deadline, self.exchange(card, step, &arguments)).await;
        match answer {
            None => Err(self.failed(&"no response in time")),
            Some(Err(why)) => Err(self.failed(&why)),
            Some(Ok(Value::List(values))) => Ok(values),
            Some(Ok(Value::Refusal(text))) => Err(self.failed(&text)),
            Some(Ok(_)) => Err(self.failed(&"its response is invalid")),
        }
    }

    async fn exchange(&self, card: &str, step: &str, arguments: &[u64]) -> io::Result<Value> {
        #[cfg(feature = "simulation")]
        if system::is_simulated() {
            let reply = system::ask_redis(self.name(), self.command(false, card, step, arguments)).await?;
            return Value::read(&mut reply.as_slice(), 0)?
                .ok_or_else(|| io::Error::other("the reply is incomplete"));
        }
        // An idle connection may have been closed since; a new one reveals the actual problem.
        let idle = self.idle().pop();
        if let Some(connection) = idle {
            if let Ok(answer) = self.evaluate(connection, card, step, arguments).await {
                return Ok(answer);
            }
            self.idle().clear();
        }
        let connection = self.connect().await?;
        self.evaluate(connection, card, step, arguments).await
    }

    async fn evaluate(
        &self,
        connection: Connection,
        card: &str,
        step: &str,
        arguments: &[u64],
    ) -> io::Result<Value> {
        let mut live = Live::new(connection)?;
        let unsent = std::mem::take(&mut *self.unsent());
        for unsent in unsent {
            live.send(&unsent).await?;
            live.owed += 1;
        }
        let mut answer = live.ask(&self.command(true, card, step, arguments)).await?;
        if matches!(&answer, Value::Refusal(text) if text.starts_with("NOSCRIPT")) {
            answer = live.ask(&self.command(false, card, step, arguments)).await?;
        }
        let connection = live.rest()?;
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(answer)
    }

    async fn connect(&self) -> io::Result<Connection> {
        let tcp = TcpStream::connect((self.url.host.as_str(), self.url.port)).await?;
        tcp.set_nodelay(true)?;
        let tls = match &self.tls {
            None => None,
            Some((config, name)) => {
                let tls = ClientConnection::new(config.clone(), name.clone());
                Some(Box::new(tls.map_err(io::Error::other)?))
            }
        };
        let mut live = Live { tcp, tls, owed: 0, received: Vec::new() };
        if let Some(password) = self.url.password() {
            let mut words = vec!["AUTH"];
            words.extend(self.url.user.as_deref());
            words.push(password);
            accepted(live.ask(&command(&words)).await?)?;
        }
        if self.url.password().is_none() {
            // The error of a plain command is clearer to an unauthenticated client than that of a script.
            accepted(live.ask(&command(&["PING"])).await?)?;
        }
        if self.url.database != 0 {
            accepted(live.ask(&command(&["SELECT", &self.url.database.to_string()])).await?)?;
        }
        live.rest()
    }

    fn command(&self, by_hash: bool, card: &str, step: &str, arguments: &[u64]) -> Vec<u8> {
        let keys = ["account", "released", "card:"].map(|name| format!("{}:{name}", self.prefix));
        let card = match &keys {
            [.., cards] => format!("{cards}{card}"),
        };
        let numbers: Vec<String> = arguments.iter().map(u64::to_string).collect();
        let (evaluate, script) =
            if by_hash { ("EVALSHA", self.script_hash.as_str()) } else { ("EVAL", SCRIPT) };
        let [account, released, _] = &keys;
        let mut words = vec![evaluate, script, "3", account, released, &card, step];
        words.extend(numbers.iter().map(String::as_str));
        command(&words)
    }

    /// Sends a command without waiting for its reply, which the next call on the connection skips.
    fn send_without_reply(&self, card: &str, step: &str, known: Walk, arguments: &[u64]) {
        let arguments = [&[known.seed, known.position], arguments].concat();
        let mut bytes = self.command(false, card, step, &arguments);
        #[cfg(feature = "simulation")]
        if system::tell_redis(&self.name(), &bytes) {
            return;
        }
        let connection = self.idle().pop();
        let Some(mut connection) = connection else {
            let mut unsent = self.unsent();
            if unsent.len() < MAX_UNSENT {
                unsent.push(bytes);
            }
            return;
        };
        if let Some(tls) = &mut connection.tls {
            let mut sealed = Vec::new();
            if tls.writer().write_all(&bytes).is_err() {
                return;
            }
            while tls.wants_write() && tls.write_tls(&mut sealed).is_ok() {}
            bytes = sealed;
        }
        // If the socket's buffer does not take everything, the connection is dropped.
        if connection.tcp.write_all(&bytes).is_ok() {
            connection.owed += 1;
            self.idle().push(connection);
        }
    }

    fn unsent(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        locked(&self.unsent)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A panic cannot leave this half done.
        locked(&self.idle)
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        let text = format!(
            "rate limit: the shared Redis at {} cannot be used: {why}; nothing was sent",
            self.name()
        );
        Error::new(ErrorKind::Connect, text)
    }
}

impl Answer {
    fn read(values: &[Value]) -> Option<Self> {
        let number = |place: usize| match values.get(place) {
            Some(Value::Number(number)) => u64::try_from(*number).ok(),
            Some(Value::Text(text)) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        };
        match values.first() {
            Some(Value::Text(word)) if word == b"permit" => Some(Self::Permit {
                after: Duration::from_micros(number(1)?),
                at: number(2)?,
                position: number(3)?,
                seed: number(4)?,
            }),
            Some(Value::Text(word)) if word == b"wait" => Some(Self::Wait(Duration::from_micros(number(1)?))),
            Some(Value::Text(word)) if word == b"cooldown" => {
                Some(Self::Cooldown(Duration::from_millis(number(1)?)))
            }
            _ => None,
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    // Lua integers are exact up to 2^53.
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(1 << 50)
}

/// A connection that is not registered with an event loop.
struct Connection {
    tcp: std::net::TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Outstanding replies that are to be skipped.
    owed: usize,
}

/// A connection in use.
struct Live {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    owed: usize,
    received: Vec<u8>,
}

impl Live {
    fn new(connection: Connection) -> io::Result<Self> {
        let Connection { tcp, tls, owed } = connection;
        Ok(Self { tcp: TcpStream::from_std(tcp)?, tls, owed, received: Vec::new() })
    }

    /// Unexpected extra data could be mistaken for the next reply.
    fn rest(self) -> io::Result<Connection> {
        if !self.received.is_empty() {
            return Err(io::Error::other("the response has extra data"));
        }
        Ok(Connection { tcp: self.tcp.into_std()?, tls: self.tls, owed: self.owed })
    }

    /// Sends one command and reads its reply.
    async fn ask(&mut self, command: &[u8]) -> io::Result<Value> {
        self.send(command).await?;
        loop {
            let mut unread = self.received.as_slice();
            if let Some(value) = Value::read(&mut unread, 0)? {
                let used = self.received.len() - unread.len();
                self.received.drain(..used);
                match self.owed.checked_sub(1) {
                    None => return Ok(value),
                    Some(left) => self.owed = left,
                }
                continue;
            }
            if self.received.len() > MAX_REPLY {
                return Err(io::Error::other("the response is too long"));
            }
            self.receive().await?;
            self.flush().await?;
        }
    }

    async fn send(&mut self, command: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.tcp.write_all(command).await,
            Some(tls) => {
                tls.writer().write_all(command)?;
                self.flush().await
            }
        }
    }

    /// Sends the pending TLS data.
    async fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            let mut sealed = Vec::new();
            tls.write_tls(&mut sealed)?;
            self.tcp.write_all(&sealed).await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let count = self.tcp.read(&mut buffer).await?;
        let mut came = buffer.get(..count).unwrap_or_default();
        if came.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
        }
        let Some(tls) = &mut self.tls else {
            self.received.extend_from_slice(came);
            return Ok(());
        };
        while !came.is_empty() {
            tls.read_tls(&mut came)?;
            tls.process_new_packets().map_err(io::Error::other)?;
            let mut plain = [0; 4096];
            loop {
                match tls.reader().read(&mut plain) {
                    Ok(0) => break,
                    Ok(count) => self.received.extend_from_slice(plain.get(..count).unwrap_or_default()),
                    Err(why) if why.kind() == io::ErrorKind::WouldBlock => break,
                    Err(why) => return Err(why),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_replies_are_parsed_only_when_complete() {
        let bytes = b"*5\r\n$6\r\npermit\r\n:105263\r\n:1790000000000000\r\n:7\r\n$2\r\n42\r\n";
        for end in 0..bytes.len() {
            assert_eq!(Value::read(&mut &bytes[..end], 0).expect("no mistake"), None, "{end}");
        }
        let mut whole = &bytes[..];
        let Some(Value::List(values)) = Value::read(&mut whole, 0).expect("a reply") else {
            panic!("no list")
        };
        assert!(whole.is_empty());
        let after = Duration::from_micros(105_263);
        let permit = Answer::Permit { after, at: 1_790_000_000_000_000, position: 7, seed: 42 };
        assert_eq!(Answer::read(&values), Some(permit));
    }
}
