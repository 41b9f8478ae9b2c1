"""Stand-in for Pulumi's GCP plug-in, for the sandbox alone and only where the real one cannot be had.

It speaks the plug-in protocol on one side and Google's REST on the other, for just the resource types
that the program uses, and refuses to run without the sandbox's proxy on loopback. How it differs from
the real one is said in `sandbox.provider.server`.
"""
