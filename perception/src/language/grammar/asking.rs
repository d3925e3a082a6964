//! Questions about the colour and the place of an object, and about everything.

use super::build::{Build, chance, pick};
use super::phrases::{Link, referent};
use crate::language::tags::{Ask, Meaning, Role};
use rand_chacha::ChaCha8Rng;
use types::language::Referent;

fn object_frame(b: &mut Build, rng: &mut ChaCha8Rng, frame: &str, ask: Ask, r: &Referent) {
    b.frame(frame, Meaning::Ask(ask), &mut |b, _| referent(b, rng, r, Role::Object, Link::Free));
}

pub(super) fn color_of(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, embedded: bool) {
    let frames: &[&str] = if embedded {
        &[
            "what color! {o} is",
            "which color! {o} is",
            "which color! {o} has",
            "the color! of {o}",
            "what color! {o} has",
            "{o} is color!",
            "the color! that {o} has",
        ]
    } else {
        &[
            "what color! is {o}",
            "what color! is {o}",
            "which color! is {o}",
            "what is the color! of {o}",
            "what color! does {o} have",
            "which color! does {o} have",
            "what color! has {o}",
            "of what color! is {o}",
            "what is {o} is color!",
            "what is the color! that {o} has",
            "which color! has {o}",
            "what color! would you say {o} is",
            "what color! do you think {o} is",
            "tell me the color! of {o}",
            "give me the color! of {o}",
            "what color! is {o} there",
        ]
    };
    let spelling = if chance(rng, 0.5) { "color" } else { "colour" };
    let frame = pick(rng, frames).replace("color", spelling);
    object_frame(b, rng, &frame, Ask::Color, r);
}

pub(super) fn where_is(b: &mut Build, rng: &mut ChaCha8Rng, r: &Referent, embedded: bool) {
    let frames: &[&str] = if embedded {
        &[
            "where! {o} is",
            "where! {o} is",
            "the location! of {o}",
            "where! i can see {o}",
            "where! {o} lies",
            "where! {o} stands",
            "where! exactly {o} is",
            "where! to find {o}",
            "where! i can find {o}",
            "the position! of {o}",
            "where! {o} is located",
            "where! {o} is sitting",
            "where! {o} is now",
        ]
    } else {
        &[
            "where! is {o}",
            "where! is {o}",
            "where! is {o} now",
            "where! do you see {o}",
            "where! can i see {o}",
            "what is the location! of {o}",
            "find! {o}",
            "locate! {o}",
            "where! can you see {o}",
            "where! on the table is {o}",
            "where! can i find {o}",
            "where! exactly is {o}",
            "where! can you find {o}",
            "where! is {o} located",
            "where! is {o} standing",
            "where! is {o} sitting",
            "where! is {o} right now",
            "where! about is {o}",
            "whereabouts! is {o}",
            "where! is {o} at",
            "where! does {o} stand",
            "where! have you got {o}",
            "what is the position! of {o}",
            "give me the position! of {o}",
            "give me the location! of {o}",
            "can you find! {o}",
            "could you find! {o}",
            "can you locate! {o}",
            "so where! is {o}",
            "please find! {o}",
            "where! would i find {o}",
        ]
    };
    let frame = pick(rng, frames);
    object_frame(b, rng, frame, Ask::Where, r);
}

pub(super) fn describe(b: &mut Build, rng: &mut ChaCha8Rng) {
    let frames = [
        "what! do you see",
        "what! do you see",
        "what! can you see",
        "what! is on the table",
        "what! is there",
        "what! is in front of you",
        "describe! the scene",
        "describe! the table",
        "describe! what you see",
        "list! the objects",
        "list! all objects",
        "list! everything you see",
        "what! objects are there",
        "what! objects do you see",
        "which! objects are on the table",
        "which! objects can you see",
        "what! things are on the table",
        "tell me what! you see",
        "tell me what! is on the table",
        "what! is here",
        "what! is visible",
        "describe! everything",
        "what! does the scene look like",
        "list! what you see",
        "what! have you got",
        "what! is on the desk",
        "describe! the workspace",
        "what! is in the scene",
        "what! can you see on the table",
        "what! do you see on the table",
        "what! do you see there",
        "what! can you see there",
        "what! do you see now",
        "what! do you see in front of you",
        "what! is there in front of you",
        "what! is there on the table",
        "what! is lying on the table",
        "what! is standing on the table",
        "what! is sitting on the table",
        "what! is on the table in front of you",
        "what! all is on the table",
        "what! all can you see",
        "what! things do you see",
        "what! things can you see",
        "what! objects can you see",
        "what! objects are on the table",
        "what! objects have you got there",
        "what! have you got there",
        "what! have we got on the table",
        "what! have we got here",
        "what! do we have here",
        "what! do we have on the table",
        "what! items are there",
        "which! objects do you see",
        "which! things are on the table",
        "tell me what! you can see",
        "tell me what! is there",
        "tell me what! objects are there",
        "tell me what! is in front of you",
        "can you tell me what! is on the table",
        "can you tell me what! you see",
        "could you tell me what! you can see",
        "can you describe! the scene",
        "could you describe! what you see",
        "please describe! the table",
        "describe! what is on the table",
        "describe! what is in front of you",
        "describe! to me what you see",
        "describe! everything on the table",
        "describe! all the objects",
        "describe! the objects on the table",
        "describe! what you can see",
        "give me an overview!",
        "give me an overview! of the table",
        "give me an overview! of the scene",
        "give me a description! of the scene",
        "give me a list! of the objects",
        "list! the things on the table",
        "list! all the things you see",
        "list! everything on the table",
        "name! everything you see",
        "name! all the objects on the table",
        "name! the things you can see",
        "enumerate! the objects",
        "report! what you see",
        "report! what is on the table",
        "what! is out there",
        "what! does the table look like",
        "so what! is on the table",
        "what! is going on here",
        "what! is going on on the table",
        "what! is around",
    ];
    let frame = pick(rng, &frames);
    b.frame(frame, Meaning::Ask(Ask::Describe), &mut |_, _| {});
}
