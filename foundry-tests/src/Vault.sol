// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {ERC20Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/ERC20Upgradeable.sol";
import {ERC4626Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC4626Upgradeable.sol";
import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title An ERC-4626 vault that can be paused, and that has a hole.
/// @notice Yield reaches the vault as plain transfers of the asset. While it is paused, shares neither appear, vanish
/// nor move. The one who pauses cannot unpause: stopping must be quick, starting again must be considered.
/// @dev PLANTED ON PURPOSE, for tests and the demo: see {previewWithdrawUpTo}. Never deploy this for real.
contract Vault is ERC4626Upgradeable, AccessControlUpgradeable, PausableUpgradeable, UUPSUpgradeable {
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 public constant UNPAUSER_ROLE = keccak256("UNPAUSER_ROLE");
    bytes32 public constant UPGRADER_ROLE = keccak256("UPGRADER_ROLE");

    /// @notice The part of the liquidity, in basis points, that {withdrawUpTo} pays out per block at most.
    uint256 public constant UP_TO_LIMIT_BPS = 1_000;

    /// @custom:storage-location erc7201:redhandle.storage.Vault
    struct VaultStorage {
        /// The block in which {withdrawUpTo} last paid, and what it may still pay in that block.
        uint256 budgetBlock;
        uint256 budgetLeft;
    }

    // keccak256(abi.encode(uint256(keccak256("redhandle.storage.Vault")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant VAULT_STORAGE = 0xadedffca15def26f3d63eaafe4e0b5f7ca47b00b12bdc4c17e954bb593b4e200;

    /// `owner` has no shares, or this block's limit is used up.
    error NothingToWithdraw(address owner);

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @param admin grants and revokes every role, and may upgrade
    function initialize(IERC20 asset_, address admin, address pauser, address unpauser) external initializer {
        __ERC20_init("Demo Dollar Vault", "vDUSD");
        __ERC4626_init(asset_);
        __AccessControl_init();
        __Pausable_init();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(UPGRADER_ROLE, admin);
        _grantRole(PAUSER_ROLE, pauser);
        _grantRole(UNPAUSER_ROLE, unpauser);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    function unpause() external onlyRole(UNPAUSER_ROLE) {
        _unpause();
    }

    /// @notice Withdraws `assets` or, if the caller's shares or this block's limit do not reach that far, as much as
    /// they do. For callers that quote first and act later: {withdraw} reverts when the price moved in between.
    /// @return paid the assets sent to `receiver`
    function withdrawUpTo(uint256 assets, address receiver) external whenNotPaused returns (uint256 paid) {
        address owner = _msgSender();
        uint256 shares;
        (paid, shares) = previewWithdrawUpTo(owner, assets);
        if (shares == 0) revert NothingToWithdraw(owner);

        VaultStorage storage $ = _vaultStorage();
        $.budgetLeft = withdrawUpToLimit() - paid;
        $.budgetBlock = block.number;
        _withdraw(owner, receiver, owner, paid, shares);
    }

    /// @notice What {withdrawUpTo} would pay to `owner` now, and the shares that it would burn.
    /// @dev PLANTED BUG, on purpose, for tests and the demo. The price is rounded up, so the last shares of an owner
    /// can fall one short of it; the clamp to what is owned was added for that. But it has no bound: an owner of a
    /// single share asks for anything, all its shares are burned, and `paid` is not priced again. Only the limit per
    /// block holds. {VaultFixed} shows the cure.
    function previewWithdrawUpTo(address owner, uint256 assets)
        public
        view
        virtual
        returns (uint256 paid, uint256 shares)
    {
        paid = Math.min(assets, withdrawUpToLimit());
        shares = Math.min(previewWithdraw(paid), balanceOf(owner));
    }

    /// @notice What {withdrawUpTo} can still pay in this block, to all callers together.
    function withdrawUpToLimit() public view returns (uint256) {
        VaultStorage storage $ = _vaultStorage();
        if ($.budgetBlock == block.number) return $.budgetLeft;
        return Math.mulDiv(totalAssets(), UP_TO_LIMIT_BPS, 10_000);
    }

    // The guards stand at the entrance, so that a paused vault answers EnforcedPause whatever else is wrong with a call.

    function deposit(uint256 assets, address receiver) public override whenNotPaused returns (uint256) {
        return super.deposit(assets, receiver);
    }

    function mint(uint256 shares, address receiver) public override whenNotPaused returns (uint256) {
        return super.mint(shares, receiver);
    }

    function withdraw(uint256 assets, address receiver, address owner) public override whenNotPaused returns (uint256) {
        return super.withdraw(assets, receiver, owner);
    }

    function redeem(uint256 shares, address receiver, address owner) public override whenNotPaused returns (uint256) {
        return super.redeem(shares, receiver, owner);
    }

    // ERC-4626: the limits are zero while the entrance is shut.

    function maxDeposit(address receiver) public view override returns (uint256) {
        return paused() ? 0 : super.maxDeposit(receiver);
    }

    function maxMint(address receiver) public view override returns (uint256) {
        return paused() ? 0 : super.maxMint(receiver);
    }

    /// @dev {maxWithdraw} follows from this one.
    function maxRedeem(address owner) public view override returns (uint256) {
        return paused() ? 0 : super.maxRedeem(owner);
    }

    /// @dev Transfers, and whatever mints or burns by a path not guarded above.
    function _update(address from, address to, uint256 value) internal override(ERC20Upgradeable) whenNotPaused {
        super._update(from, to, value);
    }

    function _authorizeUpgrade(address) internal override onlyRole(UPGRADER_ROLE) {}

    function _vaultStorage() private pure returns (VaultStorage storage $) {
        assembly {
            $.slot := VAULT_STORAGE
        }
    }
}
