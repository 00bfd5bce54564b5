//! The checked-in header is what the pinned cbindgen generates from the sources.
#![allow(clippy::expect_used)]

use std::path::Path;

/// What cbindgen cannot express: the version, from Cargo.toml, and a `size_t` constant that needs a cast.
fn macros() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let (major, minor, patch) = (
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    );
    let composed = major << 16 | minor << 8 | patch;
    format!(
        "\n/**\n * The version of this header. eiot_version() returns the version of the loaded library.\n */\n\
         #define EIOT_VERSION \"{version}\"\n\
         /**\n * Major version. Recompile when it changes; before 1.0, also when the minor version changes.\n */\n\
         #define EIOT_VERSION_MAJOR {major}\n\
         /**\n * Minor version: additions; before 1.0, possibly incompatible changes.\n */\n\
         #define EIOT_VERSION_MINOR {minor}\n\
         /**\n * Patch version: bug fixes only.\n */\n\
         #define EIOT_VERSION_PATCH {patch}\n\
         /**\n * The version as one number: major * 65536 + minor * 256 + patch.\n */\n\
         #define EIOT_VERSION_NUM 0x{composed:06X}\n\n\
         /**\n * Pass this as the length of a NUL-terminated string.\n */\n\
         #define EIOT_NTS ((size_t)-1)\n\n\
         #ifdef __cplusplus\nextern \"C\" {{\n#endif"
    )
}

#[test]
fn the_checked_in_header_is_the_generated_one() {
    let introduction = include_str!("header_introduction.txt");
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config =
        cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_crate(crate_dir)
        .with_header(format!("{}\n\n#ifndef EIOT_H\n#define EIOT_H", introduction.trim_end()))
        .with_after_include(macros())
        .generate()
        .expect("the sources can be read");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = String::from_utf8(generated).expect("UTF-8");

    let path = crate_dir.join("../../include/eiot.h");
    if std::env::var_os("EIOT_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("include/eiot.h is writable");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "include/eiot.h is out of date: run `make header` and look at the difference"
    );
}
