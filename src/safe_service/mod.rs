//! The Safe Transaction Service: a client, and an embedded one that speaks the same API.
