//! `eiot_stdcall.dll`: the functions of `include/eiot.h` for 32-bit Windows programs that can only call stdcall functions, such as
//! those written in Visual Basic 6. On other systems it is the same as `libeiot`.
//!
//! There is one set of sources, `crates/ffi`; `build.rs` changes its calling convention.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
#![allow(clippy::missing_safety_doc)]
#![allow(unreachable_pub)]
#![allow(missing_docs, reason = "the comments are in crates/ffi")]

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
