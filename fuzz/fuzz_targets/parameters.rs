#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| eiot_core::fuzzing::parameters(data));
