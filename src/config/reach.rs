//! How far a reader of the files goes, and so which secrets it needs.
//!
//! A responder's shell has none of the agent's secrets, and what a command never uses must not keep it from answering.
//! It does not know which command needs what: each says it.

/// What is done with the files, from the least to the most. Each needs the secrets of all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The journal is read and written, nobody is asked: no secret.
    Journal,
    /// Chains are asked as well: their endpoints.
    Chain,
    /// Transactions of Safes are made, collected and sent: the Transaction Services' keys, relays, and the seals of
    /// windows.
    Safe,
    /// Our own keys sign: what opens the proposer's and the executor's.
    Keys,
    /// Everything: also what feeds, channels, reports and links use.
    Agent,
}

impl Reach {
    /// The first that needs the secret at `path`, the tables' names with dots: `chains.mainnet.rpc`. What is not
    /// known here is needed by the agent.
    pub(super) fn of(path: &str) -> Self {
        let below = |section: &str| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        if path.ends_with(".safe_service.key")
            || path == "web.key"
            || below("presigned")
            || below("executor.relay")
        {
            Self::Safe
        } else if below("chains") {
            Self::Chain
        } else if below("proposer") || below("executor") {
            Self::Keys
        } else {
            Self::Agent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_needed_from_some_reach_on_and_an_unknown_one_by_the_agent() {
        for (path, reach) in [
            ("chains.mainnet.rpc", Reach::Chain),
            ("chains.mainnet.safe_service.key", Reach::Safe),
            ("web.key", Reach::Safe),
            ("web.link_secret", Reach::Agent),
            ("presigned.seal", Reach::Safe),
            ("executor.relay.mainnet.url", Reach::Safe),
            ("executor.keystore.password", Reach::Keys),
            ("proposer.private_key", Reach::Keys),
            ("feeds.key", Reach::Agent),
            ("channels.pager.secret", Reach::Agent),
            ("reports.senders.chat.token", Reach::Agent),
            ("something.new", Reach::Agent),
        ] {
            assert_eq!(Reach::of(path), reach, "{path}");
        }
        assert!(Reach::Journal < Reach::Chain && Reach::Keys < Reach::Agent);
    }
}
