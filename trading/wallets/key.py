"""The signer process as the wallet sees it: its client's words in ours."""

from collections.abc import Sequence

from trading.signer.client import SignerClient, SignerDown
from trading.signer.terms import Refused
from trading.signing import calls as signing
from trading.wallets.messages import Call, TransactionFields
from trading.wallets.ports import SignerError


class SignerKey:
    """Signs through the signer's socket. Each method raises SignerError."""

    def __init__(self, client: SignerClient, *, chain_id: int) -> None:
        self._client = client
        self._chain_id = chain_id

    async def address(self) -> str:
        """Return the checksummed address of the key."""
        try:
            return (await self._client.hello()).address
        except SignerDown as error:
            raise SignerError(str(error), permanent=error.permanent) from error

    async def sign_transaction(self, fields: TransactionFields) -> tuple[str, str]:
        """Return the raw signed transaction and its hash, both in hex."""
        transaction = signing.Transaction(
            chain_id=fields.chain_id,
            nonce=fields.nonce,
            max_priority_fee_per_gas_wei=fields.tip_wei_max,
            max_fee_per_gas_wei=fields.fee_wei_max,
            gas_limit=fields.gas_limit,
            call=_call(fields.call),
        )
        try:
            signed = await self._client.sign_transaction(transaction)
        except SignerDown as error:
            raise SignerError(str(error), permanent=error.permanent) from error
        if isinstance(signed, Refused):
            raise _refused(signed)
        return f"0x{signed.raw.hex()}", signed.transaction_hash

    async def sign_wallet_batch(self, calls: Sequence[Call], nonce: int, deadline_s: int) -> str:
        """Return the owner's signature of a batch of the deposit wallet, in hex."""
        try:
            signature = await self._client.sign_wallet_batch(
                chain_id=self._chain_id,
                nonce=nonce,
                deadline_s=deadline_s,
                calls=[_call(call) for call in calls],
            )
        except SignerDown as error:
            raise SignerError(str(error), permanent=error.permanent) from error
        if isinstance(signature, Refused):
            raise _refused(signature)
        return signature


def _call(call: Call) -> signing.Call:
    data = bytes.fromhex(call.data.removeprefix("0x"))
    return signing.Call(target=call.target, value_wei=call.value_wei, data=data)


def _refused(refused: Refused) -> SignerError:
    return SignerError(f"{refused.code}: {refused.reason}", permanent=True)
