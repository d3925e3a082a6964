//! The hash that tells weights apart goes over their content, whichever files it is in.

use crate::refusals::{Copy, parts, whole};
use perception::vlm::{Place, Precision, Vlm};
use serde_json::{Value, json};
use std::fs;

const INDEX: &str = "model.safetensors.index.json";
const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

fn hash(copy: &Copy) -> String {
    let vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("it loads");
    let hash = vlm.identity().rsplit("weights ").next().expect("a hash").to_owned();
    assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", vlm.identity());
    hash
}

#[test]
fn the_same_weights_in_one_file_have_the_same_hash_and_one_bit_makes_another() {
    let copy = Copy::of("qwen3-vl-4", "hash");
    let sharded = hash(&copy);
    let [one, two] = SHARDS.map(|s| parts(&fs::read(copy.0.join(s)).expect("a shard")));
    let mut header = one.0.clone();
    for (name, mut tensor) in two.0.as_object().expect("a header").clone() {
        if let Some(places) = tensor.get_mut("data_offsets").and_then(Value::as_array_mut) {
            for place in places {
                *place = json!(place.as_u64().expect("a place") + one.1.len() as u64);
            }
        }
        header[name] = tensor;
    }
    let mut content = [one.1, two.1].concat();
    for shard in SHARDS {
        fs::remove_file(copy.0.join(shard)).expect("removed");
    }
    fs::remove_file(copy.0.join(INDEX)).expect("removed");
    let file = copy.0.join("model.safetensors");
    fs::write(&file, whole(&header, &content)).expect("written");
    assert_eq!(hash(&copy), sharded);
    // The lowest bit of some number's mantissa.
    let n = content.len();
    content[(n / 2) & !3] ^= 1;
    fs::write(&file, whole(&header, &content)).expect("written");
    assert_ne!(hash(&copy), sharded);
}
