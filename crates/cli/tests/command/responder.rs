//! A server that sends prepared replies and records requests.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The reply in the owner's document.
pub(crate) const SUCCESS: &str = r#"{"code": "200", "message": "success"}"#;

/// Listens on loopback until the test process ends.
pub(crate) struct Responder {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// The requests that were received.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Responder {
    /// Answers each request with the next of these; the last one repeats.
    pub(crate) fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (remembered, replies) = (requests.clone(), replies.to_vec());
        thread::spawn(move || {
            for connection in listener.incoming() {
                serve(connection.expect("a connection"), &remembered, &replies);
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

/// An HTTP reply.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u64,
    pub(crate) header: &'static str,
    pub(crate) body: String,
}

/// HTTP 200 with this body.
pub(crate) fn ok(body: &str) -> Reply {
    Reply { status: 200, header: "", body: body.to_owned() }
}

/// Serves one request per connection.
fn serve(connection: TcpStream, requests: &Mutex<Vec<Request>>, replies: &[Reply]) {
    let mut reader = BufReader::new(&connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).expect("a request") == 0 {
            return;
        }
    }
    let length = head.to_lowercase();
    // A GET has neither length nor body.
    let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().expect("a number")];
    reader.read_exact(&mut body).expect("a body");
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };

    let mut requests = requests.lock().expect("not poisoned");
    let reply = replies.get(requests.len()).or(replies.last()).expect("a reply");
    requests.push(Request { head, body });
    drop(requests);
    let Reply { status, header, body } = reply;
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} X\r\n{header}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    // The client may have disconnected; the test decides whether that is correct.
    let _ = (&connection).write_all(text.as_bytes());
}

/// A server that must not be called: it never answers, and records connections.
pub(crate) struct Untouched(TcpListener);

impl Untouched {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.local_addr().expect("bound").port())
    }

    /// Asserts that there was no connection.
    pub(crate) fn check(&self) {
        assert!(self.0.accept().is_err(), "something was sent");
    }
}
