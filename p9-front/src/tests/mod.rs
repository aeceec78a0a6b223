//! Tests of the session and the handshake against a pretended backend.
