//! The task families of the `tabletop` suite: random worlds, what is asked of them, and the predicates
//! over the simulator's truth that say whether it was done.

use super::predicate::Predicate;
use super::refer::{refer, shuffled};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use sim::{ObjectRule, SceneRules, SceneSpec};
use types::language::{Quantity, Referent, Relation, Superlative, Task};
use types::{Color, Shape, Size};

/// A world, the tasks, and what shall hold in the end.
pub(crate) type Draft = (SceneSpec, Vec<Task>, Vec<Predicate>);
type Family = fn(&mut ChaCha8Rng) -> Option<Draft>;

/// Every family with its name; `eval` goes round them in turn.
pub(crate) const FAMILIES: &[(&str, Family)] = &[
    ("put in", put_in),
    ("put on", put_on),
    ("stack two", stack_two),
    ("stack three", stack_three),
    ("left or right of", beside_lateral),
    ("in front or behind", beside_depth),
    ("push", push),
    ("sort by colour", sort_by_color),
    ("put all in", put_all),
    ("swap", swap),
    ("largest or smallest", superlative),
    ("clutter", clutter),
];

const GRASPABLE: [Shape; 4] = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box];
const FLAT: [Shape; 3] = [Shape::Cube, Shape::Cylinder, Shape::Box];

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn size(rng: &mut ChaCha8Rng) -> Size {
    pick(rng, Size::ALL)
}

fn rule(name: &str, size: Size, color: Color, shape: Shape) -> ObjectRule {
    ObjectRule { name: name.into(), ..ObjectRule::exactly(size, color, shape) }
}

fn container(rng: &mut ChaCha8Rng, name: &str, color: Color, size: Size) -> ObjectRule {
    rule(name, size, color, pick(rng, &[Shape::Bowl, Shape::Tray]))
}

/// Lays the wanted objects and `others` more of the shapes in `other`.
fn lay(
    rng: &mut ChaCha8Rng,
    wanted: Vec<ObjectRule>,
    others: [usize; 2],
    other: &[Shape],
) -> Option<SceneSpec> {
    let other = ObjectRule { shape: other.to_vec(), ..ObjectRule::default() };
    let rules = SceneRules { wanted, others, other, ..SceneRules::default() };
    SceneSpec::random(&rules, rng).ok()
}

/// Whether one object stands so to the other before anything was done, generously.
fn stands_already(scene: &SceneSpec, a: &str, relation: Relation, b: &str) -> bool {
    let (Some(a), Some(b), Some([dx, dy])) = (scene.get(a), scene.get(b), relation.direction()) else {
        return false;
    };
    let (x, y) = (a.position_m[0] - b.position_m[0], a.position_m[1] - b.position_m[1]);
    let (along, across) = (x * dx + y * dy, (x * dy - y * dx).abs());
    along > 0.0 && along > 0.5 * across
}

fn place(scene: &SceneSpec, rng: &mut ChaCha8Rng, a: &str, relation: Relation, b: &str) -> Option<Draft> {
    if stands_already(scene, a, relation, b) {
        return None;
    }
    let object = refer(scene, a, rng)?;
    let target = refer(scene, b, rng)?;
    let task = Task::Place { object, relation, target };
    Some((scene.clone(), vec![task], vec![Predicate::stands(a, relation, b)]))
}

fn put_in(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let object = rule("object", size(rng), colors[0], pick(rng, &GRASPABLE));
    let home = container(rng, "container", colors[1], Size::Large);
    let scene = lay(rng, vec![home, object], [1, 3], &GRASPABLE)?;
    place(&scene, rng, "object", Relation::In, "container")
}

fn put_on(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let object = rule("object", size(rng), colors[0], pick(rng, &FLAT));
    let support = rule("support", Size::Large, colors[1], pick(rng, &[Shape::Cube, Shape::Box]));
    let scene = lay(rng, vec![object, support], [1, 3], &GRASPABLE)?;
    place(&scene, rng, "object", Relation::On, "support")
}

fn stack_two(rng: &mut ChaCha8Rng) -> Option<Draft> {
    stack(rng, 2)
}

fn stack_three(rng: &mut ChaCha8Rng) -> Option<Draft> {
    stack(rng, 3)
}

fn stack(rng: &mut ChaCha8Rng, n: usize) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let names = ["bottom", "middle", "top"];
    let wanted = (0..n)
        .map(|i| {
            let s = if i == 0 { Size::Large } else { pick(rng, &[Size::Large, Size::Small]) };
            rule(names[i], s, colors[i], Shape::Cube)
        })
        .collect::<Vec<_>>();
    // A larger cube never goes upon a smaller one.
    let mut wanted = wanted;
    for i in 1..n {
        if wanted[i - 1].size[0] == Size::Small {
            wanted[i].size = vec![Size::Small];
        }
    }
    let scene = lay(rng, wanted, [0, 2], &[Shape::Ball, Shape::Cylinder, Shape::Box])?;
    let referents = names[..n].iter().map(|a| refer(&scene, a, rng)).collect::<Option<Vec<_>>>()?;
    let facts = (1..n).map(|i| Predicate::stands(names[i], Relation::On, names[i - 1])).collect();
    Some((scene, vec![Task::Stack(referents)], facts))
}

fn beside_lateral(rng: &mut ChaCha8Rng) -> Option<Draft> {
    beside(rng, &[Relation::LeftOf, Relation::RightOf])
}

fn beside_depth(rng: &mut ChaCha8Rng) -> Option<Draft> {
    beside(rng, &[Relation::InFrontOf, Relation::Behind])
}

fn beside(rng: &mut ChaCha8Rng, relations: &[Relation]) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let object = rule("object", size(rng), colors[0], pick(rng, &FLAT));
    let mut target =
        rule("target", size(rng), colors[1], pick(rng, &[Shape::Cube, Shape::Cylinder, Shape::Bowl]));
    // Room on every side within reach.
    target.area_m = Some([0.47, 0.57, -0.14, 0.14]);
    let scene = lay(rng, vec![target, object], [0, 2], &GRASPABLE)?;
    let relation = pick(rng, relations);
    place(&scene, rng, "object", relation, "target")
}

fn push(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let mut object = rule("object", size(rng), colors[0], pick(rng, &[Shape::Cube, Shape::Box]));
    object.area_m = Some([0.47, 0.57, -0.13, 0.13]);
    let scene = lay(rng, vec![object], [0, 2], &GRASPABLE)?;
    let relation = pick(rng, &[Relation::LeftOf, Relation::RightOf]);
    let task = Task::Push { object: refer(&scene, "object", rng)?, relation, target: None };
    Some((scene, vec![task], vec![Predicate::Moved { object: "object".into(), relation }]))
}

fn sort_by_color(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let shape = pick(rng, &GRASPABLE);
    let mut wanted = Vec::new();
    for i in 0..2 {
        wanted.push(container(rng, ["home_a", "home_b"][i], colors[i], Size::Large));
    }
    for i in 0..2 {
        wanted.push(rule(["a", "b"][i], size(rng), colors[i], shape));
    }
    let scene = lay(rng, wanted, [0, 0], &GRASPABLE)?;
    let all = Referent::the().with_shape(shape).with_quantity(Quantity::All);
    let facts =
        vec![Predicate::stands("a", Relation::In, "home_a"), Predicate::stands("b", Relation::In, "home_b")];
    Some((scene, vec![Task::SortByColor(all)], facts))
}

fn put_all(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let shape = pick(rng, &GRASPABLE);
    let n = rng.random_range(2..=3usize);
    let mut wanted = vec![rule("container", Size::Large, colors[3], Shape::Tray)];
    let names = ["a", "b", "c"];
    for i in 0..n {
        wanted.push(rule(names[i], Size::Small, colors[i], shape));
    }
    let others: Vec<Shape> = GRASPABLE.into_iter().filter(|s| *s != shape).collect();
    let scene = lay(rng, wanted, [0, 2], &others)?;
    let object = Referent::the().with_shape(shape).with_quantity(Quantity::All);
    let target = refer(&scene, "container", rng)?;
    let facts = names[..n].iter().map(|a| Predicate::stands(a, Relation::In, "container")).collect();
    Some((scene, vec![Task::Place { object, relation: Relation::In, target }], facts))
}

fn swap(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let a = rule("a", size(rng), colors[0], pick(rng, &FLAT));
    let b = rule("b", size(rng), colors[1], pick(rng, &FLAT));
    let scene = lay(rng, vec![a, b], [0, 2], &GRASPABLE)?;
    let task = Task::Swap(refer(&scene, "a", rng)?, refer(&scene, "b", rng)?);
    let took = |a: &str, b: &str| Predicate::Took { object: a.into(), place_of: b.into() };
    Some((scene, vec![task], vec![took("a", "b"), took("b", "a")]))
}

fn superlative(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let shape = pick(rng, &GRASPABLE);
    let wants_largest = rng.random_bool(0.5);
    let (one, rest) = if wants_largest { (Size::Large, Size::Small) } else { (Size::Small, Size::Large) };
    let wanted = vec![
        container(rng, "container", colors[3], Size::Large),
        rule("object", one, colors[0], shape),
        rule("b", rest, colors[1], shape),
        rule("c", rest, colors[2], shape),
    ];
    let others: Vec<Shape> = GRASPABLE.into_iter().filter(|s| *s != shape).collect();
    let scene = lay(rng, wanted, [0, 1], &others)?;
    let mut object = Referent::the().with_shape(shape);
    object.superlative = Some(if wants_largest { Superlative::Largest } else { Superlative::Smallest });
    let target = refer(&scene, "container", rng)?;
    let fact = Predicate::stands("object", Relation::In, "container");
    Some((scene, vec![Task::Place { object, relation: Relation::In, target }], vec![fact]))
}

fn clutter(rng: &mut ChaCha8Rng) -> Option<Draft> {
    let colors = shuffled(Color::ALL, rng);
    let shape = pick(rng, &GRASPABLE);
    let wanted = vec![
        container(rng, "container", colors[1], Size::Large),
        rule("object", size(rng), colors[0], shape),
        // Two that share a word with what is meant.
        rule("same_shape", size(rng), colors[2], shape),
        rule("same_color", size(rng), colors[0], pick(rng, &GRASPABLE)),
    ];
    let scene = lay(rng, wanted, [2, 4], &GRASPABLE)?;
    place(&scene, rng, "object", Relation::In, "container")
}
