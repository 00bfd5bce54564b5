//! Signed request bodies.

use super::parameters::{Parameters, quote};
use crate::eid::Eid;
use crate::error::Error;
use crate::signing::{Credentials, SignMethod, Signature, sign_sorted};
use serde::Serialize;

/// The size of a request with an appkey of typical length, so that the buffer need not grow.
const TYPICAL_BODY_BYTES: usize = 256;

/// A request body and its signature.
pub(crate) struct SignedBody {
    pub(crate) json: Vec<u8>,
    pub(crate) sign: Signature,
}

/// The signed body of a refresh, with the five fields in the order of the seed document.
///
/// The string to sign and the body share one buffer, one after the other, because every attempt is signed; `make bench`
/// limits the cost to two and a half times the bare hash.
pub(crate) fn signed_body(
    credentials: &Credentials,
    eid: &Eid,
    timestamp: u64,
    nonce: u32,
    method: SignMethod,
) -> Result<SignedBody, Error> {
    let (appkey, eid) = (credentials.appkey.as_str(), eid.as_str().as_bytes());
    let mut body = Vec::with_capacity(TYPICAL_BODY_BYTES);
    // Sorted by name, as the signature requires.
    push(&mut body, [b"appkey=", appkey.as_bytes(), b"&eid=", eid, b"&nonce="]);
    push_json(&mut body, &nonce)?;
    push(&mut body, [b"&timestamp="]);
    push_json(&mut body, &timestamp)?;
    push(&mut body, [b"&secret="]);
    let sign = Signature::of(&body, &credentials.secret, method);

    body.clear();
    push(&mut body, [b"{\"appkey\":"]);
    push_json(&mut body, appkey)?;
    push(&mut body, [b",\"timestamp\":"]);
    push_json(&mut body, &timestamp)?;
    push(&mut body, [b",\"nonce\":"]);
    push_json(&mut body, &nonce)?;
    push(&mut body, [b",\"sign\":\"", sign.as_bytes(), b"\",\"eid\":\"", eid, b"\"}"]);
    Ok(SignedBody { json: body, sign })
}

/// Inlined, so that the literals among the pieces are copied by a few instructions instead of a call.
#[inline(always)]
fn push<const N: usize>(body: &mut Vec<u8>, pieces: [&[u8]; N]) {
    for piece in pieces {
        body.extend_from_slice(piece);
    }
}

/// A number, or an escaped string in quotes.
fn push_json(body: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    serde_json::to_writer(body, value).map_err(Error::internal)
}

/// A signed body with any parameters, which follow the system parameters in the order in which they were given.
pub(crate) fn signed_call_body(
    credentials: &Credentials,
    parameters: &Parameters,
    timestamp: u64,
    nonce: u32,
    method: SignMethod,
) -> Result<SignedBody, Error> {
    let (nonce_text, timestamp_text) = (nonce.to_string(), timestamp.to_string());
    let mut signed =
        vec![("appkey", credentials.appkey.as_str()), ("nonce", &nonce_text), ("timestamp", &timestamp_text)];
    signed.extend(parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.signed.as_str())));
    signed.retain(|(_, value)| !value.is_empty());
    signed.sort_unstable();
    let sign = sign_sorted(&signed, &credentials.secret, method);

    let mut body = String::with_capacity(TYPICAL_BODY_BYTES);
    body.push_str("{\"appkey\":");
    quote(&credentials.appkey, &mut body).map_err(Error::internal)?;
    body.push_str(&format!(
        ",\"timestamp\":{timestamp_text},\"nonce\":{nonce_text},\"sign\":\"{}\"",
        sign.as_str()
    ));
    for parameter in parameters.iter() {
        body.push(',');
        quote(&parameter.name, &mut body).map_err(Error::internal)?;
        body.push(':');
        body.push_str(&parameter.json);
    }
    body.push('}');
    Ok(SignedBody { json: body.into_bytes(), sign })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::Secret;
    use crate::signing::sign;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn body_of_every_call_vector_is_signed_and_sent_verbatim() {
        let file: Value =
            serde_json::from_str(include_str!("../../../../tests/vectors/calls.json")).expect("JSON");
        let credentials = Credentials { appkey: "000001".to_owned(), secret: Secret::new("a1b1c1d1") };
        for case in file["cases"].as_array().expect("a list") {
            let given = case["parameters"].as_str().expect("text");
            let parameters = Parameters::read(given).expect("an object");
            let body = signed_call_body(&credentials, &parameters, 1_700_000_000, 49_890, SignMethod::Sha1);
            let body = body.expect("signed");
            let mut sent: Value = serde_json::from_slice(&body.json).expect("JSON");
            assert_eq!(sent["sign"], case["sha1"], "{case}");
            assert_eq!(sent["sign"], body.sign.as_str(), "{case}");
            let sent = sent.as_object_mut().expect("an object");
            for name in ["appkey", "timestamp", "nonce", "sign"] {
                sent.remove(name).expect(name);
            }
            let given: Value = serde_json::from_str(given).expect("JSON");
            assert_eq!(Some(&*sent), given.as_object(), "{case}");
        }
    }

    proptest! {
        #[test]
        fn body_has_exactly_the_signed_values(
            appkey in "[^\\s\\p{Cc}]{1,24}",
            secret in "[^\\s\\p{Cc}]{1,24}",
            eid in "[0-9]{1,32}",
            timestamp in 1_000_000_000_u64..=9_999_999_999,
            nonce in 10_000_u32..=99_999,
            md5 in any::<bool>(),
        ) {
            let method = if md5 { SignMethod::Md5 } else { SignMethod::Sha1 };
            let credentials = Credentials { appkey, secret: Secret::new(secret.as_str()) };
            let eid = Eid::parse(eid).expect("digits");
            let body = signed_body(&credentials, &eid, timestamp, nonce, method).expect("serializable");

            let sent: Value = serde_json::from_slice(&body.json).expect("JSON");
            let sent = sent.as_object().expect("an object");
            prop_assert_eq!(sent.len(), 5);
            let texts: Vec<(String, String)> = sent
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().map_or(value.to_string(), str::to_owned)))
                .collect();
            let pairs: Vec<_> = texts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let signature = sign(&pairs, &Secret::new(secret), method).expect("flat");
            prop_assert_eq!(sent["sign"].as_str().expect("a string"), signature);
            prop_assert_eq!(&sent["sign"], body.sign.as_str());
            prop_assert!(sent["timestamp"].is_u64() && sent["nonce"].is_u64() && sent["eid"].is_string());
        }
    }
}
