//! `make night`: whole nights of clients, platform, network and machines in simulated time.
//!
//! A night is made from a seed (`story`). Its processes run the real client, as coroutines of an engine that moves virtual
//! time (`engine`); what they ask of their machine is answered by `world/host` and `disk`, what they send by `world/network`, and behind it
//! the simulator's platform (`platform`) and a Redis that runs the real script (`redis`). `jobs` are programs that use the library, `command`
//! is an operator who runs the command over a file and starts it again (`books`: what its files must say). `ledger` knows the truth,
//! and compares it with what the callers were told: each promise of the documentation is a `Property`. A night in which one
//! is broken is made smaller (`shrink`), and printed with the command that lives through it again.
//!
//! The same seed gives the same night, byte for byte, on every machine: there is one thread, one source of random numbers,
//! and nothing reads a clock or an address.
//!
//! `guards.py` takes the guards of the client out one at a time and looks whether the nights notice.
//!
//! What the nights leave out: started calls and started batches (their event loop needs spawned tasks), bytes that are not HTTP and
//! replies without an end, and what happens below HTTP: a handshake is a time and a result.

pub mod books;
pub mod command;
pub mod disk;
pub mod engine;
pub mod jobs;
pub mod ledger;
pub mod night;
pub mod platform;
pub mod random;
pub mod redis;
pub mod shrink;
pub mod story;
pub mod world;
