//! What happens when the system refuses memory: the process is aborted. Rust's own way would first print a line, but
//! descriptor 2 of a daemon may be a database file.

use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static ALLOCATOR: AbortsSilently = AbortsSilently;

/// The system's allocator, except that it never returns NULL.
struct AbortsSilently;

/// Its name is what a debugger shows.
#[cold]
#[inline(never)]
fn out_of_memory() -> ! {
    std::process::abort()
}

fn checked(memory: *mut u8) -> *mut u8 {
    if memory.is_null() { out_of_memory() } else { memory }
}

// SAFETY: everything is passed to the system's allocator, whose contract is the same.
unsafe impl GlobalAlloc for AbortsSilently {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        checked(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        checked(unsafe { System.realloc(memory, layout, new_size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}
