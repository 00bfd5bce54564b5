//! Serves one connection: reads a request, decides, writes the reply, and so on.

use crate::answer::Refusal;
use crate::clock::Now;
use crate::faults::delivery::End;
use crate::http::{HttpRequest, NoRequest, Reader};
use crate::platform::Platform;
use crate::reply::Reply;
use crate::send::send;
use crate::stop::Stop;
use crate::stream::Connection;
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
                stream.write_all(&platform.malformed(status, Now::of_machine()).to_bytes())?;
                return Ok(End::Close);
            }
        };
        if request.method == "GET" && request.path == "/sim/counters" {
            stream.write_all(&counters(platform).to_bytes())?;
        } else {
            match answer(platform, stop, stream, &request, from)? {
                End::KeepAlive => {}
                // After a hold, the client has disconnected.
                end => return Ok(end),
            }
        }
        if request.last {
            return Ok(End::Close);
        }
    }
}

fn answer(
    platform: &Platform,
    stop: &Stop,
    stream: &mut impl Connection,
    request: &HttpRequest,
    from: IpAddr,
) -> io::Result<End> {
    let exchange = platform.exchange(request, from, Now::of_machine());
    if let Some(on_call) = platform.options().on_call {
        on_call(&format!("{from} {} {}: {}", request.method, request.path, exchange.logged()));
    }
    send(&exchange.delivery, stream, stop)
}

fn counters(platform: &Platform) -> Reply {
    let format = platform.reply_format(Now::of_machine().wall);
    match serde_json::to_string(&platform.counters()) {
        Ok(body) => Reply::json(200, body, format.date),
        Err(_) => Refusal::NoSuchCall.because("the counters cannot be serialized").reply(&format),
    }
}
