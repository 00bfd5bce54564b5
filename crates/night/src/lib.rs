//! `make night`: whole nights of clients, platform, network and machines in simulated time.
//!
//! A night is made from a seed (`story`). Its processes run the real client, as coroutines of an engine that moves virtual
//! time (`engine`); what they ask of their machine is answered by `world/host`, what they send by `world`. `ledger` knows the truth,
//! and compares it with what the callers were told: each promise of the documentation is a `Property`. A night in which one
//! is broken is made smaller (`shrink`), and printed with the command that lives through it again.
//!
//! The same seed gives the same night, byte for byte, on every machine: there is one thread, one source of random numbers,
//! and nothing reads a clock or an address.

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
