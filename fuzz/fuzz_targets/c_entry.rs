#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| eiot_ffi::fuzzing::c_entry(data));
