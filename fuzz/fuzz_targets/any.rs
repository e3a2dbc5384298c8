//! Every fuzzer: the property with the program's own name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(property) = reinstall_fuzz::property(env!("CARGO_BIN_NAME")) {
        property(bytes);
    }
});
