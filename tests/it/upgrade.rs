//! Upgrades of the vault, from the implementation with the hole to the one without, behind every kind of proxy.

mod beforehand;
mod kinds;
mod refused;
mod timelock;
mod world;
