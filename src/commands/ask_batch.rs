//! `sinew ask --model --batch`: the questions of a file, answered together by a model of others; nothing moves.

use super::CommandError;
use super::ask_model::{Said, Timings, answering, folder, located, only_sides, picture};
use crate::cli::{Common, ModelOptions};
use crate::exit::Exit;
use perception::vlm::{MOST_PROMPTS, Prompt, Vlm, VlmError};
use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;
use types::Rejection;

/// Longest line, bytes.
const MOST_BYTES: usize = 64 << 10;

/// A line as it stands there. What each member is is looked at by hand, to name it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: Value,
    #[serde(default)]
    images: Option<Value>,
}

/// A question, in line `number` of its file.
#[derive(Debug, PartialEq)]
struct Line {
    number: usize,
    text: String,
    images: Vec<PathBuf>,
}

pub(crate) fn run(
    named: &str,
    file: &Path,
    options: &ModelOptions,
    common: &Common,
) -> Result<Exit, CommandError> {
    let how = answering(options, common)?;
    let lines = read(file)?;
    let dir = folder(named, common)?;
    let begin = Instant::now();
    let mut vlm = Vlm::load(&dir, options.device, options.dtype, &mut crate::models::progress())?;
    let load_s = begin.elapsed().as_secs_f64();

    let (mut prompts, mut bytes) = (Vec::new(), 0);
    for line in &lines {
        let begin = Instant::now();
        let (prompt, sides) = prompt(&vlm, line, file)?;
        bytes += prompt.pictures().map(|(_, values)| size_of_val(values)).sum::<usize>();
        if bytes > perception::vlm::MOST_BYTES {
            let field = format!("{}, line {}, images", file.display(), line.number);
            let expected = format!("at most {} bytes of cut-up pictures in all", perception::vlm::MOST_BYTES);
            return Err(Rejection::new(field, expected, bytes.to_string()).into());
        }
        prompts.push((prompt, sides, begin.elapsed().as_secs_f64()));
    }
    let asked: Vec<_> = prompts.iter().map(|(prompt, ..)| (prompt, how)).collect();
    let begin = Instant::now();
    // When each answer had its first token, and its last.
    let mut times = vec![(0.0, 0.0); asked.len()];
    let mut tell = |i: usize, _| {
        let now = begin.elapsed().as_secs_f64();
        if let Some((first, last)) = times.get_mut(i) {
            *last = now;
            if *first == 0.0 {
                *first = now;
            }
        }
    };
    let answers = vlm.answer_all(&asked, &|| true, &mut tell).map_err(|e| in_line(e, &lines, file))?;
    let mut out = std::io::stdout().lock();
    for ((answer, (prompt, sides, prompt_s)), (first, last)) in answers.iter().zip(&prompts).zip(times) {
        let n = answer.ids.len();
        let tokens_per_s = if last > first { (n - 1) as f64 / (last - first) } else { 0.0 };
        let timings = Timings { load_s, prompt_s: *prompt_s, first_token_s: first, tokens_per_s };
        let (found, flaw) = located(&vlm, &answer.text, *sides);
        let said = Said {
            prompt_ids: prompt.ids(),
            ids: &answer.ids,
            text: &answer.text,
            logits: None,
            found,
            flaw,
            timings,
        };
        let line = serde_json::to_string(&said).map_err(|e| CommandError::Other(e.to_string()))?;
        // A reader that went away is no failure of the model's.
        let _ = writeln!(out, "{line}");
    }
    Ok(Exit::Done)
}

/// What the line asks, and the sides of its picture where that is the only one.
fn prompt(vlm: &Vlm, line: &Line, file: &Path) -> Result<(Prompt, Option<[u32; 2]>), CommandError> {
    let mut media = Vec::new();
    for (i, path) in line.images.iter().enumerate() {
        let said = |e: CommandError| {
            let field = format!("{} line {} images[{i}]", file.display(), line.number);
            Rejection::new(field, "a picture", e.to_string())
        };
        media.push(picture(path).map_err(said)?);
    }
    let prompt = vlm.prompt(&media, &line.text).map_err(|e| match e {
        VlmError::Refused(r) => {
            let field = format!("{} line {}: {}", file.display(), line.number, r.field);
            Rejection::new(field, r.expected, r.got).into()
        }
        other => CommandError::from(other),
    });
    Ok((prompt?, only_sides(&media)))
}

/// The line instead of the prompt's place in the batch.
fn in_line(e: VlmError, lines: &[Line], file: &Path) -> CommandError {
    let VlmError::Refused(r) = e else { return e.into() };
    let at = r.field.strip_prefix("batch[").and_then(|rest| rest.split_once("]."));
    let line = at.and_then(|(i, field)| Some((lines.get(i.parse::<usize>().ok()?)?, field)));
    let field = line.map(|(line, field)| format!("{} line {}: {field}", file.display(), line.number));
    Rejection::new(field.unwrap_or_else(|| r.field.to_string()), r.expected, r.got).into()
}

/// The questions of a file of bounded size.
fn read(file: &Path) -> Result<Vec<Line>, CommandError> {
    let name = file.display();
    let failed = |e: std::io::Error| CommandError::Other(format!("{name}: {e}"));
    let most = MOST_PROMPTS * (MOST_BYTES + 1);
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(Rejection::new(name.to_string(), format!("at most {most} bytes"), "more").into());
    }
    Ok(parse(&bytes, &name.to_string())?)
}

/// The questions in `bytes`, one in a line; lines without anything count, but ask nothing.
fn parse(bytes: &[u8], name: &str) -> Result<Vec<Line>, Rejection> {
    let written = (1..).zip(bytes.split(|b| *b == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty());
    let lines = written.map(|(number, line)| one(number, line, name)).collect::<Result<Vec<_>, _>>()?;
    if (1..=MOST_PROMPTS).contains(&lines.len()) {
        return Ok(lines);
    }
    Err(Rejection::new(name.to_owned(), format!("1 to {MOST_PROMPTS} lines"), lines.len().to_string()))
}

fn one(number: usize, line: &[u8], name: &str) -> Result<Line, Rejection> {
    let refuse = |field: &str, expected: String, got: String| {
        let got = got.chars().take(80).collect::<String>();
        Err(Rejection::new(format!("{name} line {number}{field}"), expected, got))
    };
    if line.len() > MOST_BYTES {
        return refuse("", format!("at most {MOST_BYTES} bytes"), line.len().to_string());
    }
    let written: Written = match serde_json::from_slice(line) {
        Ok(written) => written,
        Err(e) => return refuse("", "{\"text\": …, \"images\": […]}".to_owned(), e.to_string()),
    };
    let Value::String(text) = written.text else {
        return refuse(" text", "a string".to_owned(), written.text.to_string());
    };
    let all = match written.images {
        None => Vec::new(),
        Some(Value::Array(all)) => all,
        Some(other) => return refuse(" images", "a list of files".to_owned(), other.to_string()),
    };
    let mut images = Vec::new();
    for (i, image) in all.into_iter().enumerate() {
        match image {
            Value::String(path) => images.push(PathBuf::from(path)),
            other => return refuse(&format!(" images[{i}]"), "a file".to_owned(), other.to_string()),
        }
    }
    Ok(Line { number, text, images })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &[u8]) -> String {
        parse(text, "q.jsonl").expect_err("refused").to_string()
    }

    #[test]
    fn a_line_is_a_sentence_with_its_pictures() {
        let text = b"{\"text\": \"where?\"}\r\n\n{\"images\": [\"a.png\", \"b.jpg\"], \"text\": \"\"}\n";
        let lines = parse(text, "q.jsonl").expect("two questions");
        let images = vec![PathBuf::from("a.png"), PathBuf::from("b.jpg")];
        assert_eq!(lines[0], Line { number: 1, text: "where?".to_owned(), images: Vec::new() });
        assert_eq!(lines[1], Line { number: 3, text: String::new(), images });
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_bad_line_is_refused_by_its_number_and_field() {
        let good = "{\"text\": \"where?\"}\n";
        for (line, says) in [
            ("{", "EOF"),
            ("[1]", "line 2"),
            ("{}", "`text`"),
            ("{\"text\": \"a\", \"text\": \"b\"}", "duplicate field `text`"),
            ("{\"text\": \"a\", \"image\": []}", "`image`"),
            ("{\"text\": 5}", "line 2 text"),
            ("{\"text\": null}", "line 2 text"),
            ("{\"text\": \"a\", \"images\": \"a.png\"}", "line 2 images"),
            ("{\"text\": \"a\", \"images\": [\"a.png\", 7]}", "line 2 images[1]"),
        ] {
            let e = refused([good, line].concat().as_bytes());
            assert!(e.contains("q.jsonl line 2") && e.contains(says), "{line}: {e}");
        }
        assert!(refused(b"{\"text\": \"\xff\"}").contains("line 1"));
        let long = [b"{\"text\": \"".as_slice(), &[b'a'; MOST_BYTES], b"\"}"].concat();
        let e = refused(&long);
        assert!(e.contains("line 1") && e.contains("65536") && e.len() < 200, "{e}");
        assert!(refused(b"\n\n").contains("1 to 64 lines"));
        assert!(refused(good.repeat(MOST_PROMPTS + 1).as_bytes()).contains("65"));
    }
}
