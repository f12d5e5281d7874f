// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The vault's asset: an ERC-20 with 18 decimals that its owner mints.
contract Token is ERC20, Ownable {
    constructor(address owner) ERC20("Demo Dollar", "DUSD") Ownable(owner) {}

    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }
}
