//! Vision-language models of others: parity with the reference, and refusal of what is bad.

mod batch;
mod families;
mod fixture;
#[cfg(feature = "cuda")]
mod gpu;
mod grammar;
mod hash;
mod paligemma;
mod parity;
mod refusals;
mod roles;
