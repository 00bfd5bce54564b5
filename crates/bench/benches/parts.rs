//! Parts of a call by themselves: signing, what a reply means, the account's rate.
#![allow(missing_docs, clippy::unwrap_used, reason = "as in tests")]

use criterion::{Criterion, criterion_group, criterion_main};
use eiot::Eid;
use eiot::internals::{Limiter, Signer, read_reply};
use sha1::{Digest, Sha1};
use std::hint::black_box;

const EID: &str = "89044011112233441122334411223321";

/// Beside the bare hash of the bytes that are signed.
fn signing(criterion: &mut Criterion) {
    let signer = Signer::new("demo-appkey", "demo-secret").unwrap();
    let eid = Eid::parse(EID).unwrap();
    criterion.bench_function("signing and writing the body", |bencher| {
        bencher.iter(|| signer.signed_body(black_box(&eid), 1_700_000_000, 12_345));
    });
    let text = format!("appkey=demo-appkey&eid={EID}&nonce=12345&timestamp=1700000000&secret=demo-secret");
    criterion.bench_function("the bare SHA-1 of what is signed", |bencher| {
        bencher.iter(|| Sha1::digest(black_box(text.as_bytes())));
    });
}

fn replies(criterion: &mut Criterion) {
    let eid = Eid::parse(EID).unwrap();
    for (name, body) in [
        ("success", r#"{"code":"200","message":"success"}"#),
        ("refusal", r#"{"code":"45109","message":"too frequent"}"#),
        ("page of HTML", "<html>a proxy's error page</html>"),
    ] {
        criterion.bench_function(&format!("reading a {name}"), |bencher| {
            bencher.iter(|| read_reply(200, black_box(body.as_bytes()), &eid).is_ok());
        });
    }
}

fn rate(criterion: &mut Criterion) {
    // So many per second that the permits of a whole run lie within what an instant can say.
    for (name, limit) in [("a permit", Some(1e6)), ("a permit without a rate limit", None)] {
        let limiter = Limiter::new(limit).unwrap();
        criterion.bench_function(&format!("reserving {name}"), |bencher| {
            bencher.iter(|| limiter.reserve().unwrap())
        });
    }
}

criterion_group!(benches, signing, replies, rate);
criterion_main!(benches);
