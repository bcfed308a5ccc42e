"""The parameters of the verbs as typed values."""
