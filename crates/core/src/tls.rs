//! Whom to trust: one TLS configuration for all lanes of a client.

use crate::error::Error;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// A configuration that trusts the authorities in `ca_file`, or those of the system, or — where a container has
/// none — Mozilla's, which are compiled in.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let roots = match ca_file {
        Some(path) => from_file(path)?,
        None => from_system(),
    };
    // Our own provider, not a process-wide one: the host process may have another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn from_file(path: &Path) -> Result<RootCertStore, Error> {
    let refused = |why: String| Error::config("ca_file", format!("{} {why}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|why| refused(format!("cannot be read as PEM certificates: {why}")))?;
    if certificates.is_empty() {
        return Err(refused("holds no PEM certificate".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|why| refused(format!("holds a certificate that cannot be used: {why}")))?;
    }
    Ok(roots)
}

fn from_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Unreadable or odd certificates in the system's store are common; what can be used is.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_ca_file_that_cannot_be_used_is_named() {
        let absent = client_config(Some(Path::new("/nonexistent/ca.pem"))).expect_err("absent");
        assert_eq!(absent.kind(), ErrorKind::Config);
        assert!(absent.to_string().contains("/nonexistent/ca.pem"), "{absent}");
        let no_certificate = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let error = client_config(Some(no_certificate)).expect_err("not PEM");
        assert!(error.to_string().contains("no PEM certificate"), "{error}");
    }

    #[test]
    fn there_are_always_roots_to_trust() {
        assert!(!from_system().is_empty());
    }
}
