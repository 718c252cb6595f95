// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// A plain ERC-20 with 6 decimals whose units come from one minter. All tokens of the venue have 6
// decimals (polymarket.md section 1).
abstract contract PlayToken {
    uint8 public constant decimals = 6;
    address public immutable minter;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(address minter_) {
        minter = minter_;
    }

    function mint(address to, uint256 value) external {
        require(msg.sender == minter, "only the minter mints");
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function burn(uint256 value) external {
        require(balanceOf[msg.sender] >= value, "burn amount exceeds balance");
        balanceOf[msg.sender] -= value;
        totalSupply -= value;
        emit Transfer(msg.sender, address(0), value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _transfer(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= value, "transfer amount exceeds allowance");
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        _transfer(from, to, value);
        return true;
    }

    function _transfer(address from, address to, uint256 value) private {
        require(balanceOf[from] >= value, "transfer amount exceeds balance");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

// The venue's collateral (polymarket.md section 2). Play money: an operator mints it.
contract PlayUsd is PlayToken {
    string public constant name = "Polymarket USD";
    string public constant symbol = "pUSD";

    constructor(address operator) PlayToken(operator) {}
}

// What ConditionalTokens holds underneath, as USDC.e does at the venue: position ids come from it,
// and whoever computes them from pUSD is wrong (polymarket.md section 2).
contract PlayUsdc is PlayToken {
    string public constant name = "USD Coin (PoS)";
    string public constant symbol = "USDC.e";

    constructor(address adapter) PlayToken(adapter) {}
}
