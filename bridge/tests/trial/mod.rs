//! What is tried between nodes, of every topic and of what is none, and what has passed.
#![allow(dead_code, reason = "each test file uses its own part")]

use bridge::wire::topics::TOPICS;
use bridge::wire::{Role, Topic};
use core::time::Duration;
use std::time::Instant;
use zenoh::bytes::ZBytes;
use zenoh::handlers::FifoChannelHandler;
use zenoh::qos::CongestionControl;
use zenoh::query::{ConsolidationMode, Query, QueryTarget, Reply};
use zenoh::sample::Locality;
use zenoh::{Session, Wait as _};

pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How long an answer is waited for that may not come.
pub(crate) const LIMIT: Duration = Duration::from_secs(3);
/// What is said first, for nobody says anything who does not know yet that somebody hears; and last. Everybody may say
/// them, and hear them.
pub(crate) const FIRST: &str = "arm/health/first";
pub(crate) const LAST: &str = "arm/health/last";
/// What is no topic: other keys, another robot's, everything at once, and what Zenoh says of itself.
pub(crate) const ELSEWHERE: [&str; 7] =
    ["arm", "arm/motors", "leg/stop", "**", "arm/**", "arm/event/planner/more", "@/**"];

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A key of a topic, of what a role says or answers.
pub(crate) fn key(topic: &Topic, by: Role) -> String {
    format!("arm/{}{}", topic.key, if topic.key.ends_with('/') { by.word() } else { "" })
}

/// Everything that there is to be tried of what a role says or answers.
pub(crate) fn keys(by: Role) -> impl Iterator<Item = String> {
    TOPICS.iter().map(move |t| key(t, by)).chain(ELSEWHERE.map(str::to_owned))
}

pub(crate) fn announced(role: Role, who: &str) -> String {
    format!("arm/node/{}/{who}", role.word())
}

/// Who has signed.
pub(crate) fn signed(by: Option<&ZBytes>) -> String {
    by.and_then(|b| b.try_to_string().ok()).map(|s| s.into_owned()).unwrap_or_default()
}

pub(crate) fn say_all(session: &Session, by: Role, signs: &str) {
    for key in keys(by) {
        let put = session.put(key.clone(), "").attachment(signs).congestion_control(CongestionControl::Block);
        // A node's own session may refuse what it is no use to send.
        let _ = put.wait();
        let delete = session.delete(key).attachment(signs).congestion_control(CongestionControl::Block);
        let _ = delete.wait();
    }
}

/// Says a word until it is heard.
pub(crate) fn say(word: &str, says: &[(&Session, &str)], is_heard: impl Fn() -> bool) {
    let mut said = None::<Instant>;
    until(word, || {
        if said.is_none_or(|at| at.elapsed() > Duration::from_millis(300)) {
            for (session, signs) in says {
                let put = session.put(word, "").attachment(*signs);
                let _ = put.congestion_control(CongestionControl::Block).wait();
            }
            said = Some(Instant::now());
        }
        is_heard()
    });
}

/// The answers to everything that can be asked of a role.
pub(crate) fn ask_all(session: &Session, of: Role, signs: &str) -> Vec<FifoChannelHandler<Reply>> {
    let asked = keys(of).map(|key| {
        let get = session.get(key).payload("").attachment(signs).timeout(LIMIT);
        let get = get.target(QueryTarget::All).consolidation(ConsolidationMode::None);
        get.allowed_destination(Locality::Remote).congestion_control(CongestionControl::Block).wait()
    });
    asked.collect::<Result<_, _>>().expect("asked")
}

pub(crate) fn answer(query: &Query, signs: &str) {
    if let Ok(key) = zenoh::key_expr::KeyExpr::new(query.key_expr().as_str().to_owned()) {
        let _ = query.reply(key, "").attachment(signs).wait();
    }
}
