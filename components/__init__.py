"""What `pulumi up` makes: one module per idea.

Nothing here reads configuration, knows of clients' machines, or imports the sandbox and the tools.
"""
