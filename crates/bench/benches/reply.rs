//! From a reply's bytes to what they mean.
#![allow(missing_docs, clippy::unwrap_used, reason = "as in tests")]

use criterion::{Criterion, criterion_group, criterion_main};
use eiot::Eid;
use eiot::internals::read_reply;
use std::hint::black_box;

fn reply(criterion: &mut Criterion) {
    let eid = Eid::parse("89044011112233441122334411223321").unwrap();
    for (name, body) in [
        ("success", r#"{"code":"200","message":"success"}"#),
        ("refusal", r#"{"code":"45109","message":"too frequent"}"#),
        ("not JSON", "<html>a proxy's error page</html>"),
    ] {
        criterion.bench_function(&format!("reply/{name}"), |bencher| {
            bencher.iter(|| read_reply(200, black_box(body.as_bytes()), &eid).is_ok());
        });
    }
}

criterion_group!(benches, reply);
criterion_main!(benches);
