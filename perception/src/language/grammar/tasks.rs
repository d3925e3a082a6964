//! Sentences that ask for something to be done.

use super::arranging::{simple, sort, stack, swap};
use super::build::{Build, chance, pick};
use super::objects::{Form, object_link, target_link};
use super::phrases::{referent, target};
use super::placing::{pick_up, place, push};
use super::politeness;
use super::relations::whither_words;
use crate::language::tags::{Role, Verb};
use rand_chacha::ChaCha8Rng;
use types::language::{Referent, Relation, Task};

/// One task, or several that share a verb and a target.
fn write_task(b: &mut Build, rng: &mut ChaCha8Rng, tasks: &[Task], form: Form, it: bool) {
    b.begin_task();
    match &tasks[0] {
        Task::Pick(r) => pick_up(b, rng, r, form, it),
        Task::Place { relation, target, .. } => {
            let all: Vec<&Referent> = tasks
                .iter()
                .filter_map(|t| if let Task::Place { object, .. } = t { Some(object) } else { None })
                .collect();
            place(b, rng, &all, (*relation, target), form, it);
        }
        Task::Stack(all) => stack(b, rng, all, form),
        Task::Push { object, relation, target } => push(b, rng, object, *relation, target.as_ref(), form, it),
        Task::SortByColor(r) => sort(b, rng, r, form, it),
        Task::Swap(one, two) => swap(b, rng, one, two, form),
        Task::OpenGripper => simple(b, rng, Verb::Open, form),
        Task::CloseGripper => simple(b, rng, Verb::Close, form),
        Task::Home => simple(b, rng, Verb::Home, form),
        Task::Look => simple(b, rng, Verb::Look, form),
    }
}

fn acts_on(task: &Task) -> Option<&Referent> {
    match task {
        Task::Pick(r)
        | Task::Place { object: r, .. }
        | Task::Push { object: r, .. }
        | Task::SortByColor(r) => Some(r),
        _ => None,
    }
}

/// "put A in B and C in D": a further placing that leaves its verb out.
fn elided(b: &mut Build, rng: &mut ChaCha8Rng, object: &Referent, relation: Relation, to: &Referent) {
    b.begin_task();
    b.held_target = false;
    let whither = pick(rng, whither_words(relation));
    referent(b, rng, object, Role::Object, object_link(object, relation, whither));
    target(b, rng, relation, to, whither, target_link(object, whither));
}

/// A whole sentence that asks for `tasks`, in order.
pub(super) fn instruct(b: &mut Build, rng: &mut ChaCha8Rng, tasks: &[Task]) {
    let mut form = Form::Base;
    if chance(rng, 0.04) {
        politeness::before_a_gerund(b, rng);
        form = Form::Gerund;
    }
    let mut i = 0;
    let mut chained = false;
    while i < tasks.len() {
        let mut n = 1;
        if let Task::Place { object, relation, target } = &tasks[i] {
            while i + n < tasks.len()
                && matches!(&tasks[i + n], Task::Place { object: o, relation: r, target: t }
                    if r == relation && t == target && o != object && o.relation.is_none() && object.relation.is_none())
                && chance(rng, 0.7)
            {
                n += 1;
            }
        }
        let before = if i > 0 { acts_on(&tasks[i - 1]) } else { None };
        if i > 0 {
            // After a lifting, a placing in other words would be read as the same task.
            let after_pick = matches!(tasks[i - 1], Task::Pick(_));
            let chains = chained && n == 1 && !after_pick && matches!(tasks[i], Task::Place { .. });
            let elide = chains && chance(rng, 0.5);
            let then = if elide && chance(rng, 0.8) {
                pick(rng, &[",", "and", ", and"])
            } else {
                politeness::one_of(rng, politeness::THEN)
            };
            b.keep_commas |= then == ",";
            b.fill(then);
            if let Task::Place { object, relation, target } = &tasks[i]
                && elide
            {
                elided(b, rng, object, *relation, target);
                i += 1;
                continue;
            }
        }
        let same = n == 1 && before.is_some() && before == acts_on(&tasks[i]);
        let lifted = i > 0 && matches!(tasks[i - 1], Task::Pick(_)) && matches!(tasks[i], Task::Place { .. });
        let it = same && !lifted && chance(rng, 0.7);
        let mut said = Build::default();
        std::mem::swap(&mut said.words, &mut b.words);
        write_task(b, rng, &tasks[i..i + n], form, it);
        if form == Form::Base {
            if i == 0 {
                politeness::open(&mut said, rng, &b.words);
            } else {
                politeness::go_on(&mut said, rng, &b.words);
            }
        }
        said.words.append(&mut b.words);
        std::mem::swap(&mut said.words, &mut b.words);
        chained = matches!(tasks[i], Task::Place { .. }) && !b.fronted;
        form = Form::Base;
        i += n;
    }
    politeness::close(b, rng);
}
