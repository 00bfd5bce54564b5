//! Why the simulator did not start.

use std::{fmt, io};

/// Why the simulator did not start.
#[derive(Debug)]
pub enum StartError {
    /// The port cannot be listened on.
    Listen(io::Error),
    /// No certificate can be generated.
    Tls(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(why) => write!(f, "cannot listen: {why}"),
            Self::Tls(why) => write!(f, "cannot generate a certificate: {why}"),
        }
    }
}

impl std::error::Error for StartError {}
