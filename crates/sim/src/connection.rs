//! Serves one connection: reads a request, decides, writes the reply, and so on.

use crate::answer::Refusal;
use crate::faults::Fault;
use crate::faults::delivery::deliver;
use crate::faults::reply::{altered, replacement};
use crate::http::{HttpRequest, NoRequest, Reader};
use crate::platform::Platform;
use crate::reply::Reply;
use crate::stop::Stop;
use crate::stream::{Connection, End};
use std::io;
use std::net::IpAddr;

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
            Err(NoRequest::Ended) => return Ok(End::Close),
            Err(NoRequest::Refused(status)) => {
                platform.count_malformed();
                stream.write_all(&Reply::json(status, "", platform.options.now()).to_bytes())?;
                return Ok(End::Close);
            }
        };
        if let Some(fault) = platform.fault(&request) {
            let reply = reply_with_fault(fault, platform, &request, from);
            if let Some(end) = deliver(fault, &reply, stream, stop)? {
                return Ok(end);
            }
        } else {
            // One write, so that a reply is one packet.
            stream.write_all(&reply(platform, &request, from).to_bytes())?;
        }
        if request.last {
            return Ok(End::Close);
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
    log(platform, request, from, || answer.logged());
    answer.reply(&options.reply_format())
}

fn reply_with_fault(fault: &Fault, platform: &Platform, request: &HttpRequest, from: IpAddr) -> Reply {
    let options = &platform.options;
    if fault.replaces_the_platform() {
        platform.count_replaced(request);
        std::thread::sleep(options.latency);
        log(platform, request, from, || format!("fault {fault} instead of an answer"));
        return replacement(fault, options.now());
    }
    let answer = platform.answer(request, from, fault.refusal());
    std::thread::sleep(options.latency);
    log(platform, request, from, || format!("{}, with fault {fault}", answer.logged()));
    altered(fault, answer, options.reply_format())
}

fn counters(platform: &Platform) -> Reply {
    let options = &platform.options;
    match serde_json::to_string(&platform.counters()) {
        Ok(body) => Reply::json(200, body, options.now()),
        Err(_) => {
            Refusal::NoSuchCall.because("the counters cannot be serialized").reply(&options.reply_format())
        }
    }
}

fn log(platform: &Platform, request: &HttpRequest, from: IpAddr, outcome: impl FnOnce() -> String) {
    if let Some(on_call) = platform.options.on_call {
        on_call(&format!("{from} {} {}: {}", request.method, request.path, outcome()));
    }
}
