//! Calls in a model's text: what it proposes to do, to answer, or why it does not know. A closed set, as JSON.

use super::object;
use super::words::is_plain;
use serde::Deserialize;
use serde_json::{Value, json};
use types::language::{Quantity, Question, Referent, Relation, Superlative, Task, Utterance};
use types::{Color, Offer, Rejection, Shape, Size, TaskKind};

/// Most tasks of one sentence.
const MOST_TASKS: usize = 6;
/// Most objects of a stack.
const MOST_STACKED: usize = 6;
/// Before a model's own words to the person, which nothing holds to anything.
pub const MODEL_SAYS: &str = "my model says:";
/// Longest question back, characters.
const LONGEST_WORDS: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    The,
    Any,
    All,
    Largest,
    Smallest,
    Leftmost,
    Rightmost,
    Nearest,
    Furthest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Where {
    In,
    On,
    LeftOf,
    RightOf,
    InFrontOf,
    Behind,
    NextTo,
}

/// An object, as the model names it: "any" where it says nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    which: Which,
    size: Option<String>,
    color: Option<String>,
    shape: Option<String>,
    #[serde(default)]
    place: Option<Place>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    relation: Where,
    object: Box<Thing>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "skill", rename_all = "snake_case", deny_unknown_fields)]
enum Call {
    Pick { object: Thing },
    Place { object: Thing, relation: Where, target: Thing },
    Push { object: Thing, relation: Where, target: Option<Thing> },
    Stack { objects: Vec<Thing> },
    SortByColor { objects: Thing },
    Swap { one: Thing, other: Thing },
    // Braces: of a bare name serde would pass over fields that it has not.
    OpenGripper {},
    CloseGripper {},
    Home {},
    Look {},
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    Count { object: Thing },
    Exists { object: Thing },
    Holds { object: Thing, relation: Where, target: Thing },
    ColorOf { object: Thing },
    Where { object: Thing },
    Describe {},
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Do(Vec<Call>),
    Answer(Asked),
    AskBack(String),
    Refuse(String),
}

/// One of some words, or nothing.
fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Value {
    let words: Vec<Value> = all.iter().map(|v| word(*v).into()).chain([Value::Null]).collect();
    json!({ "enum": words })
}

/// How a relation is written.
fn relations(all: &[Relation]) -> Value {
    json!({ "enum": all.iter().map(|r| r.words().replace(' ', "_")).collect::<Vec<_>>() })
}

/// The skills that are offered: name, arguments in words, and schemas of the arguments. Things are named by any words:
/// what is not on the table must be sayable, or the nearest thing that is there would be taken for it.
fn skills(offer: &Offer, thing: &Value) -> Vec<(&'static str, &'static str, Value)> {
    let stacked = json!({ "type": "array", "items": thing, "minItems": 1, "maxItems": MOST_STACKED });
    let [place, beside, along] =
        [TaskKind::Place, TaskKind::PushBeside, TaskKind::PushAlong].map(|kind| offer.relations(kind));
    let moved = |all: &[Relation], target: &Value| json!({ "object": thing, "relation": relations(all), "target": target });
    let all = [
        (offer.has(TaskKind::Pick), "pick", "object", json!({ "object": thing })),
        (!place.is_empty(), "place", "object, relation, target", moved(&place, thing)),
        (!beside.is_empty(), "push", "object, relation, target", moved(&beside, thing)),
        (!along.is_empty(), "push", "object, relation, null", moved(&along, &json!({ "type": "null" }))),
        (offer.has(TaskKind::Stack), "stack", "objects, lowest first", json!({ "objects": stacked })),
        (offer.has(TaskKind::SortByColor), "sort_by_color", "objects", json!({ "objects": thing })),
        (offer.has(TaskKind::Swap), "swap", "one, other", json!({ "one": thing, "other": thing })),
        (offer.has(TaskKind::OpenGripper), "open_gripper", "", json!({})),
        (offer.has(TaskKind::CloseGripper), "close_gripper", "", json!({})),
        (offer.has(TaskKind::Home), "home", "", json!({})),
        (offer.has(TaskKind::Look), "look", "", json!({})),
    ];
    all.into_iter().filter(|(has, ..)| *has).map(|(_, name, words, schemas)| (name, words, schemas)).collect()
}

/// The skills that are offered, for a prompt: "pick (object), home".
pub(super) fn skills_in_words(offer: &Offer) -> String {
    let word = |(name, arguments, _): (&str, &str, Value)| {
        if arguments.is_empty() { name.to_owned() } else { format!("{name} ({arguments})") }
    };
    let all: Vec<String> = skills(offer, &Value::Null).into_iter().map(word).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// The JSON that is asked for, with the skills that are offered and no others.
pub(super) fn schema(offer: &Offer) -> Value {
    let which = json!({ "enum": ["the", "any", "all", "largest", "smallest", "leftmost", "rightmost", "nearest",
        "furthest"] });
    let relation = relations(Relation::ALL);
    let thing = |place: Value| {
        object(
            json!({ "which": which, "size": words(Size::ALL, Size::word), "color": words(Color::ALL, Color::word),
            "shape": words(Shape::ALL, Shape::word), "place": place }),
        )
    };
    let plain = thing(json!({ "type": "null" }));
    let placed = object(json!({ "relation": relation, "object": plain }));
    let thing = thing(json!({ "anyOf": [{ "type": "null" }, placed] }));
    let call = |skill: &str, arguments: Value| {
        let mut properties = serde_json::Map::from_iter([("skill".to_owned(), json!({ "const": skill }))]);
        properties.extend(arguments.as_object().cloned().unwrap_or_default());
        object(Value::Object(properties))
    };
    let calls: Vec<Value> =
        skills(offer, &thing).into_iter().map(|(name, _, arguments)| call(name, arguments)).collect();
    let question = |ask: &str, arguments: Value| {
        let mut properties = serde_json::Map::from_iter([("ask".to_owned(), json!({ "const": ask }))]);
        properties.extend(arguments.as_object().cloned().unwrap_or_default());
        object(Value::Object(properties))
    };
    let questions = [
        question("count", json!({ "object": thing })),
        question("exists", json!({ "object": thing })),
        question("holds", json!({ "object": thing, "relation": relation, "target": thing })),
        question("color_of", json!({ "object": thing })),
        question("where", json!({ "object": thing })),
        question("describe", json!({})),
    ];
    let words = json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_WORDS });
    let mut forms = vec![
        object(json!({ "answer": { "anyOf": questions } })),
        object(json!({ "ask_back": words })),
        object(json!({ "refuse": words })),
    ];
    if !calls.is_empty() {
        let tasks =
            json!({ "type": "array", "items": { "anyOf": calls }, "minItems": 1, "maxItems": MOST_TASKS });
        forms.insert(0, object(json!({ "do": tasks })));
    }
    json!({ "anyOf": forms })
}

/// What a model's text proposes.
///
/// # Errors
/// A [`Rejection`] for text that is no such JSON (B24): an unknown skill, a missing argument, a word that is
/// none, too many tasks.
pub fn utterance(text: &str) -> Result<Utterance, Rejection> {
    let refuse =
        |got: String| Rejection::new("answer", "one of the calls that were offered, as JSON", shown(&got));
    let said: Said = serde_json::from_str(text.trim()).map_err(|e| refuse(e.to_string()))?;
    let words = |text: String| -> Result<String, Rejection> {
        let kept: String = text.chars().filter(|c| is_plain(*c)).take(LONGEST_WORDS).collect();
        // Nobody held these words to anything: the person is told whose they are.
        let kept = kept.trim();
        if kept.is_empty() { Err(refuse("nothing".into())) } else { Ok(format!("{MODEL_SAYS} {kept}")) }
    };
    Ok(match said {
        Said::Do(calls) if calls.is_empty() || calls.len() > MOST_TASKS => {
            return Err(refuse(format!("{} tasks", calls.len())));
        }
        Said::Do(calls) => Utterance::Instruct(calls.into_iter().map(Call::task).collect::<Result<_, _>>()?),
        Said::Answer(asked) => Utterance::Ask(asked.question()?),
        Said::AskBack(text) => Utterance::Unclear(words(text)?),
        Said::Refuse(text) => Utterance::Refuse(words(text)?),
    })
}

/// As much of what a model said as a refusal tells back (B24).
fn shown(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).collect()
}

impl Call {
    fn task(self) -> Result<Task, Rejection> {
        Ok(match self {
            Self::Pick { object } => Task::Pick(object.referent()?),
            Self::Place { object, relation, target } => Task::Place {
                object: object.referent()?,
                relation: relation.relation(),
                target: target.referent()?,
            },
            Self::Push { object, relation, target } => Task::Push {
                object: object.referent()?,
                relation: relation.relation(),
                target: target.map(Thing::referent).transpose()?,
            },
            Self::Stack { objects } if objects.is_empty() || objects.len() > MOST_STACKED => {
                let expected = format!("1 to {MOST_STACKED}");
                return Err(Rejection::new("answer.objects", expected, objects.len().to_string()));
            }
            Self::Stack { objects } => {
                Task::Stack(objects.into_iter().map(Thing::referent).collect::<Result<_, _>>()?)
            }
            Self::SortByColor { objects } => Task::SortByColor(objects.referent()?),
            Self::Swap { one, other } => Task::Swap(one.referent()?, other.referent()?),
            Self::OpenGripper {} => Task::OpenGripper,
            Self::CloseGripper {} => Task::CloseGripper,
            Self::Home {} => Task::Home,
            Self::Look {} => Task::Look,
        })
    }
}

impl Asked {
    fn question(self) -> Result<Question, Rejection> {
        Ok(match self {
            Self::Count { object } => Question::Count(object.referent()?),
            Self::Exists { object } => Question::Exists(object.referent()?),
            Self::Holds { object, relation, target } => Question::Holds {
                object: object.referent()?,
                relation: relation.relation(),
                target: target.referent()?,
            },
            Self::ColorOf { object } => Question::ColorOf(object.referent()?),
            Self::Where { object } => Question::Where(object.referent()?),
            Self::Describe {} => Question::Describe,
        })
    }
}

impl Thing {
    fn referent(self) -> Result<Referent, Rejection> {
        fn named<T>(
            field: &'static str,
            word: Option<&String>,
            of: fn(&str) -> Option<T>,
        ) -> Result<Option<T>, Rejection> {
            let Some(word) = word else { return Ok(None) };
            let refuse = || Rejection::new(field, "one of the words that were offered", shown(word));
            of(word).ok_or_else(refuse).map(Some)
        }
        let (quantity, superlative) = match self.which {
            Which::The => (Quantity::The, None),
            Which::Any => (Quantity::Any, None),
            Which::All => (Quantity::All, None),
            Which::Largest => (Quantity::The, Some(Superlative::Largest)),
            Which::Smallest => (Quantity::The, Some(Superlative::Smallest)),
            Which::Leftmost => (Quantity::The, Some(Superlative::Leftmost)),
            Which::Rightmost => (Quantity::The, Some(Superlative::Rightmost)),
            Which::Nearest => (Quantity::The, Some(Superlative::Nearest)),
            Which::Furthest => (Quantity::The, Some(Superlative::Furthest)),
        };
        Ok(Referent {
            quantity,
            size: named("answer.size", self.size.as_ref(), Size::from_word)?,
            color: named("answer.color", self.color.as_ref(), Color::from_word)?,
            shape: named("answer.shape", self.shape.as_ref(), Shape::from_word)?,
            superlative,
            relation: match self.place {
                None => None,
                // One step, as in the grammar: no text nests without end.
                Some(Place { object, .. }) if object.place.is_some() => {
                    return Err(Rejection::new("answer.place", "one place at most", "a place of a place"));
                }
                Some(Place { relation, object }) => Some((relation.relation(), Box::new(object.referent()?))),
            },
        })
    }
}

impl Where {
    fn relation(self) -> Relation {
        match self {
            Self::In => Relation::In,
            Self::On => Relation::On,
            Self::LeftOf => Relation::LeftOf,
            Self::RightOf => Relation::RightOf,
            Self::InFrontOf => Relation::InFrontOf,
            Self::Behind => Relation::Behind,
            Self::NextTo => Relation::NextTo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUBE: &str =
        "{\"which\": \"the\", \"size\": null, \"color\": \"red\", \"shape\": \"cube\", \"place\": null}";

    #[test]
    fn a_call_becomes_a_task_and_a_question_a_question() {
        let said =
            format!("{{\"do\": [{{\"skill\": \"pick\", \"object\": {CUBE}}}, {{\"skill\": \"home\"}}]}}");
        let red_cube = Referent::the().with_color(Color::Red).with_shape(Shape::Cube);
        assert_eq!(utterance(&said), Ok(Utterance::Instruct(vec![Task::Pick(red_cube.clone()), Task::Home])));
        let bowl = "{\"which\": \"largest\", \"size\": null, \"color\": null, \"shape\": \"bowl\", \
            \"place\": {\"relation\": \"left_of\", \"object\": "
            .to_owned()
            + CUBE
            + "}}";
        let said = format!("{{\"answer\": {{\"ask\": \"where\", \"object\": {bowl}}}}}");
        let Ok(Utterance::Ask(Question::Where(found))) = utterance(&said) else { panic!("{said}") };
        assert_eq!(found.superlative, Some(Superlative::Largest));
        assert_eq!(found.relation, Some((Relation::LeftOf, Box::new(red_cube))));
        let said = "{\"ask_back\": \"Which one?\"}";
        assert_eq!(utterance(said), Ok(Utterance::Unclear("my model says: Which one?".into())));
        // What nobody sees or what turns the writing round is left out.
        let said = "{\"refuse\": \" N\u{ad}o\u{202e}\u{61c}\u{200b}\u{e0041}. \"}";
        assert_eq!(utterance(said), Ok(Utterance::Refuse("my model says: No.".into())));
        assert!(utterance("{\"refuse\": \"\u{200b} \u{ad}\"}").is_err());
    }

    #[test]
    fn the_grammar_holds_the_skills_that_are_offered_and_no_others() {
        use crate::vlm::Grammar;
        let pick = format!("{{\"do\": [{{\"skill\": \"pick\", \"object\": {CUBE}}}]}}");
        let moved = |skill: &str, relation: &str, target: &str| {
            format!(
                "{{\"do\": [{{\"skill\": \"{skill}\", \"object\": {CUBE}, \"relation\": \"{relation}\", \"target\": {target}}}]}}"
            )
        };
        let everything = Grammar::new(schema(&Offer::everything())).expect("bounded");
        let some =
            |k: &TaskKind| matches!(k, TaskKind::Place(Relation::On) | TaskKind::PushAlong(Relation::Behind));
        let some = Offer::of(some);
        let narrow = Grammar::new(schema(&some)).expect("bounded");
        for (text, is_offered) in [
            (pick, false),
            (moved("place", "on", CUBE), true),
            (moved("place", "in", CUBE), false),
            (moved("push", "behind", "null"), true),
            (moved("push", "behind", CUBE), false),
            ("{\"do\": [{\"skill\": \"home\"}]}".to_owned(), false),
            ("{\"refuse\": \"no hand\"}".to_owned(), true),
        ] {
            assert_eq!(everything.check(&text), Ok(()), "{text}");
            assert_eq!(narrow.check(&text).is_ok(), is_offered, "{text}");
            assert!(utterance(&text).is_ok(), "{text}");
        }
        assert_eq!(skills_in_words(&some), "place (object, relation, target), push (object, relation, null)");
        assert!(narrow.schema().to_string().len() < everything.schema().to_string().len());
        let none = Grammar::new(schema(&Offer::of(|_| false))).expect("bounded");
        assert!(none.check("{\"do\": []}").is_err() && none.check("{\"ask_back\": \"?\"}").is_ok());
    }

    #[test]
    fn b24_what_is_refused_is_told_back_in_a_line_however_long_it_is() {
        let long = "x".repeat(1 << 20);
        let color =
            format!("{{\"do\": [{{\"skill\": \"pick\", \"object\": {CUBE}}}]}}").replace("red", &long);
        for text in [long.clone(), format!("{{\"{long}\": 1}}"), color] {
            let why = utterance(&text).expect_err("no call");
            assert!(
                why.field.starts_with("answer") && why.to_string().len() < 400,
                "{:.500}",
                why.to_string()
            );
        }
    }

    #[test]
    fn b24_what_is_no_call_is_refused() {
        let deep = "[".repeat(100_000);
        let long = format!("{{\"do\": [{}]}}", ["{\"skill\": \"home\"}"; 7].join(","));
        let nested = CUBE.replace(
            "\"place\": null",
            &format!(
                "\"place\": {{\"relation\": \"in\", \"object\": {}}}",
                CUBE.replace(
                    "\"place\": null",
                    &format!("\"place\": {{\"relation\": \"in\", \"object\": {CUBE}}}")
                )
            ),
        );
        let placed = format!("{{\"do\": [{{\"skill\": \"pick\", \"object\": {nested}}}]}}");
        for text in [
            "",
            "Sure! I will pick it up.",
            "{\"do\": []}",
            "{\"do\": [{\"skill\": \"rm\", \"object\": \"/\"}]}",
            "{\"do\": [{\"skill\": \"pick\"}]}",
            "{\"do\": [{\"skill\": \"home\", \"force\": 1e9}]}",
            "{\"do\": [{\"skill\": \"home\"}], \"refuse\": \"no\"}",
            "{\"ask_back\": \"\\u0007\"}",
            &CUBE.replace("red", "pink"),
            &deep,
            &long,
            &placed,
        ] {
            let e = utterance(text).expect_err("refused");
            assert!(e.field.starts_with("answer"), "{e}");
        }
    }
}
