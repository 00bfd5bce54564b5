//! One connection: read a request, decide, write the answer, and so on.

use crate::answer::{Refusal, now};
use crate::fault::Fault;
use crate::fault_delivery::deliver;
use crate::fault_reply::{altered, in_place_of_the_platform};
use crate::http::{HttpRequest, NoRequest, Reader};
use crate::platform::Platform;
use crate::reply::Reply;
use crate::stop::Stop;
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};

/// A connection, with or without TLS.
pub(crate) trait Connection: Read + Write {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// In an orderly way.
    Goodbye,
    /// With a reset, as soon as the socket is closed.
    Reset,
}

/// Serves a connection until its client, the idle timeout or a fault ends it.
pub(crate) fn serve(
    platform: &Platform,
    stop: &Stop,
    stream: &mut impl Connection,
    from: IpAddr,
) -> io::Result<End> {
    let mut reader = Reader::new();
    loop {
        let request = match reader.next(stream) {
            Ok(request) => request,
            Err(NoRequest::Ended) => return Ok(End::Goodbye),
            Err(NoRequest::Refused(status)) => {
                platform.note_malformed();
                stream.write_all(&Reply::json(status, "", now(&platform.options)).to_bytes())?;
                return Ok(End::Goodbye);
            }
        };
        if let Some(fault) = platform.fault(&request) {
            let reply = reply_with_fault(fault, platform, &request, from);
            if let Some(end) = deliver(fault, &reply, stream, stop)? {
                return Ok(end);
            }
        } else {
            // In one write, so that a reply is one packet.
            stream.write_all(&reply(platform, &request, from).to_bytes())?;
        }
        if request.last {
            return Ok(End::Goodbye);
        }
    }
}

fn reply(platform: &Platform, request: &HttpRequest, from: IpAddr) -> Reply {
    let options = &platform.options;
    if request.method == "GET" && request.path == "/sim/counters" {
        return counters(platform);
    }
    let answer = platform.answer(request, from, None);
    std::thread::sleep(options.latency);
    tell(platform, request, from, || answer.logged());
    answer.reply(options, options.integer_codes)
}

fn reply_with_fault(fault: &Fault, platform: &Platform, request: &HttpRequest, from: IpAddr) -> Reply {
    let options = &platform.options;
    if fault.replaces_the_platform() {
        platform.note_replaced(request);
        std::thread::sleep(options.latency);
        tell(platform, request, from, || format!("the fault {fault} instead of an answer"));
        return in_place_of_the_platform(fault, options);
    }
    let answer = platform.answer(request, from, fault.refusal());
    std::thread::sleep(options.latency);
    tell(platform, request, from, || format!("{}, with the fault {fault}", answer.logged()));
    altered(fault, answer, options)
}

fn counters(platform: &Platform) -> Reply {
    let options = &platform.options;
    match serde_json::to_string(&platform.counters()) {
        Ok(body) => Reply::json(200, body, now(options)),
        Err(_) => Refusal::NoSuchCall.because("the counters cannot be shown").reply(options, false),
    }
}

fn tell(platform: &Platform, request: &HttpRequest, from: IpAddr, what: impl FnOnce() -> String) {
    if let Some(tell) = platform.options.on_call {
        tell(&format!("{from} {} {}: {}", request.method, request.path, what()));
    }
}
