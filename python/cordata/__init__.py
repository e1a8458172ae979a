# SPDX-License-Identifier: Apache-2.0
"""The JAX front door: `cordata.export` writes a training step as a directory that the `cordata` command plans and trains."""
from cordata.export import export, microbatch_sizes_of

__all__ = ["export", "microbatch_sizes_of"]
