//! The `eiot` command as a process: its output, requests and exit codes.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod call;
mod check;
mod completions;
mod configuration;
mod doctor;
mod exit_codes;
mod explain;
mod help;
mod help_examples;
mod json;
mod malformed;
mod man;
mod rate;
mod refresh;
mod responder;
mod run;
mod sign;
mod simulator;
mod streams;
mod webhook;
