// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Attacker} from "../src/Attacker.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFixed} from "../src/VaultFixed.sol";
import {VaultTest} from "./VaultTest.sol";

contract AttackTest is VaultTest {
    function test_first_strike_takes_a_tenth_for_a_stake_of_one() public {
        uint256 gained = strikeInNextBlock();
        // a tenth of the million and the stake, less the stake
        vm.assertEq(gained, (MILLION + 1e18) / 10 - 1e18);
        vm.assertEq(attacker.loot(), gained);
        vm.assertEq(token.balanceOf(address(attacker)), gained + attacker.STAKE());
        vm.assertEq(vault.balanceOf(address(attacker)), 0);
        // what a monitor sees: the shares are no longer covered
        vm.assertLt(vault.totalAssets(), vault.totalSupply());
    }

    function test_strikes_drain_the_vault_bite_by_bite() public {
        uint256 stake = attacker.STAKE();
        uint256 strikes = 0;
        while (vault.totalAssets() > MILLION / 100) {
            uint256 before = vault.totalAssets();
            uint256 gained = strikeInNextBlock();
            vm.assertEq(gained, (before + stake) / 10 - stake);
            vm.assertEq(vault.totalAssets(), before - gained);
            strikes += 1;
        }
        vm.assertEq(strikes, 44);
        vm.assertEq(attacker.loot(), MILLION - vault.totalAssets());
        vm.assertLt(vault.convertToAssets(MILLION), MILLION / 100);
    }

    function test_second_strike_in_a_block_finds_nothing() public {
        strikeInNextBlock();
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(Vault.NothingToWithdraw.selector, address(attacker)));
        attacker.strike();
    }

    function test_only_its_owner_strikes() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, bob));
        attacker.strike();
    }

    function test_pause_stops_the_drain() public {
        strikeInNextBlock();
        strikeInNextBlock();
        uint256 left = vault.totalAssets();
        pause();

        vm.roll(block.number + 1);
        vm.prank(thief);
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        attacker.strike();
        vm.assertEq(vault.totalAssets(), left);
    }

    function test_upgrade_keeps_the_balances_and_closes_the_hole() public {
        strikeInNextBlock();
        pause();
        uint256 left = vault.totalAssets();
        upgrade();

        vm.assertTrue(vault.paused());
        vm.assertEq(vault.totalAssets(), left);
        vm.assertEq(vault.totalSupply(), MILLION);
        vm.assertEq(vault.balanceOf(alice), MILLION);
        vm.assertEq(vault.asset(), address(token));
        vm.assertTrue(vault.hasRole(vault.PAUSER_ROLE(), pauser));

        vm.prank(unpauser);
        vault.unpause();
        // the stake comes back, rounded down, and nothing more
        bytes memory noGain = abi.encodeWithSelector(Attacker.NoGain.selector, attacker.STAKE() - 1);
        vm.roll(block.number + 1);
        vm.prank(thief);
        vm.expectRevert(noGain);
        attacker.strike();
        vm.prank(alice);
        vm.assertGe(vault.redeem(MILLION, alice, alice), left - 1);
    }

    function test_only_the_upgrader_upgrades() public {
        address fixedImplementation = address(new VaultFixed());
        bytes memory missing = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, pauser, vault.UPGRADER_ROLE()
        );
        vm.prank(pauser);
        vm.expectRevert(missing);
        vault.upgradeToAndCall(fixedImplementation, "");
    }

    function upgrade() private {
        address fixedImplementation = address(new VaultFixed());
        vm.prank(admin);
        vault.upgradeToAndCall(fixedImplementation, "");
    }
}
