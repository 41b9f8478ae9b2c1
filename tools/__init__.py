"""`python -m tools`: commands that people and workflows run beside Pulumi.

Reads a stack's outputs, with the login of the caller. Imports only modules of `components` that work
without Pulumi, and nothing of `sandbox`: a command does the same on a real project and in the sandbox.
"""
