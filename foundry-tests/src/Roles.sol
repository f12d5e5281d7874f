// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAvatar, ModuleList} from "./ModuleList.sol";

/// @title Lets members of a role make the calls the role allows, and no other.
/// @notice The core of Zodiac's Roles modifier, version 2, rebuilt for tests from its public interface: membership,
/// clearance by target or function, options for value and delegatecall, the real selectors, events and errors.
/// Left out: conditions on parameters, allowances, unwrapping of batches. Whoever needs those is refused here, too.
contract Roles is ModuleList {
    enum ExecutionOptions {
        None,
        Send,
        DelegateCall,
        Both
    }

    enum Clearance {
        None,
        Target,
        Function
    }

    /// @notice Why a call is not allowed; the order, and so the numbers, are the modifier's.
    enum Status {
        Ok,
        DelegateCallNotAllowed,
        TargetAddressNotAllowed,
        FunctionNotAllowed,
        SendNotAllowed
    }

    struct TargetAddress {
        Clearance clearance;
        ExecutionOptions options;
    }

    struct FunctionRule {
        bool allowed;
        ExecutionOptions options;
    }

    struct Role {
        mapping(address member => bool) members;
        mapping(address to => TargetAddress) targets;
        mapping(address to => mapping(bytes4 selector => FunctionRule)) functions;
    }

    error ArraysDifferentLength();
    error NoMembership();
    error ModuleTransactionFailed();
    error FunctionSignatureTooShort();
    error ConditionViolation(Status status, bytes32 info);

    event AssignRoles(address module, bytes32[] roleKeys, bool[] memberOf);
    event RolesModSetup(address indexed initiator, address indexed owner, address indexed avatar, address target);
    event AllowTarget(bytes32 roleKey, address targetAddress, ExecutionOptions options);
    event RevokeTarget(bytes32 roleKey, address targetAddress);
    event ScopeTarget(bytes32 roleKey, address targetAddress);
    event AllowFunction(bytes32 roleKey, address targetAddress, bytes4 selector, ExecutionOptions options);
    event RevokeFunction(bytes32 roleKey, address targetAddress, bytes4 selector);

    mapping(bytes32 roleKey => Role) private roles;

    constructor(address owner_, address avatar_, address target_) ModuleList(owner_, avatar_, target_) {
        emit RolesModSetup(msg.sender, owner_, avatar_, target_);
    }

    function assignRoles(address module, bytes32[] calldata roleKeys, bool[] calldata memberOf) external onlyOwner {
        if (roleKeys.length != memberOf.length) revert ArraysDifferentLength();
        for (uint256 i = 0; i < roleKeys.length; i++) {
            roles[roleKeys[i]].members[module] = memberOf[i];
        }
        if (!isModuleEnabled(module)) enableModule(module);
        emit AssignRoles(module, roleKeys, memberOf);
    }

    function allowTarget(bytes32 roleKey, address to, ExecutionOptions options) external onlyOwner {
        roles[roleKey].targets[to] = TargetAddress(Clearance.Target, options);
        emit AllowTarget(roleKey, to, options);
    }

    function revokeTarget(bytes32 roleKey, address to) external onlyOwner {
        roles[roleKey].targets[to] = TargetAddress(Clearance.None, ExecutionOptions.None);
        emit RevokeTarget(roleKey, to);
    }

    function scopeTarget(bytes32 roleKey, address to) external onlyOwner {
        roles[roleKey].targets[to] = TargetAddress(Clearance.Function, ExecutionOptions.None);
        emit ScopeTarget(roleKey, to);
    }

    function allowFunction(bytes32 roleKey, address to, bytes4 selector, ExecutionOptions options)
        external
        onlyOwner
    {
        roles[roleKey].functions[to][selector] = FunctionRule(true, options);
        emit AllowFunction(roleKey, to, selector, options);
    }

    function revokeFunction(bytes32 roleKey, address to, bytes4 selector) external onlyOwner {
        delete roles[roleKey].functions[to][selector];
        emit RevokeFunction(roleKey, to, selector);
    }

    function execTransactionWithRole(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        bytes32 roleKey,
        bool shouldRevert
    ) external moduleOnly returns (bool success) {
        authorize(roleKey, to, value, data, operation);
        success = exec(to, value, data, operation);
        if (shouldRevert && !success) revert ModuleTransactionFailed();
    }

    function execTransactionWithRoleReturnData(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        bytes32 roleKey,
        bool shouldRevert
    ) external moduleOnly returns (bool success, bytes memory returned) {
        authorize(roleKey, to, value, data, operation);
        (success, returned) = IAvatar(target).execTransactionFromModuleReturnData(to, value, data, operation);
        if (shouldRevert && !success) revert ModuleTransactionFailed();
    }

    function authorize(bytes32 roleKey, address to, uint256 value, bytes calldata data, uint8 operation)
        private
        view
    {
        Role storage role = roles[roleKey];
        if (roleKey == 0 || !role.members[msg.sender]) revert NoMembership();
        if (data.length != 0 && data.length < 4) revert FunctionSignatureTooShort();

        TargetAddress memory aim = role.targets[to];
        if (aim.clearance == Clearance.Target) {
            check(aim.options, value, operation, 0);
        } else if (aim.clearance == Clearance.Function) {
            bytes4 selector = bytes4(data);
            FunctionRule memory rule = role.functions[to][selector];
            if (!rule.allowed) revert ConditionViolation(Status.FunctionNotAllowed, selector);
            check(rule.options, value, operation, selector);
        } else {
            revert ConditionViolation(Status.TargetAddressNotAllowed, bytes32(bytes20(to)));
        }
    }

    function check(ExecutionOptions options, uint256 value, uint8 operation, bytes32 info) private pure {
        if (value > 0 && options != ExecutionOptions.Send && options != ExecutionOptions.Both) {
            revert ConditionViolation(Status.SendNotAllowed, info);
        }
        if (operation == 1 && options != ExecutionOptions.DelegateCall && options != ExecutionOptions.Both) {
            revert ConditionViolation(Status.DelegateCallNotAllowed, info);
        }
    }
}
