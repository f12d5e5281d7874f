// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheatcodes that these tests use. `ffi` runs a program: only the profile `differential` allows it.
interface Vm {
    function ffi(string[] calldata command) external returns (bytes memory output);
    function envString(string calldata name) external view returns (string memory);
    function chainId(uint256 id) external;
    function etch(address target, bytes calldata code) external;
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function toString(address value) external pure returns (string memory);
    function toString(uint256 value) external pure returns (string memory);
    function toString(bytes calldata value) external pure returns (string memory);
    function assertEq(bytes32 left, bytes32 right) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata message) external pure;
}

/// @notice What every Safe answers about its hashes.
interface ISafe {
    function VERSION() external view returns (string memory);
    function domainSeparator() external view returns (bytes32);
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
}

/// @notice `setup` as 1.0.0 has it, and as all have it since.
interface ISetup100 {
    function setup(address[] calldata, uint256, address, bytes calldata, address, uint256, address payable) external;
}

interface ISetup {
    function setup(address[] calldata, uint256, address, bytes calldata, address, address, uint256, address payable)
        external;
}

/// @notice Random Safe transactions: `redhandle safe hash` must say what the real contract says. Once per Safe
/// version, see the end of the file.
abstract contract SafeHashTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Longer calldata would only repeat the same hashing.
    uint256 private constant DATA_MAX_BYTES = 2048;

    struct Tx {
        address to;
        uint256 value;
        bytes data;
        bool delegatecall;
        uint256 safeTxGas;
        uint256 baseGas;
        uint256 gasPrice;
        address gasToken;
        address refundReceiver;
        uint256 nonce;
    }

    string private redhandle;
    bytes private code;

    function version() internal pure virtual returns (string memory);

    /// @dev The npm package's artifact.
    function artifact() internal pure virtual returns (string memory);

    /// @dev The hash that safe-deployments publishes; zero where the package was built in another folder, so that
    /// the compiler's metadata differs.
    function published() internal view virtual returns (bytes32);

    function setUp() public {
        redhandle = vm.envString("REDHANDLE_BIN");
        code = vm.parseJsonBytes(vm.readFile(string.concat("node_modules/", artifact(), ".json")), ".deployedBytecode");
        bytes32 expected = published();
        if (expected != 0) vm.assertEq(keccak256(code), expected, "the package is not the published code");
    }

    function test_the_binary_hashes_as_the_contract_does(Tx memory t, uint256 where, uint64 chain, bool quoted) public {
        if (t.data.length > DATA_MAX_BYTES) {
            bytes memory data = t.data;
            assembly {
                mstore(data, DATA_MAX_BYTES)
            }
        }
        vm.chainId(chain);
        ISafe safe = deploy(address(uint160(uint256(keccak256(abi.encode("a Safe", where))))));
        vm.assertEq(keccak256(bytes(safe.VERSION())), keccak256(bytes(version())));

        string memory said = hashes(t, address(safe), chain, quoted);
        bytes32 domain = vm.parseJsonBytes32(said, ".domain_hash");
        vm.assertEq(domain, safe.domainSeparator(), "domain_hash");
        bytes32 safeTxHash = vm.parseJsonBytes32(said, ".safe_tx_hash");
        vm.assertEq(safeTxHash, contractHash(safe, t), "safe_tx_hash");
        bytes32 message = vm.parseJsonBytes32(said, ".message_hash");
        vm.assertEq(safeTxHash, keccak256(abi.encodePacked(hex"1901", domain, message)), "message_hash");
    }

    /// @dev A Safe at any address: the code is put there and set up, as a proxy of it would be.
    function deploy(address place) private returns (ISafe) {
        vm.etch(place, code);
        address[] memory owners = new address[](1);
        owners[0] = address(0x1234);
        if (keccak256(bytes(version())) == keccak256("1.0.0")) {
            ISetup100(place).setup(owners, 1, address(0), "", address(0), 0, payable(address(0)));
        } else if (bytes(version())[2] < "3") {
            // since 1.3.0 the domain is computed when it is asked for, and needs no setup
            ISetup(place).setup(owners, 1, address(0), "", address(0), address(0), 0, payable(address(0)));
        }
        return ISafe(place);
    }

    function contractHash(ISafe safe, Tx memory t) private view returns (bytes32) {
        return safe.getTransactionHash(
            t.to,
            t.value,
            t.data,
            t.delegatecall ? 1 : 0,
            t.safeTxGas,
            t.baseGas,
            t.gasPrice,
            t.gasToken,
            t.refundReceiver,
            t.nonce
        );
    }

    /// @dev What the binary says. The transaction goes to its standard input.
    function hashes(Tx memory t, address safe, uint256 chain, bool quoted) private returns (string memory) {
        string[] memory command = new string[](9);
        command[0] = "sh";
        command[1] = "-c";
        command[2] =
            'printf %s "$1" | "$2" safe hash - --json --safe "$3" --chain-id "$4" --safe-version "$5" 2>/dev/null';
        // what sh calls itself
        command[3] = "safe-hash";
        command[4] = json(t, quoted);
        command[5] = redhandle;
        command[6] = vm.toString(safe);
        command[7] = vm.toString(chain);
        command[8] = version();
        return string(vm.ffi(command));
    }

    function json(Tx memory t, bool quoted) private pure returns (string memory) {
        string memory first = string.concat(
            '{"to":"',
            vm.toString(t.to),
            '","value":',
            number(t.value, quoted),
            ',"data":"',
            vm.toString(t.data),
            '","operation":',
            t.delegatecall ? "1" : "0",
            ',"safeTxGas":',
            number(t.safeTxGas, quoted)
        );
        string memory second = string.concat(
            ',"baseGas":',
            number(t.baseGas, quoted),
            ',"gasPrice":',
            number(t.gasPrice, quoted),
            ',"gasToken":"',
            vm.toString(t.gasToken),
            '","refundReceiver":"',
            vm.toString(t.refundReceiver),
            '","nonce":',
            number(t.nonce, quoted),
            "}"
        );
        return string.concat(first, second);
    }

    /// @dev The service takes numbers in both forms.
    function number(uint256 value, bool quoted) private pure returns (string memory) {
        string memory digits = vm.toString(value);
        return quoted ? string.concat('"', digits, '"') : digits;
    }

    function deployment(string memory asset) internal view returns (bytes32) {
        string memory path = string.concat("node_modules/@safe-global/safe-deployments/dist/assets/v", version(), "/", asset);
        return vm.parseJsonBytes32(vm.readFile(string.concat(path, ".json")), ".deployments.canonical.codeHash");
    }
}

contract SafeHash100Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.0.0";
    }

    function artifact() internal pure override returns (string memory) {
        return "safe-contracts-1.0.0/build/contracts/GnosisSafe";
    }

    function published() internal pure override returns (bytes32) {
        return 0;
    }
}

contract SafeHash111Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.1.1";
    }

    function artifact() internal pure override returns (string memory) {
        return "safe-contracts-1.1.1/build/contracts/GnosisSafe";
    }

    function published() internal view override returns (bytes32) {
        return deployment("gnosis_safe");
    }
}

contract SafeHash120Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.2.0";
    }

    function artifact() internal pure override returns (string memory) {
        return "safe-contracts-1.2.0/build/contracts/GnosisSafe";
    }

    function published() internal pure override returns (bytes32) {
        return 0;
    }
}

contract SafeHash130Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.3.0";
    }

    function artifact() internal pure override returns (string memory) {
        return "@gnosis.pm/safe-contracts/build/artifacts/contracts/GnosisSafeL2.sol/GnosisSafeL2";
    }

    function published() internal view override returns (bytes32) {
        return deployment("gnosis_safe_l2");
    }
}

contract SafeHash141Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.4.1";
    }

    function artifact() internal pure override returns (string memory) {
        return "@safe-global/safe-contracts/build/artifacts/contracts/SafeL2.sol/SafeL2";
    }

    function published() internal view override returns (bytes32) {
        return deployment("safe_l2");
    }
}

contract SafeHash150Test is SafeHashTest {
    function version() internal pure override returns (string memory) {
        return "1.5.0";
    }

    function artifact() internal pure override returns (string memory) {
        return "@safe-global/safe-smart-account/build/artifacts/contracts/SafeL2.sol/SafeL2";
    }

    function published() internal view override returns (bytes32) {
        return deployment("safe_l2");
    }
}
