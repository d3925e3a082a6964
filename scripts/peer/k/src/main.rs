//! The `k` crate as a peer of `sinew bench`; the protocol is that of `pinocchio.cpp`, of which it knows
//! `load`, `states`, `check fk` and `block fk`.

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut chain: Option<k::Chain<f64>> = None;
    // By joint of the chain: its place among the joints that were asked for.
    let mut order: Vec<usize> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut states: Vec<Vec<f64>> = Vec::new();
    let mut line = String::new();
    while { line.clear(); input.read_line(&mut line)? } > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["load", file, joints @ ..] => {
                let loaded = k::Chain::<f64>::from_urdf_file(file)?;
                names = joints.iter().map(|j| (*j).to_owned()).collect();
                let place = |name: &str| {
                    names.iter().position(|n| n == name).ok_or(format!("a joint more: {name}"))
                };
                order = loaded.iter_joints().map(|j| place(&j.name)).collect::<Result<_, _>>()?;
                writeln!(output, "k 0.32.0 {}", order.len())?;
                chain = Some(loaded);
            }
            ["states", n] => {
                let mut bytes = vec![0u8; 8 * 4 * names.len()];
                states.clear();
                for _ in 0..n.parse::<usize>()? {
                    input.read_exact(&mut bytes)?;
                    let q = |i: usize| f64::from_ne_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap_or_default());
                    states.push(order.iter().map(|i| q(*i)).collect());
                }
                writeln!(output, "ok")?;
            }
            ["check", "fk"] => {
                let chain = chain.as_ref().ok_or("no robot")?;
                for q in &states {
                    forward(chain, q);
                    for name in &names {
                        let node = chain.find(name).ok_or("no such joint")?;
                        let pose = node.world_transform().ok_or("no pose")?;
                        let mut out: Vec<f64> = pose.translation.vector.iter().copied().collect();
                        out.extend(pose.rotation.to_rotation_matrix().matrix().transpose().iter());
                        out.iter().try_for_each(|v| output.write_all(&v.to_ne_bytes()))?;
                    }
                }
            }
            ["block", "fk", ms] => {
                let chain = chain.as_ref().ok_or("no robot")?;
                let length = Duration::from_secs_f64(1e-3 * ms.parse::<f64>()?);
                let (begun, before, mut count) = (Instant::now(), cpu_ns(), 0usize);
                while begun.elapsed() < length {
                    states.iter().for_each(|q| forward(chain, q));
                    count += states.len();
                }
                writeln!(output, "{count} {}", cpu_ns() - before)?;
            }
            _ => return Err(format!("no such command: {line}").into()),
        }
        output.flush()?;
    }
    Ok(())
}

fn forward(chain: &k::Chain<f64>, q: &[f64]) {
    chain.set_joint_positions_unchecked(q);
    chain.update_transforms();
}

fn cpu_ns() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}
