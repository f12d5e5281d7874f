// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ModuleList} from "./ModuleList.sol";

/// @title Makes whatever its modules ask for wait, in order.
/// @notice The core of Zodiac's Delay modifier, rebuilt for tests from its public interface: what it lets through at
/// once is nothing, which is why a pause must not stand behind one.
contract Delay is ModuleList {
    error TransactionsTimelocked();
    error HashDoesNotMatch();
    error NoTransactions();

    event TransactionAdded(
        uint256 indexed queueNonce, bytes32 indexed txHash, address to, uint256 value, bytes data, uint8 operation
    );

    /// @notice Seconds a call waits.
    uint256 public txCooldown;
    uint256 public txNonce;
    uint256 public queueNonce;
    mapping(uint256 nonce => bytes32) public txHash;
    mapping(uint256 nonce => uint256) public txCreatedAt;

    constructor(address owner_, address avatar_, address target_, uint256 cooldown)
        ModuleList(owner_, avatar_, target_)
    {
        txCooldown = cooldown;
    }

    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        moduleOnly
        returns (bool)
    {
        bytes32 hash = keccak256(abi.encode(to, value, data, operation));
        txHash[queueNonce] = hash;
        txCreatedAt[queueNonce] = block.timestamp;
        emit TransactionAdded(queueNonce, hash, to, value, data, operation);
        queueNonce += 1;
        return true;
    }

    function executeNextTx(address to, uint256 value, bytes calldata data, uint8 operation) external {
        if (txNonce >= queueNonce) revert NoTransactions();
        if (block.timestamp - txCreatedAt[txNonce] < txCooldown) revert TransactionsTimelocked();
        if (txHash[txNonce] != keccak256(abi.encode(to, value, data, operation))) revert HashDoesNotMatch();
        txNonce += 1;
        exec(to, value, data, operation);
    }
}
