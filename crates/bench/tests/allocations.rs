//! The number of allocations per call.
#![allow(missing_docs)]
// A counting allocator is inherently unsafe; only this test uses it.
#![allow(unsafe_code)]

use eiot::Eid;
use eiot::internals::Signer;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is passed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the contract of `GlobalAlloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn signing_and_writing_the_body_allocates_once() {
    let signer = Signer::new("an-appkey-of-usual-length", "secret").expect("an account");
    let eid = Eid::parse("89044011112233441122334411223321").expect("digits");
    for nonce in 10_000..10_100 {
        let before = COUNT.get();
        let body = signer.signed_body(&eid, 1_700_000_000, nonce).expect("signed");
        assert_eq!(COUNT.get() - before, 1);
        assert!(body.ends_with(b"\"}"));
    }
}
