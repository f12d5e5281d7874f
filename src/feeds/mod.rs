//! Where alerts come from: the Forta API, webhooks, JSON lines.
