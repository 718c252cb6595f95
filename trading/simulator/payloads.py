"""The bodies that the private doors take, read strictly: a wrong field is refused by its name."""

from typing import Annotated, Literal, TypeVar

import msgspec

from trading.engine.codes import Side
from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import OrderType

TEXT_MAX = 200  # of a refusal: a client may invent names of any length
UINT_256_MAX = 2**256 - 1

Body = TypeVar("Body")
_Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]
_Bytes32 = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}\Z")]
_Digits = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,76})\Z")]  # below 2**256
_Amount = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,17})\Z")]
_Seconds = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,10})\Z")]


class OrderFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed order: amounts in base units, timestamp in ms, expiration in s."""

    salt: Annotated[int, msgspec.Meta(ge=0)]
    maker: _Address
    signer: _Address
    tokenId: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,77})\Z")]  # noqa: N815 - theirs
    makerAmount: _Amount  # noqa: N815
    takerAmount: _Amount  # noqa: N815
    side: Side
    expiration: _Seconds
    signatureType: Annotated[int, msgspec.Meta(ge=0, le=3)]  # noqa: N815
    timestamp: _Digits
    metadata: _Bytes32
    builder: _Bytes32
    signature: Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]+\Z", max_length=2_000)]

    def __post_init__(self) -> None:
        """Refuse what the contract could not hold; raises ValueError."""
        if max(self.salt, int(self.tokenId)) > UINT_256_MAX:
            raise ValueError("salt and tokenId must be below 2**256")


class PostedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /order."""

    order: OrderFields
    owner: str
    orderType: OrderType  # noqa: N815
    deferExec: bool = False  # noqa: N815
    postOnly: bool = False  # noqa: N815


class CancelOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of DELETE /order."""

    orderID: _Bytes32  # noqa: N815


class CancelMarket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of DELETE /cancel-market-orders: either, or both."""

    market: str = ""
    asset_id: str = ""


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /v1/heartbeats."""

    heartbeat_id: str


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /simulator/approvals; of shares any amount above 0 means all."""

    spender: _Address
    asset_type: Literal["COLLATERAL", "CONDITIONAL"]
    amount: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,77})\Z")]
    signature_type: int = 0

    def __post_init__(self) -> None:
        """Refuse what the contract could not hold; raises ValueError."""
        if int(self.amount) > UINT_256_MAX:
            raise ValueError("amount must be below 2**256")


class Redemption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /simulator/redeem."""

    token_id: str
    signature_type: int = 0


class UserLogin(msgspec.Struct, frozen=True):
    """The key in the first frame of the user channel."""

    apiKey: str  # noqa: N815
    secret: str = ""
    passphrase: str = ""


class UserFrame(msgspec.Struct, frozen=True):
    """A frame of the user channel; `markets` None means all."""

    auth: UserLogin | None = None
    operation: str = ""
    markets: list[str] | None = None


OrderIds = list[_Bytes32]


def read(shape: type[Body], body: bytes | str, said: str) -> Body | Refusal:
    """Return a body in its shape, or the refusal `said` with the field that is wrong."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error)[:TEXT_MAX] if isinstance(error, msgspec.ValidationError) else "not JSON"
        return answers.bad(f"{said}: {why}")
