//! SafeTx, its hashes in every Safe version, signatures, MultiSend.
