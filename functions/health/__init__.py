"""The scheduled work: the sweeper and the health check every minute, the reconciliation every hour."""
