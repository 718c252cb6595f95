// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {
    ICollateralAdapter,
    IConditionalTokens,
    IPlayToken,
    TokenReceiver
} from "./Interfaces.sol";

// Settles what the venue matched. Orders were verified off the chain by the operator; what the
// chain adds is that nothing moves without the owner's allowance (pUSD) or approval (outcome
// tokens), and that a trade settles once. The spender is the same contract that orders are signed
// for (polymarket.md section 1). `settle` is our own: the real entry point takes the orders.
contract Exchange is TokenReceiver {
    struct Move {
        address account;
        uint256 tokenId; // 0: pUSD
        int256 amount; // negative: taken from the account
    }

    address public immutable operator;
    IPlayToken public immutable pusd;
    IConditionalTokens public immutable conditionalTokens;
    ICollateralAdapter public immutable adapter;
    mapping(bytes32 => bool) public settled;

    event Settled(bytes32 indexed tradeId, bytes32 indexed conditionId);

    constructor(
        address operator_,
        address pusd_,
        address conditionalTokens_,
        address adapter_
    ) {
        operator = operator_;
        pusd = IPlayToken(pusd_);
        conditionalTokens = IConditionalTokens(conditionalTokens_);
        adapter = ICollateralAdapter(adapter_);
    }

    // Moves all or nothing; `sets` are minted, or merged when negative. A trade that is settled
    // already changes nothing and emits nothing.
    function settle(bytes32 tradeId, bytes32 conditionId, int256 sets, Move[] calldata moves)
        external
        returns (bool)
    {
        require(msg.sender == operator, "only the operator settles");
        if (settled[tradeId]) return false;
        settled[tradeId] = true;
        uint256 before = pusd.balanceOf(address(this));
        for (uint256 i = 0; i < moves.length; i++) {
            if (moves[i].amount < 0) _take(moves[i]);
        }
        if (sets > 0) _mint(conditionId, uint256(sets));
        if (sets < 0) _merge(conditionId, uint256(-sets));
        for (uint256 i = 0; i < moves.length; i++) {
            if (moves[i].amount > 0) _give(moves[i]);
        }
        require(pusd.balanceOf(address(this)) == before, "moves do not balance");
        emit Settled(tradeId, conditionId);
        return true;
    }

    function _take(Move calldata move) private {
        uint256 amount = uint256(-move.amount);
        if (move.tokenId == 0) {
            pusd.transferFrom(move.account, address(this), amount);
        } else {
            conditionalTokens.safeTransferFrom(
                move.account, address(this), move.tokenId, amount, ""
            );
        }
    }

    function _give(Move calldata move) private {
        uint256 amount = uint256(move.amount);
        if (move.tokenId == 0) {
            pusd.transfer(move.account, amount);
        } else {
            conditionalTokens.safeTransferFrom(
                address(this), move.account, move.tokenId, amount, ""
            );
        }
    }

    function _mint(bytes32 conditionId, uint256 amount) private {
        pusd.approve(address(adapter), amount);
        adapter.splitPosition(address(pusd), 0, conditionId, _partition(), amount);
    }

    function _merge(bytes32 conditionId, uint256 amount) private {
        conditionalTokens.setApprovalForAll(address(adapter), true);
        adapter.mergePositions(address(pusd), 0, conditionId, _partition(), amount);
    }

    function _partition() private pure returns (uint256[] memory partition) {
        partition = new uint256[](2);
        (partition[0], partition[1]) = (1, 2);
    }
}
