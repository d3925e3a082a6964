//! A line of UDP on this machine that loses datagrams, delays them, and can be cut: what QUIC makes of it is its own.

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No datagram is larger.
const MOST_BYTES: usize = 65_536;
/// So often those who wait look whether the line is still there.
const PATIENCE: Duration = Duration::from_millis(100);

/// How the line is just now.
struct State {
    /// The share of datagrams that are lost, in thousandths.
    loses: AtomicU64,
    /// The most that one is delayed, ms; each by another part of it, so that they overtake each other.
    jitter_ms: AtomicU64,
    is_cut: AtomicBool,
    ends: AtomicBool,
    /// How many came and how many of them were dropped since the line was spoilt last.
    came: AtomicU64,
    dropped: AtomicU64,
    /// Of the drawing of chances.
    random: Mutex<u64>,
}

/// One datagram on its way.
struct Due {
    at: Instant,
    bytes: Vec<u8>,
    by: Arc<UdpSocket>,
    to: SocketAddr,
}

/// The line: who sends to its port sends to another, and hears from there.
pub struct Datagrams {
    pub port: u16,
    state: Arc<State>,
}

impl Datagrams {
    pub fn to(port: u16, seed: u64) -> Self {
        let near = socket();
        let own = near.local_addr().expect("a port").port();
        let (zero, no) = (|| AtomicU64::new(0), || AtomicBool::new(false));
        let state = Arc::new(State {
            loses: zero(),
            jitter_ms: zero(),
            is_cut: no(),
            ends: no(),
            came: zero(),
            dropped: zero(),
            random: Mutex::new(seed | 1),
        });
        let (sender, late) = channel();
        let (reading, sending) = (state.clone(), state.clone());
        std::thread::spawn(move || forth(&near, port, &reading, &sender));
        std::thread::spawn(move || send(&sending, &late));
        Self { port: own, state }
    }

    /// From now on so many datagrams of a thousand are lost, and the others late by up to so many milliseconds.
    pub fn spoil(&self, loses: u64, jitter_ms: u64) {
        self.state.came.store(0, Ordering::Relaxed);
        self.state.dropped.store(0, Ordering::Relaxed);
        self.state.loses.store(loses, Ordering::Relaxed);
        self.state.jitter_ms.store(jitter_ms, Ordering::Relaxed);
    }

    /// Drops everything, or no longer.
    pub fn cut(&self, is_cut: bool) {
        self.state.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// How many datagrams came since the line was spoilt last, and how many of them were dropped.
    pub fn seen(&self) -> (u64, u64) {
        (self.state.came.load(Ordering::Relaxed), self.state.dropped.load(Ordering::Relaxed))
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::Relaxed);
    }
}

fn socket() -> Arc<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("waits for so long");
    Arc::new(socket)
}

/// From whoever sends to the line, each by a socket of its own, so that answers find back.
fn forth(near: &Arc<UdpSocket>, port: u16, state: &Arc<State>, late: &Sender<Due>) {
    let mut peers: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    pass(near, state, late, |from| {
        let back = || {
            let far = socket();
            let (by, from_far, state, late) = (near.clone(), far.clone(), state.clone(), late.clone());
            std::thread::spawn(move || pass(&from_far, &state, &late, |_| (by.clone(), from)));
            far
        };
        (peers.entry(from).or_insert_with(back).clone(), to)
    });
}

/// Reads from a socket until the line ends; `way` says by which socket to whom it goes on.
fn pass(
    from: &UdpSocket,
    state: &State,
    late: &Sender<Due>,
    mut way: impl FnMut(SocketAddr) -> (Arc<UdpSocket>, SocketAddr),
) {
    let mut bytes = vec![0; MOST_BYTES];
    while !state.ends.load(Ordering::Relaxed) {
        // That nobody listens at the other end just now is told here, too, and is no end of the line.
        let Ok((n, sender)) = from.recv_from(&mut bytes) else { continue };
        let (by, to) = way(sender);
        match state.delay() {
            None => {}
            Some(Duration::ZERO) => _ = by.send_to(&bytes[..n], to),
            Some(delay) => {
                let due = Due { at: Instant::now() + delay, bytes: bytes[..n].to_vec(), by, to };
                let _ = late.send(due);
            }
        }
    }
}

/// Sends what is late when it is due.
fn send(state: &State, late: &Receiver<Due>) {
    let mut waiting: BTreeMap<(Instant, u64), Due> = BTreeMap::new();
    let mut n = 0;
    while !state.ends.load(Ordering::Relaxed) {
        let now = Instant::now();
        while let Some(first) = waiting.first_entry()
            && first.key().0 <= now
        {
            let due = first.remove();
            if !state.is_cut.load(Ordering::Relaxed) {
                let _ = due.by.send_to(&due.bytes, due.to);
            }
        }
        let wait = waiting.keys().next().map_or(PATIENCE, |(at, _)| at.saturating_duration_since(now));
        match late.recv_timeout(wait.min(PATIENCE)) {
            Ok(due) => {
                n += 1;
                waiting.insert((due.at, n), due);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl State {
    /// Below one, from xorshift64 (Marsaglia 2003).
    fn chance(&self) -> f64 {
        let mut x = self.random.lock().expect("nobody panics with it");
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        (*x >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How late the next datagram is; `None`: it is lost.
    fn delay(&self) -> Option<Duration> {
        self.came.fetch_add(1, Ordering::Relaxed);
        let lost = self.loses.load(Ordering::Relaxed) as f64 / 1000.0;
        if self.is_cut.load(Ordering::Relaxed) || self.chance() < lost {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Duration::from_millis(self.jitter_ms.load(Ordering::Relaxed)).mul_f64(self.chance()))
    }
}
