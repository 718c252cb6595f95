"""Puts the contracts of the venue on the local chain, each where the venue has it.

A client that knows config/venues.yaml therefore finds everything where it expects it; only the RPC
address differs. No transaction is needed: the constructor runs in a call, and what it returns is
put at the address. The same again changes nothing, so a chain that comes back gets today's code.
"""

from collections.abc import Mapping

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from trading.config.venues import Contracts
from trading.simulator.evm.abi import call_data, values_of
from trading.simulator.evm.rpc import ChainError, Rpc

# Ours: the venue's own oracle works with votes and days of delay.
ORACLE = to_checksum_address(keccak(text="oracle of the local venue")[12:])
# ERC-165 and ERC-1155, which the constructor of ConditionalTokens notes in its first slot.
INTERFACES = ("01ffc9a7", "d9b67a26")
TRUE = f"0x{1:064x}"


def place(
    rpc: Rpc, codes: Mapping[str, str], contracts: Contracts, operator: str
) -> dict[str, str]:
    """Put every contract at its address; return the addresses, named as in config/venues.yaml.

    Raises ChainError when a contract is not what it should be afterwards.
    """
    token, pusd, usdc = contracts.conditional_tokens, contracts.pusd, contracts.usdc_e
    adapter, factory = contracts.collateral_adapter, contracts.deposit_wallet_factory
    plan = {
        "conditional_tokens": ("ConditionalTokens", token, ()),
        "pusd": ("PlayUsd", pusd, (operator,)),
        "usdc_e": ("PlayUsdc", usdc, (adapter,)),
        "collateral_adapter": ("CollateralAdapter", adapter, (pusd, usdc, token)),
        "exchange": ("Exchange", contracts.exchange, (operator, pusd, token, adapter)),
        "oracle": ("Oracle", ORACLE, (operator, token)),
        "deposit_wallet": ("DepositWallet", contracts.deposit_wallet_implementation, (factory,)),
        "deposit_wallet_beacon": (
            "DepositWalletBeacon",
            contracts.deposit_wallet_beacon,
            (contracts.deposit_wallet_implementation,),
        ),
        "deposit_wallet_factory": (
            "DepositWalletFactory",
            factory,
            (operator, contracts.deposit_wallet_beacon),
        ),
    }
    for name, address, arguments in plan.values():
        encoded = encode(["address"] * len(arguments), arguments).hex()
        code = rpc.ask("eth_call", {"from": operator, "data": f"0x{codes[name]}{encoded}"})
        rpc.ask("anvil_setCode", address, code)
    for interface in INTERFACES:
        slot = keccak(bytes.fromhex(interface).ljust(32, b"\0") + bytes(32))
        rpc.ask("anvil_setStorageAt", token, f"0x{slot.hex()}", TRUE)
        asked = call_data("supportsInterface(bytes4)", bytes.fromhex(interface))
        answer = rpc.ask("eth_call", {"to": token, "data": asked}, "latest")
        if values_of(["bool"], answer) != (True,):
            raise ChainError("ConditionalTokens does not name its interfaces", permanent=True)
    return {field: address for field, (_, address, _) in plan.items()}
