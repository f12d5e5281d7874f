// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Delay} from "../src/Delay.sol";
import {DeputyPauseModule, IModuleHost, IPauses} from "../src/DeputyPauseModule.sol";
import {ModuleList} from "../src/ModuleList.sol";
import {PracticeGuard} from "../src/PracticeGuard.sol";
import {Roles} from "../src/Roles.sol";
import {VaultTest} from "./VaultTest.sol";

interface IModuleSafe {
    function VERSION() external view returns (string memory);
    function nonce() external view returns (uint256);
    function enableModule(address module) external;
    function disableModule(address previous, address module) external;
    function setModuleGuard(address guard) external;
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
}

interface IModuleSafeFactory {
    function createProxyWithNonce(address singleton, bytes memory initializer, uint256 salt) external returns (address);
}

/// @notice Pauses that need no owner and no Safe nonce, through real Safes. Once per release, see the end of the file.
abstract contract ModulePauseTest is VaultTest {
    uint256 private constant DEPUTY_KEY = 21;
    bytes32 private constant ROLE = "pauser";
    bytes32 private constant NONCE = keccak256("never used before");

    IModuleSafe internal safe;
    DeputyPauseModule internal deputies;
    Roles internal roles;
    address private immutable member = vm.addr(22);

    function artifacts() internal pure virtual returns (string memory);
    function versionOf() internal pure virtual returns (string memory);

    function setUp() public override {
        super.setUp();
        address singleton = create("SafeL2.sol/SafeL2");
        address factory = create("proxies/SafeProxyFactory.sol/SafeProxyFactory");
        address[] memory owners = new address[](1);
        owners[0] = vm.addr(31);
        bytes memory init = abi.encodeCall(
            IModuleSafe.setup, (owners, 1, address(0), "", address(0), address(0), 0, payable(address(0)))
        );
        safe = IModuleSafe(IModuleSafeFactory(factory).createProxyWithNonce(singleton, init, 0));
        vm.startPrank(admin);
        vault.grantRole(vault.PAUSER_ROLE(), address(safe));
        vm.stopPrank();

        deputies = newDeputies(DEPUTY_KEY);
        roles = new Roles(address(safe), address(safe), address(safe));
        vm.startPrank(address(safe));
        safe.enableModule(address(deputies));
        safe.enableModule(address(roles));
        roles.scopeTarget(ROLE, address(vault));
        roles.allowFunction(ROLE, address(vault), vault.pause.selector, Roles.ExecutionOptions.None);
        (bytes32[] memory keys, bool[] memory yes) = one(ROLE);
        roles.assignRoles(member, keys, yes);
        vm.stopPrank();
    }

    function test_is_the_release_it_says() public view {
        vm.assertEq(keccak256(bytes(safe.VERSION())), keccak256(bytes(versionOf())));
    }

    function test_a_deputys_signature_pauses_whoever_relays_it() public {
        vm.prank(thief);
        deputies.pause(NONCE, signature(DEPUTY_KEY, deputies, NONCE));
        vm.assertTrue(vault.paused());
        vm.assertEq(safe.nonce(), 0);
        vm.assertTrue(deputies.usedNonces(NONCE));
    }

    function test_a_nonce_is_used_once() public {
        bytes memory signed = signature(DEPUTY_KEY, deputies, NONCE);
        deputies.pause(NONCE, signed);
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_NonceAlreadyUsed.selector);
        deputies.pause(NONCE, signed);
    }

    function test_nobody_else_signs() public {
        bytes memory signed = signature(DEPUTY_KEY + 1, deputies, NONCE);
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_Unauthorized.selector);
        deputies.pause(NONCE, signed);
    }

    function test_another_modules_signature_is_nobodys() public {
        bytes memory signed = signature(DEPUTY_KEY, newDeputies(DEPUTY_KEY), NONCE);
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_Unauthorized.selector);
        deputies.pause(NONCE, signed);
    }

    function test_a_short_signature_is_named() public {
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 3));
        deputies.pause(NONCE, hex"010203");
    }

    function test_a_pause_that_cannot_be_is_said_and_the_nonce_kept() public {
        pauseAsSafe();
        bytes memory signed = signature(DEPUTY_KEY, deputies, NONCE);
        bytes memory failed = abi.encodeWithSelector(
            DeputyPauseModule.DeputyPauseModule_ExecutionFailed.selector,
            string(abi.encodeWithSignature("EnforcedPause()"))
        );
        vm.expectRevert(failed);
        deputies.pause(NONCE, signed);
        vm.assertFalse(deputies.usedNonces(NONCE));
    }

    function test_the_safe_alone_replaces_the_deputy() public {
        bytes memory word = authorisation(DEPUTY_KEY + 1, deputies);
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_NotFromSafe.selector);
        deputies.setDeputy(vm.addr(DEPUTY_KEY + 1), word);
        vm.prank(address(safe));
        deputies.setDeputy(vm.addr(DEPUTY_KEY + 1), word);
        vm.assertEq(deputies.deputy(), vm.addr(DEPUTY_KEY + 1));

        bytes memory old = signature(DEPUTY_KEY, deputies, NONCE);
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_Unauthorized.selector);
        deputies.pause(NONCE, old);
    }

    function test_a_deputy_signs_its_own_appointment() public {
        bytes memory word = authorisation(DEPUTY_KEY, deputies);
        vm.prank(address(safe));
        vm.expectRevert(DeputyPauseModule.DeputyPauseModule_InvalidDeputy.selector);
        deputies.setDeputy(vm.addr(DEPUTY_KEY + 1), word);
    }

    function test_a_module_that_is_off_pauses_nothing() public {
        bytes memory signed = signature(DEPUTY_KEY, deputies, NONCE);
        vm.prank(address(safe));
        safe.disableModule(address(roles), address(deputies));
        vm.expectRevert(bytes("GS104"));
        deputies.pause(NONCE, signed);
        vm.assertFalse(vault.paused());
    }

    function test_a_member_of_the_role_pauses() public {
        vm.prank(member);
        vm.assertTrue(roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, true));
        vm.assertTrue(vault.paused());
        vm.assertEq(safe.nonce(), 0);
    }

    function test_the_selector_is_the_modifiers() public view {
        vm.assertEq(bytes32(roles.execTransactionWithRole.selector), bytes32(bytes4(0xc6fe8747)));
    }

    function test_a_role_allows_its_function_and_no_other() public {
        bytes memory unpauseCall = abi.encodeCall(vault.unpause, ());
        vm.prank(member);
        vm.expectRevert(violation(Roles.Status.FunctionNotAllowed, bytes32(vault.unpause.selector)));
        roles.execTransactionWithRole(address(vault), 0, unpauseCall, 0, ROLE, true);
        vm.prank(member);
        vm.expectRevert(violation(Roles.Status.TargetAddressNotAllowed, bytes32(bytes20(address(token)))));
        roles.execTransactionWithRole(address(token), 0, pauseCall(), 0, ROLE, true);
        vm.prank(member);
        vm.expectRevert(violation(Roles.Status.DelegateCallNotAllowed, bytes32(vault.pause.selector)));
        roles.execTransactionWithRole(address(vault), 0, pauseCall(), 1, ROLE, true);
        vm.prank(member);
        vm.expectRevert(violation(Roles.Status.SendNotAllowed, bytes32(vault.pause.selector)));
        roles.execTransactionWithRole(address(vault), 1, pauseCall(), 0, ROLE, true);
    }

    function test_who_holds_no_role_is_refused_by_name() public {
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(ModuleList.NotAuthorized.selector, thief));
        roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, true);
        vm.prank(member);
        vm.expectRevert(Roles.NoMembership.selector);
        roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, "another", true);

        (bytes32[] memory keys, bool[] memory no) = one(ROLE);
        no[0] = false;
        vm.prank(address(safe));
        roles.assignRoles(member, keys, no);
        vm.prank(member);
        vm.expectRevert(Roles.NoMembership.selector);
        roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, true);
    }

    function test_a_failing_call_reverts_if_it_should() public {
        pauseAsSafe();
        vm.prank(member);
        vm.expectRevert(Roles.ModuleTransactionFailed.selector);
        roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, true);
        vm.prank(member);
        vm.assertFalse(roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, false));
    }

    function test_behind_a_delay_nothing_is_paused_yet() public {
        Delay delay = new Delay(address(safe), address(safe), address(safe), 1 days);
        vm.startPrank(address(safe));
        safe.enableModule(address(delay));
        delay.enableModule(address(roles));
        roles.setTarget(address(delay));
        vm.stopPrank();
        vm.prank(member);
        vm.assertTrue(roles.execTransactionWithRole(address(vault), 0, pauseCall(), 0, ROLE, true));
        vm.assertFalse(vault.paused());
        bytes memory call = pauseCall();
        vm.expectRevert(Delay.TransactionsTimelocked.selector);
        delay.executeNextTx(address(vault), 0, call, 0);
    }

    function newDeputies(uint256 key) private returns (DeputyPauseModule module) {
        // The signature names the module's address, which is known before it stands.
        address at = nextAddress();
        bytes memory word = signed(key, digest(at, keccak256(abi.encode(auth(), vm.addr(key)))));
        module = new DeputyPauseModule(
            IModuleHost(address(safe)), IPauses(address(vault)), IPauses(address(vault)), vm.addr(key), word
        );
        vm.assertEq(address(module), at);
    }

    function nextAddress() private view returns (address) {
        return vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
    }

    function auth() private pure returns (bytes32) {
        return keccak256("DeputyAuthMessage(address deputy)");
    }

    function authorisation(uint256 key, DeputyPauseModule module) private view returns (bytes memory) {
        return signed(key, digest(address(module), keccak256(abi.encode(auth(), vm.addr(key)))));
    }

    function signature(uint256 key, DeputyPauseModule module, bytes32 nonce) private view returns (bytes memory) {
        bytes32 kind = keccak256("PauseMessage(bytes32 nonce)");
        return signed(key, digest(address(module), keccak256(abi.encode(kind, nonce))));
    }

    function digest(address module, bytes32 structHash) private view returns (bytes32) {
        bytes32 kind =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain = keccak256(
            abi.encode(kind, keccak256("DeputyPauseModule"), keccak256("1"), block.chainid, module)
        );
        return keccak256(bytes.concat(hex"1901", domain, structHash));
    }

    function signed(uint256 key, bytes32 hash) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, hash);
        return bytes.concat(r, s, bytes1(v));
    }

    function violation(Roles.Status status, bytes32 info) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Roles.ConditionViolation.selector, status, info);
    }

    function one(bytes32 key) private pure returns (bytes32[] memory keys, bool[] memory yes) {
        keys = new bytes32[](1);
        yes = new bool[](1);
        keys[0] = key;
        yes[0] = true;
    }

    function pauseAsSafe() private {
        vm.prank(address(safe));
        vault.pause();
    }

    function pauseCall() private view returns (bytes memory) {
        return abi.encodeCall(vault.pause, ());
    }

    function create(string memory contractName) private returns (address made) {
        string memory artifact = vm.readFile(string.concat(artifacts(), contractName, ".json"));
        bytes memory creation = vm.parseJsonBytes(artifact, ".bytecode");
        assembly {
            made := create(0, add(creation, 32), mload(creation))
        }
        vm.assertTrue(made != address(0));
    }
}

contract ModulePause141Test is ModulePauseTest {
    function artifacts() internal pure override returns (string memory) {
        return "node_modules/@safe-global/safe-contracts/build/artifacts/contracts/";
    }

    function versionOf() internal pure override returns (string memory) {
        return "1.4.1";
    }
}

contract ModulePause150Test is ModulePauseTest {
    function artifacts() internal pure override returns (string memory) {
        return "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts/";
    }

    function versionOf() internal pure override returns (string memory) {
        return "1.5.0";
    }

    /// @dev New in 1.5.0: modules are guarded, too.
    function test_a_module_guard_can_veto_both_paths() public {
        PracticeGuard guard = new PracticeGuard();
        vm.prank(address(safe));
        safe.setModuleGuard(address(guard));
        guard.setShut(true);
        vm.prank(vm.addr(22));
        vm.expectRevert(PracticeGuard.Shut.selector);
        roles.execTransactionWithRole(address(vault), 0, abi.encodeCall(vault.pause, ()), 0, "pauser", true);
        vm.assertFalse(vault.paused());

        guard.setShut(false);
        vm.prank(vm.addr(22));
        vm.assertTrue(
            roles.execTransactionWithRole(address(vault), 0, abi.encodeCall(vault.pause, ()), 0, "pauser", true)
        );
        vm.assertTrue(vault.paused());
    }
}
