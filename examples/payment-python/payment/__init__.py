"""The payment module of a Cleave shop, in Python: the contract `payments.v1`, its events, and its routes.

It knows the shop by its wire alone, which docs/contracts.md describes.
"""
