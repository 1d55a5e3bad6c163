"""Which tensors make up a quantised table, what their bits mean, and which size it has when decoded."""
