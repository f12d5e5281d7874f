//! A town with a vault: everything that is there before an agent runs and stays when it dies.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall, SolValue};
use redhandle::chain::CallOutcome;
use redhandle::clock::{Clock as _, SystemClock};
use redhandle::domain::alert::{AlertSeverity, BotId};
use redhandle::domain::names::ChainName;
use redhandle::domain::safe::abi::Safe;
use redhandle::domain::safe::{SafeAddress, SafeVersion};
use redhandle::drill::alerts::{AlertSketch, forta_alert};
use redhandle::drill::forta_server::FortaServer;
use redhandle::drill::ground::protocol::{Ground as Calls, ProtocolRoles};
use redhandle::drill::ground::{LocalChain, LocalChainOptions, Protocol, SafeSpec, Strike, Tools};
use tempfile::TempDir;

use super::until_now;

/// The key the practice feed asks for.
pub const FORTA_KEY: &str = "practice-key-of-the-tests";

/// The bots that raise the alarm.
pub const BOTS: [&str; 2] = [
    "0x80ed808b586aeebe9cdd4088ea4dea0a8e322909c0e4493c993e060e89c09ed1",
    "0xf60b23986fc15a8ff9bc78cc47daeb13a1bef4bfc3d867f3425b355f750866a7",
];

/// Chain, Safes, vault, feed and the files of a team.
pub struct Town {
    pub chain: LocalChain,
    pub protocol: Protocol,
    /// 2 of 3; may pause.
    pub guardian: SafeAddress,
    /// 3 of 5; may unpause.
    pub governance: SafeAddress,
    pub feed: FortaServer,
    /// The strike that alerts speak of.
    pub attack: Strike,
    /// Where the agent listens.
    pub listen: SocketAddr,
    folder: TempDir,
    /// Last, so that it looks when everything else is gone.
    _leftovers: Leftovers,
}

impl Town {
    /// Lays the ground, lets the attacker strike once, and writes the files.
    pub async fn new() -> Self {
        Self::guarded_by(&[SafeVersion::V1_4_1], async |chain: &LocalChain| {
            let owners = chain.actors.owner_addresses(3);
            let spec = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold: 2, salt: 1 };
            chain.deploy_safe(&spec).await.unwrap()
        })
        .await
    }

    /// The same, where these releases of the Safe exist and this makes the guardian Safe.
    pub async fn guarded_by(
        versions: &[SafeVersion],
        guardian: impl AsyncFnOnce(&LocalChain) -> SafeAddress,
    ) -> Self {
        let tools = Tools::find(None).unwrap();
        let options = LocalChainOptions { safe_versions: versions.to_vec(), ..LocalChainOptions::default() };
        let chain = LocalChain::start(&tools, &options).await.unwrap();
        let guardian = guardian(&chain).await;
        let owners = chain.actors.owner_addresses(5);
        let governance = SafeSpec { version: SafeVersion::V1_4_1, owners, threshold: 3, salt: 2 };
        let governance = chain.deploy_safe(&governance).await.unwrap();
        let admin = chain.actors.deployer.address();
        let roles = ProtocolRoles { admin, pauser: guardian, unpauser: governance.0 };
        let protocol = chain.deploy_protocol(&roles).await.unwrap();
        chain.deposit(&protocol, 1_000_000).await.unwrap();
        let attack = chain.strike(&protocol).await.unwrap();
        let feed = FortaServer::start(SystemClock::shared(), Some(FORTA_KEY)).unwrap();
        let listen = free_address();
        let leftovers = Leftovers(vec![address_of(chain.anvil.url()), address_of(feed.url()), listen]);
        let folder = TempDir::with_prefix("redhandle-it-").unwrap();
        let town = Self {
            chain,
            protocol,
            guardian,
            governance,
            feed,
            attack,
            listen,
            folder,
            _leftovers: leftovers,
        };
        town.write_files();
        town
    }

    /// The folder of files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The chain's name.
    pub fn chain_name(&self) -> ChainName {
        self.chain.chain.name().clone()
    }

    /// An alert of one of [`BOTS`] about the attack, as Forta would send it.
    pub fn alert(&self, bot: usize) -> String {
        self.alert_called(bot, "ATTACK-DETECTOR-2")
    }

    /// The same with a name of its own: another alert.
    pub fn alert_called(&self, bot: usize, alert_id: &str) -> String {
        let sketch = AlertSketch {
            chain: self.chain.chain.id(),
            block: 1,
            block_hash: None,
            block_time: SystemClock.now() - jiff::SignedDuration::from_secs(5),
            transaction: Some(self.attack.transaction),
            bot: BotId::new(BOTS[bot]),
            alert_id: alert_id.to_owned(),
            severity: AlertSeverity::Critical,
            addresses: vec![self.protocol.attacker, self.protocol.vault],
            metadata: Vec::new(),
            description: "likely involved in an attack".to_owned(),
        };
        forta_alert(&sketch).to_string()
    }

    /// Both bots say on Forta that the vault is being robbed.
    pub fn alarm(&self) {
        for bot in 0..BOTS.len() {
            self.feed.push(&self.alert(bot)).unwrap();
        }
    }

    /// Reads a view.
    pub async fn view<C: SolCall>(&self, to: Address, call: C) -> Vec<u8> {
        match self.chain.view(to, call.abi_encode().into()).await.unwrap() {
            CallOutcome::Returned(answer) => answer.to_vec(),
            CallOutcome::Reverted(reason) => panic!("{} reverts: {reason}", C::SIGNATURE),
        }
    }

    /// Whether the vault is paused.
    pub async fn is_paused(&self) -> bool {
        bool::abi_decode(&self.view(self.protocol.vault, Calls::pausedCall {}).await).unwrap()
    }

    /// The guardian Safe's nonce on the chain: how many transactions it has executed.
    pub async fn nonce(&self) -> u64 {
        U256::abi_decode(&self.view(self.guardian.0, Safe::nonceCall {}).await).unwrap().to()
    }
}

/// What must be gone once a town is: whoever listened.
struct Leftovers(Vec<SocketAddr>);

impl Drop for Leftovers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for address in &self.0 {
            until_now(&format!("{address} to be left alone"), || TcpStream::connect(address).is_err());
        }
    }
}

fn address_of(url: &url::Url) -> SocketAddr {
    url.socket_addrs(|| None).unwrap()[0]
}

/// An address nobody listens on, below the ports that outgoing connections are given: it stays free while the
/// agent that had it is dead.
pub fn free_address() -> SocketAddr {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 18_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
