//! The server: listens, serves each connection on a thread, and stops when dropped.

use crate::connection::serve;
use crate::counters::Counters;
use crate::faults::delivery::End;
use crate::options::Options;
use crate::platform::Platform;
use crate::start_error::StartError;
use crate::stop::Stop;
use crate::tls;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// A running simulator on 127.0.0.1. Dropping it stops it and closes its connections.
pub struct Simulator {
    url: String,
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    platform: Platform,
    tls: Option<Arc<ServerConfig>>,
    stop: Stop,
    /// The open connections, which are shut down at the end.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Simulator {
    /// Starts the simulator on its own threads.
    ///
    /// # Errors
    /// If the port is in use, or no certificate can be generated.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let (tls, ca_pem) = if options.tls {
            let (tls, ca_pem) = tls::make()?;
            (Some(tls), Some(ca_pem))
        } else {
            (None, None)
        };
        let url = format!("{}://{address}", if options.tls { "https" } else { "http" });
        let shared = Arc::new(Shared {
            platform: Platform::new(options, Instant::now()),
            tls,
            stop: Stop::default(),
            open: Mutex::default(),
        });
        let listening = thread::spawn({
            let shared = shared.clone();
            move || shared.listen(&listener)
        });
        Ok(Self { url, address, ca_pem, shared, listening: Some(listening) })
    }

    /// The base URL for clients: `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate authority to trust, as PEM; `None` without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The counters so far.
    pub fn counters(&self) -> Counters {
        self.shared.platform.counters()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Wakes the listener, which waits for a connection.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(listening) = self.listening.take().filter(|_| woken) {
            let _ = listening.join();
        }
        for connection in self.shared.open().values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for (number, connection) in (0_u64..).zip(listener.incoming()) {
            if self.stop.is_stopped() {
                return;
            }
            let Ok(connection) = connection else { continue };
            let shared = self.clone();
            // If no thread can be started, the connection is closed.
            let _ = thread::Builder::new().spawn(move || {
                let _ = shared.serve(number, connection);
                shared.open().remove(&number);
            });
        }
    }

    fn serve(&self, number: u64, mut connection: TcpStream) -> io::Result<()> {
        self.platform.count_connection();
        connection.set_nodelay(true)?;
        connection.set_read_timeout(self.platform.options().idle_timeout)?;
        self.open().insert(number, connection.try_clone()?);
        if self.stop.is_stopped() {
            // The simulator may have stopped before this connection was registered.
            return Ok(());
        }
        let from = connection.peer_addr()?.ip();
        match &self.tls {
            None => serve(&self.platform, &self.stop, &mut connection, from).map(|_| ()),
            Some(tls) => {
                let session = ServerConnection::new(tls.clone()).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(session, connection);
                let served = serve(&self.platform, &self.stop, &mut stream, from);
                if let Ok(End::Reset) = served {
                    return Ok(());
                }
                // The client may have disconnected.
                stream.conn.send_close_notify();
                let _ = stream.conn.complete_io(&mut stream.sock);
                served.map(|_| ())
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Faults};
    use std::io::Write;
    use std::time::Duration;

    #[test]
    fn simulator_ends_all_its_threads_whatever_they_wait_for() {
        let hour = Duration::from_secs(3600);
        let waits = [
            Fault::Stall,
            Fault::StallHeaders,
            Fault::StallBody,
            Fault::Delay(hour),
            Fault::Drip(hour),
            Fault::Endless,
        ];
        for fault in waits {
            let options =
                Options { faults: Faults::always(fault.clone()), idle_timeout: None, ..Options::default() };
            let simulator = Simulator::start(options).expect("a free port");
            let mut open = TcpStream::connect(simulator.address).expect("it listens");
            let call = "POST /api/v3/cloudesim/refreshUsage HTTP/1.1\r\n\r\n";
            // A second request follows the first, so that there is unread data while the simulator waits.
            open.write_all(call.repeat(2).as_bytes()).expect("sent");
            let started = Instant::now();
            while simulator.counters().faults.is_empty() {
                assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
                thread::yield_now();
            }
            let shared = Arc::downgrade(&simulator.shared);
            drop(simulator);
            let started = Instant::now();
            // Each of its threads holds a reference.
            while shared.strong_count() > 0 {
                assert!(started.elapsed() < Duration::from_secs(5), "{fault}");
                thread::yield_now();
            }
        }
    }
}
