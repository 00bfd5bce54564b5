//! `libeiot`: the C ABI over the core crate. Its documentation is the header, `include/eiot.h`, which is generated
//! from the comments in here.
//!
//! Each function has one shape: inputs first, outputs last; a status comes back, and details through the optional
//! `out_err`. `guard` stands at every entry and lets no panic out.
// The boundary is unsafe by nature: this crate is where raw pointers become references.
#![allow(unsafe_code)]
// C's names.
#![allow(non_camel_case_types)]
// What a caller must hold to is said in each function's comment, in C's terms.
#![allow(clippy::missing_safety_doc)]
// What is `pub` in here is for C, which knows no crates.
#![allow(unreachable_pub)]

#[cfg(not(panic = "unwind"))]
compile_error!("libeiot must be built with panic = \"unwind\": a panic must become a status at the boundary");

// The order of the modules is the order of the header.
mod status;
mod version;

mod error;

mod environment;

mod event;
mod log;
mod pointer;

mod config;

mod cancel;

mod client;

mod reply;

mod result;

mod batch;

mod eid;
mod field;
mod sign;
mod webhook;

mod callbacks;
#[cfg(any(test, fuzzing))]
#[path = "../../../fuzz/src/ffi.rs"]
pub mod fuzzing;
mod guard;
#[cfg(not(any(test, fuzzing)))]
mod memory;
mod sigpipe;
mod text;
mod thread_cancel;
mod unload;
