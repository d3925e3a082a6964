//! Sentences with their meaning, written by hand and not by the grammar: what a trained reader must
//! read right, whatever its training was.

use types::language::{Quantity, Question, Referent, Relation, Superlative, Task, Utterance};
use types::scene::{Color, Shape, Size};

/// A phrase in telegraphic English: "red cube", "all small ball", "largest box".
fn r(phrase: &str) -> Referent {
    let mut r = Referent::the();
    for w in phrase.split(' ') {
        r.color = r.color.or(Color::from_word(w));
        r.shape = r.shape.or(Shape::from_word(w));
        r.size = r.size.or(Size::from_word(w));
        match w {
            "all" => r.quantity = Quantity::All,
            "any" => r.quantity = Quantity::Any,
            "largest" => r.superlative = Some(Superlative::Largest),
            "smallest" => r.superlative = Some(Superlative::Smallest),
            "leftmost" => r.superlative = Some(Superlative::Leftmost),
            "rightmost" => r.superlative = Some(Superlative::Rightmost),
            "nearest" => r.superlative = Some(Superlative::Nearest),
            "furthest" => r.superlative = Some(Superlative::Furthest),
            _ => {}
        }
    }
    r
}

fn at(object: &str, relation: Relation, other: &str) -> Referent {
    Referent { relation: Some((relation, Box::new(r(other)))), ..r(object) }
}

fn place(object: &str, relation: Relation, target: &str) -> Task {
    Task::Place { object: r(object), relation, target: r(target) }
}

fn push(object: &str, relation: Relation, target: Option<&str>) -> Task {
    Task::Push { object: r(object), relation, target: target.map(r) }
}

fn stack(all: &[&str]) -> Task {
    Task::Stack(all.iter().map(|p| r(p)).collect())
}

fn one_task() -> Vec<(&'static str, Task)> {
    use Relation::{Behind, In, InFrontOf, LeftOf, NextTo, On, RightOf};
    let from = |object: Referent, relation, target: &str| Task::Place { object, relation, target: r(target) };
    vec![
        ("Put the red cube in the blue bowl.", place("red cube", In, "blue bowl")),
        ("put the red cube in the blue bowl", place("red cube", In, "blue bowl")),
        (
            "Could you please drop the small green ball into the white tray?",
            place("small green ball", In, "white tray"),
        ),
        ("I want the yellow block inside the purple dish", place("yellow cube", In, "purple bowl")),
        (
            "I'd like you to move the orange cylinder onto the black box",
            place("orange cylinder", On, "black box"),
        ),
        ("Robot, set the violet sphere next to the tray!", place("purple ball", NextTo, "tray")),
        ("place a red block on top of any blue block", place("any red cube", On, "any blue cube")),
        ("bring the big box to the left of the small bowl", place("large box", LeftOf, "small bowl")),
        ("Lay the brick to the right of the ball, please", place("box", RightOf, "ball")),
        ("position the green can behind the yellow cube", place("green cylinder", Behind, "yellow cube")),
        ("put the white ball in front of the tray", place("white ball", InFrontOf, "tray")),
        ("Pick up the red cube and put it in the bowl.", place("red cube", In, "bowl")),
        ("grab the ball, then drop it into the tray", place("ball", In, "tray")),
        ("take the largest cube and place it on the plate", place("largest cube", On, "tray")),
        ("move everything into the tray", place("all", In, "tray")),
        ("put all of the red things into the bowl", place("all red", In, "bowl")),
        ("put every cube in the tray", place("all cube", In, "tray")),
        ("put both balls in the bowl", place("all ball", In, "bowl")),
        ("put the cubes in the tray", place("all cube", In, "tray")),
        ("Would you mind putting the leftmost ball in the bowl?", place("leftmost ball", In, "bowl")),
        ("the blue cube goes on the red cube", place("blue cube", On, "red cube")),
        ("in the white bowl put the black ball", place("black ball", In, "white bowl")),
        ("put the ball left of the tray in the bowl", from(at("ball", LeftOf, "tray"), In, "bowl")),
        ("put the cube that is in the bowl on the tray", from(at("cube", In, "bowl"), On, "tray")),
        ("take the ball out of the bowl and put it on the tray", from(at("ball", In, "bowl"), On, "tray")),
        ("move the ball from the tray to the bowl", from(at("ball", In, "tray"), In, "bowl")),
        (
            "put the cube into the bowl that is behind the box",
            Task::Place { object: r("cube"), relation: In, target: at("bowl", Behind, "box") },
        ),
        ("pick up the red cube", Task::Pick(r("red cube"))),
        ("grab the nearest ball", Task::Pick(r("nearest ball"))),
        ("Lift the tiny white cylinder.", Task::Pick(r("small white cylinder"))),
        ("pick the biggest block up", Task::Pick(r("largest cube"))),
        ("hold the ball in the bowl", Task::Pick(at("ball", In, "bowl"))),
        ("take one of the green cubes", Task::Pick(r("any green cube"))),
        ("get the box which is next to the tray", Task::Pick(at("box", NextTo, "tray"))),
        ("stack the red cube on the blue cube", stack(&["blue cube", "red cube"])),
        ("Stack the red, the green and the blue cube", stack(&["red cube", "green cube", "blue cube"])),
        ("stack all the cubes", stack(&["all cube"])),
        ("build a tower of the yellow box and the white ball", stack(&["yellow box", "white ball"])),
        (
            "make a tower with the red cube on top, the blue cube at the bottom and the green cube in the middle",
            stack(&["blue cube", "green cube", "red cube"]),
        ),
        ("pile up the blocks", stack(&["all cube"])),
        ("push the red cube to the left", push("red cube", LeftOf, None)),
        ("slide the ball right", push("ball", RightOf, None)),
        ("nudge the box towards me", push("box", InFrontOf, None)),
        ("shove the small cylinder to the back", push("small cylinder", Behind, None)),
        ("move the cube to the left", push("cube", LeftOf, None)),
        ("push the box next to the bowl", push("box", NextTo, Some("bowl"))),
        ("push the ball to the right of the tray", push("ball", RightOf, Some("tray"))),
        ("sort the cubes by color", Task::SortByColor(r("all cube"))),
        ("sort everything by colour", Task::SortByColor(r("all"))),
        ("Please put every ball into the bowl of its own colour.", Task::SortByColor(r("all ball"))),
        ("put all the blocks in the matching trays", Task::SortByColor(r("all cube"))),
        ("swap the red cube and the blue ball", Task::Swap(r("red cube"), r("blue ball"))),
        ("exchange the box with the cylinder", Task::Swap(r("box"), r("cylinder"))),
        ("switch the positions of the bowl and the tray", Task::Swap(r("bowl"), r("tray"))),
        ("open the gripper", Task::OpenGripper),
        ("Open your hand, please", Task::OpenGripper),
        ("let go", Task::OpenGripper),
        ("close the gripper", Task::CloseGripper),
        ("go home", Task::Home),
        ("Return to your home position", Task::Home),
        ("look again", Task::Look),
        ("take a look at the table", Task::Look),
    ]
}

fn several() -> Vec<(&'static str, Vec<Task>)> {
    use Relation::{In, LeftOf, NextTo, On};
    vec![
        (
            "put the red cube in the bowl, then push the ball to the left and go home",
            vec![place("red cube", In, "bowl"), push("ball", LeftOf, None), Task::Home],
        ),
        (
            "put the cube and the ball into the bowl",
            vec![place("cube", In, "bowl"), place("ball", In, "bowl")],
        ),
        (
            "put the red cube in the bowl and the blue ball in the tray",
            vec![place("red cube", In, "bowl"), place("blue ball", In, "tray")],
        ),
        (
            "Put the red and the blue cube in the tray.",
            vec![place("red cube", In, "tray"), place("blue cube", In, "tray")],
        ),
        (
            "open the gripper and look around. After that, pick up the yellow box",
            vec![Task::OpenGripper, Task::Look, Task::Pick(r("yellow box"))],
        ),
        (
            "stack the red cube on the green cube, and then put the ball next to the box, and finally go home",
            vec![stack(&["green cube", "red cube"]), place("ball", NextTo, "box"), Task::Home],
        ),
        (
            "first swap the ball and the box, then put all the cubes on the tray",
            vec![Task::Swap(r("ball"), r("box")), place("all cube", On, "tray")],
        ),
    ]
}

fn questions() -> Vec<(&'static str, Question)> {
    use Relation::{In, LeftOf, On};
    vec![
        ("How many red cubes are there?", Question::Count(r("all red cube"))),
        ("how many objects do you see", Question::Count(r("all"))),
        ("how many balls are in the bowl?", Question::Count(at("all ball", In, "bowl"))),
        ("Is there a ball in the bowl?", Question::Exists(at("any ball", In, "bowl"))),
        ("do you see any blue boxes?", Question::Exists(r("any blue box"))),
        (
            "is the red cube left of the bowl?",
            Question::Holds { object: r("red cube"), relation: LeftOf, target: r("bowl") },
        ),
        (
            "Is the ball on top of the box?",
            Question::Holds { object: r("ball"), relation: On, target: r("box") },
        ),
        ("what colour is the ball?", Question::ColorOf(r("ball"))),
        ("What's the color of the largest cube?", Question::ColorOf(r("largest cube"))),
        ("Where is the green ball?", Question::Where(r("green ball"))),
        ("tell me where the small tray is", Question::Where(r("small tray"))),
        ("what do you see?", Question::Describe),
        ("What is on the table?", Question::Describe),
    ]
}

/// Every example: the sentence, and what it means.
#[must_use]
pub fn examples() -> Vec<(&'static str, Utterance)> {
    let one = one_task().into_iter().map(|(s, t)| (s, Utterance::Instruct(vec![t])));
    let more = several().into_iter().map(|(s, t)| (s, Utterance::Instruct(t)));
    let asked = questions().into_iter().map(|(s, q)| (s, Utterance::Ask(q)));
    one.chain(more).chain(asked).collect()
}

/// Sentences of known words that must end in a question: contradictory, open, or senseless (B26).
#[must_use]
pub fn questionable() -> Vec<&'static str> {
    vec![
        "put the red cube in the red cube",
        "swap the ball and the ball",
        "stack the red cube on the red cube",
        "put the ball in the bowl left of the tray",
        "put it in the bowl",
        "put the red blue cube in the bowl",
        "put the cube",
        "put in the bowl",
        "push the ball",
        "push the ball into the bowl",
        "the red cube",
        "red",
        "please",
        "cube cube cube",
        "bowl the in cube red put",
        "put the cube in",
        "pick up",
        "stack",
        "swap the ball",
        "how many",
        "where is",
        "open the red cube",
        "put the red cube to the left",
        "the cube closest to the bowl",
        "go to the red cube",
        "pick up the large small ball",
        "what is in the bowl and pick up the ball",
        "put some cubes in the bowl",
    ]
}

/// What a reader gets wrong of [`examples`] and [`questionable`]: the sentence and what it was read as.
#[must_use]
pub fn failures(reader: &super::Reader) -> Vec<(&'static str, Utterance)> {
    let read = |s: &'static str| (s, reader.read(s).utterance);
    let wrong = examples().into_iter().filter(|(s, meant)| read(s).1 != *meant).map(|(s, _)| read(s));
    let bold = questionable().into_iter().map(read).filter(|(_, u)| !matches!(u, Utterance::Unclear(_)));
    wrong.chain(bold).collect()
}
