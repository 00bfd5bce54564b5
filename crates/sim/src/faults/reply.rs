//! Replies with faults.

use crate::answer::Answer;
use crate::clock::shifted;
use crate::faults::Fault;
use crate::reply::{Reply, ReplyFormat};
use std::time::SystemTime;

/// The target of `redirect`, which does not exist.
const ELSEWHERE: &str = "/sim/elsewhere";

/// The size of `oversized`.
const OVERSIZED_BYTES: usize = 1024 * 1024;

/// The begin and end of valid JSON, with a long message between.
pub(crate) const JSON_BEGIN: &[u8] = br#"{"code":"200","message":"a"#;
pub(crate) const JSON_END: &[u8] = br#""}"#;

/// The reply of a fault that replaces the platform's answer.
pub(crate) fn replacement(fault: &Fault, date: SystemTime) -> Reply {
    let json = |body: &[u8]| Reply::json(200, body, date);
    match fault {
        Fault::Status { code, retry_after } => {
            let mut reply = Reply::html(*code, date);
            if let Some(retry_after) = retry_after {
                reply.more = Some(("Retry-After", retry_after.clone()));
            }
            if matches!(code, 204 | 304) {
                // These statuses have no body.
                reply.body.clear();
            }
            reply
        }
        Fault::Html => Reply::html(200, date),
        Fault::BrokenJson => json(br#"{"code":"200",,"message":'success'}"#),
        Fault::TruncatedJson => json(br#"{"code":"200","mess"#),
        Fault::Endless => Reply { chunked: true, ..json(b"") },
        Fault::GzipBomb => {
            Reply { more: Some(("Content-Encoding", "gzip".to_owned())), ..json(&gzip_bomb()) }
        }
        Fault::Redirect => Reply { more: Some(("Location", ELSEWHERE.to_owned())), ..Reply::html(302, date) },
        // `garbage` is not a reply; no other fault replaces the answer.
        _ => json(b""),
    }
}

/// The platform's answer, altered by a fault.
pub(crate) fn altered(fault: &Fault, answer: &Answer, format: ReplyFormat) -> Reply {
    let integer_codes = format.integer_codes || *fault == Fault::IntegerCode;
    let format = ReplyFormat { integer_codes, ..format };
    let mut reply = match fault {
        Fault::Chinese => answer.in_chinese().reply(&format),
        Fault::Oversized => {
            let missing = OVERSIZED_BYTES.saturating_sub(answer.reply(&format).body.len());
            answer.with_longer_message(missing).reply(&format)
        }
        _ => answer.reply(&format),
    };
    match fault {
        Fault::Date(seconds) => reply.date = reply.date.map(|date| shifted(date, *seconds)),
        Fault::NoDate => reply.date = None,
        Fault::Age(seconds) => reply.more = Some(("Age", seconds.to_string())),
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
/// CRC-32 and length of the decompressed data, which end a gzip stream. A test verifies them.
const UNPACKED_CRC: u32 = 0xe83f_12c1;
const UNPACKED_BYTES: u32 = 10_527_202;

/// Gzip (RFC 1952) of valid JSON whose message is ten million times the same letter: 10 kB.
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

/// Appends a stored block with its length.
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
    fn gzip_bomb_has_the_checksum_of_its_content() {
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
}
