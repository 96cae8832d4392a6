"""The work of each stage. These modules load the rooms that they need; `rlpretrain.stages` only declares."""
