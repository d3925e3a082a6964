//! Asking and answering, through rcl. Questions and answers have rcl's types only on their way: they become bytes, and of
//! bytes, by the middleware itself.

use super::spinning::{Watching, Went};
use super::topic::drain;
use super::{Ros, RosError, rcl};
use crate::asking::{Asker, Expected, Questions, Reply, Served, locked};
use crate::limit::Limit;
use crate::ros::Message;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use r2r::{Client, Node, QosProfile, ServiceRequest, WrappedServiceTypeSupport, WrappedTypesupport};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

/// A type of service of rcl's.
pub trait ServiceWire:
    WrappedServiceTypeSupport<Request: Send, Response: Send> + Send + Sync + 'static
{
}

impl<W> ServiceWire for W where
    W: WrappedServiceTypeSupport<Request: Send, Response: Send> + Send + Sync + 'static
{
}

/// A question of a service that rcl knows, whose answer is an `A`.
pub trait WiredQuestion<A>: Message {
    /// The service's type.
    type Wire: ServiceWire;
}

/// Between two looks whether somebody is there to be asked.
const LOOKS: Duration = Duration::from_millis(2);

/// Calls `each` with every question of a service that comes, and `bad` for what is none.
pub(super) fn serve<W: ServiceWire>(
    ros: &Ros,
    name: &str,
    mut each: impl FnMut(Vec<u8>, Reply) + Send + 'static,
    mut bad: impl FnMut() + Send + 'static,
) -> Result<Watching<Node>, RosError> {
    let name = name.to_owned();
    let mut stream =
        ros.order(move |node| node.create_service::<W>(&name, QosProfile::services_default()))?;
    Ok(ros.0.spinner.watch(move |context| {
        drain(&mut stream, context, |asked: ServiceRequest<W>| match asked.message.to_serialized_bytes() {
            Ok(bytes) => each(bytes, reply(asked)),
            Err(_) => bad(),
        })
    }))
}

fn reply<W: ServiceWire>(asked: ServiceRequest<W>) -> Reply {
    // rcl itself sees to it that who has asked hears the answer.
    Reply::new(move |bytes, _| {
        let answer = W::Response::from_serialized_bytes(&bytes).map_err(rcl)?;
        asked.respond(answer).map_err(rcl)
    })
}

type Available = Pin<Box<dyn Future<Output = r2r::Result<()>> + Send>>;

/// What questions of one service go out by.
pub(super) struct Asking<W: ServiceWire> {
    name: String,
    client: Client<W>,
    /// Asked for once until it is so: r2r keeps every one that is asked for till then.
    available: Mutex<Option<Available>>,
    ros: Ros,
}

impl<W: ServiceWire> Asking<W> {
    pub(super) fn new(ros: &Ros, name: String) -> Result<Self, RosError> {
        let of = name.clone();
        let client = ros.order(move |node| node.create_client::<W>(&of, QosProfile::services_default()))?;
        Ok(Self { name, client, available: Mutex::default(), ros: ros.clone() })
    }
}

impl<W: ServiceWire> Questions for Asking<W> {
    fn wait(&self, limit: &Limit) -> Result<(), RosError> {
        loop {
            let begun = locked(&self.available).take();
            let mut asked = match begun {
                Some(asked) => asked,
                None => Box::pin(Node::is_available(&self.client).map_err(rcl)?),
            };
            match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(is) => return is.map_err(rcl),
                Poll::Pending => *locked(&self.available) = Some(asked),
            }
            let left = limit.left();
            if left.is_zero() {
                return Err(RosError::Silent { name: self.name.clone() });
            }
            std::thread::sleep(LOOKS.min(left));
        }
    }

    fn ask(&self, bytes: Vec<u8>) -> Result<Expected, RosError> {
        let question = W::Request::from_serialized_bytes(&bytes).map_err(rcl)?;
        let mut answering = Box::pin(self.client.request(&question).map_err(rcl)?);
        let (says, answer) = sync_channel(1);
        let waits = self.ros.0.spinner.watch(move |context| match answering.as_mut().poll(context) {
            Poll::Pending => Went::Idle,
            Poll::Ready(answer) => {
                // Whoever waits finds the limit where there is no answer, or none that can be read.
                if let Ok(bytes) = answer.and_then(|answer| answer.to_serialized_bytes()) {
                    _ = says.try_send(bytes);
                }
                Went::Over
            }
        });
        Ok(Expected { name: self.name.clone(), answer, _waits: Box::new(waits) })
    }
}

impl Ros {
    /// Answers what a service is asked from now on, as `std_srvs/srv/Trigger_Request` with
    /// `std_srvs/srv/Trigger_Response`.
    ///
    /// # Errors
    /// A [`Rejection`](types::Rejection) naming `service` for a name that is none; [`RosError::Rcl`].
    pub fn serve<Q, A>(&self, name: &str) -> Result<Served<Q, A>, RosError>
    where
        Q: WiredQuestion<A> + Send + 'static,
        A: Message + 'static,
    {
        let name = self.whole("service", name)?;
        Served::new(|counter| {
            let bad = counter.clone();
            let each = move |bytes: Vec<u8>, reply| counter.asked(&bytes, reply);
            let watching = serve::<Q::Wire>(self, &name, each, move || bad.bad())?;
            Ok(Box::new((watching, self.clone())))
        })
    }

    /// A way to ask a service, more than once. r2r keeps it, and every question that has no answer, as long as the node is
    /// there.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub fn asker<Q: WiredQuestion<A>, A: Message>(&self, name: &str) -> Result<Asker<Q, A>, RosError> {
        let questions = Asking::<Q::Wire>::new(self, self.whole("service", name)?)?;
        Ok(Asker::new(questions, Box::new(self.clone())))
    }

    /// Asks a service once.
    ///
    /// # Errors
    /// As [`Self::asker`] and [`Asker::ask`].
    pub fn ask<Q: WiredQuestion<A>, A: Message>(
        &self,
        name: &str,
        question: &Q,
        limit: Duration,
    ) -> Result<A, RosError> {
        self.asker(name)?.ask(question, limit)
    }
}
