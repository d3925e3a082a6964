//! How the program ends.

/// The program's exit codes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, by perception and in simulation by the simulator's truth too; or a question answered.
    Done,
    /// Tried and failed.
    Failed,
    /// Bad usage or configuration.
    Usage,
    /// Sinew asks back.
    Question,
    /// Refused, with the reason said.
    Refused,
    /// Perception's verdict and the simulator's truth differ.
    VerdictsDiffer,
    /// Interrupted by the person.
    Interrupted,
}

impl Exit {
    /// The code that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Question => 3,
            Self::Refused => 4,
            Self::VerdictsDiffer => 5,
            Self::Interrupted => 130,
        }
    }

    /// By that code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::Done,
            Self::Failed,
            Self::Usage,
            Self::Question,
            Self::Refused,
            Self::VerdictsDiffer,
            Self::Interrupted,
        ];
        all.into_iter().find(|e| e.code() == code)
    }

    /// The word for events and tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Question => "question",
            Self::Refused => "refused",
            Self::VerdictsDiffer => "verdicts differ",
            Self::Interrupted => "interrupted",
        }
    }
}
