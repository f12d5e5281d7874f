// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {VaultTest} from "./VaultTest.sol";

/// @notice What is the same in Safe 1.3.0, 1.4.1 and 1.5.0.
interface ISafe {
    function VERSION() external view returns (string memory);
    function nonce() external view returns (uint256);
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
    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce
    ) external view returns (bytes32);
    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes memory signatures
    ) external payable returns (bool);
}

interface ISafeProxyFactory {
    function createProxyWithNonce(address singleton, bytes memory initializer, uint256 salt) external returns (address);
}

/// @notice A 2-of-3 Safe of the real contracts pauses the vault. Once per Safe version, see the end of the file.
abstract contract SafePauseTest is VaultTest {
    uint256 private constant THRESHOLD = 2;
    /// The two factories by which Safe contracts reach the same address on every chain. Their code is the same:
    /// CREATE2 with the first word of the call as salt and the rest as creation code.
    address internal constant DETERMINISTIC_DEPLOYER = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    address internal constant SAFE_SINGLETON_FACTORY = 0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7;
    bytes private constant DEPLOYER_CODE =
        hex"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3";

    uint256[] private ownerKeys;
    ISafe internal safe;

    struct Release {
        string version;
        /// what made the addresses that safe-deployments calls canonical
        address deployer;
        /// where the npm package keeps its build artifacts
        string artifacts;
        string singleton;
        string factory;
        /// the files of safe-deployments
        string singletonAsset;
        string factoryAsset;
    }

    function release() internal pure virtual returns (Release memory);

    /// @dev What the vault's refusal looks like from outside of the Safe.
    function innerRevert(bytes memory cause) internal pure virtual returns (bytes memory);

    function setUp() public override {
        super.setUp();
        Release memory r = release();
        vm.etch(r.deployer, DEPLOYER_CODE);
        address singleton = deploy(r, r.singleton, r.singletonAsset);
        address factory = deploy(r, r.factory, r.factoryAsset);

        // ascending by address, the order in which a Safe wants its signatures
        ownerKeys = [uint256(11), 12, 13];
        for (uint256 i = 1; i < ownerKeys.length; i++) {
            for (uint256 j = i; j > 0 && vm.addr(ownerKeys[j]) < vm.addr(ownerKeys[j - 1]); j--) {
                (ownerKeys[j], ownerKeys[j - 1]) = (ownerKeys[j - 1], ownerKeys[j]);
            }
        }
        address[] memory owners = new address[](ownerKeys.length);
        for (uint256 i = 0; i < owners.length; i++) {
            owners[i] = vm.addr(ownerKeys[i]);
        }
        bytes memory init = abi.encodeCall(
            ISafe.setup, (owners, THRESHOLD, address(0), "", address(0), address(0), 0, payable(address(0)))
        );
        safe = ISafe(ISafeProxyFactory(factory).createProxyWithNonce(singleton, init, 0));

        vm.startPrank(admin);
        vault.grantRole(vault.PAUSER_ROLE(), address(safe));
        vm.stopPrank();
    }

    function test_is_the_release_it_says() public view {
        vm.assertEq(keccak256(bytes(safe.VERSION())), keccak256(bytes(release().version)));
    }

    function test_quorum_pauses_the_vault() public {
        bytes memory signatures = sign(THRESHOLD, pauseCall(), 0);
        strikeInNextBlock();
        // anybody can bring the signatures
        vm.prank(bob);
        vm.assertTrue(exec(pauseCall(), signatures));
        vm.assertTrue(vault.paused());
        vm.assertEq(safe.nonce(), 1);

        vm.prank(thief);
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        attacker.strike();
    }

    function test_more_signatures_than_needed_are_allowed() public {
        exec(pauseCall(), sign(ownerKeys.length, pauseCall(), 0));
        vm.assertTrue(vault.paused());
    }

    function test_below_the_threshold_reverts() public {
        bytes memory signatures = sign(THRESHOLD - 1, pauseCall(), 0);
        vm.expectRevert(bytes("GS020"));
        exec(pauseCall(), signatures);
        vm.assertFalse(vault.paused());
    }

    function test_signed_for_another_nonce_reverts() public {
        bytes memory signatures = sign(THRESHOLD, pauseCall(), 1);
        vm.expectRevert(bytes("GS026"));
        exec(pauseCall(), signatures);
        vm.assertFalse(vault.paused());
    }

    function test_unsorted_signatures_revert() public {
        (ownerKeys[0], ownerKeys[1]) = (ownerKeys[1], ownerKeys[0]);
        bytes memory signatures = sign(THRESHOLD, pauseCall(), 0);
        vm.expectRevert(bytes("GS026"));
        exec(pauseCall(), signatures);
    }

    function test_signatures_work_once() public {
        bytes memory signatures = sign(THRESHOLD, pauseCall(), 0);
        exec(pauseCall(), signatures);
        vm.prank(unpauser);
        vault.unpause();
        vm.expectRevert(bytes("GS026"));
        exec(pauseCall(), signatures);
    }

    function test_the_pausing_safe_cannot_unpause() public {
        exec(pauseCall(), sign(THRESHOLD, pauseCall(), 0));
        bytes memory unpauseCall = abi.encodeCall(vault.unpause, ());
        bytes memory signatures = sign(THRESHOLD, unpauseCall, 1);
        bytes memory refused = innerRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, address(safe), vault.UNPAUSER_ROLE()
            )
        );
        vm.expectRevert(refused);
        exec(unpauseCall, signatures);
        vm.assertTrue(vault.paused());
        // the whole call reverted, so the nonce is not used up
        vm.assertEq(safe.nonce(), 1);
    }

    /// @dev Deploys as the Safe project did, and so proves that the npm package holds what is live at that address.
    function deploy(Release memory r, string memory contractName, string memory asset)
        private
        returns (address deployed)
    {
        string memory artifact = vm.readFile(string.concat(r.artifacts, contractName, ".json"));
        bytes memory creation = vm.parseJsonBytes(artifact, ".bytecode");
        (bool done, bytes memory returned) = r.deployer.call(bytes.concat(bytes32(0), creation));
        vm.assertTrue(done);
        deployed = address(bytes20(returned));

        string memory listed = vm.readFile(
            string.concat("node_modules/@safe-global/safe-deployments/dist/assets/v", r.version, "/", asset, ".json")
        );
        vm.assertEq(deployed, vm.parseJsonAddress(listed, ".deployments.canonical.address"));
        vm.assertEq(deployed.codehash, vm.parseJsonBytes32(listed, ".deployments.canonical.codeHash"));
    }

    /// @dev The first `count` owners' signatures of a plain call to the vault.
    function sign(uint256 count, bytes memory data, uint256 nonce) private view returns (bytes memory signatures) {
        bytes32 hash = safe.getTransactionHash(address(vault), 0, data, 0, 0, 0, 0, address(0), address(0), nonce);
        for (uint256 i = 0; i < count; i++) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(ownerKeys[i], hash);
            signatures = bytes.concat(signatures, r, s, bytes1(v));
        }
    }

    function exec(bytes memory data, bytes memory signatures) private returns (bool) {
        return safe.execTransaction(address(vault), 0, data, 0, 0, 0, 0, address(0), payable(address(0)), signatures);
    }

    function pauseCall() private view returns (bytes memory) {
        return abi.encodeCall(vault.pause, ());
    }
}

contract SafePause130Test is SafePauseTest {
    function release() internal pure override returns (Release memory) {
        return Release({
            version: "1.3.0",
            // its "eip155" deployments came from the singleton factory, from the same creation code
            deployer: DETERMINISTIC_DEPLOYER,
            artifacts: "node_modules/@gnosis.pm/safe-contracts/build/artifacts/contracts/",
            singleton: "GnosisSafeL2.sol/GnosisSafeL2",
            factory: "proxies/GnosisSafeProxyFactory.sol/GnosisSafeProxyFactory",
            singletonAsset: "gnosis_safe_l2",
            factoryAsset: "proxy_factory"
        });
    }

    function innerRevert(bytes memory) internal pure override returns (bytes memory) {
        return bytes("GS013");
    }
}

contract SafePause141Test is SafePauseTest {
    function release() internal pure override returns (Release memory) {
        return Release({
            version: "1.4.1",
            deployer: SAFE_SINGLETON_FACTORY,
            artifacts: "node_modules/@safe-global/safe-contracts/build/artifacts/contracts/",
            singleton: "SafeL2.sol/SafeL2",
            factory: "proxies/SafeProxyFactory.sol/SafeProxyFactory",
            singletonAsset: "safe_l2",
            factoryAsset: "safe_proxy_factory"
        });
    }

    function innerRevert(bytes memory) internal pure override returns (bytes memory) {
        return bytes("GS013");
    }
}

contract SafePause150Test is SafePauseTest {
    function release() internal pure override returns (Release memory) {
        return Release({
            version: "1.5.0",
            deployer: SAFE_SINGLETON_FACTORY,
            artifacts: "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts/",
            singleton: "SafeL2.sol/SafeL2",
            factory: "proxies/SafeProxyFactory.sol/SafeProxyFactory",
            singletonAsset: "safe_l2",
            factoryAsset: "safe_proxy_factory"
        });
    }

    /// @dev Unlike the releases before it, 1.5.0 passes the cause on.
    function innerRevert(bytes memory cause) internal pure override returns (bytes memory) {
        return cause;
    }
}
