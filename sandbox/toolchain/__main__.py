"""`python -m sandbox.toolchain`: finds or builds the Pulumi CLI and the provider, and prints both."""

import importlib.metadata
import signal
import sys

from sandbox.toolchain.engine import EngineError, ensure_engine
from sandbox.toolchain.plugin import ensure_plugin
from sandbox.toolchain.progress import report_to_stderr


def main() -> int:
    """Print the Pulumi CLI and the provider. Returns the exit status."""

    def stop(number: int, _frame: object) -> None:
        sys.exit(128 + number)  # as Ctrl-C does: the exception ends the running command

    signal.signal(signal.SIGTERM, stop)
    try:
        engine = ensure_engine(report_to_stderr)
        sdk_version = importlib.metadata.version("pulumi-gcp")
        plugin = ensure_plugin(engine, sdk_version, report_to_stderr)
    except EngineError as error:
        report_to_stderr(str(error))
        return 1
    except KeyboardInterrupt:
        report_to_stderr("Interrupted.")
        return 128 + signal.SIGINT
    print(f"Pulumi CLI: {engine.version}, {engine.origin}: {engine.pulumi}")
    print(f"provider: GCP {sdk_version}, {plugin.origin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
