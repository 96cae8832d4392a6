"""What a finished run says about the next close: votes, what the agents would do, and which conditions are near.

Everything is read from the run's own files and from the prices that it was made on, within seconds; nothing is trained
and nothing is written.
"""
