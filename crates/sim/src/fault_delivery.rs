//! How a reply with a fault reaches the client, or does not.

use crate::connection::{Connection, End};
use crate::fault::Fault;
use crate::fault_reply::JSON_BEGIN;
use crate::reply::Reply;
use crate::stop::Stop;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

/// What `garbage` sends.
const GARBAGE: &[u8] = b"\x15\x03\x01 this is not HTTP\r\n\r\n";

/// How long `endless` is, after all.
const ENDLESS_BYTES: usize = 64 * 1024 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;

/// Sends as much of the reply as the fault lets through. `None`: the connection can be used again.
pub(crate) fn deliver(
    fault: &Fault,
    reply: &Reply,
    stream: &mut impl Connection,
    stop: &Stop,
) -> io::Result<Option<End>> {
    let bytes = reply.to_bytes();
    let head = bytes.len() - reply.body.len();
    let until = |end: usize| bytes.get(..end).unwrap_or_default();
    let part = match fault {
        Fault::Stall | Fault::Close | Fault::Reset => &[],
        Fault::StallHeaders | Fault::ResetHeaders => until(head / 2),
        Fault::StallBody | Fault::ResetBody => until(head + reply.body.len() / 2),
        Fault::Garbage => GARBAGE,
        _ => &bytes,
    };
    match fault {
        Fault::Drip(time) => {
            for byte in part.chunks(1) {
                send(stream, byte)?;
                stop.sleep(*time)?;
            }
        }
        Fault::Delay(time) => {
            stop.sleep(*time)?;
            send(stream, part)?;
        }
        _ => send(stream, part)?,
    }
    match fault {
        Fault::Stall | Fault::StallHeaders | Fault::StallBody => hold(stream),
        Fault::Reset | Fault::ResetHeaders | Fault::ResetBody | Fault::ResetAfter => {
            return reset(stream).map(Some);
        }
        Fault::Close | Fault::CloseAfter | Fault::Garbage => {}
        Fault::Endless => go_on_and_on(stream)?,
        _ => return Ok(None),
    }
    Ok(Some(End::Goodbye))
}

fn send(stream: &mut impl Connection, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Waits until the client goes away or the simulator ends, which shuts the socket down.
fn hold(stream: &impl Connection) {
    // What the client may still say is taken and forgotten, below TLS too.
    let mut socket = stream.socket();
    let mut heard = [0; 4096];
    loop {
        match socket.read(&mut heard) {
            Ok(0) => return,
            Ok(_) => {}
            // Its read timeout is that of idle connections, which this one is not.
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return,
            },
        }
    }
}

/// Makes the end of this connection a reset: without lingering, closing it throws away what is not sent.
fn reset(stream: &impl Connection) -> io::Result<End> {
    SockRef::from(stream.socket()).set_linger(Some(Duration::ZERO))?;
    Ok(End::Reset)
}

fn go_on_and_on(stream: &mut impl Connection) -> io::Result<()> {
    let mut chunk = format!("{:x}\r\n", JSON_BEGIN.len()).into_bytes();
    chunk.extend_from_slice(JSON_BEGIN);
    send(stream, &chunk)?;
    chunk = format!("\r\n{CHUNK_BYTES:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + CHUNK_BYTES, b'a');
    for _ in 0..ENDLESS_BYTES / CHUNK_BYTES {
        send(stream, &chunk)?;
    }
    Ok(())
}
