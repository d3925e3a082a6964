//! Rows about what people and models say.

use super::names;
use crate::commands::Setting;
use crate::log::{Log, Screen};
use crate::runner;
use crate::session::{self, Pace};
use crate::suite::refusals;
use perception::language::Reader;
use perception::roles::utterance;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};
use types::language::Utterance;

/// A call is answered within this.
const ANSWERED: Duration = Duration::from_millis(100);
/// No refusal tells back more than this, bytes.
const MOST_TOLD: usize = 2000;

pub(super) fn b24(_: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let cube = r#"{"which": "the", "size": null, "color": "red", "shape": "cube", "place": null}"#;
    let good = format!(r#"{{"do": [{{"skill": "pick", "object": {cube}}}]}}"#);
    utterance(&good).map_err(|e| format!("as it is: {e}"))?;
    let long = "x".repeat(1 << 20);
    let depth = rng.random_range(1000..100_001);
    let (open, close) =
        [("[", "]"), ("{\"do\": ", "}"), ("{\"place\": ", "}")].choose(rng).copied().unwrap_or(("[", "]"));
    let deep = format!("{}{}", open.repeat(depth), close.repeat(depth));
    let nested = (0..depth).fold(String::new(), |mut s, _| {
        s.push_str("{\"relation\": \"on\", \"object\": {\"which\": \"the\", \"place\": ");
        s
    });
    let cut = &good[..rng.random_range(0..good.len())];
    for bad in [
        good.replace("pick", ["fly", "rm -rf /", "PICK", ""].choose(rng).copied().unwrap_or("fly")),
        good.replace("\"red\"", "\"infra-red\""),
        good.replace("\"red\"", "17"),
        good.replace("\"do\"", &format!("\"{long}\"")),
        good.replace("pick", &long),
        good.replace("red", &long),
        good.replace("\"skill\": \"pick\", ", ""),
        r#"{"do": [{"skill": "pick"}]}"#.into(),
        deep,
        good.replace("null}", &format!("{nested}null")),
        r#"{"do": []}"#.into(),
        format!("{good}{good}"),
        cut.to_owned(),
        long.clone(),
    ] {
        let came = utterance(&bad);
        // A busy machine may take its time once.
        let took = (0..3).map(|_| time(&bad)).min().unwrap_or(Duration::MAX);
        let shown: String = bad.chars().take(60).collect();
        names(came.clone(), "answer").map_err(|why| format!("{shown}: {why}"))?;
        let told = came.err().map_or(0, |e| e.to_string().len());
        if took > ANSWERED || told > MOST_TOLD {
            return Err(format!("{shown}: answered after {took:?} with {told} bytes"));
        }
    }
    Ok(())
}

/// How long an answer takes.
fn time(call: &str) -> Duration {
    let begun = Instant::now();
    let _ = utterance(call);
    begun.elapsed()
}

/// "Put the red cube in the blue bowl" in eleven languages besides English, and what is no language.
const NOT_ENGLISH: [&str; 16] = [
    "leg den roten Würfel in die blaue Schüssel",
    "mets le cube rouge dans le bol bleu",
    "pon el cubo rojo en el tazón azul",
    "metti il cubo rosso nella ciotola blu",
    "põe o cubo vermelho na tigela azul",
    "położyć czerwoną kostkę do niebieskiej miski",
    "положи красный куб в синюю миску",
    "把红色方块放进蓝色碗里",
    "赤いキューブを青いボウルに入れて",
    "빨간 큐브를 파란 그릇에 넣어",
    "ضع المكعب الأحمر في الوعاء الأزرق",
    "लाल घन को नीले कटोरे में रखो",
    "🤖🟥🥣",
    "\u{202e}lwob eulb eht ni ebuc der eht tup\u{202c}",
    "\u{0}\u{7}\u{1b}[2J",
    "",
];

fn reader(setting: &Setting) -> Result<Reader, String> {
    Ok(session::model(&setting.config).map_err(|e| e.to_string())?.reader().clone())
}

pub(super) fn b25(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let reader = reader(setting)?;
    let english = "put the red cube in the blue bowl";
    let is_order = |sentence: &str| matches!(reader.read(sentence).utterance, Utterance::Instruct(_));
    if !is_order(english) {
        return Err("the English sentence was not understood".into());
    }
    let other = NOT_ENGLISH.choose(rng).copied().unwrap_or_default();
    // As it is, many times over, and with what turns the direction of writing in between.
    let at = rng.random_range(0..=english.len());
    let turned = format!("{}\u{202e}{other}\u{202c}{}", &english[..at], &english[at..]);
    let long = format!("{english} ").repeat(100_000 / english.len());
    for sentence in [other.to_owned(), other.repeat(1 + 100_000 / other.len().max(1)), long] {
        if is_order(&sentence) {
            return Err(format!("taken for an order: {:.60}", sentence.escape_debug().to_string()));
        }
    }
    // Whatever it becomes, it is something.
    let _ = reader.read(&turned);
    let any: String = (0..rng.random_range(0..300)).map(|_| rng.random::<char>()).collect();
    let _ = reader.read(&any);
    Ok(())
}

pub(super) fn b26(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let episode = refusals::episode(rng.random_range(0..1000), rng.random_range(0..1 << 40));
    let log = Log::new(Screen::Silent, None);
    let outcome = runner::run(&setting.config, &setting.arm, &episode, Pace::Lockstep, log, false)
        .map_err(|e| e.to_string())?;
    if outcome.as_expected && outcome.motions == 0 && outcome.fastest == 0.0 {
        return Ok(());
    }
    let broken = if outcome.broken.is_empty() { String::new() } else { format!("{}; ", outcome.broken) };
    Err(format!("{broken}{:?} ends {}: {}", episode.sentence, outcome.exit.word(), outcome.said))
}

pub(super) fn b31(setting: &Setting, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let good = reader(setting)?.arrays().map_err(|e| e.to_string())?;
    Reader::from_arrays(&good).map_err(|e| format!("as it is: {e}"))?;
    let name = "vocabulary";
    let bytes: Vec<u8> = good.get(name).ok_or("no vocabulary")?.values.iter().map(|v| *v as u8).collect();
    let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
    let specials: Vec<&str> = text.split('\n').filter(|w| w.starts_with('<') && w.ends_with('>')).collect();
    let without = specials.choose(rng).copied().ok_or("no special tokens")?;
    // It is gone, or another stands in its place.
    let in_place = if rng.random() { "wing" } else { "<none>" };
    let words = text.replacen(without, in_place, 1);
    let mut spoilt = good;
    let values: Vec<f32> = words.bytes().map(f32::from).collect();
    let array = perception::weights::Array { dims: vec![values.len()], values };
    spoilt.insert(name.into(), array);
    names(Reader::from_arrays(&spoilt), "language.vocabulary")?;
    names(Reader::from_arrays(&spoilt), without)
}
