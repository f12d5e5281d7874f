// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Imported so that the build writes its artifact: everything that deploys a vault needs the proxy's bytecode.
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
