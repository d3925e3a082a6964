//! The nodes of a robot as processes, to be started, looked at, stopped and killed.

use super::Folder;
use std::fs;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a node may take to be there, and a sentence to be done, on a busy machine.
pub const BEGINS: Duration = Duration::from_secs(60);
pub const DONE: Duration = Duration::from_secs(300);

/// One robot at a time: each is five processes in real time.
static ONE: Mutex<()> = Mutex::new(());

/// Within this the robot tells that it has stopped: the lease of its owner is 0.2 s.
const STOPS: Duration = Duration::from_secs(5);
/// How often a sentence is said on a busy machine.
const TRIES: usize = 5;

/// How the robot's events tell that the owner of the motion fell silent; that nobody steers on; and that an order came late.
pub const F1: &str = "\"fault\":\"F1\"";
const F38: &str = "cause: VelocityOver";
const LATE: &str = "why: Stale";
/// Within this the robot tells what it shall.
const TELLS: Duration = Duration::from_secs(20);

/// The nodes of one robot, ended with the test.
pub struct Nodes {
    pub folder: Folder,
    pub name: String,
    _one: MutexGuard<'static, ()>,
    running: Vec<(&'static str, Child)>,
    /// On which machine whoever has a configuration runs: the words before the program's name.
    places: Vec<(String, Vec<String>)>,
}

impl Nodes {
    /// A robot of its own name, and a folder for its secrets.
    pub fn new(name: &str, more: &str) -> Self {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new(&format!("nodes-{name}"), "");
        let name = format!("{name}-{}", std::process::id());
        let nodes = Self { folder, _one, name, running: Vec::new(), places: Vec::new() };
        nodes.configure("robot", more);
        nodes
    }

    /// Another configuration beside that of all, `FILE.toml`; what stands in `zenoh`, behind the robot's name.
    pub fn configure(&self, file: &str, zenoh: &str) {
        let config = format!("[zenoh]\nrobot = \"{}\"\n{zenoh}", self.name);
        fs::write(self.folder.0.join(format!("{file}.toml")), config).expect("written");
    }

    /// From now on whoever has `CONFIG.toml` runs behind these words.
    pub fn place(&mut self, config: &str, words: Vec<String>) {
        self.places.push((config.to_owned(), words));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let config = args.iter().skip_while(|a| **a != "--config").nth(1).copied().unwrap_or_default();
        let place = self.places.iter().find(|(file, _)| config.strip_suffix(".toml") == Some(file));
        let mut command = match place {
            Some((_, words)) => self.folder.behind(words, args),
            None => self.folder.command(args),
        };
        command.env("XDG_RUNTIME_DIR", &self.folder.0);
        command
    }

    /// Starts nodes and waits until they are there.
    pub fn start(&mut self, roles: &[&'static str]) {
        for role in roles {
            self.begin(role, role, "robot");
        }
        self.until_there(roles, "robot");
    }

    /// Starts a node under a name of its own, with `CONFIG.toml`; what it says stands in `NAME.log`, its runs in `NAME`.
    pub fn begin(&mut self, name: &'static str, role: &str, config: &str) {
        let log = fs::File::create(self.folder.0.join(format!("{name}.log"))).expect("a file");
        let errors = log.try_clone().expect("a handle");
        let mut command = self.command(&["node", role, "--config", &format!("{config}.toml"), "--out", name]);
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.running.push((name, child.expect("it starts")));
    }

    /// Waits until nodes of these roles are there for whoever has `CONFIG.toml`.
    pub fn until_there(&self, roles: &[&str], config: &str) {
        let began = Instant::now();
        loop {
            let listed = self.said(&["ls", "--config", &format!("{config}.toml")]).1;
            let is_there =
                |role: &&str| listed.lines().any(|l| l.starts_with(*role) && l.contains("answers in"));
            if roles.iter().all(is_there) {
                return;
            }
            assert!(began.elapsed() < BEGINS, "{roles:?} are not there: {listed}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until whoever has `CONFIG.toml` sees no node of this role.
    pub fn until_gone(&self, role: &str, config: &str) {
        let began = Instant::now();
        let config = format!("{config}.toml");
        while self.said(&["ls", "--config", &config]).1.lines().any(|l| l.starts_with(role)) {
            assert!(began.elapsed() < BEGINS, "the {role} is still there:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Has a sentence carried out, without waiting for it.
    pub fn say(&self, sentence: &str, config: &str) -> Child {
        let mut command = self.command(&["say", sentence, "--config", &format!("{config}.toml")]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    }

    /// Starts the program with lines to be written to it.
    pub fn piped(&self, args: &[&str]) -> (Child, ChildStdin) {
        let mut command = self.command(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("it starts");
        let stdin = child.stdin.take().expect("a pipe");
        (child, stdin)
    }

    pub fn said(&self, args: &[&str]) -> (i32, String, String) {
        text(self.command(args).output().expect("it starts"))
    }

    /// As a person resets it: again, as long as the arm still comes to rest.
    pub fn reset(&self, more: &[&str]) -> (i32, String, String) {
        let words: Vec<&str> = ["reset"].iter().chain(more).copied().collect();
        let began = Instant::now();
        loop {
            let said = self.said(&words);
            if said.0 == 0 || began.elapsed() > Duration::from_secs(5) {
                return said;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// As a person resets it who does not know whether there is anything to be reset.
    pub fn unlatch(&self) {
        let began = Instant::now();
        loop {
            let (code, out, err) = self.said(&["reset"]);
            if code == 0 || format!("{out}{err}").contains("NotLatched") || began.elapsed() > TELLS {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether a node's process is still there.
    pub fn runs(&mut self, name: &str) -> bool {
        let child = self.running.iter_mut().find(|(r, _)| *r == name);
        child.is_some_and(|(_, child)| child.try_wait().expect("asked").is_none())
    }

    /// The number of a node's process.
    pub fn pid(&self, role: &str) -> String {
        let (_, child) = self.running.iter().find(|(r, _)| *r == role).expect("it runs");
        child.id().to_string()
    }

    pub fn signal(&self, role: &str, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid(role)]).status();
        assert!(status.expect("it starts").success());
    }

    /// As a person ends it with Ctrl-C; its recording has its end then.
    pub fn interrupt(&mut self, name: &str) {
        self.signal(name, "INT");
        self.until_ended(name);
    }

    /// Waits for a node that is ending.
    pub fn until_ended(&mut self, name: &str) {
        let place = self.running.iter().position(|(r, _)| *r == name).expect("it runs");
        let (_, mut child) = self.running.remove(place);
        let began = Instant::now();
        while child.try_wait().expect("asked").is_none() {
            assert!(began.elapsed() < BEGINS, "{name} does not end:\n{}", self.log(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills a node, whose log and folder stay.
    pub fn kill(&mut self, name: &str) {
        let place = self.running.iter().position(|(r, _)| *r == name).expect("it runs");
        let (_, mut child) = self.running.remove(place);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Waits until the robot has told once more than `before` that its owner fell silent.
    pub fn until_it_stops(&self, before: usize) {
        let began = Instant::now();
        while self.events().matches(F1).count() == before {
            assert!(
                began.elapsed() < STOPS,
                "it goes on:\n{}\n-- events\n{}",
                self.logs(),
                self.last_events()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often the robot's events say this.
    pub fn told(&self, what: &str) -> usize {
        self.events().matches(what).count()
    }

    /// Waits until the robot's events say this more than `before` times.
    pub fn until_told(&self, what: &str, before: usize) -> Result<(), String> {
        let began = Instant::now();
        while self.told(what) <= before {
            check(began.elapsed() < TELLS, || format!("{what} is never told"))?;
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// What goes wrong while the robot's loop tells that its orders or its robot's states came late, or no more, had no fair
    /// machine: it is tried again.
    pub fn undisturbed(&self, mut tried: impl FnMut() -> Result<(), String>) {
        let mut why = String::new();
        let late = || {
            ["\"fault\":\"F25\"", F1, F38, LATE, "StateMissing"]
                .iter()
                .map(|what| self.told(what))
                .sum::<usize>()
        };
        for _ in 0..TRIES {
            let before = late();
            let Err(said) = tried() else { return };
            assert!(late() > before, "{said}\n{}", self.events());
            why = said;
            self.unlatch();
        }
        panic!("{why}");
    }

    /// Since it stopped last the arm has begun nothing.
    pub fn assert_stands(&self) {
        let events = self.events();
        let after = events.rsplit(F1).next().unwrap_or_default();
        assert!(!after.contains("mode: Follow") && !after.contains("Started("), "{after}");
    }

    /// Once everybody is there again a person resets the robot, and it does what is said: at the third try at the latest,
    /// on a machine that is too busy for its cameras.
    pub fn goes_on(&self, config: &str) {
        self.until_there(&["robot", "planner"], config);
        let config = format!("{config}.toml");
        self.assert_stands();
        let (code, out, err) = self.reset(&["--config", &config]);
        assert_eq!(code, 0, "{out}{err}");
        let mut said = String::new();
        for _ in 0..3 {
            let (code, out, err) = self.said(&["say", "go home", "--config", &config]);
            if code == 0 {
                return;
            }
            said += &format!("{out}{err}\n");
            // It may have been stopped, or not.
            let _ = self.said(&["reset", "--config", &config]);
        }
        panic!("{said}\n{}", self.logs());
    }

    /// From now on a node gets no more memory (`prlimit` of util-linux).
    pub fn starve(&self, name: &str) {
        let status = Command::new("prlimit").args(["--pid", &self.pid(name), "--as=4096"]).status();
        assert!(status.expect("it starts").success());
    }

    pub fn log(&self, role: &str) -> String {
        fs::read_to_string(self.folder.0.join(format!("{role}.log"))).unwrap_or_default()
    }

    pub fn logs(&self) -> String {
        self.running.iter().map(|(name, _)| format!("-- {name}\n{}", self.log(name))).collect()
    }

    /// What the robot's loop has told so far.
    pub fn events(&self) -> String {
        fs::read_to_string(self.folder.0.join("robot/events.jsonl")).unwrap_or_default()
    }

    fn last_events(&self) -> String {
        let events = self.events();
        let from = events.lines().count().saturating_sub(30);
        events.lines().skip(from).map(|line| format!("{line}\n")).collect()
    }

    /// Has a sentence carried out, and waits until the arm moves for it. On a machine that is too busy for its deadlines a
    /// sentence may end before that; then it is said again.
    /// With how often the owner had fallen silent before.
    pub fn say_until_it_moves(&self, sentence: &str, config: &str) -> (Child, usize) {
        for _ in 0..TRIES {
            let silent = self.events().matches(F1).count();
            let (before, mut asked) = (self.moves_told(), self.say(sentence, config));
            while asked.try_wait().expect("asked").is_none() {
                if self.moves_told() > before {
                    return (asked, silent);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // Where the arm was stopped it may hide what is asked for.
            self.home(config);
        }
        panic!("it never moves:\n{}", self.logs());
    }

    /// Resets the robot and has the arm go home, where it hides nothing and is not near anything; again on a machine that is
    /// too busy for that.
    pub fn home(&self, config: &str) {
        let config = format!("{config}.toml");
        for _ in 0..TRIES {
            let _ = self.said(&["reset", "--config", &config]);
            if self.said(&["say", "go home", "--config", &config]).0 == 0 {
                return;
            }
        }
    }

    /// How often the loop has told that the arm is on its way.
    pub fn moves_told(&self) -> usize {
        self.events().matches("mode: Follow").count()
    }

    /// Ends all nodes, and forgets what they have said.
    pub fn end(&mut self) {
        for (name, mut child) in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
            let _ = fs::remove_dir_all(self.folder.0.join(name));
        }
    }

    /// Waits until a node's log says something.
    pub fn until(&self, role: &str, what: &str, limit: Duration) {
        let began = Instant::now();
        while !self.log(role).contains(what) {
            assert!(began.elapsed() < limit, "{role} never says {what:?}:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn check(is_so: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what()) }
}

pub fn text(out: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Waits for a process, and for what it has said.
pub fn ended(mut child: Child, limit: Duration) -> (i32, String, String) {
    let began = Instant::now();
    while child.try_wait().expect("asked").is_none() {
        if began.elapsed() > limit {
            let _ = child.kill();
            let said = text(child.wait_with_output().expect("it has ended"));
            panic!("it did not end within {limit:?}: {said:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    text(child.wait_with_output().expect("it has ended"))
}
