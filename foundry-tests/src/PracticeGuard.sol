// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A guard of transactions and of modules that lets everything pass until it is shut.
/// @notice For tests: Safe 1.3.0 and later ask it about transactions, 1.5.0 also about calls of modules.
contract PracticeGuard {
    error Shut();

    bool public shut;

    function setShut(bool shut_) external {
        shut = shut_;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        // ERC-165, ITransactionGuard, IModuleGuard
        return id == 0x01ffc9a7 || id == 0xe6d7a83a || id == 0x58401ed8;
    }

    /// @dev Every question of a Safe is answered the same: the word that checkModuleTransaction returns, or the refusal.
    fallback(bytes calldata) external returns (bytes memory) {
        if (shut) revert Shut();
        return abi.encode(bytes32(0));
    }
}
