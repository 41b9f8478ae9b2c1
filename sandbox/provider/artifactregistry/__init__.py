"""The fake provider's resource types of `pulumi_gcp.artifactregistry`."""
