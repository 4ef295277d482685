#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cleave::fuzz::settings(bytes));
