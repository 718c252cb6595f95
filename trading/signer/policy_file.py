"""The signer's policy, from a file that a person writes and the addresses of config/venues.yaml.

Unknown keys, missing keys and values out of bounds are refused by name. Addresses of contracts are
those of the venue; only play money may name others, those of a local chain.
"""

from collections.abc import Mapping
from typing import Any

from trading.config.venues import VenueSettings
from trading.engine.units import UnitError, unsigned_micro_from_text
from trading.signer.terms import Policy
from trading.signing.orders import SignatureType

WEI_PER_GWEI = 10**9
_TEXTS = ("owner", "maker")
_WHOLES = ("phase", "orders_per_batch_max", "calls_per_batch_max", "gas_limit_max")
_MORE_WHOLES = ("signature_type", "fee_per_gas_gwei_max", "deadline_s_max")
_AMOUNTS = ("order_buy_max", "order_sale_max", "day_buy_max", "approval_max", "split_max")
_FLAGS = ("play_money",)
_NAMES = (*_TEXTS, *_WHOLES, *_MORE_WHOLES, *_AMOUNTS, *_FLAGS)
_LOCAL_TEXTS = (
    *("exchange", "neg_risk_exchange", "pusd", "conditional_tokens"),
    *("collateral_adapter", "neg_risk_collateral_adapter"),
)


class PolicyFileError(ValueError):
    """A value that is missing, unknown or out of bounds; the message begins with its field."""


def policy_from(mapping: Mapping[str, object], venue: VenueSettings) -> Policy:
    """Check a mapping as read from YAML. Raises PolicyFileError.

    Amounts are decimals in quotes: dollars, and shares for `order_sale_max`. The optional block
    `local` is for play money: the chain id and contracts that differ from the venue's.
    """
    for name in mapping:
        if name not in (*_NAMES, "local"):
            raise PolicyFileError(f"{name!s:.60}: is no key here; remove it or correct its name")
    for name in _NAMES:
        if name not in mapping:
            raise PolicyFileError(f"{name}: is missing; it has no default")
    values: dict[str, Any] = {name: _text(mapping, name) for name in _TEXTS}
    values |= {name: _whole(mapping, name) for name in _WHOLES}
    values |= {f"{name[:-4]}_micro_max": _amount(mapping, name) for name in _AMOUNTS}
    values |= {name: _flag(mapping, name) for name in _FLAGS}
    values["fee_per_gas_wei_max"] = _whole(mapping, "fee_per_gas_gwei_max") * WEI_PER_GWEI
    values["deadline_s_max"] = _whole(mapping, "deadline_s_max")
    try:
        values["signature_type"] = SignatureType(_whole(mapping, "signature_type"))
    except ValueError:
        raise PolicyFileError(
            "signature_type: is not 0 (plain wallet), 1, 2 or 3 (deposit wallet)"
        ) from None
    values |= _contracts(_local(mapping, play_money=values["play_money"]), venue)
    try:
        return Policy(**values, never_approve=venue.never_approve)
    except ValueError as error:
        raise PolicyFileError(str(error)) from None


def _contracts(local: Mapping[str, object], venue: VenueSettings) -> dict[str, Any]:
    known = {name: getattr(venue.contracts, name) for name in _LOCAL_TEXTS}
    known |= {name: _text(local, name, "local.") for name in local if name != "chain_id"}
    adapters = (known["collateral_adapter"], known["neg_risk_collateral_adapter"])
    exchanges = (known["exchange"], known["neg_risk_exchange"])
    return {
        "chain_id": _whole(local, "chain_id", "local.") if "chain_id" in local else venue.chain_id,
        "exchange": known["exchange"],
        "neg_risk_exchange": known["neg_risk_exchange"],
        "collateral": known["pusd"],
        "conditional_tokens": known["conditional_tokens"],
        "set_targets": adapters,
        "spenders": (*exchanges, *adapters),
    }


def _local(mapping: Mapping[str, object], *, play_money: bool) -> Mapping[str, object]:
    local = mapping.get("local", {})
    if not isinstance(local, Mapping):
        raise PolicyFileError("local: is not a block of keys")
    if local and not play_money:
        raise PolicyFileError("local: is for play money only; remove it")
    for name in local:
        if name not in (*_LOCAL_TEXTS, "chain_id"):
            raise PolicyFileError(f"local.{name!s:.60}: is no key here; remove it")
    return local


def _text(mapping: Mapping[str, object], name: str, place: str = "") -> str:
    value = mapping[name]
    if not isinstance(value, str):
        raise PolicyFileError(f"{place}{name}: {value!r:.60} is not a text in quotes")
    return value


def _whole(mapping: Mapping[str, object], name: str, place: str = "") -> int:
    value = mapping[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise PolicyFileError(f"{place}{name}: {value!r:.60} is not a whole number")
    return value


def _flag(mapping: Mapping[str, object], name: str) -> bool:
    value = mapping[name]
    if not isinstance(value, bool):
        raise PolicyFileError(f"{name}: {value!r:.60} is not true or false")
    return value


def _amount(mapping: Mapping[str, object], name: str) -> int:
    try:
        return unsigned_micro_from_text(_text(mapping, name))
    except UnitError as error:
        raise PolicyFileError(f"{name}: {error}") from None
