//! Messages for this layer's tests.

use jiff::tz::TimeZone;

use super::{Kind, Line, Message, MessageId, Recipient};

/// A page as the agent would send it.
pub(super) fn page() -> Message {
    Message {
        id: MessageId("INC-7/page/ana/1".into()),
        kind: Kind::Page,
        incident: "INC-7".into(),
        severity: "emergency".into(),
        title: "The vault is losing assets: 2 bots agree".into(),
        lines: vec![
            Line::new("Chain", "mainnet (1)"),
            Line::new("Safe", "guardian 0x41675C099F32341bf84BFc5382aF534df5C7461a, nonce 12"),
            Line::new("Call", "vault.pause()"),
            Line::new("safeTxHash", "0x8f3b5e2d64c1f7a0b9d8e7c6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6"),
            Line::new("Needed", "you, and one of ben, chi"),
            Line::new("Verify", "redhandle proposal verify INC-7"),
        ],
        ack_url: Some(
            "https://agent.example.org/ack/INC-7/ana/0123456789abcdef0123456789abcdef".parse().unwrap(),
        ),
        to: Recipient { person: "ana".into(), name: "Ana".into() },
        at: "2026-11-21T03:00:00Z".parse().unwrap(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
    }
}

/// A page in which everything a stranger can write is hostile.
pub(super) fn hostile() -> Message {
    Message {
        title: "\u{1b}[2J<!channel> \u{202e}dekcah\u{200b} & *so on*\n┃ Safe: forged".into(),
        lines: vec![
            Line::new("Alert", "<@U123> <https://evil.example|verify here> `code`"),
            Line::new("Forged\nlabel", "a\r\nb\tc\u{7}\u{9b}31m"),
        ],
        zone: TimeZone::UTC,
        ..page()
    }
}
