//! The parameters of the node, as ROS tools read and set them.

use r2r::indexmap::IndexMap;
use r2r::{Error, Parameter, ParameterValue, RosParams};
use types::Rejection;

const RATE: &str = "joint_states_hz";
const SIMULATED: &str = "use_sim_time";
const MOST_HZ: f64 = 1000.0;

/// Whether it is a rate at which joint states can be said.
pub(super) fn check_rate(hz: f64) -> Result<(), Rejection> {
    let is_in = (1.0..=MOST_HZ).contains(&hz);
    let refuse = || Rejection::new(RATE, format!("1 to {MOST_HZ} Hz"), hz.to_string());
    if is_in { Ok(()) } else { Err(refuse()) }
}

/// What they are now.
pub(super) struct Parameters {
    pub(super) joint_states_hz: f64,
    pub(super) use_sim_time: bool,
    /// Whether the node has begun: then time does not become another.
    has_begun: bool,
}

enum Change {
    Rate(f64),
    Simulated(bool),
}

impl Parameters {
    pub(super) fn new(joint_states_hz: f64) -> Self {
        Self { joint_states_hz, use_sim_time: false, has_begun: false }
    }

    pub(super) fn begin(&mut self) {
        self.has_begun = true;
    }

    /// What a new value would be, or why it is none.
    fn change(&self, name: &str, value: &ParameterValue) -> Result<Change, Error> {
        let refuse = |msg: String| Err(Error::ParameterValueConv { name: name.to_owned(), msg });
        match (name, value) {
            (RATE, ParameterValue::Double(hz)) => match check_rate(*hz) {
                Ok(()) => Ok(Change::Rate(*hz)),
                Err(why) => refuse(why.to_string()),
            },
            (RATE, _) => Err(Error::InvalidParameterType { name: name.to_owned(), ty: "double" }),
            (SIMULATED, ParameterValue::Bool(is)) if self.has_begun && *is != self.use_sim_time => {
                refuse("it counts from the node's beginning alone".to_owned())
            }
            (SIMULATED, ParameterValue::Bool(is)) => Ok(Change::Simulated(*is)),
            (SIMULATED, _) => Err(Error::InvalidParameterType { name: name.to_owned(), ty: "bool" }),
            _ => Err(Error::InvalidParameterName { name: name.to_owned() }),
        }
    }
}

impl RosParams for Parameters {
    /// Those that were given where the program was started are taken over, and those that are none of these stay what they
    /// are.
    fn register_parameters(
        &mut self,
        _prefix: &str,
        _param: Option<Parameter>,
        params: &mut IndexMap<String, Parameter>,
    ) -> Result<(), Error> {
        let described = [
            (RATE, "how often joint states are said, Hz"),
            (SIMULATED, "whether time is what /clock says; it counts from the node's beginning alone"),
        ];
        for (name, description) in described {
            if let Some(given) = params.get(name) {
                self.set_parameter(name, &given.value)?;
            }
            let value = self.get_parameter(name)?;
            params.insert(name.to_owned(), Parameter { value, description });
        }
        Ok(())
    }

    fn get_parameter(&mut self, name: &str) -> Result<ParameterValue, Error> {
        match name {
            RATE => Ok(ParameterValue::Double(self.joint_states_hz)),
            SIMULATED => Ok(ParameterValue::Bool(self.use_sim_time)),
            _ => Err(Error::InvalidParameterName { name: name.to_owned() }),
        }
    }

    fn set_parameter(&mut self, name: &str, value: &ParameterValue) -> Result<(), Error> {
        match self.change(name, value)? {
            Change::Rate(hz) => self.joint_states_hz = hz,
            Change::Simulated(is) => self.use_sim_time = is,
        }
        Ok(())
    }

    fn check_parameter(&self, name: &str, value: &ParameterValue) -> Result<(), Error> {
        self.change(name, value).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_at_the_start_counts_and_all_are_described() {
        let mut held = Parameters::new(100.0);
        let given = [(RATE, ParameterValue::Double(50.0)), ("other", ParameterValue::Integer(3))];
        let mut params: IndexMap<String, Parameter> =
            given.into_iter().map(|(name, value)| (name.to_owned(), Parameter::new(value))).collect();
        held.register_parameters("", None, &mut params).expect("good ones");
        assert_eq!((held.joint_states_hz, held.use_sim_time), (50.0, false));
        assert_eq!(params[SIMULATED].value, ParameterValue::Bool(false));
        assert!(params[RATE].description.contains("Hz") && params.contains_key("other"));
        params[RATE].value = ParameterValue::Integer(5);
        assert!(held.register_parameters("", None, &mut params).is_err());
    }

    #[test]
    fn what_is_no_rate_is_refused_and_changes_nothing() {
        let mut held = Parameters::new(100.0);
        for hz in [0.0, -1.0, 1001.0, f64::NAN, f64::INFINITY] {
            assert!(held.set_parameter(RATE, &ParameterValue::Double(hz)).is_err(), "{hz}");
        }
        assert!(held.check_parameter(RATE, &ParameterValue::Integer(10)).is_err());
        assert!(held.set_parameter("speed", &ParameterValue::Double(1.0)).is_err());
        assert_eq!(held.get_parameter(RATE).ok(), Some(ParameterValue::Double(100.0)));
        held.set_parameter(RATE, &ParameterValue::Double(250.0)).expect("a rate");
        assert_eq!(held.joint_states_hz, 250.0);
    }

    #[test]
    fn time_becomes_no_other_once_the_node_has_begun() {
        let mut held = Parameters::new(100.0);
        held.set_parameter(SIMULATED, &ParameterValue::Bool(true)).expect("before it has begun");
        held.begin();
        assert!(held.set_parameter(SIMULATED, &ParameterValue::Bool(false)).is_err());
        held.set_parameter(SIMULATED, &ParameterValue::Bool(true)).expect("what it is");
        assert!(held.use_sim_time);
    }
}
