// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProxyAdmin} from "@openzeppelin/contracts-v4/proxy/transparent/ProxyAdmin.sol";
import {TransparentUpgradeableProxy} from "@openzeppelin/contracts-v4/proxy/transparent/TransparentUpgradeableProxy.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-v4/proxy/utils/UUPSUpgradeable.sol";
import {Ownable} from "@openzeppelin/contracts-v4/access/Ownable.sol";

// OpenZeppelin 4.9: most of what is deployed.

contract ProxyAdminV4 is ProxyAdmin {
    constructor(address owner) {
        _transferOwnership(owner);
    }
}

contract TransparentV4 is TransparentUpgradeableProxy {
    constructor(address logic, address admin, bytes memory data) TransparentUpgradeableProxy(logic, admin, data) {}
}

/// @notice A UUPS implementation of version 4: it has `upgradeTo` beside `upgradeToAndCall`, and no fallback, so that a
/// call of the latter with nothing to call reverts.
contract CounterV4 is UUPSUpgradeable, Ownable {
    uint256 public count;

    function start(address owner) external {
        require(count == 0, "started");
        count = 1;
        _transferOwnership(owner);
    }

    function step() external pure virtual returns (uint256) {
        return 1;
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}
}

contract CounterV4Next is CounterV4 {
    function step() external pure override returns (uint256) {
        return 2;
    }
}
