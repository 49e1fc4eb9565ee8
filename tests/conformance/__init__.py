"""One suite for every ledger store: the simulated one, and the DynamoDB adapter on three engines.

Each case runs its operations on a simulated store and on the store under test at once (`twin.py`). Answers must be equal, wallets
must be equal after every write, and at the end everything that is stored, read past the port and through it. So a case asserts its
claim once, and what is proven on the simulated store is proven of the real conditions.

    make test           simulated and moto
    make test-engines   ministack and DynamoDB Local
"""
