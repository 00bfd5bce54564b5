//! The checked-in inputs of a fuzzer, for the tests that replay them. `fuzz/corpus.py` generates them.

/// Passes every input to `check`, which panics if a property does not hold.
pub(crate) fn replay(inputs: &str, check: fn(&[u8])) {
    let count = inputs.lines().count();
    assert!((10..=20).contains(&count), "{count} inputs");
    for line in inputs.lines() {
        println!("{line}");
        check(&unescaped(line.as_bytes()));
    }
}

fn unescaped(mut line: &[u8]) -> Vec<u8> {
    let mut input = Vec::new();
    while let [first, rest @ ..] = line {
        line = rest;
        match (first, rest) {
            (b'\\', [b'x', digits @ ..]) => {
                let (digits, rest) = digits.split_at(2);
                let digits = std::str::from_utf8(digits).expect("ASCII");
                input.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                line = rest;
            }
            (b'\\', _) => panic!("only \\x is an escape"),
            _ => input.push(*first),
        }
    }
    input
}
