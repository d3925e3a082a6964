//! Who comes into the picture, as the watch sees it; in a replay as it saw it.

use crate::recording::Tape;
use perception::intruders::{Intruder, Known, Watch};
use types::{Image, Time};

/// See the head of this file.
pub(super) struct Onlooker {
    watch: Watch,
    tape: Tape,
    intruders: Vec<Intruder>,
}

impl Onlooker {
    pub(super) fn new(tape: Tape) -> Self {
        Self { watch: Watch::default(), tape, intruders: Vec::new() }
    }

    /// As [`Watch::learn`].
    pub(super) fn learn(&mut self, image: &Image, known: &Known<'_>) -> Vec<Intruder> {
        let Self { watch, tape, .. } = self;
        let (unknown, come) = tape.take("learn", || {
            let unknown = watch.learn(image, known);
            (unknown, watch.intruders().to_vec())
        });
        self.intruders = come;
        unknown
    }

    /// As [`Watch::watch`].
    pub(super) fn watch(&mut self, image: &Image, known: &Known<'_>) {
        let Self { watch, tape, .. } = self;
        self.intruders = tape.take("watch", || {
            watch.watch(image, known);
            watch.intruders().to_vec()
        });
    }

    /// As [`Watch::accept_what_stands`].
    pub(super) fn accept_what_stands(&mut self, now: Time) -> Option<Vec<Intruder>> {
        let Self { watch, tape, .. } = self;
        let (stands, come) = tape.take("stands", || {
            let stands = watch.accept_what_stands(now);
            (stands, watch.intruders().to_vec())
        });
        self.intruders = come;
        stands
    }

    /// As [`Watch::intruders`].
    pub(super) fn intruders(&self) -> &[Intruder] {
        &self.intruders
    }
}
