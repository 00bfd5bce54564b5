//! One connection: read a request, decide, write the answer, and so on.

use crate::answer::{Answer, Refusal, now, reply};
use crate::http::{NoRequest, Reader};
use crate::platform::Platform;
use std::io::{self, Read, Write};
use std::net::IpAddr;

/// Serves a connection until its client or the idle time-out ends it.
pub(crate) fn serve(platform: &Platform, mut stream: impl Read + Write, from: IpAddr) -> io::Result<()> {
    let mut reader = Reader::new();
    loop {
        let request = match reader.next(&mut stream) {
            Ok(request) => request,
            Err(NoRequest::Ended) => return Ok(()),
            Err(NoRequest::Refused(status)) => {
                platform.note_malformed();
                return stream.write_all(&reply(status, "", now(&platform.options)));
            }
        };
        let answer = if request.method == "GET" && request.path == "/sim/counters" {
            counters(platform)
        } else {
            let answer = platform.answer(&request, from);
            std::thread::sleep(platform.options.latency);
            if let Some(tell) = platform.options.on_call {
                tell(&format!("{from} {} {}: {}", request.method, request.path, told(&answer)));
            }
            answer.to_http(&platform.options)
        };
        // In one write, so that a reply is one packet.
        stream.write_all(&answer)?;
        if request.last {
            return Ok(());
        }
    }
}

fn counters(platform: &Platform) -> Vec<u8> {
    match serde_json::to_string(&platform.counters()) {
        Ok(body) => reply(200, &body, now(&platform.options)),
        Err(_) => Refusal::NoSuchCall.because("the counters cannot be shown").to_http(&platform.options),
    }
}

fn told(answer: &Answer) -> String {
    format!("{} {}", answer.code, answer.message)
}
