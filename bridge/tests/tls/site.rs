//! A site's router, by what it is told in a file.

use bridge::wire::Router;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Names Zenoh's own program (`scripts/peers zenoh` installs it), which is the router then.
pub(crate) const ZENOHD: &str = "SINEW_ZENOHD";

/// There for as long as it is kept: Zenoh's own program where [`ZENOHD`] names it, a session in this process else.
pub(crate) enum SiteRouter {
    Program(Child),
    #[allow(dead_code, reason = "it is there to be dropped")]
    Here(Router),
}

impl SiteRouter {
    /// Starts it with what it is told, a file that names its others by whole paths. It listens when this is over.
    pub(crate) fn start(told: &Path) -> Self {
        let Some(program) = std::env::var_os(ZENOHD) else {
            return Self::Here(Router::open(told).expect("a router"));
        };
        let log = told.with_extension("log");
        let file = File::create(&log).expect("a file");
        let mut command = Command::new(&program);
        command.arg("-c").arg(told).stdin(Stdio::null()).stderr(file.try_clone().expect("a handle"));
        let router = Self::Program(command.stdout(file).spawn().expect("zenohd starts"));
        let began = Instant::now();
        loop {
            let said = fs::read_to_string(&log).expect("its log");
            if said.contains("can be reached at") {
                return router;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "zenohd does not listen: {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for SiteRouter {
    fn drop(&mut self) {
        if let Self::Program(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
