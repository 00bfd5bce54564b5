//! Signed bodies and TLS trust, shared by the hand-written Rust clients.

use crate::turns::{Failure, variable};
use eiot::Eid;
use eiot::internals::Signer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Creates signed bodies.
pub(crate) struct Requests {
    signer: Signer,
    nonce: u32,
}

impl Requests {
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let signer = Signer::new(&variable("EIOT_APPKEY")?, &variable("EIOT_SECRET")?)?;
        Ok(Self { signer, nonce: 10_000 })
    }

    /// A body with a fresh timestamp, nonce and signature.
    pub(crate) fn next_body(&mut self, eid: &str) -> Result<Vec<u8>, Failure> {
        self.nonce = if self.nonce < 99_999 { self.nonce + 1 } else { 10_000 };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(self.signer.signed_body(&Eid::parse(eid)?, now, self.nonce)?)
    }
}

/// Trusts only the CA in `EIOT_CA_FILE`.
pub(crate) fn tls_config() -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(variable("EIOT_CA_FILE")?)? {
        roots.add(certificate?)?;
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
