//! How a person would name one object of a scene: with the fewest words, or some more, that fit no other.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sim::{ObjectSpec, SceneSpec};
use types::language::Referent;

/// A copy in random order.
pub(crate) fn shuffled<T: Copy>(of: &[T], rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut out = of.to_vec();
    out.shuffle(rng);
    out
}

/// Whether an object fits a phrase without superlative and relation.
pub(crate) fn fits(o: &ObjectSpec, r: &Referent) -> bool {
    r.size.is_none_or(|s| s == o.size)
        && r.color.is_none_or(|c| c == o.color)
        && r.shape.is_none_or(|s| s == o.shape)
}

/// A phrase that fits the object of this name and no other; `None` if there is no such phrase.
pub(crate) fn refer(scene: &SceneSpec, name: &str, rng: &mut ChaCha8Rng) -> Option<Referent> {
    let object = scene.get(name)?;
    let shape = Referent::the().with_shape(object.shape);
    let phrases = [
        shape.clone().with_color(object.color),
        shape.clone(),
        shape.clone().with_size(object.size),
        shape.with_color(object.color).with_size(object.size),
    ];
    let unique = |r: &&Referent| scene.objects.iter().filter(|o| fits(o, r)).count() == 1;
    let mut fitting: Vec<&Referent> = phrases.iter().filter(unique).collect();
    // People mostly say colour and shape.
    if fitting.len() > 1 && rng.random_bool(0.6) && fitting[0].color.is_some() {
        fitting.truncate(1);
    }
    let n = fitting.len();
    (n > 0).then(|| fitting[rng.random_range(0..n)].clone())
}
