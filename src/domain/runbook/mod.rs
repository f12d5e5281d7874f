//! Written steps for one kind of incident.
