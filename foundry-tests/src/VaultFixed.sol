// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Vault} from "./Vault.sol";

/// @title The vault without the hole: what to upgrade to after the pause.
/// @dev Adds no state, so the storage layout is {Vault}'s.
contract VaultFixed is Vault {
    /// @inheritdoc Vault
    /// @dev Nobody is paid more than the shares are worth, so there is nothing to clamp when they are burned.
    function previewWithdrawUpTo(address owner, uint256 assets)
        public
        view
        override
        returns (uint256 paid, uint256 shares)
    {
        paid = Math.min(Math.min(assets, withdrawUpToLimit()), previewRedeem(balanceOf(owner)));
        shares = previewWithdraw(paid);
    }
}
