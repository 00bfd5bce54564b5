//! What the linker must know of the shared library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    if target_os == "linux" {
        // The name that programs remember; it changes when the ABI does.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libeiot.so.{major}");
        // Thread-local destructors of ours may run after a dlclose; unmapping their code would crash the host.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
