#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| order::fuzz::order_bodies(bytes));
