//! Saying and hearing messages.

use super::spinning::{Watching, Went};
use super::{Ros, RosError, qos, rcl};
use crate::asking::locked;
use crate::limit::Limit;
use crate::queue::Queue;
use crate::ros::{Care, Message, from_cdr, to_cdr};
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_core::Stream;
use r2r::PublisherUntyped;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use types::Time;

/// Between two looks at who is there.
const LOOKS: Duration = Duration::from_millis(20);

/// Waits until it is so.
fn wait(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let limit = Limit::of(limit);
    loop {
        if is_so() {
            return true;
        }
        let left = limit.left();
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(LOOKS.min(left));
    }
}

/// A way to say bytes on a topic.
pub(super) struct Said {
    publisher: Mutex<PublisherUntyped>,
    topic: String,
    ros: Ros,
}

impl Said {
    pub(super) fn new(ros: &Ros, topic: String, name: &'static str, care: Care) -> Result<Self, RosError> {
        let on = topic.clone();
        let publisher = ros.order(move |node| node.create_publisher_untyped(&on, name, qos::says(care)))?;
        Ok(Self { publisher: Mutex::new(publisher), topic, ros: ros.clone() })
    }

    pub(super) fn say(&self, bytes: &[u8]) -> Result<(), RosError> {
        locked(&self.publisher).publish_raw(bytes).map_err(|e| match e {
            r2r::Error::RCL_RET_TIMEOUT => RosError::Full { topic: self.topic.clone(), others: 0 },
            other => rcl(other),
        })
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        let publisher = locked(&self.publisher).clone();
        self.ros.0.spinner.tell(move |node| node.destroy_publisher_untyped(publisher));
    }
}

/// Says messages of one type. What was said last may not arrive when this is let go at once.
pub struct Publisher<M> {
    said: Said,
    _type: PhantomData<fn(&M)>,
}

impl<M: Message> Publisher<M> {
    /// Says it. What is reliable may wait as long as the middleware does, where too much has not arrived yet.
    ///
    /// # Errors
    /// [`RosError::Full`] where it has waited in vain, [`RosError::Rcl`]: it was not said.
    pub fn put(&self, message: &M) -> Result<(), RosError> {
        self.said.say(&to_cdr(message)?)
    }

    /// How many hear it.
    #[must_use]
    pub fn heard_by(&self) -> usize {
        locked(&self.said.publisher).get_inter_process_subscription_count().unwrap_or(0)
    }

    /// Waits until somebody hears it; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_heard(&self, limit: Duration) -> bool {
        wait(limit, || self.heard_by() > 0)
    }
}

/// Takes everything that has come.
pub(super) fn drain<T>(
    stream: &mut (impl Stream<Item = T> + Unpin),
    context: &mut Context<'_>,
    mut each: impl FnMut(T),
) -> Went {
    let mut went = Went::Idle;
    loop {
        match Pin::new(&mut *stream).poll_next(context) {
            Poll::Ready(Some(item)) => each(item),
            Poll::Ready(None) => return Went::Over,
            Poll::Pending => return went,
        }
        went = Went::Took;
    }
}

/// Puts a message in its place, or counts it.
pub(super) fn put<M: Message>(into: &Queue<M>, bytes: &[u8]) {
    match from_cdr(bytes) {
        Ok(message) => into.push(message),
        Err(_) => into.count(0, 1),
    }
}

/// How many say something, as of the newest look at it, by the clock of whoever wants to know.
#[derive(Default)]
struct Looks {
    /// When that was begun, milliseconds, above 16 bits of how many; 0 before the first one.
    newest: AtomicU64,
    is_under_way: AtomicBool,
}

impl Looks {
    /// 0 also where that was longer ago.
    fn within(&self, limit: Duration, now: Time) -> usize {
        let newest = self.newest.load(Ordering::Acquire);
        let is_new = Duration::from_millis(ms(now).saturating_sub(newest >> 16)) <= limit;
        if is_new { (newest & 0xffff) as usize } else { 0 }
    }

    /// `None` while another one is under way.
    fn begin(self: &Arc<Self>, now: Time) -> Option<Look> {
        let is_first = !self.is_under_way.swap(true, Ordering::AcqRel);
        is_first.then(|| Look { of: self.clone(), ms: ms(now) })
    }
}

fn ms(at: Time) -> u64 {
    u64::try_from(at.as_nanos() / 1_000_000).unwrap_or(0)
}

/// A look that is under way until this is let go.
struct Look {
    of: Arc<Looks>,
    ms: u64,
}

impl Look {
    fn note(&self, n: usize) {
        self.of.newest.store((self.ms << 16) | n.min(0xffff) as u64, Ordering::Release);
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.of.is_under_way.store(false, Ordering::Release);
    }
}

/// How many say messages of this type on a topic; 0 also where rcl does not tell.
fn sayers(node: &r2r::Node, topic: &str, of_type: &str) -> usize {
    let there = node.get_publishers_info_by_topic(topic, false);
    there.map_or(0, |ends| ends.iter().filter(|end| end.topic_type == of_type).count())
}

/// Hears messages of one type.
pub struct Heard<M> {
    queue: Arc<Queue<M>>,
    topic: String,
    looks: Arc<Looks>,
    _watching: Watching<r2r::Node>,
    ros: Ros,
}

impl<M: Message + Send + 'static> Heard<M> {
    /// The oldest that waits.
    #[must_use]
    pub fn take(&self) -> Option<M> {
        self.queue.take()
    }

    /// The oldest that waits or comes within the limit.
    #[must_use]
    pub fn take_within(&self, limit: Duration) -> Option<M> {
        self.queue.take_within(limit)
    }

    /// How many had to make room here. What did not arrive is not known.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many could not be read.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }

    /// How many say it; 0 also where rcl does not tell. This waits for the node's thread.
    #[must_use]
    pub fn said_by(&self) -> usize {
        let topic = self.topic.clone();
        self.ros.order(move |node| Ok(sayers(node, &topic, M::NAME))).unwrap_or(0)
    }

    /// Has the node's thread look how many say it, for [`Self::said_lately_by`], and does not wait for that.
    pub fn look(&self, now: Time) {
        let Some(look) = self.looks.begin(now) else { return };
        let topic = self.topic.clone();
        self.ros.0.spinner.tell(move |node| look.note(sayers(node, &topic, M::NAME)));
    }

    /// How many said it at the newest look, by the same clock; 0 also where that was begun longer ago than `limit`, or rcl did
    /// not tell. Never waits.
    #[must_use]
    pub fn said_lately_by(&self, limit: Duration, now: Time) -> usize {
        self.looks.within(limit, now)
    }

    /// Waits until somebody says it; `false` when nobody did within the limit.
    #[must_use]
    pub fn wait_said(&self, limit: Duration) -> bool {
        wait(limit, || self.said_by() > 0)
    }
}

impl Ros {
    /// A way to say messages of one type on a topic.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `topic` for a name that is none, `type` for a type that this was not built
    /// with; [`RosError::Rcl`].
    pub fn publisher<M: Message>(&self, topic: &str, care: Care) -> Result<Publisher<M>, RosError> {
        let topic = self.whole("topic", topic)?;
        Ok(Publisher { said: Said::new(self, topic, M::NAME, care)?, _type: PhantomData })
    }

    /// Hears messages of one type on a topic from now on; at most `capacity` wait, and the oldest makes room.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn hear<M: Message + Send + 'static>(
        &self,
        topic: &str,
        care: Care,
        capacity: usize,
    ) -> Result<Heard<M>, RosError> {
        let topic = self.whole("topic", topic)?;
        let (on, asks) = (topic.clone(), qos::hears(care, capacity));
        let mut stream = self.order(move |node| node.subscribe_raw(&on, M::NAME, asks))?;
        let queue = Arc::new(Queue::new(capacity));
        let into = queue.clone();
        let watching = self
            .0
            .spinner
            .watch(move |context| drain(&mut stream, context, |bytes: Vec<u8>| put(&into, &bytes)));
        Ok(Heard { queue, topic, looks: Arc::default(), _watching: watching, ros: self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::Text;
    use core::task::Waker;
    use std::collections::VecDeque;

    /// What comes, `None` for a moment with nothing.
    struct Came(VecDeque<Option<Vec<u8>>>);

    impl Stream for Came {
        type Item = Vec<u8>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
            match self.0.pop_front() {
                Some(Some(bytes)) => Poll::Ready(Some(bytes)),
                Some(None) => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    #[test]
    fn what_comes_waits_in_order_and_what_makes_room_or_is_no_message_is_counted() {
        let text = |k: usize| Text { data: k.to_string() };
        let bytes = |k| Some(to_cdr(&text(k)).expect("bytes"));
        let junk = Some(vec![0, 1, 0, 0, 200, 0, 0, 0, b'a', 0]);
        let mut stream =
            Came([bytes(0), junk, bytes(1), bytes(2), None, None, bytes(3)].into_iter().collect());
        let queue = Queue::new(2);
        let mut turn =
            || drain(&mut stream, &mut Context::from_waker(Waker::noop()), |b: Vec<u8>| put(&queue, &b));
        assert!(turn() == Went::Took);
        assert!(turn() == Went::Idle);
        assert_eq!((queue.lost(), queue.refused()), (1, 1));
        assert_eq!([queue.take(), queue.take(), queue.take()], [Some(text(1)), Some(text(2)), None]);
        assert!(turn() == Went::Over, "and what came with it is taken");
        assert_eq!(queue.take(), Some(text(3)));
    }

    #[test]
    fn how_many_say_it_is_known_for_a_time_and_one_look_at_a_time_is_under_way() {
        let (looks, limit) = (Arc::<Looks>::default(), Duration::from_millis(100));
        let at = |ms: i64| Time::from_nanos((5_000 + ms) * 1_000_000);
        assert_eq!(looks.within(limit, at(0)), 0, "nobody has looked");
        let look = looks.begin(at(0)).expect("the first");
        assert!(looks.begin(at(1)).is_none());
        look.note(2);
        drop(look);
        assert_eq!([0, 100, 101].map(|ms| looks.within(limit, at(ms))), [2, 2, 0]);
        // One that came to nothing is over, too.
        drop(looks.begin(at(120)).expect("the next"));
        assert_eq!(looks.within(limit, at(120)), 0);
        looks.begin(at(130)).expect("the one after").note(100_000);
        assert_eq!(looks.within(limit, at(140)), 0xffff);
    }

    #[test]
    fn waiting_has_its_limit() {
        assert!(!wait(Duration::from_millis(30), || false));
        assert!(wait(Duration::ZERO, || true));
    }
}
