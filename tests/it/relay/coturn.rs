//! coturn with the configuration of `coturn/`, and our credentials.
