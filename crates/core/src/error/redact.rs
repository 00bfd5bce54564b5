//! Masks secrets that a server echoes, before anything else sees them.

/// Replaces each secret.
const MASK: &[u8] = b"[redacted]";

/// The minimum length: a shorter text could occur by chance, and masking it would garble replies.
const MIN_LENGTH: usize = 6;

/// Masks every occurrence of each of `secrets` in `bytes`.
pub(crate) fn redact<'a>(bytes: &mut Vec<u8>, secrets: impl IntoIterator<Item = &'a [u8]>) {
    for secret in secrets {
        let is_short = secret.len() < MIN_LENGTH;
        // As a rule there is none, and the search for the first one needs no preparation.
        if is_short || secret.len() > bytes.len() || memchr::memmem::find(bytes, secret).is_none() {
            continue;
        }
        let found: Vec<usize> = memchr::memmem::find_iter(bytes, secret).collect();
        // From the end, so that the remaining positions stay valid.
        for start in found.into_iter().rev() {
            bytes.splice(start..start + secret.len(), MASK.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str, secrets: &[&str]) -> String {
        let mut bytes = text.as_bytes().to_vec();
        redact(&mut bytes, secrets.iter().map(|secret| secret.as_bytes()));
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn redact_masks_every_occurrence_of_each_secret() {
        assert_eq!(redacted("hunter22x hunter22", &["hunter22", "x"]), "[redacted]x [redacted]");
        assert_eq!(redacted("a ABCDEF b swordfish", &["ABCDEF", "swordfish"]), "a [redacted] b [redacted]");
        assert_eq!(redacted("hunter", &["hunter22"]), "hunter");
        assert_eq!(redacted("success", &["s", "", "success"]), "[redacted]");
    }
}
