// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vault} from "../src/Vault.sol";
import {VaultTest} from "./VaultTest.sol";

contract VaultHonestTest is VaultTest {
    function test_deposit_then_redeem_returns_what_was_put_in() public {
        fund(bob, 500e18);
        vm.startPrank(bob);
        uint256 shares = vault.deposit(500e18, bob);
        vm.assertEq(shares, 500e18);
        vm.assertEq(token.balanceOf(bob), 0);
        vm.assertEq(vault.redeem(shares, bob, bob), 500e18);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(bob), 500e18);
        vm.assertEq(vault.totalAssets(), MILLION);
    }

    function test_yield_belongs_to_the_shares() public {
        token.mint(address(vault), MILLION / 2);
        vm.prank(alice);
        vault.redeem(MILLION, alice, alice);
        // one unit can stay behind: rounding favours the vault
        vm.assertGe(token.balanceOf(alice), MILLION + MILLION / 2 - 1);
    }

    function test_withdrawUpTo_burns_the_price_of_what_it_pays() public {
        vm.prank(alice);
        vm.assertEq(vault.withdrawUpTo(1_000e18, bob), 1_000e18);
        vm.assertEq(token.balanceOf(bob), 1_000e18);
        vm.assertEq(vault.balanceOf(alice), MILLION - 1_000e18);
    }

    function test_withdrawUpTo_pays_a_tenth_of_the_liquidity_per_block() public {
        vm.startPrank(alice);
        vm.assertEq(vault.withdrawUpTo(MILLION, alice), MILLION / 10);
        vm.assertEq(vault.withdrawUpToLimit(), 0);
        vm.expectRevert(abi.encodeWithSelector(Vault.NothingToWithdraw.selector, alice));
        vault.withdrawUpTo(1, alice);

        vm.roll(block.number + 1);
        vm.assertEq(vault.withdrawUpTo(MILLION, alice), MILLION * 9 / 100);
        vm.stopPrank();
    }

    function test_withdrawUpTo_needs_shares() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Vault.NothingToWithdraw.selector, bob));
        vault.withdrawUpTo(1, bob);
    }

    function test_cannot_be_initialized_again() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        vault.initialize(IERC20(token), bob, bob, bob);
        Vault bare = new Vault();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        bare.initialize(IERC20(token), bob, bob, bob);
    }
}

contract VaultPauseTest is VaultTest {
    function test_only_the_pauser_pauses() public {
        address[4] memory others = [admin, unpauser, alice, thief];
        for (uint256 i = 0; i < others.length; i++) {
            expectMissingRole(others[i], vault.PAUSER_ROLE());
            vault.pause();
        }
        pause();
        vm.assertTrue(vault.paused());
    }

    function test_only_the_unpauser_unpauses() public {
        pause();
        address[4] memory others = [admin, pauser, alice, thief];
        for (uint256 i = 0; i < others.length; i++) {
            expectMissingRole(others[i], vault.UNPAUSER_ROLE());
            vault.unpause();
        }
        vm.prank(unpauser);
        vault.unpause();
        vm.assertFalse(vault.paused());

        vm.prank(alice);
        vault.withdraw(1e18, alice, alice);
    }

    function test_pause_stops_every_movement_of_shares() public {
        fund(bob, 1e18);
        pause();

        vm.startPrank(bob);
        expectPaused();
        vault.deposit(1e18, bob);
        expectPaused();
        vault.mint(1e18, bob);
        vm.stopPrank();

        vm.startPrank(alice);
        expectPaused();
        vault.withdraw(1e18, alice, alice);
        expectPaused();
        vault.redeem(1e18, alice, alice);
        expectPaused();
        vault.withdrawUpTo(1e18, alice);
        expectPaused();
        vault.transfer(bob, 1e18);
        vault.approve(bob, 1e18);
        vm.stopPrank();

        vm.prank(bob);
        expectPaused();
        vault.transferFrom(alice, bob, 1e18);
    }

    function test_pause_answers_before_anything_else_is_looked_at() public {
        pause();
        // bob has neither assets nor an allowance, nor shares
        vm.startPrank(bob);
        expectPaused();
        vault.deposit(1e18, bob);
        expectPaused();
        vault.withdrawUpTo(1e18, bob);
        vm.stopPrank();
    }

    function test_pause_shows_in_the_limits() public {
        vm.assertEq(vault.maxRedeem(alice), MILLION);
        pause();
        vm.assertEq(vault.maxDeposit(alice), 0);
        vm.assertEq(vault.maxMint(alice), 0);
        vm.assertEq(vault.maxWithdraw(alice), 0);
        vm.assertEq(vault.maxRedeem(alice), 0);
    }

    function expectPaused() private {
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
    }

    function expectMissingRole(address who, bytes32 role) private {
        vm.prank(who);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, who, role));
    }
}
