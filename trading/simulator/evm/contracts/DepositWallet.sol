// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {TokenReceiver} from "./Interfaces.sol";

struct Call {
    address target;
    uint256 value;
    bytes data;
}

struct Batch {
    address wallet;
    uint256 nonce;
    uint256 deadline;
    Call[] calls;
}

// A wallet whose owner signs and whose factory executes. Types and domain of a batch are those that
// polymarket-client 0.14.0 signs; an order is signed as polymarket.md section 3 says (type 3).
// Its owner stands behind the code of each proxy: the wallet itself stores only its nonce.
contract DepositWallet is TokenReceiver {
    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant CALL_TYPE =
        keccak256("Call(address target,uint256 value,bytes data)");
    bytes32 private constant BATCH_TYPE = keccak256(
        "Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,uint256 value,bytes data)"
    );
    bytes32 private constant NAME = keccak256("DepositWallet");
    bytes32 private constant VERSION = keccak256("1");
    uint256 private constant ARGUMENTS_AT = 0x52; // in the code of an ERC-1967 beacon proxy

    address public immutable factory;
    uint256 public nonce;

    constructor(address factory_) {
        factory = factory_;
    }

    function owner() public view returns (address account) {
        assembly {
            // (factory, owner), each 32 bytes
            extcodecopy(address(), 0, add(ARGUMENTS_AT, 32), 32)
            account := mload(0)
        }
    }

    // Executes all calls or none. Whoever submits it pays the gas: at the venue its relayer does.
    function execute(Batch calldata batch, bytes calldata signature) external {
        require(msg.sender == factory, "only the factory executes");
        require(batch.wallet == address(this), "batch is for another wallet");
        require(batch.nonce == nonce, "batch nonce is not the wallet's");
        require(batch.deadline >= block.timestamp, "batch deadline has passed");
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _domain(), _hash(batch)));
        require(_signed(digest, signature), "batch is not signed by the owner");
        nonce++;
        for (uint256 i = 0; i < batch.calls.length; i++) {
            Call calldata one = batch.calls[i];
            (bool done, bytes memory answer) = one.target.call{value: one.value}(one.data);
            if (!done) {
                assembly {
                    revert(add(answer, 32), mload(answer))
                }
            }
        }
    }

    // ERC-1271 with the nested form of ERC-7739. The signature is: the owner's 65 bytes, domain
    // separator of the application, hash of the contents, their type, and its length in 2 bytes.
    function isValidSignature(bytes32 hash, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        bytes4 invalid = 0xffffffff;
        if (signature.length < 131) return invalid;
        uint256 typeLength = uint16(bytes2(signature[signature.length - 2:]));
        if (signature.length != 131 + typeLength) return invalid;
        bytes32 domain = bytes32(signature[65:97]);
        bytes32 contents = bytes32(signature[97:129]);
        if (keccak256(abi.encodePacked(hex"1901", domain, contents)) != hash) return invalid;
        bytes32 nested = keccak256(
            abi.encode(
                _nestedType(signature[129:129 + typeLength]),
                contents,
                NAME,
                VERSION,
                block.chainid,
                address(this),
                bytes32(0)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, nested));
        return _signed(digest, signature[:65]) ? this.isValidSignature.selector : invalid;
    }

    // The type of what the owner signs: the contents by their name, then the wallet's own domain.
    function _nestedType(bytes calldata contentsType) private pure returns (bytes32) {
        uint256 length = 0;
        while (length < contentsType.length && contentsType[length] != "(") length++;
        return keccak256(
            abi.encodePacked(
                "TypedDataSign(",
                contentsType[:length],
                " contents,string name,string version,uint256 chainId,",
                "address verifyingContract,bytes32 salt)",
                contentsType
            )
        );
    }

    function _hash(Batch calldata batch) private pure returns (bytes32) {
        bytes32[] memory calls = new bytes32[](batch.calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            Call calldata one = batch.calls[i];
            calls[i] =
                keccak256(abi.encode(CALL_TYPE, one.target, one.value, keccak256(one.data)));
        }
        return keccak256(
            abi.encode(
                BATCH_TYPE,
                batch.wallet,
                batch.nonce,
                batch.deadline,
                keccak256(abi.encodePacked(calls))
            )
        );
    }

    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
    }

    function _signed(bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (signature.length != 65) return false;
        address account = ecrecover(
            digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64])
        );
        return account != address(0) && account == owner();
    }
}

// What every wallet asks for its code.
contract DepositWalletBeacon {
    address public immutable implementation;

    constructor(address implementation_) {
        implementation = implementation_;
    }
}

// Makes one wallet per owner, at the address that polymarket-client 0.14.0 derives: CREATE2 with an
// ERC-1967 beacon proxy that carries (factory, owner) behind its code.
contract DepositWalletFactory {
    address public immutable operator;
    address public immutable BEACON; // the client asks for it by this name

    constructor(address operator_, address beacon_) {
        operator = operator_;
        BEACON = beacon_;
    }

    function walletOf(address owner) public view returns (address) {
        bytes32 digest = keccak256(
            abi.encodePacked(hex"ff", address(this), _salt(owner), keccak256(_code(owner)))
        );
        return address(uint160(uint256(digest)));
    }

    // A wallet that is there already stays as it is.
    function deploy(address owner) external {
        require(msg.sender == operator, "only the operator deploys");
        if (walletOf(owner).code.length != 0) return;
        bytes memory code = _code(owner);
        bytes32 salt = _salt(owner);
        address wallet;
        assembly {
            wallet := create2(0, add(code, 32), mload(code), salt)
        }
        require(wallet != address(0), "the wallet could not be made");
    }

    function execute(Batch calldata batch, bytes calldata signature) external {
        require(msg.sender == operator, "only the operator relays");
        DepositWallet(batch.wallet).execute(batch, signature);
    }

    function _salt(address owner) private view returns (bytes32) {
        return keccak256(abi.encode(address(this), owner));
    }

    function _code(address owner) private view returns (bytes memory) {
        return abi.encodePacked(
            hex"6100923d8160233d3973", // 0x52 bytes of code and 0x40 of arguments
            BEACON,
            hex"60195155f3363d3d373d3d363d602036600436635c60da",
            hex"1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c",
            hex"b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3",
            abi.encode(address(this), owner)
        );
    }
}
