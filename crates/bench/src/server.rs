//! The server: the platform's reply over TLS, as fast as one thread can send it.
//!
//! `eiot-sim` checks everything and is slower than its clients; measured against it, fast clients look alike. This
//! server only verifies that a request is a signed call, and differs from the last one.

use crate::authority;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustls::{ServerConfig, ServerConnection};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const REQUEST_LINE: &[u8] = b"POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\n";
const REPLY_BODY: &str = r#"{"code":"200","message":"success"}"#;

/// The maximum size of a request.
const MAX_REQUEST_BYTES: usize = 8192;

const LISTENER: u64 = u64::MAX;
const STDIN: u64 = u64::MAX - 1;

/// Serves until standard input closes; each line of input is answered with the number of calls so far.
pub(crate) fn run(ca_path: &str) -> io::Result<()> {
    let (config, ca_pem) = authority::make()?;
    std::fs::write(ca_path, ca_pem)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // A name, as the platform has one: an address of four numbers takes longer to parse.
    println!("https://localhost:{}", listener.local_addr()?.port());

    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&poll, io::stdin(), EventData::new_u64(STDIN), EventFlags::IN)?;
    Server { poll, listener, config, clients: HashMap::new(), answers: Answers::default() }.serve()
}

struct Server {
    poll: OwnedFd,
    listener: TcpListener,
    config: Arc<ServerConfig>,
    clients: HashMap<u64, Client>,
    answers: Answers,
}

impl Server {
    fn serve(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), None)?;
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    STDIN => {
                        let mut line = [0; 64];
                        if io::stdin().read(&mut line)? == 0 {
                            return Ok(());
                        }
                        println!("{}", self.answers.count);
                    }
                    key => {
                        let Some(client) = self.clients.get_mut(&key) else { continue };
                        if let Err(why) = client.serve(&mut self.answers) {
                            if why.kind() == ErrorKind::InvalidData {
                                eprintln!("eiot-bench: {why}");
                            }
                            self.clients.remove(&key);
                        }
                    }
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(why) => return Err(why),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let key = socket.as_raw_fd() as u64;
            epoll::add(&self.poll, &socket, EventData::new_u64(key), EventFlags::IN)?;
            let tls = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
            self.clients.insert(
                key,
                Client { socket, tls, request: Vec::with_capacity(1024), last_sign: Vec::new() },
            );
        }
    }
}

/// The bytes of the reply, whose date changes once per second.
#[derive(Default)]
struct Answers {
    second: u64,
    bytes: Vec<u8>,
    count: u64,
}

impl Answers {
    fn next(&mut self) -> &[u8] {
        self.count += 1;
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second {
            self.second = second;
            let (date, length) = (httpdate::fmt_http_date(now), REPLY_BODY.len());
            self.bytes = format!(
                "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: application/json;charset=utf-8\r\n\
                 Content-Length: {length}\r\n\r\n{REPLY_BODY}"
            )
            .into_bytes();
        }
        &self.bytes
    }
}

struct Client {
    socket: TcpStream,
    tls: ServerConnection,
    /// The part of a request that was received so far.
    request: Vec<u8>,
    /// The last signature: a repeated one is not answered.
    last_sign: Vec<u8>,
}

impl Client {
    /// Reads the available data and answers complete requests.
    fn serve(&mut self, answers: &mut Answers) -> io::Result<()> {
        if self.tls.read_tls(&mut self.socket)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let state = self.tls.process_new_packets().map_err(io::Error::other)?;
        let has_come = state.plaintext_bytes_to_read();
        if has_come > 0 {
            let before = self.request.len();
            self.request.resize(before + has_come, 0);
            let free = self.request.get_mut(before..).unwrap_or_default();
            self.tls.reader().read_exact(free)?;
            if self.is_whole()? {
                self.request.clear();
                self.tls.writer().write_all(answers.next())?;
            }
        }
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Whether the request is complete; an error if it is not a signed call. Clients wait for the reply before they
    /// send the next request, so no data follows it.
    fn is_whole(&mut self) -> io::Result<bool> {
        let bad = |why| Err(io::Error::new(ErrorKind::InvalidData, why));
        let Some(head_end) = find(&self.request, b"\r\n\r\n") else {
            return if self.request.len() < MAX_REQUEST_BYTES { Ok(false) } else { bad("too large") };
        };
        let (head, body) = self.request.split_at(head_end + 4);
        if !head.starts_with(REQUEST_LINE) {
            return bad("not a POST of the call");
        }
        let length = find_header(head, b"content-length:").and_then(|text| text.trim().parse::<usize>().ok());
        match length {
            Some(length) if body.len() < length => return Ok(false),
            Some(length) if body.len() == length => {}
            _ => return bad("the length is not right"),
        }
        for field in [&b"\"appkey\":"[..], b"\"timestamp\":", b"\"nonce\":", b"\"eid\":"] {
            if find(body, field).is_none() {
                return bad("a field is not there");
            }
        }
        let Some(sign) = signature(body) else { return bad("not signed") };
        if sign == self.last_sign {
            return bad("the same signature again");
        }
        self.last_sign.clear();
        self.last_sign.extend_from_slice(sign);
        Ok(true)
    }
}

/// The 40 digits after `"sign":`, which some clients follow with a space.
fn signature(body: &[u8]) -> Option<&[u8]> {
    let place = find(body, b"\"sign\":")? + 7;
    let rest = body.get(place..)?.trim_ascii_start();
    let digits = rest.strip_prefix(b"\"")?.get(..40)?;
    digits.iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte)).then_some(digits)
}

/// The value of a header; names are case-insensitive.
fn find_header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let line = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))?;
    std::str::from_utf8(line.get(name.len()..)?).ok()
}

/// The position of `wanted`.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forty_upper_case_digits_are_a_signature() {
        let signed = |sign: &str| format!("{{\"nonce\":10000,\"sign\": \"{sign}\"}}").into_bytes();
        let good = "963A56BAEBED746F2746E4D9B3B77BE0F2E171E7";
        assert_eq!(signature(&signed(good)), Some(good.as_bytes()));
        for bad in ["", &good[..39], &good.to_lowercase()] {
            assert_eq!(signature(&signed(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let head = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 12\r\n\r\n";
        assert_eq!(find_header(head, b"content-length:").map(str::trim), Some("12"));
    }
}
