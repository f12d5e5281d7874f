//! RPC endpoints agreeing with each other: reads, simulation, broadcasting.
