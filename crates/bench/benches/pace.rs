//! Taking a slot of the account's rate.
#![allow(missing_docs, clippy::unwrap_used, reason = "as in tests")]

use criterion::{Criterion, criterion_group, criterion_main};
use eiot::internals::Slots;

fn pace(criterion: &mut Criterion) {
    // So many a second that the slots of a whole run lie within what an instant can say.
    for (name, limit) in [("limited", Some(1e6)), ("unlimited", None)] {
        let slots = Slots::new(limit);
        criterion.bench_function(&format!("pace/{name}"), |bencher| bencher.iter(|| slots.take().unwrap()));
    }
}

criterion_group!(benches, pace);
criterion_main!(benches);
