//! The subset of the Redis protocol (RESP2) that the rate limiter needs.

use std::io;

/// The maximum size of a reply; those of the script have less than 200 bytes.
pub(super) const MAX_REPLY: usize = 64 * 1024;

/// A command, as an array of bulk strings.
pub(super) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

pub(super) fn accepted(answer: Value) -> io::Result<()> {
    match answer {
        Value::Refusal(text) => Err(io::Error::other(text)),
        _ => Ok(()),
    }
}

/// A reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Value>),
    Refusal(String),
    Nothing,
}

impl Value {
    /// Removes one reply from the front of the buffer; `None` if it is incomplete.
    pub(super) fn read(bytes: &mut &[u8], depth: u32) -> io::Result<Option<Self>> {
        let wrong = || io::Error::other("it does not speak the Redis protocol");
        let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let (line, rest) = (bytes.get(..end).unwrap_or_default(), bytes.get(end + 2..).unwrap_or_default());
        let Some((kind, line)) = line.split_first() else { return Err(wrong()) };
        let text = std::str::from_utf8(line).map_err(|_| wrong())?;
        let number = || text.parse::<i64>().map_err(|_| wrong());
        let mut rest = rest;
        let value = match kind {
            b'+' => Self::Text(line.to_vec()),
            b'-' => Self::Refusal(text.chars().filter(|c| !c.is_control()).take(200).collect()),
            b':' => Self::Number(number()?),
            b'$' => match usize::try_from(number()?) {
                Err(_) => Self::Nothing,
                Ok(length) if length > MAX_REPLY => return Err(wrong()),
                Ok(length) => {
                    let (Some(text), Some(after)) = (rest.get(..length), rest.get(length + 2..)) else {
                        return Ok(None);
                    };
                    rest = after;
                    Self::Text(text.to_vec())
                }
            },
            b'*' => match usize::try_from(number()?) {
                Err(_) => Self::Nothing,
                Ok(length) if length > 64 || depth > 3 => return Err(wrong()),
                Ok(length) => {
                    let mut values = Vec::new();
                    for _ in 0..length {
                        match Self::read(&mut rest, depth + 1)? {
                            Some(value) => values.push(value),
                            None => return Ok(None),
                        }
                    }
                    Self::List(values)
                }
            },
            _ => return Err(wrong()),
        };
        *bytes = rest;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_replies_that_are_malformed_are_rejected() {
        for bytes in [
            "HTTP/1.1 400 Bad Request\r\n",
            ":x\r\n",
            "*1000\r\n",
            "$99999999\r\n",
            "\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        ] {
            assert!(Value::read(&mut bytes.as_bytes(), 0).is_err(), "{bytes}");
        }
        let refusal = Value::read(&mut &b"-NOAUTH Authentication\x1b required.\r\n"[..], 0).expect("a reply");
        assert_eq!(refusal, Some(Value::Refusal("NOAUTH Authentication required.".to_owned())));
    }
}
