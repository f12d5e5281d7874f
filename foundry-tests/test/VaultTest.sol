// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Attacker} from "../src/Attacker.sol";
import {Token} from "../src/Token.sol";
import {Vault} from "../src/Vault.sol";
import {Test} from "./Test.sol";

/// @notice The world that the demo also builds: a vault behind its proxy, a million in it, and an attacker with one.
abstract contract VaultTest is Test {
    uint256 internal constant MILLION = 1_000_000e18;

    address internal immutable admin = vm.addr(1);
    address internal immutable pauser = vm.addr(2);
    address internal immutable unpauser = vm.addr(3);
    address internal immutable alice = vm.addr(4);
    address internal immutable bob = vm.addr(5);
    address internal immutable thief = vm.addr(6);

    Token internal token;
    Vault internal vault;
    Attacker internal attacker;

    function setUp() public virtual {
        token = new Token(address(this));
        bytes memory init = abi.encodeCall(Vault.initialize, (IERC20(token), admin, pauser, unpauser));
        vault = Vault(address(new ERC1967Proxy(implementation(), init)));

        fund(alice, MILLION);
        vm.prank(alice);
        vault.deposit(MILLION, alice);

        vm.prank(thief);
        attacker = new Attacker(vault);
        token.mint(address(attacker), attacker.STAKE());
    }

    function implementation() internal virtual returns (address) {
        return address(new Vault());
    }

    /// @dev Gives `who` assets, and the vault the right to take them.
    function fund(address who, uint256 assets) internal {
        token.mint(who, assets);
        vm.prank(who);
        token.approve(address(vault), type(uint256).max);
    }

    function pause() internal {
        vm.prank(pauser);
        vault.pause();
    }

    function strikeInNextBlock() internal returns (uint256 gained) {
        vm.roll(block.number + 1);
        vm.prank(thief);
        return attacker.strike();
    }
}
