// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ITransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {ITransparentUpgradeableProxy as ITransparentV4} from
    "@openzeppelin/contracts-v4/proxy/transparent/TransparentUpgradeableProxy.sol";
import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Attacker} from "../src/Attacker.sol";
import {Diamond, IDiamondCut, IDiamondLoupe} from "../src/Diamond.sol";
import {Beacon, BehindBeacon, Timelock, TransparentV5} from "../src/Proxies.sol";
import {CounterV4, CounterV4Next, ProxyAdminV4, TransparentV4} from "../src/ProxiesV4.sol";
import {Token} from "../src/Token.sol";
import {VaultElsewhere} from "../src/Upgrades.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFixed} from "../src/VaultFixed.sol";
import {Test} from "./Test.sol";

interface VmStore {
    function load(address target, bytes32 slot) external view returns (bytes32);
    function warp(uint256 timestamp) external;
}

/// @notice The hole is there before the upgrade and closed after it, behind every kind of proxy.
contract UpgradesTest is Test {
    bytes32 private constant ADMIN_SLOT = 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    address private immutable owner = vm.addr(1);
    address private immutable alice = vm.addr(4);
    Token private token;
    Vault private vault;
    Attacker private attacker;

    function setUp() public {
        token = new Token(address(this));
    }

    function init(address admin) private view returns (bytes memory) {
        return abi.encodeCall(Vault.initialize, (IERC20(token), admin, admin, admin));
    }

    function robbed(address proxy) private {
        vault = Vault(proxy);
        token.mint(alice, 1_000_000e18);
        vm.startPrank(alice);
        token.approve(proxy, type(uint256).max);
        vault.deposit(1_000_000e18, alice);
        vm.stopPrank();
        attacker = new Attacker(vault);
        token.mint(address(attacker), attacker.STAKE());
        vm.assertGe(attacker.strike(), 1);
        vm.roll(block.number + 1);
    }

    function test_uups() public {
        robbed(address(new ERC1967Proxy(address(new Vault()), init(owner))));
        VaultFixed fixed_ = new VaultFixed();
        vm.prank(owner);
        vault.upgradeToAndCall(address(fixed_), "");
        stopped();
    }

    function test_uups_refuses_an_implementation_for_another_slot() public {
        robbed(address(new ERC1967Proxy(address(new Vault()), init(owner))));
        VaultElsewhere elsewhere = new VaultElsewhere();
        vm.prank(owner);
        vm.expectRevert(
            abi.encodeWithSelector(UUPSUpgradeable.UUPSUnsupportedProxiableUUID.selector, keccak256("somewhere else"))
        );
        vault.upgradeToAndCall(address(elsewhere), "");
    }

    function test_transparent_v4() public {
        ProxyAdminV4 admin = new ProxyAdminV4(owner);
        robbed(address(new TransparentV4(address(new Vault()), address(admin), init(owner))));
        VaultFixed fixed_ = new VaultFixed();
        vm.prank(owner);
        admin.upgrade(ITransparentV4(address(vault)), address(fixed_));
        stopped();
    }

    function test_transparent_v5() public {
        robbed(address(new TransparentV5(address(new Vault()), owner, init(owner))));
        ProxyAdmin admin = ProxyAdmin(address(uint160(uint256(VmStore(address(vm)).load(address(vault), ADMIN_SLOT)))));
        VaultFixed fixed_ = new VaultFixed();
        vm.prank(owner);
        admin.upgradeAndCall(ITransparentUpgradeableProxy(address(vault)), address(fixed_), "");
        stopped();
    }

    function test_beacon() public {
        Beacon beacon = new Beacon(address(new Vault()), owner);
        robbed(address(new BehindBeacon(address(beacon), init(owner))));
        VaultFixed fixed_ = new VaultFixed();
        vm.prank(owner);
        beacon.upgradeTo(address(fixed_));
        stopped();
    }

    function test_timelock() public {
        address[] memory proposers = new address[](1);
        proposers[0] = owner;
        Timelock timelock = new Timelock(1 hours, proposers, new address[](1));
        robbed(address(new ERC1967Proxy(address(new Vault()), init(address(timelock)))));
        bytes memory data = abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(new VaultFixed()), ""));
        vm.prank(owner);
        timelock.schedule(address(vault), 0, data, 0, "salt", 1 hours);
        VmStore(address(vm)).warp(block.timestamp + 1 hours);
        timelock.execute(address(vault), 0, data, 0, "salt");
        stopped();
    }

    /// @dev Why `upgradeTo` is used where version 4 has it: with nothing to call, `upgradeToAndCall` calls all the same.
    function test_uups_v4_calls_even_when_there_is_nothing_to_call() public {
        CounterV4 counter =
            CounterV4(address(new ERC1967Proxy(address(new CounterV4()), abi.encodeCall(CounterV4.start, (owner)))));
        address next = address(new CounterV4Next());
        vm.startPrank(owner);
        (bool ok,) = address(counter).call(abi.encodeCall(counter.upgradeToAndCall, (next, "")));
        vm.assertFalse(ok);
        counter.upgradeTo(next);
        vm.stopPrank();
        vm.assertEq(counter.step(), 2);
    }

    function test_diamond() public {
        robbed(address(diamond()));
        IDiamondCut.FacetCut[] memory cuts = new IDiamondCut.FacetCut[](1);
        cuts[0] = IDiamondCut.FacetCut(address(new VaultFixed()), IDiamondCut.FacetCutAction.Replace, new bytes4[](2));
        cuts[0].functionSelectors[0] = Vault.withdrawUpTo.selector;
        cuts[0].functionSelectors[1] = Vault.previewWithdrawUpTo.selector;
        IDiamondCut cutter = IDiamondCut(address(vault));
        vm.expectRevert(abi.encodeWithSelector(Diamond.NotTheOwner.selector, address(this)));
        cutter.diamondCut(cuts, address(0), "");
        vm.prank(owner);
        cutter.diamondCut(cuts, address(0), "");
        IDiamondLoupe loupe = IDiamondLoupe(address(vault));
        vm.assertEq(loupe.facetAddress(Vault.withdrawUpTo.selector), cuts[0].facetAddress);
        vm.assertEq(loupe.facetAddresses().length, 2);
        vm.assertEq(loupe.facetFunctionSelectors(cuts[0].facetAddress).length, 2);
        stopped();

        // and a cut takes away
        cuts[0].action = IDiamondCut.FacetCutAction.Remove;
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(Diamond.CannotRemove.selector, Vault.withdrawUpTo.selector));
        cutter.diamondCut(cuts, address(0), "");
        cuts[0].facetAddress = address(0);
        vm.prank(owner);
        cutter.diamondCut(cuts, address(0), "");
        vm.assertEq(loupe.facetAddress(Vault.withdrawUpTo.selector), address(0));
        vm.assertEq(loupe.facets().length, 1);
    }

    function diamond() private returns (Diamond) {
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Vault.withdrawUpTo.selector;
        selectors[1] = Vault.previewWithdrawUpTo.selector;
        selectors[2] = Vault.withdrawUpToLimit.selector;
        selectors[3] = Vault.deposit.selector;
        selectors[4] = bytes4(keccak256("asset()"));
        selectors[5] = bytes4(keccak256("totalAssets()"));
        selectors[6] = bytes4(keccak256("totalSupply()"));
        selectors[7] = bytes4(keccak256("balanceOf(address)"));
        selectors[8] = bytes4(keccak256("maxDeposit(address)"));
        selectors[9] = bytes4(keccak256("paused()"));
        address facet = address(new Vault());
        IDiamondCut.FacetCut[] memory cuts = new IDiamondCut.FacetCut[](1);
        cuts[0] = IDiamondCut.FacetCut(facet, IDiamondCut.FacetCutAction.Add, selectors);
        return new Diamond(owner, cuts, facet, init(owner));
    }

    function stopped() private {
        (bool ok, bytes memory why) = address(attacker).call(abi.encodeCall(Attacker.strike, ()));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(why)), bytes32(Attacker.NoGain.selector));
    }
}
