//! Control from outside: everything but what needs a program of its own (`allocations.rs`). One program, because
//! building it is most of what testing costs.

mod adversarial;
mod any_numbers;
mod any_orders;
mod attach;
mod authority;
mod behaviour;
mod chunks;
#[path = "../common/mod.rs"]
mod common;
mod compliance;
mod drive;
mod ending;
mod ends;
mod filter;
mod fingers;
#[path = "../from_bytes/mod.rs"]
mod from_bytes;
mod gripper;
mod grips;
mod guarded;
mod handover;
mod joining;
mod limits;
mod loop_thread;
mod orders;
mod outside;
mod payload;
mod proof;
mod rates;
mod sensing;
mod servo;
mod singular;
mod stops;
mod strength;
mod tape;
mod ticks;
mod told;
mod tracking;
mod walls;
