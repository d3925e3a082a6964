//! `sinew send`: motions line by line to the robot node, as a person's, a stick's or a policy's.

mod scripted;

use scripted::nodes::{Nodes, check};
use std::fs;
use std::io::Write;
use std::time::Duration;

/// A pose above the table, and one beside it.
const READY: &str = r#"{"joints": [0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.8]}"#;

/// The measured joints at the end of the robot's recording, rad.
fn last_joints(nodes: &Nodes) -> Vec<f64> {
    let (code, out, err) = nodes.said(&["log", "export", "robot", "--to", "csv"]);
    assert_eq!(code, 0, "{out}\n{err}");
    let text = out;
    let mut rows = text.lines();
    let head: Vec<&str> = rows.next().expect("a head").split(',').collect();
    let last: Vec<&str> = rows.last().expect("a row").split(',').collect();
    let is_joint = |name: &&str| name.starts_with("q") && !name.contains("measured");
    head.iter().zip(&last).filter(|(h, _)| is_joint(h)).filter_map(|(_, v)| v.parse().ok()).collect()
}

#[test]
fn targets_twists_velocities_chunks_and_grips_are_carried_out_and_come_out_the_same_in_a_replay() {
    let mut nodes = Nodes::new("send", "");
    nodes.start(&["robot"]);
    let to = [0.35, -0.5, 0.1, -2.1, 0.0, 1.7, 0.8];
    let chunk: Vec<String> = (0..40)
        .map(|k| {
            let part = 0.5 - 0.5 * (std::f64::consts::PI * f64::from(k) / 39.0).cos();
            let q: Vec<String> = to
                .iter()
                .enumerate()
                .map(|(j, q)| format!("{:.6}", q - if j == 0 { 0.1 * part } else { 0.0 }))
                .collect();
            format!("[{}]", q.join(", "))
        })
        .collect();
    let lines = [
        READY.to_owned(),
        r#"{"comply": {"tool": {"linear_n_m": [800, 800, 800], "angular_nm_rad": [40, 40, 40], "most_n": 40, "most_nm": 8}}}"#.to_owned(),
        r#"{"twist": {"linear_m_s": [0.0, 0.05, 0.05], "for_s": 1.0}}"#.to_owned(),
        r#"{"velocity": {"rad_s": [0, 0, 0, 0, 0, 0, 0.3], "for_s": 0.5}}"#.to_owned(),
        String::new(),
        r#"{"wait": {"s": 0.3}}"#.to_owned(),
        r#"{"comply": "stiff"}"#.to_owned(),
        r#"{"grip": {"width_m": 0.02, "force_n": 10}}"#.to_owned(),
        format!(r#"{{"joints": {to:?}}}"#),
        format!(
            r#"{{"chunk": {{"points": [{}], "period_s": 0.04, "grip": {{"widths_m": {:?}, "force_n": 10}}}}}}"#,
            chunk.join(", "),
            [0.03; 40]
        ),
    ];
    fs::write(nodes.folder.0.join("lines.jsonl"), lines.join("\n")).expect("written");
    let (code, out, err) = nodes.said(&["send", "lines.jsonl"]);
    assert_eq!(code, 0, "{out}\n{err}\n{}", nodes.logs());
    for line in ["line 1: done", "line 8: done", "line 9: done"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    // Line by line as they come, as from a stick; the arm is somebody else's again at once.
    let (child, mut stdin) = nodes.piped(&["send"]);
    for _ in 0..40 {
        writeln!(stdin, r#"{{"twist": {{"linear_m_s": [0.0, 0.0, 0.03]}}}}"#).expect("taken");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (code, out, err) = nodes.said(&["send", "lines.jsonl"]);
    assert_eq!(code, 0, "{out}\n{err}");
    nodes.interrupt("robot");
    let (code, out, err) = nodes.said(&["replay", "robot"]);
    assert!(code == 0 && out.contains("every command is the same, to the last bit"), "I9: {out}\n{err}");
    // Where the chunk led to.
    let q = last_joints(&nodes);
    for (j, (q, to)) in q.iter().zip(to).enumerate() {
        let to = if j == 0 { to - 0.1 } else { to };
        assert!((q - to).abs() < 0.01, "joint {j}: {q} instead of {to}");
    }
    assert!(q.len() >= 7, "{q:?}");
    let ticks = scripted::ticks::ticks_of(&nodes.folder.0.join("robot/run.mcap"));
    let last = ticks.iter().rfind(|t| t.enabled).expect("it had power");
    assert!((last.told_gripper[0] - 0.03).abs() < 1e-6, "{last:?}");
}

#[test]
fn a_line_that_is_no_motion_is_refused_by_its_number_and_the_arm_rests() {
    let mut nodes = Nodes::new("send-bad", "");
    let (code, _, err) = nodes.said(&["send", "nothing.jsonl"]);
    assert!(code == 2 && err.contains("lines: expected") && err.contains("nothing.jsonl"), "{err}");
    fs::write(nodes.folder.0.join("fine.jsonl"), READY).expect("written");
    let (code, _, err) = nodes.said(&["send", "fine.jsonl"]);
    assert!(code != 0 && err.contains("no robot node"), "{err}");
    nodes.start(&["robot"]);
    for (line, says) in [
        ("{\"fly\": 1}", "unknown variant `fly`"),
        (&"x".repeat(2 << 20), "more than 1048576 bytes"),
        ("{\"joints\": [0.1, 0.2]}", "joint"),
        ("{\"joints\": [99, 0, 0, -2, 0, 1.6, 0.8]}", "joint"),
        ("{\"pose\": {\"at_m\": [5, 0, 0.3], \"wxyz\": [0, 1, 0, 0]}}", "pose"),
        ("{\"pose\": {\"at_m\": [0.4, 0, 0.3], \"wxyz\": [0, 0, 0, 0]}}", "quaternion"),
        ("{\"twist\": {\"linear_m_s\": [1e308, 0, 0], \"for_s\": -1}}", "0 to 120 seconds"),
        ("{\"wait\": {\"s\": 1}, \"more\": 2}", "line 2"),
        ("{\"grip\": {\"width_m\": -1, \"force_n\": 10}}", "width"),
        ("{\"chunk\": {\"points\": [], \"period_s\": 0.04}}", "chunk"),
        (
            "{\"chunk\": {\"points\": [[0.35, -0.5, 0.1, -2.1, 0, 1.7, 0.8], [0.35, -0.5, 0.1, -2.1, 0, 1.7, 0.8]], \
             \"period_s\": 0.04, \"grip\": {\"widths_m\": [0.03], \"force_n\": 10}}}",
            "order.numbers",
        ),
    ] {
        fs::write(nodes.folder.0.join("bad.jsonl"), format!("{{\"wait\": {{\"s\": 0.01}}}}\n{line}\n"))
            .expect("written");
        let (code, out, err) = nodes.said(&["send", "bad.jsonl"]);
        assert!(code == 2 && err.contains("line 2") && err.contains(says), "{line}: {out}{err}");
    }
    // The arm is as it was, and takes what is fine.
    let (code, out, err) = nodes.said(&["send", "fine.jsonl"]);
    assert_eq!(code, 0, "{out}\n{err}");
    // After an emergency stop it takes nothing before its reset.
    nodes.said(&["stop", "--category", "1"]);
    let (code, _, err) = nodes.said(&["send", "fine.jsonl"]);
    assert!(code == 2 && err.contains("sinew reset"), "{err}");
    assert_eq!(nodes.reset(&[]).0, 0);
    let (code, out, err) = nodes.said(&["send", "fine.jsonl"]);
    assert_eq!(code, 0, "{out}\n{err}");
}

/// Steers the last joint to and fro, line by line, while something else is done; how it ended, and what
/// it said.
fn steers(nodes: &Nodes, by: &str, meanwhile: impl FnOnce()) -> (bool, String) {
    let (child, mut stdin) = nodes.piped(&["send", "--by", by]);
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        for k in 0.. {
            let v = if k / 50 % 2 == 0 { 0.1 } else { -0.1 };
            let line = format!(r#"{{"velocity": {{"rad_s": [0, 0, 0, 0, 0, 0, {v}]}}}}"#);
            // Who was sent away takes no more lines.
            if writeln!(stdin, "{line}").is_err() || is_over.try_recv().is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    // It has power, and steers.
    std::thread::sleep(Duration::from_millis(2500));
    meanwhile();
    let _ = over.send(());
    writer.join().expect("it wrote");
    let done = child.wait_with_output().expect("it ends");
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn a_program_takes_the_arm_from_a_policy_and_nobody_from_a_person() {
    let mut nodes = Nodes::new("send-by", "");
    fs::write(nodes.folder.0.join("fine.jsonl"), READY).expect("written");
    nodes.start(&["robot"]);
    let (code, out, err) = nodes.said(&["send", "--by", "policy", "fine.jsonl"]);
    assert_eq!(code, 0, "alone it may: {out}\n{err}\n{}", nodes.events());
    nodes.undisturbed(|| {
        let mut taken = (1, String::new(), String::new());
        let (is_done, err) = steers(&nodes, "policy", || {
            taken = nodes.said(&["send", "--by", "script", "fine.jsonl"]);
        });
        let (code, out, said) = &taken;
        check(*code == 0, || format!("a program is above a policy: {out}\n{said}"))?;
        check(!is_done && err.contains("lease"), || format!("the policy has lost the arm: {err}"))
    });
    nodes.undisturbed(|| {
        let mut taken = Vec::new();
        let (is_done, err) = steers(&nodes, "human", || {
            taken = ["policy", "script", "human"]
                .map(|by| nodes.said(&["send", "--by", by, "fine.jsonl"]))
                .to_vec();
        });
        for (code, out, said) in &taken {
            check(*code == 2 && said.contains("a higher one moves"), || format!("{code}: {out}\n{said}"))?;
        }
        check(is_done, || format!("the person has kept the arm: {err}"))
    });
    let (code, _, err) = nodes.said(&["send", "--by", "nobody", "fine.jsonl"]);
    assert!(code == 2 && err.contains("policy"), "{err}");
}
