//! Makes signed calls by hand, and reads the replies byte by byte.

use eiot_sim::{Faults, Options, Simulator};
use sha1::{Digest, Sha1};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) const FAR: Duration = Duration::from_secs(10);

pub(crate) fn start(faults: Faults) -> Simulator {
    Simulator::start(Options { faults, ..Options::default() }).expect("a free port")
}

/// A simulator with this plan.
pub(crate) fn with(plan: &[&str]) -> Simulator {
    start(Faults::in_order(plan.iter().map(|text| eiot_sim::Fault::or_none(text).expect("a fault"))))
}

pub(crate) fn connect(simulator: &Simulator) -> TcpStream {
    let (_, address) = simulator.url().split_once("://").expect("a URL");
    let stream = TcpStream::connect(address).expect("the simulator listens");
    stream.set_read_timeout(Some(FAR)).expect("a timeout");
    stream
}

/// A valid call, on a connection that is to be kept alive.
pub(crate) fn call(eid: &str) -> Vec<u8> {
    static NONCE: AtomicU32 = AtomicU32::new(10_000);
    let nonce = NONCE.fetch_add(1, Ordering::Relaxed);
    let timestamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let signed =
        format!("appkey=demo-appkey&eid={eid}&nonce={nonce}&timestamp={timestamp}&secret=demo-secret");
    let body = serde_json::json!({
        "appkey": "demo-appkey", "eid": eid, "nonce": nonce, "timestamp": timestamp,
        "sign": hex::encode_upper(Sha1::digest(signed)),
    })
    .to_string();
    let length = body.len();
    format!(
        "POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The bytes that were received, and how the connection ended.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// `None` for an orderly end.
    pub(crate) error: Option<ErrorKind>,
}

impl Heard {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn is_silence(&self) -> bool {
        matches!(self.error, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }
}

/// Reads until the end, an error, or the stream's timeout.
pub(crate) fn listen(stream: &mut impl Read) -> Heard {
    let mut heard = Heard { bytes: Vec::new(), error: None };
    let mut buffer = [0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return heard,
            Ok(count) => heard.bytes.extend_from_slice(&buffer[..count]),
            Err(error) => {
                heard.error = Some(error.kind());
                return heard;
            }
        }
    }
}

/// One reply with a Content-Length, as head and body.
pub(crate) fn reply(stream: &mut impl Read) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more of the head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text");
    let mut body = vec![0; header(&head, "Content-Length").expect("a length").parse().expect("a number")];
    stream.read_exact(&mut body).expect("more of the body");
    (head, body)
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Makes one call on this connection, and returns its reply.
pub(crate) fn ask(stream: &mut (impl Read + Write), eid: &str) -> (String, String) {
    stream.write_all(&call(eid)).expect("sent");
    let (head, body) = reply(stream);
    (head, String::from_utf8(body).expect("text"))
}
