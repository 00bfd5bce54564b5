//! Allocates, starts a thread, and catches a panic: what pulls most of the standard library in.

/// One more than the question; 0 for a negative one, over which it panics inside.
#[unsafe(no_mangle)]
pub extern "C" fn other_rust_answer(question: i32) -> i32 {
    let work = move || {
        assert!(question >= 0, "a negative question");
        format!("{}", question + 1).parse::<i32>().unwrap_or_default()
    };
    std::thread::spawn(work).join().unwrap_or_default()
}
