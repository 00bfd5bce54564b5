//! A connection with or without TLS, and how it ends.

use rustls::{ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A connection, with or without TLS.
pub(crate) trait Connection: Read + Write {
    /// The underlying socket.
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
    Close,
    /// With a reset, as soon as the socket is closed.
    Reset,
}
