//! The keys of a deployment in a folder: what is made, what is kept, what is refused.

use bridge::wire::{Deployment, Fate, Keyring, Keys, PAIRS, Party, Role};
use core::time::Duration;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use types::Rejection;

/// 2026-11-27, seconds since 1970.
const NOW: Duration = Duration::from_secs(1_795_737_600);
const DAY: i64 = 86_400;

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-deployment-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn make(&self, change: impl FnOnce(&mut Deployment)) -> Result<Keys, Rejection> {
        let mut asked = Deployment { robot: None, days: 365, names: Vec::new(), renews: false };
        change(&mut asked);
        asked.make(&self.0, NOW)
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.0.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Every file below, with what is in it.
fn all(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(all(&path));
        } else {
            out.push((path.clone(), std::fs::read_to_string(&path).expect("text")));
        }
    }
    out.sort();
    out
}

#[test]
fn each_role_has_what_it_needs_and_nothing_private_is_for_others_to_read() {
    let folder = Folder::new("whole");
    let keys = folder.make(|d| d.robot = Some("arm-1".into())).expect("made");
    assert_eq!((keys.robot.as_str(), keys.authority, keys.parties.len()), ("arm-1", Fate::Made, 7));
    for party in &keys.parties {
        assert!(party.fate == Fate::Made && party.has_our_rules, "{party:?}");
        assert_eq!(party.ends, i64::try_from(NOW.as_secs()).expect("small") + 365 * DAY);
        assert_eq!(party.ends_on, "2027-11-27");
        let word = party.of.word();
        assert_eq!(folder.read(&format!("{word}/ca.pem")), folder.read("ca.pem"));
        assert!(!party.folder.join("master.key").exists() && !party.folder.join("ca.key.pem").exists());
        let ring = Keyring::read(&party.folder).expect("its secrets");
        let has = |from: Role, to: Role| ring.get(from, to).is_some();
        let (of, robot) = (party.of, party.of == Party::Node(Role::Robot));
        assert_eq!(has(Role::Planner, Role::Robot), robot || of == Party::Node(Role::Planner), "{word}");
        assert_eq!(has(Role::Operator, Role::Robot), robot || of == Party::Node(Role::Operator), "{word}");
        if of == Party::Router {
            assert!(PAIRS.iter().all(|(from, to)| !has(*from, *to)), "a router has no secret of anybody's");
            continue;
        }
        for rules in ["access.json", "through-router.json"] {
            let rules: serde_json::Value =
                serde_json::from_str(&folder.read(&format!("{word}/{rules}"))).expect("JSON");
            assert_eq!(rules["default_permission"], "deny");
        }
    }
    let mut n_private = 0;
    for (path, text) in all(&folder.0) {
        let mode = std::fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        let is_private = path.extension().is_some_and(|e| e == "key") || text.contains("PRIVATE KEY");
        assert!(!is_private || mode == 0o600, "{}: {mode:o}", path.display());
        assert_ne!(path.extension().and_then(|e| e.to_str()), Some("draft"));
        n_private += usize::from(is_private);
    }
    // Two of the authority, six of nodes and the router's, two for each of five pairs.
    assert_eq!(n_private, 19);
}

#[test]
fn once_more_adds_what_is_missing_and_touches_nothing_else() {
    let folder = Folder::new("again");
    folder.make(|d| d.robot = Some("arm-1".into())).expect("made");
    let before = all(&folder.0);
    let again = folder.make(|_| {}).expect("kept");
    assert!(again.parties.iter().all(|r| r.fate == Fate::Kept) && again.robot == "arm-1");
    assert_eq!(all(&folder.0), before);
    let secret = folder.read("planner/planner-to-robot.key");
    for file in ["planner/planner-to-robot.key", "observer/node.key.pem"] {
        folder.remove(file);
    }
    let again = folder.make(|_| {}).expect("added");
    let made: Vec<Party> = again.parties.iter().filter(|r| r.fate == Fate::Made).map(|r| r.of).collect();
    assert_eq!(
        (made, again.authority),
        (vec![Party::Node(Role::Planner), Party::Node(Role::Observer)], Fate::Kept)
    );
    assert_eq!(folder.read("planner/planner-to-robot.key"), secret);
    // Rules of another version are told, and renewed when it is asked for.
    std::fs::write(folder.0.join("robot/access.json"), "{}").expect("written");
    std::fs::write(folder.0.join("router/router.json5"), "{}").expect("written");
    let again = folder.make(|_| {}).expect("kept");
    let stale: Vec<Party> = again.parties.iter().filter(|r| !r.has_our_rules).map(|r| r.of).collect();
    assert_eq!(stale, [Party::Node(Role::Robot), Party::Router]);
    let (old, ca) = (folder.read("robot/node.pem"), folder.read("ca.pem"));
    let renewed = folder.make(|d| (d.renews, d.days) = (true, 2)).expect("renewed");
    assert!(renewed.parties.iter().all(|r| r.fate == Fate::Renewed && r.has_our_rules), "{renewed:?}");
    assert_eq!(renewed.parties[0].ends, i64::try_from(NOW.as_secs()).expect("small") + 2 * DAY);
    assert!(folder.read("robot/node.pem") != old && folder.read("ca.pem") == ca);
}

#[test]
fn an_authority_is_made_once_and_one_that_is_lost_is_told() {
    let folder = Folder::new("lost");
    folder.make(|_| {}).expect("made");
    let (key, master) = (folder.read("ca.key.pem"), folder.read("master.key"));
    // Taken to a safe place, they are not missed before something is to be made with them.
    folder.remove("ca.key.pem");
    folder.remove("master.key");
    assert!(folder.make(|_| {}).expect("kept").parties.iter().all(|r| r.fate == Fate::Kept));
    assert!(!folder.0.join("ca.key.pem").exists() && !folder.0.join("master.key").exists());
    let before = all(&folder.0);
    let why = folder.make(|d| d.renews = true).expect_err("nothing to sign with");
    assert_eq!(why.field, "ca.key.pem");
    assert_eq!(all(&folder.0), before);
    folder.remove("robot/operator-to-robot.key");
    assert_eq!(folder.make(|_| {}).expect_err("nothing to make it of").field, "master.key");
    // Back again, all is well.
    std::fs::write(folder.0.join("ca.key.pem"), key).expect("written");
    std::fs::write(folder.0.join("master.key"), master).expect("written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.0.join("master.key"), mode).expect("set");
    folder.make(|d| d.renews = true).expect("renewed");
    // Another's certificate, or none, is not taken for it.
    let other = Folder::new("other");
    other.make(|_| {}).expect("made");
    let ours = folder.read("ca.pem");
    std::fs::write(folder.0.join("ca.pem"), other.read("ca.pem")).expect("written");
    assert!(folder.make(|_| {}).expect_err("another's").to_string().contains("the private key of ca.pem"));
    folder.remove("ca.pem");
    assert!(folder.make(|_| {}).expect_err("none").field.ends_with("ca.pem"));
    folder.remove("ca.key.pem");
    assert!(folder.make(|_| {}).expect_err("none, yet there are keys").field.ends_with("ca.pem"));
    std::fs::write(folder.0.join("ca.pem"), ours).expect("written");
    folder.make(|_| {}).expect("kept");
}

#[test]
fn what_cannot_be_is_refused_by_name_and_makes_no_folder() {
    let folder = Folder::new("refused");
    let asked = |change: fn(&mut Deployment)| folder.make(change).expect_err("refused").field.into_owned();
    for bad in ["", "a/b", "arm*", "ä"] {
        let why = folder.make(|d| d.robot = Some(bad.into())).expect_err("no name");
        assert_eq!(why.field, "robot", "{bad:?}");
    }
    assert_eq!(asked(|d| d.robot = Some("x".repeat(41))), "robot");
    assert_eq!(asked(|d| d.days = 0), "days");
    assert_eq!(asked(|d| d.days = 4000), "days");
    assert!(!folder.0.exists());
    folder.make(|d| d.names = vec!["arm.local".into(), "192.168.0.7".into()]).expect("made");
    assert_eq!(asked(|d| d.robot = Some("leg".into())), "robot");
    assert_eq!(asked(|d| d.names = vec!["gpu-box".into()]), "names");
    assert_eq!(asked(|d| (d.names, d.renews) = (vec!["größe".into()], true)), "names");
    folder.make(|d| (d.names, d.renews) = (vec!["gpu-box".into()], true)).expect("renewed");
}
