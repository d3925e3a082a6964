//! Writes messages of every type, drawn from seeds, for a reader of others (`scripts/strangers_messages.py`): a line of
//! JSON each, with the name, the definition and its hash, the bytes in hexadecimal, and the values.

#[path = "../tests/drawn/mod.rs"]
mod drawn;

use bridge::ros::{Message, to_cdr, type_hash};
use drawn::{Each, every};
use serde_json::json;

/// So many of every type.
const SEEDS: u64 = 20;

struct Write;

impl Each for Write {
    fn each<M: Message + core::fmt::Debug + PartialEq>(&mut self, message: M) {
        let bytes = to_cdr(&message).expect("it fits");
        let cdr: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let hash = type_hash::<M>().expect("a hash");
        let line = json!({ "name": M::NAME, "definition": M::definition(), "hash": hash, "cdr": cdr,
            "values": message });
        println!("{line}");
    }
}

fn main() {
    (0..SEEDS).for_each(|seed| every(seed, &mut Write));
}
