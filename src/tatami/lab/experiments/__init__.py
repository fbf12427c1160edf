"""One file an experiment: the claim, the networks in notation, what is measured, and the rule of the verdict."""
