"""The work of each stage. These modules import the rooms that they need; `rlpretrain.stages` only declares stages."""
