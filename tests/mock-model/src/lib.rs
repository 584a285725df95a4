//! A scripted model server on loopback that records every request.
