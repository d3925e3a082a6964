//! `sinew doctor`: what this machine can do, and what to type.

use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::graph::{Body as _, lockstep::Lockstep};
use crate::session::{self, StartError};
use core::time::Duration;
use sim::{Rig, SceneSpec, World};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use types::seams::{Budget, VisionLanguageModel};
use types::{Image, Intrinsics, JointVector, Time, Transform};

pub(crate) fn run(common: &Common) -> Result<Exit, CommandError> {
    println!("Sinew {}", crate::version::WHOLE);
    let setting = Setting::read(common, None)?;
    let profile = setting.arm.profile();
    println!("robot       {} ({} joints), configuration is valid", profile.name, setting.arm.n_joints());
    let features = if cfg!(feature = "cuda") {
        "cuda: models may run on an NVIDIA GPU"
    } else {
        "default: everything on the CPU; no GPU"
    };
    println!("features    {features}, no ROS, no network is used");
    machine();
    real_time(&setting);
    model(&setting)?;
    lockstep(&setting)?;
    println!(
        "\nA software safety function is no substitute for hardware: on a real arm an emergency stop that\n\
         cuts the power is required.\n\nType:  sinew run \"put the red cube in the blue bowl\""
    );
    Ok(Exit::Done)
}

fn machine() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |p: &str| std::fs::read_to_string(p).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let kernel = read("/proc/sys/kernel/osrelease");
    let preempt = if Path::new("/sys/kernel/realtime").exists() { ", PREEMPT_RT" } else { "" };
    println!("machine     {cores} cores, load {load}, Linux {}{preempt}", kernel.trim());
    let gpu = Path::new("/dev/nvidiactl").exists();
    println!(
        "GPU         {}",
        if gpu { "an NVIDIA device is here; this build does not use it" } else { "none; none is needed" }
    );
}

/// Half a second of an idle loop, to see how late this machine wakes up.
fn real_time(setting: &Setting) {
    let wishes = control::rt::RtWishes {
        fifo_priority: u8::try_from(setting.config.control.priority).ok(),
        lock_memory: false,
        cpu: usize::try_from(setting.config.control.cpu).ok(),
    };
    let probe = std::thread::spawn(move || {
        use types::seams::Clock;
        let rights = control::rt::acquire(wishes);
        let mut clock = control::MonotonicClock::new();
        let mut lateness: Vec<f64> = Vec::with_capacity(500);
        let mut next = clock.now();
        for _ in 0..500 {
            next = next + Duration::from_millis(1);
            clock.sleep_until(next);
            lateness.push(clock.now().secs_since(next) * 1e6);
        }
        lateness.sort_by(f64::total_cmp);
        (rights, lateness)
    });
    let Ok((rights, lateness)) = probe.join() else { return };
    let at = |p: usize| lateness.get(p * lateness.len() / 100).copied().unwrap_or(0.0);
    let most = lateness.last().copied().unwrap_or(0.0);
    println!(
        "real time   woken late at 1 kHz: p50 {:.0} µs, p99 {:.0} µs, most {most:.0} µs",
        at(50),
        at(99)
    );
    if rights.real_time {
        println!("            SCHED_FIFO is permitted");
    }
    for note in &rights.notes {
        println!("            {note}");
    }
    if !rights.real_time {
        println!("            to permit it:  sudo setcap cap_sys_nice,cap_ipc_lock+ep $(command -v sinew)");
        println!(
            "            or:            ulimit -r 98; ulimit -l unlimited   (limits.conf: rtprio, memlock)"
        );
    }
}

fn model(setting: &Setting) -> Result<(), CommandError> {
    let mut model = session::model(&setting.config)?;
    println!("model       {}", model.identity());
    let lens = Intrinsics::from_fov(256, 192, 0.88)?;
    let grey = vec![128; 3 * 256 * 192];
    let image = Image::new("probe", 0, Time::ZERO, grey, None, lens, Transform::identity())?;
    let cancel = AtomicBool::new(false);
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let budget = Budget { limit: Duration::from_secs(30), cancel: &cancel };
        let answered = model.answer(Some(&image), "how many cubes do you see?", budget);
        answered.map_err(|e| CommandError::Other(e.to_string()))?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("            a look (picture and sentence to answer) takes {:.0} ms here", times[2]);
    Ok(())
}

/// Some seconds of the arm alone, moving, in lockstep.
fn lockstep(setting: &Setting) -> Result<(), CommandError> {
    const SPAN_S: f64 = 8.0;
    let rig =
        Rig::new(World::new(&setting.arm, &SceneSpec::default(), setting.seed).map_err(StartError::Sim)?);
    let ends = control::new(setting.arm.clone(), control::Config::default())?;
    let mut body = Lockstep::new(ends, rig, Vec::new());
    let start = body.now() + Duration::from_millis(10);
    body.advance(Duration::from_millis(10)).map_err(StartError::Body)?;
    body.control().activate(start)?;
    body.advance(Duration::from_millis(10)).map_err(StartError::Body)?;
    let now = body.now();
    let mut lease = body.control().claim(now, control::Owner::Script, control::Groups::Arm, None)?;
    // There and back, a fifth of a radian in every joint (less where a limit is near).
    let home = setting.arm.home();
    let away = JointVector::from_fn(home.len(), |i| {
        let l = &setting.arm.limits()[i];
        (home[i] + 0.2).min(0.5 * (home[i] + l.upper))
    });
    let scale = mechanics::timing::Scale { velocity: 0.5, acceleration: 0.5, jerk: 0.5 };
    let begun = std::time::Instant::now();
    let mut spent_s = 0.0;
    let mut ways = [(home, away), (away, home)].into_iter().cycle();
    while spent_s < SPAN_S {
        let Some((from, to)) = ways.next() else { break };
        let limits = setting.arm.limits();
        let points = mechanics::timing::time_line(&from, &to, limits, scale)
            .map_err(|e| CommandError::Other(e.to_string()))?;
        let trajectory = types::Trajectory::new(points, limits, &from)?;
        let steps = (trajectory.duration() / 0.01).ceil() as usize + 5;
        let now = body.now();
        body.control().submit(lease.order(now, control::Motion::Follow(Box::new(trajectory))))?;
        for _ in 0..steps {
            let now = body.now();
            body.control().keep_alive(&lease, now);
            body.advance(Duration::from_millis(10)).map_err(StartError::Body)?;
            spent_s += 0.01;
        }
    }
    let pace = spent_s / begun.elapsed().as_secs_f64().max(1e-9);
    println!(
        "lockstep    the free arm moves {pace:.0} times as fast as real time, control and physics on one core"
    );
    Ok(())
}
