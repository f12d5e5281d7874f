//! One file that carries a proposal to whoever signs it, when no service does.

mod commands;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{choose, of, qr};
use crate::agent::follow;
use crate::agent::house::House;
use crate::agent::message::device_hex;
use crate::cli::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::domain::incident::{Incident, Preparation};
use crate::domain::safe::exchange::{
    CallPart, ChainPart, ExchangeFile, FORMAT, FORMAT_VERSION, OwnerPart, SafePart, SignaturePart,
    SimulationPart,
};
use crate::domain::safe::typed_data;
pub use commands::approve;

/// Export a proposal.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident it belongs to, or its safeTxHash; the only open one if not given.
    #[arg(value_name = "INCIDENT|HASH")]
    which: Option<String>,
    /// Where the file is written; `-` is standard output. If not given: a new file named after the incident here.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    qr: qr::QrArgs,
}

/// What is said in the file to whoever opens it in an editor.
const HOW_TO: [&str; 5] = [
    "This file asks owners of a Safe to sign one transaction. Compare domain hash, message hash and safeTxHash with your device.",
    "Check it on your own node first: the first of the commands below. `redhandle proposal verify FILE` recomputes everything.",
    "Sign `typedData` with eth_signTypedData_v4, or by the command below. Never sign the domain hash or the message hash itself.",
    "Put your signature into `signatures` as a string, and send the file or the signature alone back to whoever asks.",
    "They take it with `redhandle proposal import FILE`. Instead of signing you can approve the hash on the chain.",
];

/// Writes the file, and says what to do with it.
pub async fn export(context: &Context, house: &House, args: Args) -> Result<Exit, Failure> {
    let (id, hash) = choose(house, args.which.as_deref(), None)?;
    let (incident, preparation) = of(house, id, hash)?;
    let file = file(house, &incident, &preparation).await;
    let text = serde_json::to_string_pretty(&file).map_err(|error| Failure::of(&error))?;
    let to_stdout = match &args.out {
        Some(path) => path.as_os_str() == "-",
        None => context.out.is_json(),
    };
    let note = qr::hashes(&preparation);
    if to_stdout {
        args.qr.write_svg(&note)?;
        context.out.line(&text);
        return Ok(Exit::Done);
    }
    let path = args.out.unwrap_or_else(|| PathBuf::from(name(&incident, &preparation)));
    write_new(&path, &text)?;
    args.qr.write_svg(&note)?;
    let drawn = args.qr.drawn(&context.out, &note)?;
    let json = serde_json::json!({
        "file": path,
        "incident_id": incident.id,
        "safe_tx_hash": preparation.safe_tx_hash(),
        "commands": file.commands,
    });
    context.out.result(&json, |out| words(out, &path, &file, &incident, &preparation) + &drawn);
    Ok(Exit::Done)
}

/// `INC-7-8456cb59.json`.
fn name(incident: &Incident, preparation: &Preparation) -> String {
    let hash = preparation.safe_tx_hash().to_string();
    let short: String = hash.chars().skip(2).take(8).collect();
    format!("{}-{short}.json", incident.id)
}

/// A file that is there may have been signed already: it is nobody's to overwrite.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let told = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Failure::wrong(format!(
                "{} is there already, and may hold signatures: name another file with --out, or remove it",
                path.display()
            ));
        }
        Failure::no(format!("could not write {}: {error}", path.display()))
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(told)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(told)
}

/// The proposal as a file. The Safe's nonce is read now; where it cannot be, the file says none.
async fn file(house: &House, incident: &Incident, preparation: &Preparation) -> ExchangeFile {
    let agent = &house.agent;
    let nonce = match agent.chains.get(&preparation.chain) {
        Some(chain) => follow::safe_now(chain, preparation).await.ok().map(|(_, state)| state.nonce),
        None => None,
    };
    let roster = &agent.config.roster;
    let confirmed = incident.confirmations_of(preparation.safe_tx_hash());
    let owner = |address: &alloy::primitives::Address| OwnerPart {
        address: *address,
        person: roster.person_of(*address).map(|person| person.name.clone()),
        confirmed: confirmed.is_some_and(|confirmed| confirmed.contains_key(address)),
    };
    ExchangeFile {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        how_to: HOW_TO.map(str::to_owned).to_vec(),
        written_at: Some(agent.clock.now()),
        incident: Some(incident.id.to_string()),
        chain: ChainPart { id: preparation.domain.chain_id, name: preparation.chain.to_string() },
        safe: SafePart {
            address: preparation.domain.safe,
            name: preparation.safe.to_string(),
            version: preparation.domain.version,
            threshold: Some(preparation.threshold),
            nonce,
            owners: preparation.owners.iter().map(owner).collect(),
        },
        transaction: preparation.tx.clone(),
        typed_data: Some(typed_data(&preparation.tx, &preparation.domain)),
        hashes: preparation.hashes.into(),
        calls: preparation.calls.iter().map(call).collect(),
        simulation: Some(simulation(preparation)),
        confirmations: confirmed
            .into_iter()
            .flat_map(std::collections::BTreeMap::values)
            .map(confirmation)
            .collect(),
        signatures: Vec::new(),
        commands: commands::commands(incident, preparation),
    }
}

fn call(call: &crate::domain::incident::preparation::PlannedCall) -> CallPart {
    CallPart {
        to: call.address,
        contract: call.contract.to_string(),
        call: call.call.clone(),
        data: call.data.clone(),
        expect: call.expect.clone(),
    }
}

fn confirmation(known: &crate::domain::incident::fact::OwnerConfirmation) -> SignaturePart {
    SignaturePart { owner: known.owner, signature: known.signature.clone(), source: known.source.clone() }
}

fn simulation(preparation: &Preparation) -> SimulationPart {
    let simulation = &preparation.simulation;
    let expectations = simulation.expectations.iter().map(|expectation| {
        let holds = if expectation.holds { "holds" } else { "does NOT hold" };
        format!("{} {holds}", expectation.expect)
    });
    SimulationPart {
        block_number: simulation.block_number,
        block_hash: simulation.block_hash,
        method: simulation.method.clone(),
        endpoints: simulation.endpoints.clone(),
        overrides: simulation.overrides.clone(),
        passed: simulation.passed(),
        problem: simulation.why_not(),
        expectations: expectations.collect(),
    }
}

fn words(
    out: &Output,
    path: &Path,
    file: &ExchangeFile,
    incident: &Incident,
    preparation: &Preparation,
) -> String {
    let mut lines = vec![
        format!("{} has the proposal of {}: {}", path.display(), incident.id, preparation.describe_calls()),
        format!(
            "Safe {} on {}, nonce {}: {} of {} needed confirmations are in it",
            preparation.safe,
            preparation.chain,
            preparation.tx.nonce,
            incident.confirmed_owners(),
            preparation.threshold
        ),
        String::new(),
        format!("Domain hash   {}", device_hex(preparation.hashes.domain.as_slice())),
        format!("Message hash  {}", device_hex(preparation.hashes.message.as_slice())),
        format!(
            "safeTxHash    {}",
            out.look(&device_hex(preparation.safe_tx_hash().0.as_slice()), Look::Bold)
        ),
        String::new(),
        "Without us (RPC_URL is a node of your own; --ledger, --trezor or --keystore FILE is your key):"
            .to_owned(),
    ];
    for command in &file.commands {
        lines.push(out.look(&format!("# {}", command.does), Look::Dim));
        lines.push(command.command.clone());
    }
    lines.push(String::new());
    lines.push(
        "What comes back:  redhandle proposal import FILE   (or paste signatures to `import -`)".to_owned(),
    );
    lines.join("\n")
}
