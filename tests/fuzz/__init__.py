"""Fuzzing of everything that reads what others send: one file for each target.

A target is a test that gives a reader arbitrary input and states what may come out: a result that is sound, or one of
the errors that `only` names. It is a file `test_<what is read>.py` with `@given(...)` and nothing else to register.
`values.py` has inputs that have broken readers before.

In the suite each target takes Hypothesis's 100 examples. `make fuzz` runs them with many more; see `conftest.py`.
"""
