"""GPU worker processes: claim compatible jobs, render them as one batch, commit one outcome each."""
