"""The subcommands of ``rlpretrain``. Each module imports what it needs only when its command is called."""
