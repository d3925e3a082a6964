//! What was said last, for who comes late: kept by who says it, and asked for by who hears. Zenoh's own extension for
//! this, which both dialects use, has these keys below a topic's: `KEY/@adv/pub/SESSION/NUMBER/_`.

use super::ear::Ear;
use super::{Inner, zenoh};
use crate::ros::Message;
use crate::wire::WireError;
use ::zenoh::Wait as _;
use ::zenoh::bytes::ZBytes;
use ::zenoh::liveliness::LivelinessToken;
use ::zenoh::pubsub::{Publisher, Subscriber};
use ::zenoh::query::{ConsolidationMode, Query, QueryTarget, Queryable, ReplyKeyExpr};
use ::zenoh::sample::{SampleKind, SourceInfo};
use ::zenoh::time::Timestamp;
use core::time::Duration;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A message as it was said.
#[derive(Clone)]
pub(super) struct Last {
    pub(super) payload: ZBytes,
    pub(super) attachment: Option<ZBytes>,
    pub(super) timestamp: Timestamp,
    pub(super) source: SourceInfo,
}

/// Keeps what was said last, and answers who asks for it.
pub(super) struct Kept {
    last: Arc<Mutex<Option<Last>>>,
    _queryable: Queryable<()>,
    _token: LivelinessToken,
}

impl Kept {
    pub(super) fn new(session: &::zenoh::Session, of: &Publisher<'static>) -> Result<Self, WireError> {
        let (id, key) = (of.id(), of.key_expr().clone());
        let own = format!("{key}/@adv/pub/{}/{}/_", id.zid(), id.eid());
        let last: Arc<Mutex<Option<Last>>> = Arc::default();
        let answers = last.clone();
        let queryable = session.declare_queryable(own.clone()).callback(move |query| {
            let last = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(last) = last.filter(|last| is_asked_for(&query, last.source.source_sn())) {
                let reply = query.reply(key.clone(), last.payload).timestamp(last.timestamp);
                let reply = reply.attachment(last.attachment).source_info(last.source);
                // Who asks has gone, or takes no answer with the topic's own key.
                _ = reply.wait();
            }
        });
        let queryable = queryable.wait().map_err(zenoh)?;
        let token = session.liveliness().declare_token(own).wait().map_err(zenoh)?;
        Ok(Self { last, _queryable: queryable, _token: token })
    }

    pub(super) fn keep(&self, last: Last) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }
}

/// Whether a question is for the message of this number: `_sn=FROM..TO` may narrow it, and `_max=0` asks for none.
fn is_asked_for(query: &Query, number: u32) -> bool {
    let asked = query.parameters();
    is_within(asked.get("_sn"), number) && asked.get("_max").is_none_or(|most| most != "0")
}

fn is_within(range: Option<&str>, number: u32) -> bool {
    let Some(range) = range else { return true };
    let (from, to) = range.split_once("..").unwrap_or((range, range));
    let is_after = from.parse::<u32>().map_or(true, |from| number >= from);
    is_after && to.parse::<u32>().map_or(true, |to| number <= to)
}

/// Publishers that may wait to be asked.
const MOST_WAITING: usize = 64;
/// So long one may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Asks everybody who says a topic for what was said last, now and when one comes.
pub(super) struct Catching {
    _comers: Subscriber<()>,
}

impl Catching {
    pub(super) fn start<M: Message + Send + 'static>(
        inner: &Arc<Inner>,
        key: &str,
        ear: &Arc<Ear<M>>,
    ) -> Result<Self, WireError> {
        let (comes, asks) = sync_channel::<String>(MOST_WAITING);
        // Those who keep something but do not announce it are asked once.
        _ = comes.try_send(format!("{key}/@adv/**"));
        let (ear, of, inner_of) = (ear.clone(), key.to_owned(), Arc::downgrade(inner));
        // A thread of its own: what holds the session must not be let go last by one of the session's.
        let thread = std::thread::Builder::new().name("sinew-catching".into());
        let run = move || asks.into_iter().for_each(|whom| ask(&inner_of, &of, &whom, &ear));
        thread.spawn(run).map_err(|e| WireError::Zenoh(e.to_string()))?;
        let comers = inner.session.liveliness().declare_subscriber(format!("{key}/@adv/pub/**"));
        let comers = comers.history(true).callback(move |sample| {
            if sample.kind() == SampleKind::Put {
                // A crowd is not asked one by one for ever: whom there is no room for is heard when it speaks.
                _ = comes.try_send(sample.key_expr().as_str().to_owned());
            }
        });
        Ok(Self { _comers: comers.wait().map_err(zenoh)? })
    }
}

fn ask<M: Message + Send + 'static>(inner: &Weak<Inner>, key: &str, whom: &str, ear: &Arc<Ear<M>>) {
    let Some(inner) = inner.upgrade() else { return };
    let (ear, key) = (ear.clone(), key.to_owned());
    let get = inner.session.get(format!("{whom}?_max=1")).timeout(ANSWERS_WITHIN);
    let get = get.accept_replies(ReplyKeyExpr::Any).target(QueryTarget::All);
    let get = get.consolidation(ConsolidationMode::None).callback(move |reply| {
        if let Ok(sample) = reply.into_result()
            && sample.key_expr().as_str() == key
        {
            ear.take(&sample);
        }
    });
    // What cannot be asked now has gone.
    _ = get.wait();
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn ranges_of_numbers_have_open_ends() {
        for (range, is_in) in
            [("7..", true), ("8..", false), ("..6", false), ("..7", true), ("7", true), ("6", false)]
        {
            assert_eq!(is_within(Some(range), 7), is_in, "{range}");
        }
        assert!(is_within(None, 7) && is_within(Some(".."), 7) && is_within(Some("3..9"), 7));
    }
}
