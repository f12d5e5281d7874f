// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @notice What modules and modifiers are installed in: a Safe, or another modifier.
interface IAvatar {
    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool success);
    function execTransactionFromModuleReturnData(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool success, bytes memory returned);
}

/// @title What every Zodiac modifier is: a module of its target with modules of its own.
/// @notice Rebuilt for tests from the public interface of Zodiac's `Modifier`: names, events and errors are its own.
abstract contract ModuleList is Ownable {
    error NotAuthorized(address unacceptedAddress);
    error InvalidModule(address module);
    error AlreadyEnabledModule(address module);
    error AlreadyDisabledModule(address module);

    event EnabledModule(address module);
    event DisabledModule(address module);
    event AvatarSet(address indexed previousAvatar, address indexed newAvatar);
    event TargetSet(address indexed previousTarget, address indexed newTarget);

    address private constant SENTINEL = address(1);

    /// @notice On whose behalf calls are made in the end.
    address public avatar;
    /// @notice Whom calls are handed to: the avatar, or a modifier that stands before it.
    address public target;

    mapping(address module => address next) private modules;

    constructor(address owner_, address avatar_, address target_) Ownable(owner_) {
        avatar = avatar_;
        target = target_;
        modules[SENTINEL] = SENTINEL;
    }

    modifier moduleOnly() {
        if (!isModuleEnabled(msg.sender)) revert NotAuthorized(msg.sender);
        _;
    }

    function setAvatar(address avatar_) external onlyOwner {
        emit AvatarSet(avatar, avatar_);
        avatar = avatar_;
    }

    function setTarget(address target_) external onlyOwner {
        emit TargetSet(target, target_);
        target = target_;
    }

    function enableModule(address module) public onlyOwner {
        if (module == address(0) || module == SENTINEL) revert InvalidModule(module);
        if (modules[module] != address(0)) revert AlreadyEnabledModule(module);
        modules[module] = modules[SENTINEL];
        modules[SENTINEL] = module;
        emit EnabledModule(module);
    }

    function disableModule(address previous, address module) external onlyOwner {
        if (module == address(0) || module == SENTINEL) revert InvalidModule(module);
        if (modules[previous] != module) revert AlreadyDisabledModule(module);
        modules[previous] = modules[module];
        delete modules[module];
        emit DisabledModule(module);
    }

    function isModuleEnabled(address module) public view returns (bool) {
        return module != SENTINEL && modules[module] != address(0);
    }

    function exec(address to, uint256 value, bytes memory data, uint8 operation) internal returns (bool) {
        return IAvatar(target).execTransactionFromModule(to, value, data, operation);
    }
}
