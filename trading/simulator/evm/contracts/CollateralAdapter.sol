// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IConditionalTokens, IPlayToken, TokenReceiver} from "./Interfaces.sol";

// Split, merge and redeem sets for who holds pUSD, with the signatures of the venue's own adapter
// (polymarket.md section 9). The venue's adapter unwraps pUSD; this one keeps it and lets the token
// underneath exist for exactly as long, so that pUSD here = token underneath = sets outstanding.
contract CollateralAdapter is TokenReceiver {
    IPlayToken public immutable pusd;
    IPlayToken public immutable underlying;
    IConditionalTokens public immutable conditionalTokens;

    constructor(address pusd_, address underlying_, address conditionalTokens_) {
        pusd = IPlayToken(pusd_);
        underlying = IPlayToken(underlying_);
        conditionalTokens = IConditionalTokens(conditionalTokens_);
    }

    // Needs an allowance of pUSD for this contract.
    function splitPosition(
        address collateral,
        bytes32 parent,
        bytes32 conditionId,
        uint256[] calldata partition,
        uint256 amount
    ) external {
        _check(collateral, parent, partition);
        pusd.transferFrom(msg.sender, address(this), amount);
        underlying.mint(address(this), amount);
        underlying.approve(address(conditionalTokens), amount);
        conditionalTokens.splitPosition(
            address(underlying), parent, conditionId, partition, amount
        );
        uint256[] memory ids = positionIds(conditionId);
        conditionalTokens.safeBatchTransferFrom(
            address(this), msg.sender, ids, _both(amount, amount), ""
        );
    }

    // Needs the approval of this contract for the outcome tokens.
    function mergePositions(
        address collateral,
        bytes32 parent,
        bytes32 conditionId,
        uint256[] calldata partition,
        uint256 amount
    ) external {
        _check(collateral, parent, partition);
        uint256[] memory ids = positionIds(conditionId);
        conditionalTokens.safeBatchTransferFrom(
            msg.sender, address(this), ids, _both(amount, amount), ""
        );
        conditionalTokens.mergePositions(
            address(underlying), parent, conditionId, partition, amount
        );
        _payOut(amount);
    }

    // Takes the whole balance of both tokens. Needs the approval as a merge does.
    function redeemPositions(
        address collateral,
        bytes32 parent,
        bytes32 conditionId,
        uint256[] calldata indexSets
    ) external {
        _check(collateral, parent, indexSets);
        uint256[] memory ids = positionIds(conditionId);
        uint256[] memory held = _both(
            conditionalTokens.balanceOf(msg.sender, ids[0]),
            conditionalTokens.balanceOf(msg.sender, ids[1])
        );
        conditionalTokens.safeBatchTransferFrom(msg.sender, address(this), ids, held, "");
        uint256 before = underlying.balanceOf(address(this));
        conditionalTokens.redeemPositions(address(underlying), parent, conditionId, indexSets);
        _payOut(underlying.balanceOf(address(this)) - before);
    }

    // The token ids of the first and the second outcome.
    function positionIds(bytes32 conditionId) public view returns (uint256[] memory) {
        return _both(_positionId(conditionId, 1), _positionId(conditionId, 2));
    }

    function _positionId(bytes32 conditionId, uint256 indexSet) private view returns (uint256) {
        bytes32 collection = conditionalTokens.getCollectionId(0, conditionId, indexSet);
        return conditionalTokens.getPositionId(address(underlying), collection);
    }

    function _payOut(uint256 amount) private {
        underlying.burn(amount);
        pusd.transfer(msg.sender, amount);
    }

    function _check(address collateral, bytes32 parent, uint256[] calldata partition)
        private
        view
    {
        require(collateral == address(pusd), "collateral is not pUSD");
        require(parent == 0, "parent collection is not zero");
        require(
            partition.length == 2 && partition[0] == 1 && partition[1] == 2,
            "partition is not [1, 2]"
        );
    }

    function _both(uint256 first, uint256 second) private pure returns (uint256[] memory pair) {
        pair = new uint256[](2);
        (pair[0], pair[1]) = (first, second);
    }
}
