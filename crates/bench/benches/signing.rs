//! Signing a request and writing its body, beside the bare hash of the bytes that are signed.
#![allow(missing_docs, clippy::unwrap_used, reason = "as in tests")]

use criterion::{Criterion, criterion_group, criterion_main};
use eiot::Eid;
use eiot::internals::Signer;
use sha1::{Digest, Sha1};
use std::hint::black_box;

const EID: &str = "89044011112233441122334411223321";

fn signing(criterion: &mut Criterion) {
    let signer = Signer::new("demo-appkey", "demo-secret").unwrap();
    let eid = Eid::parse(EID).unwrap();
    criterion.bench_function("signing/body", |bencher| {
        bencher.iter(|| signer.signed_body(black_box(&eid), 1_700_000_000, 12_345));
    });
    let text = format!("appkey=demo-appkey&eid={EID}&nonce=12345&timestamp=1700000000&secret=demo-secret");
    criterion.bench_function("signing/bare SHA-1", |bencher| {
        bencher.iter(|| Sha1::digest(black_box(text.as_bytes())));
    });
}

criterion_group!(benches, signing);
criterion_main!(benches);
