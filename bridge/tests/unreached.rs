//! Why there is no link to an address that a node was told: nobody is there, or a certificate is not taken.

mod tls;

use bridge::wire::{Reached, Role, Settings};
use tls::{Deployed, free_port};

/// A node that is told of this port, as it is straight or through a router.
fn told(keys: &Deployed, port: u16, is_direct: bool) -> Settings {
    Settings {
        robot: "arm".into(),
        connect: vec![format!("quic/127.0.0.1:{port}")],
        is_direct,
        keys: Some(keys.of(Role::Planner)),
        ..Settings::default()
    }
}

#[test]
fn a_link_that_is_refused_for_a_certificate_is_told_from_an_address_where_nobody_is() {
    let (ours, theirs) = (Deployed::new("unreached-ours"), Deployed::new("unreached-theirs"));
    let (port, free) = (free_port(), free_port());
    let _router = ours.routed(&ours.router(port));
    let reached = |settings: &Settings| {
        let mut reached = settings.reached().expect("settings that can be");
        let (at, what) = reached.pop().expect("an address");
        assert!(reached.is_empty() && settings.connect == [at]);
        println!("{what:?}");
        what
    };
    for is_direct in [true, false] {
        assert_eq!(reached(&told(&ours, port, is_direct)), Reached::Linked);
        let nobody = reached(&told(&ours, free, is_direct));
        assert!(matches!(nobody, Reached::Silent(_)), "{nobody:?}");
        // Whom the node does not know.
        let stranger = reached(&told(&theirs, port, is_direct));
        assert!(matches!(&stranger, Reached::Refused(why) if why.contains("certificate")), "{stranger:?}");
    }
    // Who does not know the node.
    std::fs::copy(ours.of(Role::Planner).join("ca.pem"), theirs.of(Role::Planner).join("ca.pem"))
        .expect("copied");
    let refused = reached(&told(&theirs, port, false));
    assert!(matches!(&refused, Reached::Refused(_)), "{refused:?}");
}
