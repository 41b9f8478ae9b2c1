"""What people run beside Pulumi: `python -m tools`.

Works from a stack's outputs and a person's own login. Imports nothing of `components` and `sandbox`: it
does on a real project what it does inside the sandbox.
"""
