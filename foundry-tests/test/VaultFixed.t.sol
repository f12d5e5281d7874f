// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VaultFixed} from "../src/VaultFixed.sol";
import {VaultTest} from "./VaultTest.sol";

/// @notice Random lives of two users beside alice, who stays: nobody leaves with more than was theirs.
contract VaultFixedTest is VaultTest {
    uint256 private yielded;
    mapping(address user => uint256) private putIn;
    mapping(address user => uint256) private takenOut;

    function implementation() internal override returns (address) {
        return address(new VaultFixed());
    }

    function testFuzz_nobody_takes_out_more_than_was_put_in_plus_yield(uint256[24] calldata steps) public {
        for (uint256 i = 0; i < steps.length; i++) {
            uint256 assets = vault.totalAssets();
            uint256 supply = vault.totalSupply();
            step(steps[i]);
            // A share is never worth less than before. This is exact, in the vault's own price (one virtual unit each).
            vm.assertGe(
                (vault.totalAssets() + 1) * (supply + 1), (assets + 1) * (vault.totalSupply() + 1), "the price fell"
            );
        }
        cashOut(bob);
        cashOut(thief);
        vm.assertGe(vault.maxWithdraw(alice), MILLION);
    }

    /// @dev Three quarters of the steps are those of a user, a quarter is yield; every second one is in a new block.
    function step(uint256 seed) private {
        address user = seed & 1 == 0 ? bob : thief;
        vm.roll(block.number + (seed >> 1 & 1));
        uint256 kind = seed >> 2 & 3;
        uint256 amount = bound(seed >> 4, 1, MILLION);
        if (kind == 0) {
            fund(user, amount);
            vm.prank(user);
            vault.deposit(amount, user);
            putIn[user] += amount;
        } else if (kind == 1) {
            // from far less than the shares are worth to far more
            if (vault.balanceOf(user) == 0 || vault.withdrawUpToLimit() == 0) return;
            vm.prank(user);
            takenOut[user] += vault.withdrawUpTo(amount, user);
        } else if (kind == 2) {
            uint256 shares = vault.balanceOf(user) / (1 + amount % 4);
            vm.prank(user);
            takenOut[user] += vault.redeem(shares, user, user);
        } else {
            token.mint(address(vault), amount);
            yielded += amount;
        }
    }

    function cashOut(address user) private {
        uint256 shares = vault.balanceOf(user);
        vm.prank(user);
        takenOut[user] += vault.redeem(shares, user, user);
        vm.assertLe(takenOut[user], putIn[user] + yielded + ROUNDING, "took what belongs to others");
    }

    /// @dev Others' rounding losses are yield as well: at most the price of one share, here below 26 units, in each step.
    uint256 private constant ROUNDING = 24 * 26;
}
