//! Vision-language models of others: parity with the reference, and refusal of what is bad.

mod families;
mod fixture;
mod grammar;
mod hash;
mod parity;
mod refusals;
