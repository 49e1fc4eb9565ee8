"""Where wallets, journal and intents are kept: a port, and the real DynamoDB behind it."""
