//! The checkpoint's chat template: a Jinja program that writes messages down as the model was taught to read
//! them. Run by `minijinja`, as published templates use macros, namespaces, filters and methods of strings.

use super::error::{Result, VlmError};
use super::picture::Medium;
use super::settings::{Node, read_json, read_text};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State, context};
use std::path::Path;
use types::Rejection;

/// Steps that a template may take: it is somebody else's program.
const FUEL: u64 = 10_000_000;
const NAME: &str = "chat_template";

/// A template, compiled.
pub(super) struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl Template {
    /// From `chat_template.jinja`, `chat_template.json` or `tokenizer_config.json`, the first there is.
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let tokenizer = read_json(dir, "tokenizer_config.json")?;
        let from_json = |file: &str| -> Result<Option<String>> {
            Ok(match read_json(dir, file)? {
                Some(json) => source_in(&Node::root(file, &json))?,
                None => None,
            })
        };
        let source = match read_text(dir, "chat_template.jinja", 1 << 20)? {
            Some(source) => Some(source),
            None => match from_json("chat_template.json")? {
                Some(source) => Some(source),
                None => from_json("tokenizer_config.json")?,
            },
        };
        let source = source.ok_or_else(|| {
            let files = "one in chat_template.jinja, chat_template.json or tokenizer_config.json";
            Rejection::new(NAME, files, "none")
        })?;
        let refuse = |e: Error| VlmError::from(Rejection::new(NAME, "a Jinja template", one_line(&e)));
        let mut environment = Environment::new();
        // As the reference sets its Jinja.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(refuse)?);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(method);
        environment.add_function("raise_exception", |said: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, said))
        });
        environment.add_template_owned(NAME, source).map_err(refuse)?;
        let token = |key: &str| {
            let value = tokenizer.as_ref().and_then(|t| t.get(key));
            let text = value.and_then(|v| v.as_str().or_else(|| v.get("content")?.as_str()));
            text.unwrap_or_default().to_owned()
        };
        Ok(Self { environment, begin: token("bos_token"), end: token("eos_token") })
    }

    /// One user's message, media first, and the beginning of the answer.
    pub(super) fn render(&self, media: &[Medium], sentence: &str) -> Result<String> {
        let mut content: Vec<Value> = media
            .iter()
            .map(|m| match m {
                Medium::Picture(_) => context! { type => "image" },
                Medium::Film { .. } => context! { type => "video" },
            })
            .collect();
        content.push(context! { type => "text", text => sentence });
        let said = context! {
            messages => vec![context! { role => "user", content => content }],
            add_generation_prompt => true,
            bos_token => &self.begin,
            eos_token => &self.end,
        };
        let rendered = self.environment.get_template(NAME).and_then(|t| t.render(said));
        rendered.map_err(|e| Rejection::new(NAME, "a template for a user's message", one_line(&e)).into())
    }
}

fn one_line(e: &Error) -> String {
    e.to_string().lines().collect::<Vec<_>>().join(" ")
}

/// `chat_template`: a text, or several with names, of which the default one counts.
fn source_in(node: &Node<'_>) -> Result<Option<String>> {
    let Some(found) = node.get("chat_template") else { return Ok(None) };
    let Ok(named) = found.list() else { return Ok(Some(found.text()?.to_owned())) };
    for one in &named {
        if one.need("name")?.text()? == "default" {
            return Ok(Some(one.need("template")?.text()?.to_owned()));
        }
    }
    Err(found.refuse("a template named \"default\""))
}

/// The methods of Python's strings and dictionaries that published templates call.
fn method(_: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let unknown = || Error::new(ErrorKind::UnknownMethod, format!("{} has no method {name}", value.kind()));
    if value.kind() == ValueKind::Map {
        return match name {
            "items" => {
                let pair = |k: Value| value.get_item(&k).map(|v| Value::from(vec![k, v]));
                Ok(Value::from(value.try_iter()?.map(pair).collect::<Result<Vec<_>, _>>()?))
            }
            "keys" => Ok(Value::from(value.try_iter()?.collect::<Vec<_>>())),
            "get" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let found = value.get_item(&key)?;
                Ok(if found.is_undefined() { default.unwrap_or(Value::from(())) } else { found })
            }
            _ => Err(unknown()),
        };
    }
    let text = value.as_str().ok_or_else(unknown)?;
    let strips = |c: char| {
        let which: Option<&str> = args.first().and_then(Value::as_str);
        which.map_or(c.is_whitespace(), |w| w.contains(c))
    };
    Ok(match name {
        "strip" => Value::from(text.trim_matches(strips)),
        "lstrip" => Value::from(text.trim_start_matches(strips)),
        "rstrip" => Value::from(text.trim_end_matches(strips)),
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "startswith" => Value::from(text.starts_with(from_args::<(&str,)>(args)?.0)),
        "endswith" => Value::from(text.ends_with(from_args::<(&str,)>(args)?.0)),
        "replace" => {
            let (from, to): (&str, &str) = from_args(args)?;
            Value::from(text.replace(from, to))
        }
        "split" => match from_args::<(Option<&str>,)>(args)?.0 {
            Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "split by nothing")),
            Some(by) => Value::from(text.split(by).map(Value::from).collect::<Vec<_>>()),
            None => Value::from(text.split_whitespace().map(Value::from).collect::<Vec<_>>()),
        },
        _ => return Err(unknown()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str, sentence: &str) -> Result<String> {
        let name = format!("sinew-template-{}-{}", std::process::id(), source.len());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join("chat_template.jinja"), source).expect("written");
        let done = Template::new(&dir).and_then(|t| t.render(&[], sentence));
        std::fs::remove_dir_all(&dir).expect("removed");
        done
    }

    #[test]
    fn what_published_templates_use_is_there() {
        let source = "{%- macro part(p) %}{{ p.text.strip().split('b')[-1] }}{% endmacro %}\
            {%- set ns = namespace(n=0) %}{%- for m in messages %}{%- set ns.n = ns.n + 1 %}\
            {{ part(m.content[0]) ~ ns.n }}{{ m.get('name', 'nobody') }}{%- endfor %}\
            {%- if tools %}never{% endif %}{{ {'a': [1, 'x']} | tojson }}";
        assert_eq!(rendered(source, "  a b c ").expect("renders"), " c1nobody{\"a\": [1, \"x\"]}");
    }

    #[test]
    fn a_template_that_is_broken_complains_or_never_ends_is_refused() {
        for (source, why) in [
            ("{% for %}", "Jinja"),
            ("{{ raise_exception('no pictures, please') }}", "no pictures, please"),
            ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "fuel"),
            ("{{ messages[0].role.system('rm') }}", "no method"),
        ] {
            let said = rendered(source, "x").expect_err("refused").to_string();
            assert!(said.contains(NAME) && said.contains(why), "{said}");
        }
    }
}
