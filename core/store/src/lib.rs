//! Messages, deliveries and receipts: the one database every session shares.
