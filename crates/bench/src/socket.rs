//! The limit: the signed call on bare TLS sockets, with no HTTP library, timeouts or error handling.

use crate::signed::{Requests, tls_config};
use crate::turns::{self, EID, Failure, eid_number, variable};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Sequential calls on a blocking socket.
pub(crate) fn single() -> Result<(), Failure> {
    let mut platform = Platform::from_environment()?;
    let mut socket = platform.connect()?;
    let mut call = move || -> Result<(), Failure> {
        socket.send(&platform.request(EID)?)?;
        while !socket.receive()? {}
        Ok(())
    };
    call()?;
    turns::take(|calls| (0..calls).try_for_each(|_| call()))
}

/// Many calls in flight, on as many sockets and one thread.
pub(crate) fn batch(in_flight: usize) -> Result<(), Failure> {
    let mut platform = Platform::from_environment()?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::new();
    for index in 0..in_flight {
        let mut socket = platform.connect()?;
        socket.send(&platform.request(EID)?)?;
        while !socket.receive()? {}
        socket.stream.set_nonblocking(true)?;
        epoll::add(&poll, &socket.stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        sockets.push(socket);
    }
    let mut events = Vec::with_capacity(in_flight);
    let mut next_card = 0;
    turns::take(|calls| {
        let (mut sent, mut back) = (0, 0);
        let mut send = |socket: &mut Socket| -> Result<(), Failure> {
            if sent < calls {
                sent += 1;
                next_card += 1;
                socket.send(&platform.request(&eid_number(next_card))?)?;
            }
            Ok(())
        };
        sockets.iter_mut().try_for_each(&mut send)?;
        while back < calls {
            events.clear();
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None)?;
            for event in &events {
                let Some(socket) = sockets.get_mut(event.data.u64() as usize) else { continue };
                if socket.receive()? {
                    back += 1;
                    send(socket)?;
                }
            }
        }
        Ok(())
    })
}

/// The server's address, and the signer.
struct Platform {
    tls: Arc<ClientConfig>,
    host: String,
    head: String,
    requests: Requests,
}

impl Platform {
    fn from_environment() -> Result<Self, Failure> {
        let url = variable("EIOT_BASE_URL")?;
        let host = url.strip_prefix("https://").ok_or("EIOT_BASE_URL is not https")?.to_owned();
        let head = format!(
            "POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/json;charset=utf-8\r\nAccept: application/json\r\nContent-Length: "
        );
        Ok(Self { tls: Arc::new(tls_config()?), host, head, requests: Requests::from_environment()? })
    }

    fn connect(&self) -> Result<Socket, Failure> {
        let stream = TcpStream::connect(&self.host)?;
        stream.set_nodelay(true)?;
        let name = self.host.split(':').next().unwrap_or_default().to_owned();
        let tls = ClientConnection::new(self.tls.clone(), ServerName::try_from(name)?)?;
        Ok(Socket { stream, tls, reply: Vec::with_capacity(1024) })
    }

    /// A request with a fresh timestamp, nonce and signature.
    fn request(&mut self, eid: &str) -> Result<Vec<u8>, Failure> {
        let body = self.requests.next_body(eid)?;
        let mut request = Vec::with_capacity(512);
        write!(request, "{}{}\r\n\r\n", self.head, body.len())?;
        request.extend_from_slice(&body);
        Ok(request)
    }
}

struct Socket {
    stream: TcpStream,
    tls: ClientConnection,
    reply: Vec<u8>,
}

impl Socket {
    fn send(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.tls.writer().write_all(request)?;
        // The handshake, which starts with the first request, takes several round trips.
        while self.tls.is_handshaking() {
            self.tls.complete_io(&mut self.stream)?;
        }
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    /// Reads the available data; returns true when the reply is complete and a success.
    fn receive(&mut self) -> Result<bool, Failure> {
        match self.tls.read_tls(&mut self.stream) {
            Ok(0) => return Err("the server closed the connection".into()),
            Err(why) if why.kind() == ErrorKind::WouldBlock => return Ok(false),
            read => read?,
        };
        let has_come = self.tls.process_new_packets()?.plaintext_bytes_to_read();
        let before = self.reply.len();
        self.reply.resize(before + has_come, 0);
        self.tls.reader().read_exact(self.reply.get_mut(before..).unwrap_or_default())?;
        let text = std::str::from_utf8(&self.reply)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(false) };
        let length = head.split_once("Content-Length: ").and_then(|(_, rest)| rest.lines().next());
        if body.len() < length.ok_or("no length")?.parse::<usize>()? {
            return Ok(false);
        }
        if !head.starts_with("HTTP/1.1 200 ") || !body.contains("\"code\":\"200\"") {
            return Err(text.into());
        }
        self.reply.clear();
        Ok(true)
    }
}
