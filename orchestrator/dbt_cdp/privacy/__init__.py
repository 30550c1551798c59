"""People's rights: who must not come back, erasure, and access to what is stored."""
