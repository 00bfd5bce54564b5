//! A line to a server that is far away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Forwards connections to a port, each direction later by `delay`; returns its own port. Counts what is sent to the port.
pub fn distant(port: u16, delay: Duration, requests: &Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = listener.local_addr().expect("bound").port();
    let requests = requests.clone();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
            for (from, to, count) in [(&near, &far, requests.clone()), (&far, &near, Arc::default())] {
                let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                std::thread::spawn(move || forward(from, to, delay, &count));
            }
        }
    });
    own
}

/// Requests and replies take turns, so a pause before each is a delay.
fn forward(mut from: TcpStream, mut to: TcpStream, delay: Duration, count: &AtomicU32) {
    let mut bytes = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        count.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(delay);
        if to.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}
