//! What the linker must know of the shared library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    // The name that programs remember. It changes when the ABI may: before 1.0, with each minor version.
    let abi = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    if target_os == "macos" {
        // Programs find it where their run path says, so that the tree can be moved.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libeiot.{abi}.dylib");
        // Room for install_name_tool, which packagers use.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-headerpad_max_install_names");
    }
    if target_os == "linux" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libeiot.so.{abi}");
        // Thread-local destructors of ours may run after a dlclose; unmapping their code would crash the host.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // One table of names, which every C library since 2011 reads, and not two.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--hash-style=gnu");
    }
}
