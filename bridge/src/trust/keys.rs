//! Secrets that two roles share: what one sends, the other knows to be from it, whatever carried it.

use super::topics::Role;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::io::Write as _;
use std::path::Path;
use types::Rejection;

/// A proof over some bytes: HMAC-SHA256 (RFC 2104), its first 16 bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub [u8; 16]);

/// A secret. It is never shown.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Of 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    fn whole(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|p| context.update(p));
        context.sign()
    }

    /// The proof of these bytes, one part after the other.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> Tag {
        Tag(self.whole(parts).as_ref().first_chunk::<16>().copied().unwrap_or_default())
    }

    /// Whether a proof is of these bytes; how long that takes does not tell where it differs.
    #[must_use]
    pub fn verifies(&self, tag: &Tag, parts: &[&[u8]]) -> bool {
        let ours = self.tag(parts).0;
        ours.iter().zip(tag.0).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

/// 32 random bytes of the operating system's.
///
/// # Errors
/// A [`Rejection`] when it has none.
pub fn random_secret() -> Result<[u8; 32], Rejection> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Rejection::new("random", "random bytes of the operating system", "none"))?;
    Ok(bytes)
}

/// A number that nobody else has.
///
/// # Errors
/// As [`random_secret`].
pub fn random_id() -> Result<u64, Rejection> {
    Ok(random_secret()?.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b)))
}

/// Whose messages to whom are signed.
pub const PAIRS: [(Role, Role); 5] = [
    (Role::Planner, Role::Robot),
    (Role::Operator, Role::Robot),
    (Role::Perception, Role::Robot),
    (Role::Ros2, Role::Robot),
    (Role::Operator, Role::Planner),
];

/// The secrets that a node has.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<(Role, Role, Key)>);

/// What a secret of a pair is made of, besides the master.
fn derived(master: &[u8; 32], from: Role, to: Role) -> [u8; 32] {
    let whole = Key::from_bytes(*master).whole(&[from.word().as_bytes(), b"-to-", to.word().as_bytes()]);
    whole.as_ref().first_chunk::<32>().copied().unwrap_or_default()
}

fn file(from: Role, to: Role) -> String {
    format!("{}-to-{}.key", from.word(), to.word())
}

impl Keyring {
    /// All secrets of a robot, from its master secret.
    #[must_use]
    pub fn of_master(master: &[u8; 32]) -> Self {
        let key = |(from, to)| (from, to, Key::from_bytes(derived(master, from, to)));
        Self(PAIRS.into_iter().map(key).collect())
    }

    /// Those that `role` takes part in.
    #[must_use]
    pub fn of_role(self, role: Role) -> Self {
        Self(self.0.into_iter().filter(|(from, to, _)| *from == role || *to == role).collect())
    }

    /// The secret of what `from` says to `to`.
    #[must_use]
    pub fn get(&self, from: Role, to: Role) -> Option<&Key> {
        self.0.iter().find(|(f, t, _)| (*f, *t) == (from, to)).map(|(.., key)| key)
    }

    /// Reads the secrets in a folder that [`write_secrets`] made.
    ///
    /// # Errors
    /// A [`Rejection`] naming the file that cannot be read, that others may read, or that holds no 64 hexadecimal
    /// digits.
    pub fn read(folder: &Path) -> Result<Self, Rejection> {
        let mut all = Vec::new();
        for (from, to) in PAIRS {
            let path = folder.join(file(from, to));
            if path.exists() {
                all.push((from, to, Key::from_bytes(read_secret(&path)?)));
            }
        }
        Ok(Self(all))
    }

    /// The secrets of nodes of one person on one machine: a master that is drawn once and that nobody else can read.
    ///
    /// # Errors
    /// A [`Rejection`] naming the file that cannot be made or read.
    pub fn of_this_machine(folder: &Path) -> Result<Self, Rejection> {
        let path = folder.join("master.key");
        if !path.exists() {
            std::fs::create_dir_all(folder).map_err(|e| cannot(folder, &e))?;
            // Several nodes start at once: whoever is first makes it, and it appears whole.
            let draft = folder.join(format!("master.{:016x}", random_id()?));
            write_secret(&draft, &random_secret()?)?;
            let _ = std::fs::hard_link(&draft, &path);
            let _ = std::fs::remove_file(&draft);
        }
        Ok(Self::of_master(&read_secret(&path)?))
    }
}

/// Writes the secrets that a node of `role` needs into its folder, readable by their owner alone.
///
/// # Errors
/// A [`Rejection`] naming the file that cannot be written.
pub fn write_secrets(folder: &Path, role: Role, master: &[u8; 32]) -> Result<(), Rejection> {
    for (from, to) in PAIRS.into_iter().filter(|(from, to)| *from == role || *to == role) {
        write_secret(&folder.join(file(from, to)), &derived(master, from, to))?;
    }
    Ok(())
}

fn cannot(path: &Path, why: &std::io::Error) -> Rejection {
    Rejection::new(path.display().to_string(), "a file for a secret", why.to_string())
}

/// Whether a folder has the secrets that a node of `role` needs.
pub(crate) fn has_secrets(folder: &Path, role: Role) -> bool {
    let mut pairs = PAIRS.into_iter().filter(|(from, to)| *from == role || *to == role);
    pairs.all(|(from, to)| folder.join(file(from, to)).exists())
}

/// Writes a file that only its owner can read; whatever was there, it has no other rights.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Rejection> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let _ = std::fs::remove_file(&draft);
    let mut file = options.open(&draft).map_err(|e| cannot(path, &e))?;
    file.write_all(text.as_bytes()).map_err(|e| cannot(path, &e))?;
    std::fs::rename(&draft, path).map_err(|e| cannot(path, &e))
}

pub(crate) fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<(), Rejection> {
    let digits: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    write_private(path, &format!("{digits}\n"))
}

pub(crate) fn read_secret(path: &Path) -> Result<[u8; 32], Rejection> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|e| cannot(path, &e))?.permissions().mode();
    let refuse =
        |expected: &'static str, got: String| Rejection::new(path.display().to_string(), expected, got);
    if mode & 0o077 != 0 {
        return Err(refuse(
            "a file that only its owner can read (chmod 600)",
            format!("mode {:o}", mode & 0o777),
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|e| cannot(path, &e))?;
    let digits = text.trim().as_bytes();
    let mut out = [0; 32];
    let is_right = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
    if !is_right {
        return Err(refuse("64 hexadecimal digits", format!("{} bytes", digits.len())));
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
        *byte = core::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()).unwrap_or(0);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_sha_256_is_as_rfc_4231_says() {
        // Test case 2: key "Jefe"; its bytes padded by zeros are the same key.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let tag = Key::from_bytes(key).tag(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(tag.0[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn each_pair_has_a_secret_of_its_own_and_a_node_has_those_of_its_pairs() {
        let all = Keyring::of_master(&[1; 32]);
        let tags: Vec<Tag> =
            PAIRS.iter().map(|(f, t)| all.get(*f, *t).expect("a pair").tag(&[b"x"])).collect();
        for (i, a) in tags.iter().enumerate() {
            assert!(tags[..i].iter().all(|b| a != b));
        }
        let planner = all.clone().of_role(Role::Planner);
        assert!(planner.get(Role::Operator, Role::Planner).is_some());
        assert!(planner.get(Role::Operator, Role::Robot).is_none(), "it cannot speak for the person");
        assert!(all.of_role(Role::Observer).0.is_empty());
    }

    #[test]
    fn secrets_on_disk_are_their_owners_and_come_back() {
        let folder = std::env::temp_dir().join(format!("sinew-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        write_secrets(&folder, Role::Planner, &[7; 32]).expect("written");
        let (read, all) = (Keyring::read(&folder).expect("read"), Keyring::of_master(&[7; 32]));
        let same = |f, t| {
            let tag = |ring: &Keyring| ring.get(f, t).map(|k| k.tag(&[b"x"]));
            (tag(&read), tag(&all))
        };
        let (ours, master) = same(Role::Operator, Role::Planner);
        assert!(ours.is_some() && ours == master);
        assert!(same(Role::Operator, Role::Robot).0.is_none());
        let path = folder.join("planner-to-robot.key");
        std::fs::write(&path, "abc").expect("written");
        assert!(Keyring::read(&folder).expect_err("no secret").to_string().contains("64 hexadecimal"));
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        assert!(Keyring::read(&folder).expect_err("open to all").to_string().contains("chmod 600"));
        let machine = Keyring::of_this_machine(&folder.join("own")).expect("made");
        let again = Keyring::of_this_machine(&folder.join("own")).expect("read");
        let tag = |ring: &Keyring| ring.get(Role::Planner, Role::Robot).map(|k| k.tag(&[b"x"]));
        assert!(tag(&machine).is_some() && tag(&machine) == tag(&again));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
