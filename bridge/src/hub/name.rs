//! What a model is called on a hub.

use types::Rejection;

/// The revision that counts where none is said.
const DEFAULT: &str = "main";

/// A repository and a revision of it: `owner/name` or `owner/name@revision`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    owner: String,
    name: String,
    revision: String,
}

impl Name {
    /// From `owner/name` or `owner/name@revision`, a branch, a tag or a commit.
    ///
    /// # Errors
    /// A [`Rejection`] of `field`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Rejection> {
        let refuse = || {
            let mut got: String = text.escape_debug().take(120).collect();
            if got.is_empty() {
                got.push_str("nothing");
            }
            Rejection::new(field, "owner/name or owner/name@revision, as on the hub", got)
        };
        let (repository, revision) = text.split_once('@').unwrap_or((text, DEFAULT));
        let (owner, name) = repository.split_once('/').ok_or_else(refuse)?;
        if !(is_word(owner) && is_word(name) && is_revision(revision)) {
            return Err(refuse());
        }
        Ok(Self { owner: owner.into(), name: name.into(), revision: revision.into() })
    }

    /// `owner/name`.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// A branch, a tag or a commit.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The repository's folder: no two have the same, as neither part holds two dashes in a row.
    pub(super) fn folder(&self) -> String {
        format!("{}--{}", self.owner, self.name)
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        if self.revision != DEFAULT {
            write!(f, "@{}", self.revision)?;
        }
        Ok(())
    }
}

/// A name of the kind that stays what it is in an address and on a disk.
pub(super) fn is_plain(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !text.starts_with(['.', '-'])
        && !text.contains("..")
}

/// As hubs have them: no dash at an end, and never two in a row.
fn is_word(text: &str) -> bool {
    is_plain(text, 96) && !text.contains("--") && !text.ends_with(['-', '.'])
}

fn is_revision(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(|part| is_plain(part, 200))
}

/// A commit's name: a SHA-1 in lower-case hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    is_hex(text, 40)
}

pub(super) fn is_hex(text: &str, n_digits: usize) -> bool {
    text.len() == n_digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_on_a_hub_are_read_and_whatever_could_lead_elsewhere_is_refused_by_field() {
        let name = Name::parse("--model", "Qwen/Qwen3-VL-2B-Instruct").expect("a name");
        assert_eq!((name.repository().as_str(), name.revision()), ("Qwen/Qwen3-VL-2B-Instruct", "main"));
        assert_eq!(
            (name.folder().as_str(), name.to_string().as_str()),
            ("Qwen--Qwen3-VL-2B-Instruct", "Qwen/Qwen3-VL-2B-Instruct")
        );
        let name = Name::parse("--model", "a/b@refs/pr/1").expect("a name");
        assert_eq!((name.revision(), name.to_string().as_str()), ("refs/pr/1", "a/b@refs/pr/1"));
        let long = "a".repeat(97);
        for bad in [
            "",
            "gpt2",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "../b",
            "a/..",
            "a/b@",
            "a/b@../x",
            "a/b@x//y",
            "a/b@/x",
            "a/b@x/",
            "a--b/c",
            "a/-b",
            "a/b-",
            ".a/b",
            "a/b c",
            "a/b\n",
            "a\\b/c",
            "ä/b",
            "a/b?x",
            "a/b#x",
            "a/%2e%2e",
            "a/b@x@y",
            "https://huggingface.co/a/b",
            &format!("{long}/b"),
            &format!("a/{long}"),
            &format!("a/b@{}", "x/".repeat(200)),
        ] {
            let e = Name::parse("--model", bad).expect_err(bad);
            assert_eq!(e.field, "--model", "{bad}");
        }
    }
}
