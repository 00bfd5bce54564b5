//! TLS servers, with certificates that are generated for the test.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server-side connection, before or after the handshake.
pub type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// The variations of a server's certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    Expired,
    NotYetValid,
    WrongName,
}

impl Authority {
    pub fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = authority.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(authority, key), pem }
    }

    /// A certificate for `127.0.0.1` and its key, as PEM.
    pub fn certificate(&self, flaw: Flaw) -> (String, String) {
        let (certificate, key) = self.sign(flaw);
        (certificate.pem(), key.serialize_pem())
    }

    fn sign(&self, flaw: Flaw) -> (rcgen::Certificate, KeyPair) {
        let name = if flaw == Flaw::WrongName { "elsewhere.example" } else { "127.0.0.1" };
        let mut server = CertificateParams::new([name.to_owned()]).unwrap();
        match flaw {
            Flaw::Expired => server.not_after = date_time_ymd(2020, 1, 1),
            Flaw::NotYetValid => server.not_before = date_time_ymd(2999, 1, 1),
            Flaw::None | Flaw::WrongName => {}
        }
        let key = KeyPair::generate().unwrap();
        (server.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server's configuration. `clients`: the CA that client certificates require.
    pub fn server(&self, flaw: Flaw, clients: Option<&Self>) -> Arc<ServerConfig> {
        let (certificate, key) = self.sign(flaw);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(pem_to_der(&authority.pem)).unwrap();
                let verifier =
                    rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

fn pem_to_der(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Like [`super::serve`], with TLS: the handshake happens with the first read or write.
pub fn serve_tls(
    config: Arc<ServerConfig>,
    serve: impl Fn(&mut TlsStream) + Send + Sync + 'static,
) -> String {
    let url = super::serve(move |connection| {
        let tls = ServerConnection::new(config.clone()).unwrap();
        serve(&mut StreamOwned::new(tls, connection));
    });
    url.replace("http://", "https://")
}

/// A file in the test's temporary directory.
pub fn file(content: impl AsRef<[u8]>) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("eiot-test-{}-{number}.pem", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}
