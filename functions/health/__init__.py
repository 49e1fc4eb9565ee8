"""The scheduled work: the sweeper every minute, the reconciliation every hour."""
