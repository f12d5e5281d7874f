// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice The one entrance of a Safe that modules use.
interface IModuleHost {
    function execTransactionFromModuleReturnData(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool success, bytes memory returned);
}

interface IPauses {
    function pause() external;
    function paused() external view returns (bool);
}

/// @title A module by which one deputy's signature pauses: no owner, no Safe nonce, anybody relays.
/// @notice Rebuilt for tests from the public interface of Optimism's module of this name (version 1.0.1): the same
/// constructor, views, events, errors, typed data and order of checks. There the call goes on through a second Safe;
/// here `deputyGuardianModule` may be any contract with a pause(), such as the vault.
contract DeputyPauseModule is EIP712 {
    error DeputyPauseModule_InvalidDeputy();
    error DeputyPauseModule_InvalidDeputyGuardianModule();
    error DeputyPauseModule_Unauthorized();
    error DeputyPauseModule_NonceAlreadyUsed();
    error DeputyPauseModule_ExecutionFailed(string);
    error DeputyPauseModule_SuperchainNotPaused();
    error DeputyPauseModule_NotFromSafe();

    event DeputySet(address indexed deputy);
    event DeputyGuardianModuleSet(IPauses indexed deputyGuardianModule);
    event PauseTriggered(address indexed deputy, bytes32 nonce);

    string public constant version = "1.0.1";

    bytes32 private constant PAUSE = keccak256("PauseMessage(bytes32 nonce)");
    bytes32 private constant AUTH = keccak256("DeputyAuthMessage(address deputy)");

    IModuleHost private immutable SAFE;
    IPauses private immutable WATCHED;

    address public deputy;
    IPauses public deputyGuardianModule;
    mapping(bytes32 nonce => bool) public usedNonces;

    constructor(IModuleHost safe, IPauses called, IPauses watched, address deputy_, bytes memory deputySignature)
        EIP712("DeputyPauseModule", "1")
    {
        SAFE = safe;
        WATCHED = watched;
        appoint(deputy_, deputySignature);
        lead(called);
    }

    modifier onlySafe() {
        if (msg.sender != address(SAFE)) revert DeputyPauseModule_NotFromSafe();
        _;
    }

    function foundationSafe() external view returns (IModuleHost) {
        return SAFE;
    }

    function superchainConfig() external view returns (IPauses) {
        return WATCHED;
    }

    function pauseMessageTypehash() external pure returns (bytes32) {
        return PAUSE;
    }

    function deputyAuthMessageTypehash() external pure returns (bytes32) {
        return AUTH;
    }

    function setDeputy(address deputy_, bytes memory deputySignature) external onlySafe {
        appoint(deputy_, deputySignature);
    }

    function setDeputyGuardianModule(IPauses called) external onlySafe {
        lead(called);
    }

    /// @notice Pauses on the deputy's signature of a nonce that was never used. Whoever is quicker only pauses sooner.
    function pause(bytes32 nonce, bytes memory signature) external {
        if (signer(keccak256(abi.encode(PAUSE, nonce)), signature) != deputy) revert DeputyPauseModule_Unauthorized();
        if (usedNonces[nonce]) revert DeputyPauseModule_NonceAlreadyUsed();
        usedNonces[nonce] = true;

        (bool success, bytes memory returned) = SAFE.execTransactionFromModuleReturnData(
            address(deputyGuardianModule), 0, abi.encodeCall(IPauses.pause, ()), 0
        );
        if (!success) revert DeputyPauseModule_ExecutionFailed(string(returned));
        if (!WATCHED.paused()) revert DeputyPauseModule_SuperchainNotPaused();
        emit PauseTriggered(deputy, nonce);
    }

    /// @dev The deputy signs its own appointment, which proves that somebody holds the key.
    function appoint(address deputy_, bytes memory deputySignature) private {
        if (signer(keccak256(abi.encode(AUTH, deputy_)), deputySignature) != deputy_) {
            revert DeputyPauseModule_InvalidDeputy();
        }
        deputy = deputy_;
        emit DeputySet(deputy_);
    }

    function lead(IPauses called) private {
        if (address(called) == address(SAFE) || address(called).code.length == 0) {
            revert DeputyPauseModule_InvalidDeputyGuardianModule();
        }
        deputyGuardianModule = called;
        emit DeputyGuardianModuleSet(called);
    }

    function signer(bytes32 structHash, bytes memory signature) private view returns (address) {
        return ECDSA.recover(_hashTypedDataV4(structHash), signature);
    }
}
