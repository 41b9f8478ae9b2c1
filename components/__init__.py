"""The resources that `pulumi up` creates: one module per idea.

No module here reads configuration, writes to a client's machine, or imports the sandbox or the tools.
"""
