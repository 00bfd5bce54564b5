//! Sends a reply, or a part of it, on a socket.

use crate::faults::delivery::{Delivery, End, Sent};
use crate::faults::reply::JSON_BEGIN;
use crate::stop::Stop;
use crate::stream::Connection;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

/// The length of an endless body.
const ENDLESS_BYTES: usize = 64 * 1024 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;

/// Sends what goes out, and ends the connection as the delivery says.
pub(crate) fn send(delivery: &Delivery, stream: &mut impl Connection, stop: &Stop) -> io::Result<End> {
    if !delivery.after.is_zero() {
        stop.sleep(delivery.after)?;
    }
    let bytes = delivery.bytes();
    if delivery.pause.is_zero() {
        // One write, so that a reply is one packet.
        write(stream, &bytes)?;
    } else {
        for byte in bytes.chunks(1) {
            write(stream, byte)?;
            stop.sleep(delivery.pause)?;
        }
    }
    if delivery.sent == Sent::Endless {
        write_endless_body(stream)?;
    }
    match delivery.end {
        End::Hold => hold(stream),
        // With SO_LINGER of zero, closing the socket discards unsent data and sends RST.
        End::Reset => SockRef::from(stream.socket()).set_linger(Some(Duration::ZERO))?,
        End::KeepAlive | End::Close => {}
    }
    Ok(delivery.end)
}

fn write(stream: &mut impl Connection, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Waits until the client disconnects or the simulator stops, which shuts the socket down.
fn hold(stream: &impl Connection) {
    // Discards what the client sends, below TLS.
    let mut socket = stream.socket();
    let mut discarded = [0; 4096];
    loop {
        match socket.read(&mut discarded) {
            Ok(0) => return,
            Ok(_) => {}
            // The read timeout is for idle connections, and this one is not idle.
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return,
            },
        }
    }
}

fn write_endless_body(stream: &mut impl Connection) -> io::Result<()> {
    let mut chunk = format!("{:x}\r\n", JSON_BEGIN.len()).into_bytes();
    chunk.extend_from_slice(JSON_BEGIN);
    write(stream, &chunk)?;
    chunk = format!("\r\n{CHUNK_BYTES:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + CHUNK_BYTES, b'a');
    for _ in 0..ENDLESS_BYTES / CHUNK_BYTES {
        write(stream, &chunk)?;
    }
    Ok(())
}
