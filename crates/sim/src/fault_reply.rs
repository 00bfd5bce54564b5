//! What a fault makes of the reply.

use crate::answer::{Answer, now, shifted};
use crate::fault::Fault;
use crate::options::Options;
use crate::reply::Reply;

/// Where `redirect` leads: to nothing.
const ELSEWHERE: &str = "/sim/elsewhere";

/// How large `oversized` is.
const OVERSIZED_BYTES: usize = 1024 * 1024;

/// How good JSON begins and ends, with a long message between.
pub(crate) const JSON_BEGIN: &[u8] = br#"{"code":"200","message":"a"#;
pub(crate) const JSON_END: &[u8] = br#""}"#;

/// The reply of a fault that takes the platform's place.
pub(crate) fn in_place_of_the_platform(fault: &Fault, options: &Options) -> Reply {
    let date = now(options);
    let json = |body: &[u8]| Reply::json(200, body, date);
    match fault {
        Fault::Status { code, retry_after } => {
            let mut reply = Reply::html(*code, date);
            if let Some(retry_after) = retry_after {
                reply.more = format!("Retry-After: {retry_after}\r\n");
            }
            if matches!(code, 204 | 304) {
                // HTTP gives these no body.
                reply.body.clear();
            }
            reply
        }
        Fault::Html => Reply::html(200, date),
        Fault::BrokenJson => json(br#"{"code":"200",,"message":'success'}"#),
        Fault::TruncatedJson => json(br#"{"code":"200","mess"#),
        Fault::Oversized => {
            let mut body = JSON_BEGIN.to_vec();
            body.resize(OVERSIZED_BYTES - JSON_END.len(), b'a');
            body.extend_from_slice(JSON_END);
            json(&body)
        }
        Fault::Endless => Reply { chunked: true, ..json(b"") },
        Fault::GzipBomb => Reply { more: "Content-Encoding: gzip\r\n".to_owned(), ..json(&gzip_bomb()) },
        Fault::Redirect => Reply { more: format!("Location: {ELSEWHERE}\r\n"), ..Reply::html(302, date) },
        // `garbage` is no reply; what else comes here replaces nothing.
        _ => json(b""),
    }
}

/// The platform's own answer, as a fault alters it.
pub(crate) fn altered(fault: &Fault, answer: Answer, options: &Options) -> Reply {
    let answer = if *fault == Fault::Chinese { answer.in_chinese() } else { answer };
    let mut reply = answer.reply(options, options.integer_codes || *fault == Fault::IntegerCode);
    match fault {
        Fault::Date(seconds) => reply.date = reply.date.map(|date| shifted(date, *seconds)),
        Fault::NoDate => reply.date = None,
        Fault::Age(seconds) => reply.more = format!("Age: {seconds}\r\n"),
        _ => {}
    }
    reply
}

/// The head of a Deflate block (RFC 1951, 3.2.7) in which the bits 1 and 0 mean "copy the byte before, 258 times" and
/// another 0 is the end; and three such copies.
const RUNS_HEAD: [u8; 13] = [0xec, 0xc0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x00, 0x90, 0xff, 0x6b, 0x23, 0x54];
/// Four copies more.
const RUNS: u8 = 0x55;
const RUNS_BYTES: usize = 10_200;
/// The end of that block, and the head of the last one, which is stored as it is.
const RUNS_END: u8 = 0x02;
/// CRC-32 and length of what it unpacks to, which stand at the end of gzip. A test works them out.
const UNPACKED_CRC: u32 = 0xe83f_12c1;
const UNPACKED_BYTES: u32 = 10_527_202;

/// Gzip (RFC 1952) of good JSON whose message is ten million times the same letter: 10 kB.
fn gzip_bomb() -> Vec<u8> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.push(0);
    store(&mut gzip, JSON_BEGIN);
    gzip.extend_from_slice(&RUNS_HEAD);
    gzip.resize(gzip.len() + RUNS_BYTES, RUNS);
    gzip.push(RUNS_END);
    store(&mut gzip, JSON_END);
    gzip.extend_from_slice(&UNPACKED_CRC.to_le_bytes());
    gzip.extend_from_slice(&UNPACKED_BYTES.to_le_bytes());
    gzip
}

/// A stored block, behind its head.
fn store(deflate: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u16;
    deflate.extend_from_slice(&length.to_le_bytes());
    deflate.extend_from_slice(&(!length).to_le_bytes());
    deflate.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bomb_ends_as_its_content_wants_it() {
        let mut unpacked = JSON_BEGIN.to_vec();
        unpacked.resize(unpacked.len() + (3 + 4 * RUNS_BYTES) * 258, b'a');
        unpacked.extend_from_slice(JSON_END);
        assert!(serde_json::from_slice::<serde_json::Value>(&unpacked).is_ok());
        assert_eq!(unpacked.len(), UNPACKED_BYTES as usize);
        let table: Vec<u32> = (0..256)
            .map(|byte| {
                (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
            })
            .collect();
        let crc = unpacked
            .iter()
            .fold(!0_u32, |crc, byte| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 0xff) as usize]);
        assert_eq!(!crc, UNPACKED_CRC);
        assert!(gzip_bomb().len() < 11_000);
    }

    #[test]
    fn the_oversized_reply_is_good_json_of_one_mebibyte() {
        let body = in_place_of_the_platform(&Fault::Oversized, &Options::default()).body;
        assert_eq!(body.len(), 1024 * 1024);
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(json["code"], "200");
    }
}
