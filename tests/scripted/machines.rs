//! Machines of a test's own: namespaces of this one, each with an address, a name and shared memory that nobody else has,
//! joined by a switch. They end with the test, however it ends.
//!
//! It takes `unshare` and `nsenter` (util-linux), `ip` and `tc` (iproute2), and root or a kernel that lets others make
//! namespaces.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where it is set, a machine on which no namespaces can be made fails the tests that need them.
const REQUIRED: &str = "SINEW_NAMESPACES";

/// A process that keeps namespaces alive for as long as this process does.
struct Holder(Child);

impl Holder {
    /// # Errors
    /// What was said instead of that it is there.
    fn start(words: &[&str], script: &str) -> Result<Self, String> {
        let script = format!("set -e; {script}; echo there; exec cat");
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["sh", "-c", &script]);
        // It ends with its input, that is with this process, if it is not ended before.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = Self(command.spawn().map_err(|e| format!("{}: {e}", words[0]))?);
        let mut said = String::new();
        let stdout = holder.0.stdout.take().ok_or("no pipe")?;
        let _ = BufReader::new(stdout).read_line(&mut said);
        if said.trim() == "there" {
            return Ok(holder);
        }
        let mut stderr = holder.0.stderr.take().ok_or("no pipe")?;
        let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
        Err(format!("{words:?}: {}", said.trim()))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A switch, and what hangs on it.
pub struct Site {
    machines: Vec<Holder>,
    switch: Holder,
    /// How `nsenter` is asked to go where root is who made it.
    as_root: &'static [&'static str],
}

impl Site {
    /// Machines of these names at [`Site::address`]; `None`, and told so, where none can be made and nobody requires it.
    ///
    /// # Panics
    /// Where none can be made though it is required.
    pub fn of(names: &[&str]) -> Option<Self> {
        match Self::new(names) {
            Ok(site) => Some(site),
            Err(why) => {
                assert!(std::env::var_os(REQUIRED).is_none(), "no namespaces can be made here: {why}");
                // Past the test's own output, which is shown of tests that fail alone.
                let told = format!("\nNOT TRIED, as no namespaces can be made here: {why}\n");
                let _ = std::io::stderr().write_all(told.as_bytes());
                None
            }
        }
    }

    fn new(names: &[&str]) -> Result<Self, String> {
        let rooted = Holder::start(&["unshare", "--net"], "ip link add switch type bridge");
        let (switch, as_root): (_, &[&str]) = match rooted {
            Ok(switch) => (switch, &[]),
            Err(_) => {
                let words = ["unshare", "--map-root-user", "--net"];
                let switch = Holder::start(&words, "ip link add switch type bridge")?;
                (switch, &["--user", "--preserve-credentials"])
            }
        };
        let mut site = Self { machines: Vec::new(), switch, as_root };
        site.at_the_switch(&["ip", "link", "set", "switch", "up"])?;
        for (i, name) in names.iter().enumerate() {
            let switch = site.switch.pid();
            let mut words = vec!["nsenter", "--target", &switch, "--net"];
            words.extend(as_root);
            words.extend(["unshare", "--net", "--mount", "--uts", "--ipc"]);
            let script = format!(
                "mount -t tmpfs none /dev/shm; echo {name} > /proc/sys/kernel/hostname; ip link set lo up"
            );
            let machine = Holder::start(&words, &script)?;
            let (port, pid) = (port(i), machine.pid());
            site.machines.push(machine);
            site.at_the_switch(&[
                "ip", "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &pid,
            ])?;
            site.at_the_switch(&["ip", "link", "set", &port, "master", "switch", "up"])?;
            let address = format!("{}/24", Self::address(i));
            site.at(i, &["ip", "address", "add", &address, "dev", "eth0"])?;
            site.at(i, &["ip", "link", "set", "eth0", "up"])?;
        }
        Ok(site)
    }

    /// Of the machine of this number.
    pub fn address(machine: usize) -> String {
        format!("10.77.0.{}", machine + 1)
    }

    /// What stands before a program's name to have it run on a machine, in this folder.
    pub fn words(&self, machine: usize, folder: &Path) -> Vec<String> {
        let mut words = self.entering(&self.machines[machine], &["--mount", "--uts", "--ipc"]);
        words.extend(["env", "-C", &folder.display().to_string()].map(str::to_owned));
        words
    }

    /// Takes a machine's cable out, or puts it in again.
    pub fn plug(&self, machine: usize, is_in: bool) {
        let state = if is_in { "up" } else { "down" };
        self.at_the_switch(&["ip", "link", "set", &port(machine), state]).expect("a link");
    }

    /// A machine's cable takes so many bits a second at most from now on, each way: what does not fit waits, up to a few
    /// packets, and beyond that is lost. `None`: all that there are.
    pub fn narrow(&self, machine: usize, bits: Option<u64>) {
        let port = port(machine);
        let rate = bits.map(|b| format!("{b}bit"));
        let mut words =
            vec!["tc", "qdisc", if bits.is_some() { "replace" } else { "del" }, "dev", "", "root"];
        if let Some(rate) = &rate {
            words.extend(["tbf", "rate", rate, "burst", "1600", "limit", "8000"]);
        }
        words[4] = &port;
        self.at_the_switch(&words).expect("a queue");
        words[4] = "eth0";
        self.at(machine, &words).expect("a queue");
    }

    fn entering(&self, whose: &Holder, more: &[&str]) -> Vec<String> {
        let pid = whose.pid();
        let words = ["nsenter", "--target", &pid, "--net"].into_iter();
        words.chain(self.as_root.iter().copied()).chain(more.iter().copied()).map(str::to_owned).collect()
    }

    fn at_the_switch(&self, words: &[&str]) -> Result<(), String> {
        done(&self.entering(&self.switch, &[]), words)
    }

    fn at(&self, machine: usize, words: &[&str]) -> Result<(), String> {
        done(&self.entering(&self.machines[machine], &[]), words)
    }
}

/// The end of a machine's cable at the switch.
fn port(machine: usize) -> String {
    format!("port{machine}")
}

fn done(entering: &[String], words: &[&str]) -> Result<(), String> {
    let out = Command::new(&entering[0]).args(&entering[1..]).args(words).output();
    let out = out.map_err(|e| format!("{}: {e}", entering[0]))?;
    let mut why = words.join(" ");
    let _ = write!(why, ": {}", String::from_utf8_lossy(&out.stderr).trim());
    out.status.success().then_some(()).ok_or(why)
}
