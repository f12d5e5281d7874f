// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vault} from "./Vault.sol";
import {VaultFixed} from "./VaultFixed.sol";

/// @title The fixed vault that also sets something up when it is upgraded to.
contract VaultFixedAgain is VaultFixed {
    /// @custom:storage-location erc7201:redhandle.storage.VaultFixedAgain
    struct AgainStorage {
        uint256 generation;
    }

    function reinitialize(uint256 generation_) external reinitializer(2) {
        AgainStorage storage $ = _again();
        $.generation = generation_;
    }

    function generation() external view returns (uint256) {
        return _again().generation;
    }

    function _again() private pure returns (AgainStorage storage $) {
        bytes32 position = keccak256(abi.encode(uint256(keccak256("redhandle.storage.VaultFixedAgain")) - 1))
            & ~bytes32(uint256(0xff));
        assembly {
            $.slot := position
        }
    }
}

/// @title Claims to be a UUPS implementation for another slot: a proxy that took it could never be upgraded again.
contract VaultElsewhere {
    function proxiableUUID() external pure returns (bytes32) {
        return keccak256("somewhere else");
    }
}

/// @title What the vault keeps in its ERC-7201 namespace, where the compiler's storageLayout shows it.
contract VaultLayout {
    Vault.VaultStorage internal vaultStorage;
}

/// @title The same with a member put in front: whoever upgraded to it would read one number for another.
contract VaultLayoutClash {
    struct VaultStorage {
        address keeper;
        uint256 budgetBlock;
        uint256 budgetLeft;
    }

    VaultStorage internal vaultStorage;
}

/// @title The same with one appended.
contract VaultLayoutGrown {
    struct VaultStorage {
        uint256 budgetBlock;
        uint256 budgetLeft;
        address keeper;
    }

    VaultStorage internal vaultStorage;
}
