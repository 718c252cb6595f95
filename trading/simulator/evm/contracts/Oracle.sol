// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IConditionalTokens} from "./Interfaces.sol";

// Opens questions with two outcomes and says which won. It remembers the question of each
// condition, so that a venue that starts again needs the condition id only.
contract Oracle {
    address public immutable operator;
    IConditionalTokens public immutable conditionalTokens;
    mapping(bytes32 => bytes32) public questionOf;

    constructor(address operator_, address conditionalTokens_) {
        operator = operator_;
        conditionalTokens = IConditionalTokens(conditionalTokens_);
    }

    function conditionOf(bytes32 questionId) public view returns (bytes32) {
        return conditionalTokens.getConditionId(address(this), questionId, 2);
    }

    // A question that is open already stays as it is.
    function prepare(bytes32 questionId) external {
        require(msg.sender == operator, "only the operator asks");
        bytes32 conditionId = conditionOf(questionId);
        if (conditionalTokens.getOutcomeSlotCount(conditionId) != 0) return;
        questionOf[conditionId] = questionId;
        conditionalTokens.prepareCondition(address(this), questionId, 2);
    }

    // Payouts per outcome; the real contract refuses a second report.
    function resolve(bytes32 conditionId, uint256[] calldata payouts) external {
        require(msg.sender == operator, "only the operator resolves");
        conditionalTokens.reportPayouts(questionOf[conditionId], payouts);
    }
}
