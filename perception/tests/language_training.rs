//! Training of the reader: it learns, and legs make no difference.

use perception::language::{Options, Trained, train};
use std::ops::ControlFlow;

fn options(steps: u64) -> Options {
    Options { seed: 3, steps, batch: 8, rate: 3e-3, max_seconds: None }
}

fn run(steps: u64, resume: Option<&Trained>, break_at: Option<u64>) -> Trained {
    train(options(steps), resume, &mut |p| {
        if Some(p.step) == break_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .expect("a good plan")
}

#[test]
fn the_same_seed_gives_the_same_weights_and_legs_make_no_difference() {
    let whole = run(21, None, None);
    assert_eq!(whole.step, 21);
    let half = run(21, None, Some(9));
    assert_eq!(half.step, 9);
    let bytes = half.to_bytes().expect("a checkpoint file");
    let rest = run(21, Some(&Trained::from_bytes(&bytes).expect("our own file")), None);
    assert_eq!(rest.fingerprint(), whole.fingerprint());
    assert_eq!(rest, whole);
}

#[test]
fn the_loss_falls() {
    let t = run(60, None, None);
    let mean = |h: &[f32]| h.iter().sum::<f32>() / h.len() as f32;
    let (first, last) = (mean(&t.history[..8]), mean(&t.history[52..]));
    assert!(last < 0.5 * first, "{first} to {last}");
}

#[test]
fn bad_options_and_bad_checkpoints_are_refused_by_name() {
    let bad = Options { batch: 0, ..options(1) };
    assert!(
        train(bad, None, &mut |_| ControlFlow::Continue(())).is_err_and(|e| e.to_string().contains("batch"))
    );
    let bad = Options { rate: f32::NAN, ..options(1) };
    assert!(
        train(bad, None, &mut |_| ControlFlow::Continue(())).is_err_and(|e| e.to_string().contains("rate"))
    );
    let mut t = run(1, None, None);
    t.arrays.remove("second.words");
    let e = train(options(2), Some(&t), &mut |_| ControlFlow::Continue(())).expect_err("an array is missing");
    assert!(e.to_string().contains("second.words"), "{e}");
    let bytes = run(1, None, None).to_bytes().expect("a checkpoint file");
    for n in [0, 7, 100, bytes.len() - 1] {
        assert!(Trained::from_bytes(&bytes[..n]).is_err(), "cut to {n} bytes");
    }
}
