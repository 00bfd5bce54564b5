//! Trust and client certificates: one TLS configuration for all event loops of a client.

use crate::error::Error;
use crate::files;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The maximum size of a file with certificates.
const MAX_PEM_BYTES: u64 = 8 * 1024 * 1024;

/// The files that options name.
#[derive(Clone, Copy, Default)]
pub(crate) struct TlsFiles<'a> {
    pub(crate) ca_file: Option<&'a Path>,
    pub(crate) client_cert_file: Option<&'a Path>,
    pub(crate) client_key_file: Option<&'a Path>,
}

/// A configuration that trusts the CAs in `ca_file`, or those of the system, or, if a container has none, Mozilla's,
/// which are compiled in. On Windows, Mozilla's too.
pub(crate) fn client_config(files: &TlsFiles<'_>) -> Result<ClientConfig, Error> {
    let roots = match files.ca_file {
        Some(path) => from_file(path)?,
        None => from_system(),
    };
    // Our own provider, not a process-wide one: the host process may use another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots);
    let (certificate, key) = match (files.client_cert_file, files.client_key_file) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            return Err(Error::config("client_key_file", "is required if client_cert_file is set"));
        }
        (None, Some(_)) => {
            return Err(Error::config("client_cert_file", "is required if client_key_file is set"));
        }
    };
    let chain = certificates("client_cert_file", certificate)?;
    let pem = files::read("client_key_file", key, MAX_PEM_BYTES)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        Error::config(
            "client_key_file",
            format!("{} contains no PEM private key without a passphrase", key.display()),
        )
    })?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|why| Error::config("client_key_file", format!("does not match client_cert_file: {why}")))
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refused = |why: &str| Error::config(option, format!("{} {why}", path.display()));
    let pem = files::read(option, path, MAX_PEM_BYTES)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| refused(&format!("cannot be read as PEM certificates: {why}")))?;
    if certificates.is_empty() {
        return Err(refused("contains no PEM certificate"));
    }
    Ok(certificates)
}

fn from_file(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", path)? {
        roots.add(certificate).map_err(|why| {
            let text = format!("{} contains an invalid certificate: {why}", path.display());
            Error::config("ca_file", text)
        })?;
    }
    Ok(roots)
}

fn from_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Unreadable or invalid certificates in the system's store are common, and are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // Windows downloads a CA's certificate when one of its own programs needs it first; its store lacks the others.
    if roots.is_empty() || cfg!(windows) {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// The cause of a TLS failure, and what to do about it.
pub(crate) fn advice(error: &rustls::Error, ca_file: Option<&Path>) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => certificate_advice(why, ca_file),
        rustls::Error::InvalidMessage(_) => format!("{error}; check that the port in base_url speaks TLS"),
        _ if is_about_client_certificate(error) => format!(
            "the server does not accept the client's certificate, or asks for one; see client_cert_file ({error})"
        ),
        _ => error.to_string(),
    }
}

/// Whether the server's alert concerns the client certificate, or its absence.
pub(crate) fn is_about_client_certificate(error: &rustls::Error) -> bool {
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

fn certificate_advice(why: &CertificateError, ca_file: Option<&Path>) -> String {
    const CLOCKS: &str =
        "check this machine's clock; if it is right, the server's certificate must be renewed";
    match why {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the certificate expired on {}, but this machine's clock says {}; {CLOCKS}",
            date(*not_after),
            date(*time)
        ),
        CertificateError::Expired => format!("the certificate has expired; {CLOCKS}"),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the certificate is not valid before {}, but this machine's clock says {}; {CLOCKS}",
            date(*not_before),
            date(*time)
        ),
        CertificateError::NotValidYet => format!("the certificate is not valid yet; {CLOCKS}"),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented: Vec<&str> = presented.iter().map(|name| bare_name(name)).collect();
            format!(
                "the certificate is for {}, not for {}; check base_url",
                if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") },
                expected.to_str()
            )
        }
        CertificateError::NotValidForName => {
            "the certificate is for another name; check base_url".to_owned()
        }
        // The second: a CA with the same name but another key is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => match ca_file {
            Some(path) => {
                format!("the certificate is not signed by a CA in {} (ca_file)", path.display())
            }
            None => "the certificate is not signed by a trusted CA, for example behind a TLS-inspecting corporate proxy; \
                     if that is intended, set ca_file to the CA's certificate"
                .to_owned(),
        },
        CertificateError::Revoked => "the certificate has been revoked".to_owned(),
        CertificateError::BadEncoding => "the certificate is malformed".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not for a server".to_owned()
        }
        CertificateError::Other(other) => format!("the certificate cannot be verified ({other})"),
        _ => "the certificate cannot be verified".to_owned(),
    }
}

/// `DnsName("elsewhere.example")` as `elsewhere.example`.
fn bare_name(presented: &str) -> &str {
    let inner = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(presented);
    inner.trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let seconds = Duration::from_secs(time.as_secs());
    match UNIX_EPOCH.checked_add(seconds) {
        // Later times cannot be written as a date.
        Some(time)
            if time.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() < 253_402_300_800) =>
        {
            httpdate::fmt_http_date(time)
        }
        _ => format!("second {} of the Unix time", time.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn with_ca_file(path: &str) -> Error {
        let files = TlsFiles { ca_file: Some(Path::new(path)), ..TlsFiles::default() };
        client_config(&files).expect_err("refused")
    }

    #[test]
    fn ca_file_that_is_unusable_is_named() {
        let absent = with_ca_file("/nonexistent/ca.pem");
        assert_eq!(absent.kind(), ErrorKind::Config);
        assert!(absent.to_string().contains("/nonexistent/ca.pem"), "{absent}");
        let error = with_ca_file(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(error.to_string().contains("no PEM certificate"), "{error}");
    }

    #[test]
    fn client_certificate_and_key_are_required_together() {
        let path = Some(Path::new("/nonexistent.pem"));
        for (option, other, files) in [
            (
                "client_cert_file",
                "client_key_file",
                TlsFiles { client_cert_file: path, ..TlsFiles::default() },
            ),
            (
                "client_key_file",
                "client_cert_file",
                TlsFiles { client_key_file: path, ..TlsFiles::default() },
            ),
        ] {
            let text = client_config(&files).expect_err("one of two").to_string();
            assert!(text.starts_with(&format!("{other}: is required if {option} is set")), "{text}");
        }
    }

    #[test]
    fn trust_roots_are_never_empty() {
        assert!(!from_system().is_empty());
    }

    #[test]
    fn certificate_name_is_shown_without_its_type() {
        assert_eq!(bare_name("DnsName(\"elsewhere.example\")"), "elsewhere.example");
        assert_eq!(bare_name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(bare_name("elsewhere.example"), "elsewhere.example");
    }

    #[test]
    fn certificate_date_out_of_range_is_still_shown() {
        assert_eq!(date(UnixTime::since_unix_epoch(Duration::ZERO)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert!(
            date(UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX))).contains("18446744073709551615")
        );
    }
}
