//! The library stays loaded once it was used.
//!
//! A thread that looks up a name, and destructors of thread-local values, may still run after the host has unloaded the
//! library; unmapping their code would crash the host. On Linux the linker marks the library (`nodelete`); Windows wants to be
//! asked.

/// Keeps this library, or the program that contains it, loaded until the process ends.
pub(crate) fn stay_loaded() {
    #[cfg(windows)]
    {
        static PINNED: std::sync::Once = std::sync::Once::new();
        PINNED.call_once(windows::pin);
    }
}

#[cfg(windows)]
mod windows {
    use std::ffi::c_void;

    const GET_MODULE_HANDLE_EX_FLAG_PIN: u32 = 1;
    const GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS: u32 = 4;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }

    pub(super) fn pin() {
        let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
        let mut module = std::ptr::null_mut();
        // SAFETY: the address is that of a function in here; the output is ours. If it fails, unloading is as before.
        unsafe { GetModuleHandleExW(flags, pin as *const c_void, &mut module) };
    }
}
