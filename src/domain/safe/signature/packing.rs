//! Several signatures as the contracts take them: one after the other, sorted by owner; the inner
//! signatures of contracts behind them, pointed at from their place in the row.

use alloy::primitives::{Address, Bytes, U256};

use super::{OwnerSignature, RecoverError, SIGNATURE_BYTES, SignatureKind, recover};
use crate::domain::safe::ids::SafeTxHash;

/// Bytes of an inner signature's length.
const LENGTH_BYTES: usize = 32;

/// Why signatures cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A Safe has at least one owner to satisfy.
    #[error("there is no signature to pack")]
    Empty,
    /// One owner, two signatures: the contracts refuse it.
    #[error("owner {0} signed twice")]
    DuplicateOwner(Address),
    /// Not the bytes of the kind it says it is.
    #[error("the signature of owner {owner} has {found} bytes instead of {SIGNATURE_BYTES}")]
    WrongLength {
        /// Whose.
        owner: Address,
        /// How many bytes there are.
        found: usize,
    },
    /// The bytes say another kind, so that the contracts would read something else.
    #[error("the signature of owner {owner} says it is {}, but its last byte is {v}", kind.as_str())]
    KindMismatch {
        /// Whose.
        owner: Address,
        /// What it says.
        kind: SignatureKind,
        /// What its bytes say.
        v: u8,
    },
}

/// Packs signatures for `execTransaction`: sorted by owner, each owner once.
///
/// # Errors
/// When there is none, an owner occurs twice, or bytes are not of their kind.
pub fn pack(mut signatures: Vec<OwnerSignature>) -> Result<Bytes, PackError> {
    if signatures.is_empty() {
        return Err(PackError::Empty);
    }
    signatures.sort_by_key(|signature| signature.owner);
    for pair in signatures.windows(2) {
        if let [one, other] = pair
            && one.owner == other.owner
        {
            return Err(PackError::DuplicateOwner(one.owner));
        }
    }
    let mut row = Vec::with_capacity(signatures.len() * SIGNATURE_BYTES);
    let mut tail = Vec::new();
    for signature in &signatures {
        match signature.kind {
            SignatureKind::Eoa | SignatureKind::EthSign | SignatureKind::ApprovedHash => {
                row.extend_from_slice(checked_bytes(signature)?);
            }
            SignatureKind::ContractSignature => {
                let offset = U256::from(signatures.len() * SIGNATURE_BYTES + tail.len());
                row.extend_from_slice(signature.owner.into_word().as_slice());
                row.extend_from_slice(&offset.to_be_bytes::<32>());
                row.push(0);
                tail.extend_from_slice(&U256::from(signature.bytes.len()).to_be_bytes::<32>());
                tail.extend_from_slice(&signature.bytes);
            }
        }
    }
    row.append(&mut tail);
    Ok(row.into())
}

fn checked_bytes(signature: &OwnerSignature) -> Result<&[u8], PackError> {
    let owner = signature.owner;
    let (v, first) = signature.bytes.split_last().ok_or(PackError::WrongLength { owner, found: 0 })?;
    if first.len() + 1 != SIGNATURE_BYTES {
        return Err(PackError::WrongLength { owner, found: first.len() + 1 });
    }
    if SignatureKind::of_v(*v) != Some(signature.kind) {
        return Err(PackError::KindMismatch { owner, kind: signature.kind, v: *v });
    }
    Ok(&signature.bytes)
}

/// One place of the row, not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticPart {
    /// Its 65 bytes.
    pub bytes: [u8; SIGNATURE_BYTES],
    /// For `v` = 0 the inner signature, or why there is none; `None` for every other `v`.
    pub inner: Option<Result<Bytes, SplitError>>,
}

impl StaticPart {
    /// The last byte, which tells the kind.
    pub fn v(&self) -> u8 {
        let [.., v] = self.bytes;
        v
    }
}

/// Why bytes are not a row of signatures, or an inner signature is not where it is said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Fewer bytes than one signature has.
    #[error("{found} bytes are too short for a signature of {SIGNATURE_BYTES}")]
    TooShort {
        /// How many there are.
        found: usize,
    },
    /// Bytes after the last signature that belong to none.
    #[error("{bytes} bytes after the last signature belong to none")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// GS021 of the contracts.
    #[error(
        "the inner signature of contract {owner} is said to start at byte {offset}, among the signatures themselves"
    )]
    OffsetInStaticPart {
        /// The contract.
        owner: Address,
        /// Where it points.
        offset: U256,
    },
    /// GS022 of the contracts.
    #[error("the inner signature of contract {owner} is said to start at byte {offset}, past the end")]
    OffsetPastEnd {
        /// The contract.
        owner: Address,
        /// Where it points.
        offset: U256,
    },
    /// GS023 of the contracts.
    #[error("the inner signature of contract {owner} is said to have {length} bytes, which is past the end")]
    LengthPastEnd {
        /// The contract.
        owner: Address,
        /// How long it is said to be.
        length: U256,
    },
    /// A signature of the row names nobody.
    #[error("signature {position} names no signer")]
    Recover {
        /// Its place, counted from 1.
        position: usize,
        /// Why.
        #[source]
        source: RecoverError,
    },
}

/// Cuts a row of signatures into its places, without judging any: the row ends where the first inner
/// signature begins. Also says how many bytes at the end belong to no signature.
///
/// # Errors
/// When there is not even one.
pub fn split(bytes: &[u8]) -> Result<(Vec<StaticPart>, usize), SplitError> {
    if bytes.len() < SIGNATURE_BYTES {
        return Err(SplitError::TooShort { found: bytes.len() });
    }
    let mut row = Vec::new();
    let mut row_end = bytes.len();
    for (index, place) in places(bytes).enumerate() {
        if index * SIGNATURE_BYTES >= row_end {
            break;
        }
        let [first @ .., v] = &place;
        if *v == 0 {
            row_end = row_end.min(usize::try_from(contract_words(first).1).unwrap_or(row_end));
        }
        row.push(place);
    }
    // Where the row ends is only known now; an inner signature must not start before.
    let row_bytes = row.len() * SIGNATURE_BYTES;
    let mut used = row_bytes;
    let mut parts = Vec::with_capacity(row.len());
    for place in row {
        let (part, end) = read_place(bytes, place, row_bytes);
        used = used.max(end);
        parts.push(part);
    }
    Ok((parts, bytes.len().saturating_sub(used)))
}

pub(super) fn places(bytes: &[u8]) -> impl Iterator<Item = [u8; SIGNATURE_BYTES]> + '_ {
    bytes.chunks_exact(SIGNATURE_BYTES).filter_map(|chunk| chunk.try_into().ok())
}

/// One place with its inner signature, and where that ends (0 without one).
pub(super) fn read_place(
    bytes: &[u8],
    place: [u8; SIGNATURE_BYTES],
    row_bytes: usize,
) -> (StaticPart, usize) {
    let [first @ .., v] = &place;
    if *v != 0 {
        return (StaticPart { bytes: place, inner: None }, 0);
    }
    let (owner, offset) = contract_words(first);
    let found = if offset < U256::from(row_bytes) {
        Err(SplitError::OffsetInStaticPart { owner, offset })
    } else {
        inner_signature(bytes, owner, offset)
    };
    let end = found.as_ref().map_or(0, |(_, end)| *end);
    (StaticPart { bytes: place, inner: Some(found.map(|(inner, _)| inner)) }, end)
}

fn contract_words(first: &[u8; 64]) -> (Address, U256) {
    let (owner, offset) = first.split_at(32);
    (Address::from_word(alloy::primitives::B256::from_slice(owner)), U256::from_be_slice(offset))
}

/// The inner signature at `offset`, and where it ends.
fn inner_signature(bytes: &[u8], owner: Address, offset: U256) -> Result<(Bytes, usize), SplitError> {
    let past_end = SplitError::OffsetPastEnd { owner, offset };
    let start = usize::try_from(offset).map_err(|_| past_end.clone())?;
    let from = bytes.get(start..).ok_or(past_end.clone())?;
    let (length, rest) = from.split_at_checked(LENGTH_BYTES).ok_or(past_end)?;
    let length = U256::from_be_slice(length);
    let inner = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or(SplitError::LengthPastEnd { owner, length })?;
    Ok((Bytes::copy_from_slice(inner), start + LENGTH_BYTES + inner.len()))
}

/// Reads packed signatures back, in their order.
///
/// # Errors
/// When a signature names nobody, an inner signature is not where it is said to be, or bytes are left.
pub fn unpack(hash: SafeTxHash, bytes: &[u8]) -> Result<Vec<OwnerSignature>, SplitError> {
    let (parts, trailing) = split(bytes)?;
    let signatures = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| read_signature(hash, part, index + 1))
        .collect::<Result<_, _>>()?;
    if trailing > 0 {
        return Err(SplitError::Trailing { bytes: trailing });
    }
    Ok(signatures)
}

fn read_signature(hash: SafeTxHash, part: StaticPart, position: usize) -> Result<OwnerSignature, SplitError> {
    let recovered = recover(hash, &part.bytes).map_err(|source| SplitError::Recover { position, source })?;
    let bytes = match part.inner {
        Some(inner) => inner?,
        None => Bytes::copy_from_slice(&part.bytes),
    };
    Ok(OwnerSignature { owner: recovered.owner, kind: recovered.kind, bytes })
}

/// Why packed signatures would not satisfy a Safe, as far as can be told without the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// GS020: fewer than the threshold.
    #[error("{found} signatures where the threshold is {threshold}")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        threshold: usize,
    },
    /// Not a row of signatures.
    #[error("the signatures cannot be read")]
    Unreadable(#[source] SplitError),
    /// GS026: somebody else signed, or an owner signed something else (another nonce, another hash).
    #[error("{0} is not an owner: somebody else signed, or an owner signed something else")]
    NotAnOwner(Address),
    /// GS026.
    #[error("owner {0} signed twice")]
    DuplicateOwner(Address),
    /// GS026: owners must ascend.
    #[error("the signatures are unsorted: {second} stands after {first}")]
    Unsorted {
        /// The greater one, which stands first.
        first: Address,
        /// The lesser one, which stands after it.
        second: Address,
    },
}

/// Judges packed signatures as `checkSignatures` of the contracts would, without the chain: enough of
/// them, sorted, by owners. What comes back still needs the chain wherever
/// [`SignatureKind::needs_chain`] says so. Like the contracts it looks at the first `threshold` only.
///
/// # Errors
/// Says what the contracts would revert on.
pub fn check(
    hash: SafeTxHash,
    packed: &[u8],
    owners: &[Address],
    threshold: usize,
) -> Result<Vec<OwnerSignature>, CheckError> {
    let found = packed.len() / SIGNATURE_BYTES;
    if found < threshold {
        return Err(CheckError::TooFew { found, threshold });
    }
    let row_bytes = threshold.saturating_mul(SIGNATURE_BYTES);
    let signatures = places(packed)
        .take(threshold)
        .enumerate()
        .map(|(index, place)| read_signature(hash, read_place(packed, place, row_bytes).0, index + 1))
        .collect::<Result<Vec<_>, _>>()
        .map_err(CheckError::Unreadable)?;
    if let Some(stranger) = signatures.iter().find(|signature| !owners.contains(&signature.owner)) {
        return Err(CheckError::NotAnOwner(stranger.owner));
    }
    for pair in signatures.windows(2) {
        if let [first, second] = pair {
            match first.owner.cmp(&second.owner) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(CheckError::DuplicateOwner(first.owner)),
                std::cmp::Ordering::Greater => {
                    return Err(CheckError::Unsorted { first: first.owner, second: second.owner });
                }
            }
        }
    }
    Ok(signatures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_packed_is_refused_by_name() {
        let owner = Address::repeat_byte(1);
        let approval = OwnerSignature::approved_hash(owner);
        assert_eq!(pack(vec![]), Err(PackError::Empty));
        assert_eq!(pack(vec![approval.clone(), approval.clone()]), Err(PackError::DuplicateOwner(owner)));
        let short = OwnerSignature { bytes: approval.bytes.slice(1..), ..approval.clone() };
        assert_eq!(pack(vec![short]), Err(PackError::WrongLength { owner, found: 64 }));
        let mistaken = OwnerSignature { kind: SignatureKind::Eoa, ..approval };
        let error = pack(vec![mistaken]).unwrap_err();
        insta::assert_snapshot!(error, @"the signature of owner 0x0101010101010101010101010101010101010101 says it is EOA, but its last byte is 1");
    }

    #[test]
    fn bytes_that_belong_to_no_signature_are_counted_and_refused() {
        let hash = SafeTxHash::default();
        let mut bytes = pack(vec![OwnerSignature::approved_hash(Address::repeat_byte(1))]).unwrap().to_vec();
        bytes.extend_from_slice(&[0; 4]);
        assert_eq!(split(&bytes).unwrap().1, 4);
        assert_eq!(unpack(hash, &bytes), Err(SplitError::Trailing { bytes: 4 }));
        assert_eq!(unpack(hash, &bytes[..64]), Err(SplitError::TooShort { found: 64 }));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_packed_is_read_back_sorted(
            owners in proptest::collection::btree_set(proptest::array::uniform20(1_u8..), 1..6),
            inner in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            contracts in proptest::num::u8::ANY,
        ) {
            let signatures: Vec<_> = owners.iter().enumerate().map(|(index, owner)| {
                let owner = Address::from(*owner);
                if contracts & (1 << index) == 0 {
                    OwnerSignature::approved_hash(owner)
                } else {
                    OwnerSignature::contract(owner, inner.clone().into())
                }
            }).collect();
            let mut shuffled = signatures.clone();
            shuffled.reverse();
            let packed = pack(shuffled).unwrap();
            proptest::prop_assert_eq!(unpack(SafeTxHash::default(), &packed).unwrap(), signatures);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            drop(unpack(SafeTxHash::default(), &bytes));
        }
    }
}
