"""The fake provider replaces Pulumi's GCP provider in the sandbox if the real provider is not available.

It speaks Pulumi's plugin protocol and Google's REST APIs, for the resource types that the program uses. It
refuses to run without the sandbox's proxy on loopback. `sandbox.provider.server` lists its differences from
the real provider.
"""
