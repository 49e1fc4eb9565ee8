"""Checkout: balance is ordered, paid with a provider, credited once, and taken back when the money goes back.

`orders` are the things and their states, `port` is what a payment provider is, `progress` brings one order as far as the provider's
truth allows, whoever asks: a webhook, a buyer who says "I have paid", an admin's refund, the daily comparison.
"""
