//! A line between two ends of TCP on this machine, that loses, delays, and holds back.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is in a packet at most, bytes.
const PACKET: usize = 1448;
/// How long TCP waits until it sends a packet again, the first time; then twice as long each time.
const RESENDS: Duration = Duration::from_millis(200);

/// How the line is just now. Packets arrive in order, as TCP has it: who comes after a lost one waits for it.
#[derive(Default)]
struct State {
    /// The share of packets that are lost, in thousandths.
    loses: AtomicU64,
    /// The most that a packet is delayed, ms; each by another part of it.
    jitter_ms: AtomicU64,
    /// By which all are late besides, ms.
    late_ms: AtomicU64,
    /// Nothing arrives; what was sent meanwhile arrives afterwards.
    is_cut: AtomicBool,
    ends: AtomicBool,
    /// Of the drawing of chances.
    random: Mutex<u64>,
}

/// The line: who connects to its port is connected to another.
pub struct Link {
    pub port: u16,
    state: Arc<State>,
}

impl Link {
    pub fn to(port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("a port").port();
        let state = Arc::new(State { random: Mutex::new(seed | 1), ..State::default() });
        let its = state.clone();
        listener.set_nonblocking(true).expect("asked without waiting");
        std::thread::spawn(move || {
            while !its.ends.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((near, _)) => join(near, port, &its),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { port: own, state }
    }

    /// From now on so many packets of a thousand are lost, and all are late by up to so many milliseconds.
    pub fn spoil(&self, loses: u64, jitter_ms: u64) {
        self.state.loses.store(loses, Ordering::Relaxed);
        self.state.jitter_ms.store(jitter_ms, Ordering::Relaxed);
    }

    /// From now on all packets are late by so many milliseconds, besides.
    pub fn delay(&self, late_ms: u64) {
        self.state.late_ms.store(late_ms, Ordering::Relaxed);
    }

    /// Holds everything back, or lets it through again.
    pub fn cut(&self, is_cut: bool) {
        self.state.is_cut.store(is_cut, Ordering::Relaxed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::Relaxed);
    }
}

fn join(near: TcpStream, port: u16, state: &Arc<State>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { return };
    for (from, to) in [(&near, &far), (&far, &near)] {
        let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
        from.set_nonblocking(false).expect("waits");
        let _ = to.set_nodelay(true);
        let (sender, packets) = channel();
        let (reading, writing) = (state.clone(), state.clone());
        std::thread::spawn(move || read(from, &reading, &sender));
        std::thread::spawn(move || write(to, &writing, &packets));
    }
}

fn read(mut from: TcpStream, state: &State, to: &std::sync::mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut bytes = [0; PACKET];
    while let Ok(n) = from.read(&mut bytes) {
        if n == 0 || to.send((Instant::now() + state.delay(), bytes[..n].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, state: &State, packets: &Receiver<(Instant, Vec<u8>)>) {
    let mut waiting: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut is_over = false;
    while !state.ends.load(Ordering::Relaxed) {
        let is_free = !state.is_cut.load(Ordering::Relaxed);
        while is_free && waiting.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let Some((_, bytes)) = waiting.pop_front() else { break };
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        if is_over && waiting.is_empty() {
            break;
        }
        match packets.recv_timeout(Duration::from_millis(1)) {
            Ok(packet) => waiting.push_back(packet),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                is_over = true;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
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

    fn delay(&self) -> Duration {
        let lost = self.loses.load(Ordering::Relaxed) as f64 / 1000.0;
        let mut delay = Duration::from_millis(self.jitter_ms.load(Ordering::Relaxed)).mul_f64(self.chance());
        delay += Duration::from_millis(self.late_ms.load(Ordering::Relaxed));
        let mut again = RESENDS;
        while self.chance() < lost {
            delay += again;
            again *= 2;
        }
        delay
    }
}
