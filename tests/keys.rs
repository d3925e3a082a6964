//! `sinew keys` as a person uses it: what it leaves, and what it says the second time.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-keys-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn keys(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
        let out = command.arg("keys").arg(&self.0).args(args).output().expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Names of what is in a folder, each with its mode.
fn files(folder: &Path) -> Vec<(String, u32)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
    let mode = |p: &Path| std::fs::metadata(p).expect("there").permissions().mode() & 0o777;
    let mut out: Vec<_> =
        entries.map(|e| (e.file_name().to_string_lossy().into_owned(), mode(&e.path()))).collect();
    out.sort();
    out
}

#[test]
fn keys_are_a_folder_for_each_role_with_what_is_secret_for_its_owner_alone() {
    let folder = Folder::new("made");
    let (code, said, err) = folder.keys(&["--robot", "arm-1", "--names", "arm.local,10.0.0.7"]);
    assert_eq!(code, 0, "{err}");
    let top: Vec<String> = files(&folder.0).into_iter().map(|(name, _)| name).collect();
    let parties = ["observer", "operator", "perception", "planner", "robot", "ros2", "router"];
    assert_eq!(
        top,
        ["ca.key.pem", "ca.pem", "deployment.json", "master.key"]
            .into_iter()
            .chain(parties)
            .collect::<Vec<_>>()
    );
    for role in parties {
        assert!(said.contains(&format!("  {role}")), "{said}");
        let files = files(&folder.0.join(role));
        let rules: &[&str] =
            if role == "router" { &["router.json5"] } else { &["access.json", "through-router.json"] };
        for name in ["ca.pem", "node.pem"].iter().chain(rules) {
            assert!(files.iter().any(|(n, _)| n == *name), "{role} has no {name}");
        }
        let secret = files.iter().filter(|(n, _)| n.ends_with(".key") || n.ends_with(".key.pem"));
        assert!(secret.clone().all(|(_, mode)| *mode == 0o600), "{role}: {files:?}");
        let n_pairs = match role {
            "observer" | "router" => 0,
            "perception" | "ros2" => 1,
            "robot" => 4,
            _ => 2,
        };
        assert_eq!(secret.count(), 1 + n_pairs, "{role}: {files:?}");
    }
    let mode = |name: &str| files(&folder.0).into_iter().find(|(n, _)| n == name).map(|(_, m)| m);
    assert_eq!((mode("ca.key.pem"), mode("master.key")), (Some(0o600), Some(0o600)));
    assert!(said.contains("ca.key.pem and master.key go nowhere"), "{said}");
}

#[test]
fn keys_made_once_more_are_kept_renewed_when_asked_for_and_never_anothers() {
    let folder = Folder::new("again");
    let read = |file: &str| std::fs::read(folder.0.join(file)).expect("there");
    assert_eq!(folder.keys(&["--days", "10"]).0, 0);
    let (ca, node) = (read("ca.pem"), read("robot/node.pem"));
    let (code, said, _) = folder.keys(&[]);
    assert!(code == 0 && said.matches(" kept ").count() == 7 && !said.contains(" made "), "{said}");
    assert!(said.contains("! robot ends soon: --renew"), "{said}");
    assert_eq!((read("ca.pem"), read("robot/node.pem")), (ca.clone(), node.clone()));
    let (code, said, _) = folder.keys(&["--renew"]);
    assert!(code == 0 && said.matches(" renewed ").count() == 7 && !said.contains('!'), "{said}");
    assert!(read("ca.pem") == ca && read("robot/node.pem") != node);
    let (code, _, err) = folder.keys(&["--robot", "leg"]);
    assert!(code == 2 && err.contains("arm, whose keys this folder has"), "{err}");
    std::fs::remove_file(folder.0.join("ca.pem")).expect("removed");
    let (code, _, err) = folder.keys(&["--renew"]);
    assert!(code == 2 && err.contains("ca.pem"), "{err}");
}
