#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| user::fuzz::refresh_token(bytes));
