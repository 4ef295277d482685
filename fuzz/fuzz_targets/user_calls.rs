#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| user::fuzz::user_calls(bytes));
