use super::*;
use crate::config::Config;
use bridge::ros::Header;

const MS: i64 = 1_000_000;

fn at(ms: i64) -> Time {
    Time::from_nanos(10_000 * MS + ms * MS)
}

fn keys() -> Keys {
    Keys { open: 2, close: 3, ..Config::default().joy }
}

/// Axes and pressed buttons, unstamped.
fn joy(axes: [f32; 6], pressed: &[usize]) -> Joy {
    let buttons = (0..8).map(|b| i32::from(pressed.contains(&b))).collect();
    Joy { header: Header::default(), axes: axes.to_vec(), buttons }
}

fn stamped(mut joy: Joy, ms: i64) -> Joy {
    joy.header.stamp = Time::from_nanos(1_700_000_000_000 * MS + ms * MS).into();
    joy
}

const REST: [f32; 6] = [0.0; 6];
/// Forwards, as far as it goes.
const OUT: [f32; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
const ENABLE: usize = 5;
const STOP: usize = 1;

/// A stick whose dead-man is held at rest since 20 ms.
fn ready() -> Stick {
    let mut stick = Stick::new(&keys());
    for (ms, pressed) in [(0, &[][..]), (20, &[ENABLE])] {
        assert_eq!(stick.hear(&joy(REST, pressed), at(ms)), Came::default());
    }
    assert!(stick.held(at(20)).is_ok_and(|held| held.twist.is_some()));
    stick
}

fn linear(held: Result<Held, Idle>) -> Option<[f64; 3]> {
    held.expect("it is held").twist.map(|twist| twist.linear_m_s)
}

#[test]
fn a_stick_steers_while_its_dead_man_is_held_and_for_no_longer_than_it_is_heard() {
    let mut stick = ready();
    assert_eq!(linear(stick.held(at(30))), Some([0.0; 3]));
    stick.hear(&joy(OUT, &[ENABLE]), at(40));
    let held = stick.held(at(60)).expect("held");
    assert_eq!((linear(Ok(held)), held.left), (Some([0.1, 0.0, 0.0]), Duration::from_millis(80)));
    // Silence is the end (F38), and a stick that is heard again has to be let go of.
    assert!(stick.held(at(139)).is_ok());
    assert_eq!(stick.held(at(140)), Err(Idle::Silent));
    stick.hear(&joy(REST, &[ENABLE]), at(150));
    stick.hear(&joy(OUT, &[ENABLE]), at(160));
    assert_eq!(stick.held(at(160)), Err(Idle::Silent));
    stick.hear(&joy(REST, &[]), at(170));
    assert_eq!(stick.held(at(170)), Err(Idle::LetGo));
    stick.hear(&joy(REST, &[ENABLE]), at(180));
    assert!(linear(stick.held(at(180))).is_some());
    // Also a silence that nobody asked about meanwhile.
    stick.hear(&joy(OUT, &[ENABLE]), at(281));
    assert_eq!(stick.held(at(281)), Err(Idle::Silent));
}

#[test]
fn a_stick_that_was_out_when_the_dead_man_was_pressed_wishes_nothing_before_it_was_at_rest() {
    let mut stick = Stick::new(&keys());
    // Held when it was heard first: it may have been so for hours.
    stick.hear(&joy(REST, &[ENABLE]), at(0));
    assert_eq!(stick.held(at(0)), Err(Idle::Silent));
    stick.hear(&joy(OUT, &[]), at(20));
    for ms in [40, 60] {
        stick.hear(&joy(OUT, &[ENABLE]), at(ms));
        assert_eq!(linear(stick.held(at(ms))), None);
    }
    // At rest is within the dead zone on every axis.
    stick.hear(&joy([0.0, 0.0, 0.0, 0.11, 0.0, 0.0], &[ENABLE]), at(80));
    assert_eq!(linear(stick.held(at(80))), None);
    stick.hear(&joy([0.09, -0.09, 1.0, 0.09, -0.09, 1.0], &[ENABLE]), at(100));
    assert_eq!(linear(stick.held(at(100))), Some([0.0; 3]), "axes 2 and 5 are for nothing");
    stick.hear(&joy(OUT, &[ENABLE]), at(120));
    assert_eq!(linear(stick.held(at(120))), Some([0.1, 0.0, 0.0]));
    // As before an arm that has just become this stick's.
    stick.rest();
    stick.hear(&joy(OUT, &[ENABLE]), at(140));
    assert_eq!(linear(stick.held(at(140))), None);
    stick.hear(&joy(REST, &[ENABLE]), at(160));
    stick.hear(&joy(OUT, &[ENABLE]), at(180));
    assert_eq!(linear(stick.held(at(180))), Some([0.1, 0.0, 0.0]));
}

#[test]
fn what_was_under_way_for_longer_counts_for_as_much_less() {
    let mut stick = ready();
    let said = |ms: i64| stamped(joy(OUT, &[ENABLE]), ms);
    stick.hear(&said(30), at(32));
    stick.hear(&said(50), at(52));
    assert!(stick.held(at(53)).is_ok());
    // Said at 70, it comes 60 ms later than it should.
    assert!(stick.hear(&said(70), at(132)).refused.is_none());
    assert!(stick.held(at(170)).is_ok_and(|held| held.left <= Duration::from_millis(3)));
    assert_eq!(stick.held(at(176)), Err(Idle::Silent));
}

#[test]
fn the_stop_is_told_at_once_whatever_else_the_message_says_and_ends_what_was_wished() {
    let mut stick = ready();
    stick.hear(&joy(OUT, &[ENABLE]), at(40));
    assert!(stick.hear(&joy(OUT, &[ENABLE, STOP]), at(60)).stops);
    assert_eq!(stick.held(at(60)), Err(Idle::Stops));
    // As long as it is held it is a stop, as whoever resets meanwhile has to see; and so long nothing else counts.
    assert!(stick.hear(&joy(REST, &[STOP]), at(80)).stops);
    assert!(stick.hear(&joy(REST, &[ENABLE, STOP]), at(100)).stops);
    assert_eq!(stick.held(at(100)), Err(Idle::Stops));
    stick.hear(&joy(REST, &[]), at(120));
    // Without a dead-man, without axes, with a stamp of long ago, and as no number of a button's.
    let mut bad = joy(REST, &[STOP]);
    bad.axes.clear();
    bad.buttons.truncate(2);
    bad.header.stamp.nanosec = u32::MAX;
    let came = stick.hear(&bad, at(140));
    assert!(came.stops && came.refused.is_some());
    stick.hear(&joy(REST, &[]), at(160));
    let mut odd = joy(REST, &[]);
    odd.buttons[STOP] = -7;
    assert!(stick.hear(&odd, at(180)).stops);
}

#[test]
fn what_is_no_message_of_a_stick_is_refused_by_its_field_and_wishes_nothing() {
    type Spoils = fn(&mut Joy);
    let bad: [(Spoils, &str, &str); 8] = [
        (|j| j.axes[1] = f32::NAN, AXES, "NaN on axis 1"),
        (|j| j.axes[5] = f32::INFINITY, AXES, "inf on axis 5"),
        (|j| j.axes[0] = -1.01, AXES, "-1.01 on axis 0"),
        (|j| j.axes.truncate(4), AXES, "4"),
        (|j| j.axes.clear(), AXES, "0"),
        (|j| j.buttons.truncate(5), BUTTONS, "5"),
        (|j| j.buttons[ENABLE] = 2, BUTTONS, "2 on button 5"),
        (|j| j.buttons[0] = i32::MIN, BUTTONS, "on button 0"),
    ];
    for (spoil, field, got) in bad {
        let mut stick = ready();
        stick.hear(&joy(OUT, &[ENABLE]), at(40));
        let mut spoilt = joy(OUT, &[ENABLE]);
        spoil(&mut spoilt);
        let (_, why) = stick.hear(&spoilt, at(60)).refused.expect("B1, B2, B3, B7");
        assert!(why.field == field && why.got.contains(got), "{why}");
        assert_eq!(stick.held(at(60)), Err(Idle::Refused), "never motion on doubt");
    }
}

#[test]
fn a_message_that_is_older_than_the_last_or_was_under_way_for_long_moves_nothing_whatever_its_clock() {
    let mut stick = Stick::new(&keys());
    let mut hear = |ms, by, axes, pressed: &[usize]| {
        let refused = stick.hear(&stamped(joy(axes, pressed), by), at(ms)).refused;
        (refused.map(|(kind, why)| (kind, why.to_string())), stick.held(at(ms)))
    };
    // Its clock is years off, and the line takes 2 ms at least.
    assert_eq!(hear(2, 0, REST, &[]).0, None);
    assert_eq!(hear(22, 20, REST, &[ENABLE]).0, None);
    assert_eq!(linear(hear(52, 40, OUT, &[ENABLE]).1), Some([0.1, 0.0, 0.0]));
    // Overtaken on its way: what was said after it still counts.
    let (refused, held) = hear(54, 30, [0.0, -1.0, 0.0, 0.0, 0.0, 0.0], &[ENABLE]);
    assert!(refused.is_some_and(|(kind, why)| kind == OLDER && why.contains("0.010 s before")));
    assert_eq!(linear(held), Some([0.1, 0.0, 0.0]));
    // Newer than the last, but a tenth of a second late: what it wishes is over (F9).
    let (refused, held) = hear(150, 47, OUT, &[ENABLE]);
    assert!(refused.is_some_and(|(_, why)| why.contains("100 ms at most")), "{held:?}");
    assert!(hear(153, 50, OUT, &[ENABLE]).1 == Err(Idle::Silent));
    for (sec, nanosec) in [(1, 1_000_000_000), (-1, 0), (i32::MIN, 5)] {
        let mut bad = joy(OUT, &[ENABLE]);
        (bad.header.stamp.sec, bad.header.stamp.nanosec) = (sec, nanosec);
        assert_eq!(ready().hear(&bad, at(25)).refused.map(|(kind, _)| kind), Some(NO_TIME), "B22");
    }
}

#[test]
fn a_stick_whose_clock_was_put_back_counts_again_after_a_second_and_one_that_drifts_always() {
    let mut stick = ready();
    let mut came = 0;
    for k in 0..500 {
        // An hour back in the middle of it.
        let by = 20 * k - if k >= 100 { 3_600_000 } else { 0 };
        came += u32::from(stick.hear(&stamped(joy(REST, &[]), by), at(40 + 20 * k)).refused.is_none());
    }
    assert!((445..=455).contains(&came), "{came}");
    let mut stick = ready();
    for k in 0..200_000_i64 {
        // 0.3 ms a second too slow, for more than an hour.
        let now = at(40 + 20 * k);
        let by = 20 * k - 20 * k * 3 / 10_000;
        assert!(stick.hear(&stamped(joy(REST, &[]), by), now).refused.is_none(), "{k}");
    }
}

#[test]
fn axes_are_scaled_turned_and_together_no_faster_than_one() {
    let twist = |keys: Keys, axes| {
        let mut stick = Stick::new(&keys);
        for (ms, axes, pressed) in [(0, REST, &[][..]), (20, REST, &[ENABLE]), (40, axes, &[ENABLE])] {
            stick.hear(&joy(axes, pressed), at(ms));
        }
        stick.held(at(40)).expect("held").twist.expect("a twist")
    };
    let half = twist(keys(), [0.0, 0.55, 0.0, -1.0, 0.0, 0.0]);
    assert!((half.linear_m_s[0] - 0.05).abs() < 1e-6, "{half:?}");
    assert_eq!(half.angular_rad_s, [0.0, 0.0, -0.5]);
    let all = twist(keys(), [1.0, -1.0, 0.0, 0.0, 1.0, 0.0]).linear_m_s;
    let norm = all.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((norm - 0.1).abs() < 1e-9 && all[0] < 0.0 && all[1] > 0.0, "{all:?}");
    let turned = twist(Keys { reversed: vec![1], frame: "tool".into(), ..keys() }, OUT);
    assert_eq!((turned.linear_m_s, turned.axes), ([-0.1, 0.0, 0.0], TwistAxes::Tool));
}

#[test]
fn fingers_move_once_for_a_press_and_never_for_a_button_that_was_held_before() {
    const OPEN: usize = 2;
    const CLOSE: usize = 3;
    let mut stick = ready();
    let mut told = Vec::new();
    for (k, pressed) in
        [&[ENABLE, OPEN][..], &[ENABLE, OPEN], &[ENABLE], &[ENABLE, CLOSE], &[CLOSE], &[ENABLE, CLOSE]]
            .iter()
            .enumerate()
    {
        stick.hear(&joy(REST, pressed), at(40 + 20 * k as i64));
        told.push(stick.fingers());
    }
    assert_eq!(told, [Some(Fingers::Open), None, None, Some(Fingers::Close), None, None]);
    stick.hear(&joy(REST, &[ENABLE]), at(160));
    stick.hear(&joy(REST, &[ENABLE, OPEN]), at(180));
    stick.spend();
    assert_eq!(stick.fingers(), None);
}
