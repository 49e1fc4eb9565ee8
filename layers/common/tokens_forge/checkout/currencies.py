"""Minor units: how many decimals an amount of money can have when somebody is to pay it (ISO 4217, list one, 2026)."""

from __future__ import annotations

from tokens_forge.money import NANO_PER_UNIT, Money

_OF_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK "
    "DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
    "USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_OF_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_OF_THREE = "BHD IQD JOD KWD LYD OMR TND"
DECIMALS = {
    **dict.fromkeys(_OF_TWO.split(), 2),
    **dict.fromkeys(_OF_NONE.split(), 0),
    **dict.fromkeys(_OF_THREE.split(), 3),
}


class NotPayable(ValueError):
    """The amount has more decimals than its currency, or the currency is not one that anybody pays in."""


def minor_of(amount: Money, decimals: int | None = None) -> int:
    """The amount in minor units: 12.50 USD is 1250, 500 JPY is 500, 1.250 KWD is 1250. Raises NotPayable.

    `decimals` is for a provider that counts a currency in other units than ISO does.
    """
    unit_nano = _unit_nano(amount.currency, decimals)
    minor, rest = divmod(amount.nano, unit_nano)
    if rest:
        raise NotPayable(f"{amount.currency} is paid in steps of {Money(unit_nano, amount.currency)}.")
    return minor


def money_of(minor: int, currency: str, decimals: int | None = None) -> Money:
    """The amount that so many minor units are. Raises NotPayable."""
    return Money(minor * _unit_nano(currency, decimals), currency)


def _unit_nano(currency: str, decimals: int | None) -> int:
    if decimals is None:
        decimals = DECIMALS.get(currency)
    if decimals is None:
        raise NotPayable(f"{currency} is not a currency that can be paid in.")
    unit_nano: int = NANO_PER_UNIT // 10**decimals
    return unit_nano
