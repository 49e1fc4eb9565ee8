"""`make stop`: end what `make run` started. State stays for the next time."""

from __future__ import annotations

from local import services


def main() -> None:
    """Ends only processes that the records in `.local/pids` identify."""
    ended = services.stop_all()
    print(f"Ended: {', '.join(ended)}." if ended else "Tokens Forge was not running.")


if __name__ == "__main__":
    main()
