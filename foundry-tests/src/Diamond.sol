// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice ERC-2535: adds, replaces and removes functions of a diamond.
interface IDiamondCut {
    enum FacetCutAction {
        Add,
        Replace,
        Remove
    }

    struct FacetCut {
        address facetAddress;
        FacetCutAction action;
        bytes4[] functionSelectors;
    }

    event DiamondCut(FacetCut[] _diamondCut, address _init, bytes _calldata);

    function diamondCut(FacetCut[] calldata _diamondCut, address _init, bytes calldata _calldata) external;
}

/// @notice ERC-2535: which functions a diamond has, and where they come from.
interface IDiamondLoupe {
    struct Facet {
        address facetAddress;
        bytes4[] functionSelectors;
    }

    function facets() external view returns (Facet[] memory facets_);
    function facetFunctionSelectors(address _facet) external view returns (bytes4[] memory selectors_);
    function facetAddresses() external view returns (address[] memory facets_);
    function facetAddress(bytes4 _functionSelector) external view returns (address facet_);
}

/// @title As small a diamond as the standard allows: its owner cuts it, and anybody may look.
/// @notice Cutting and looking are functions of the diamond itself ("immutable functions" of the standard), so no cut
/// can take them away. Everything else is what facets bring.
contract Diamond is IDiamondCut, IDiamondLoupe {
    /// @custom:storage-location erc7201:redhandle.storage.Diamond
    struct DiamondStorage {
        address owner;
        bytes4[] selectors;
        mapping(bytes4 selector => address) facet;
    }

    /// @dev By the formula of ERC-7201.
    function _position() private pure returns (bytes32) {
        return keccak256(abi.encode(uint256(keccak256("redhandle.storage.Diamond")) - 1)) & ~bytes32(uint256(0xff));
    }

    error NotTheOwner(address caller);
    error NoSuchFunction(bytes4 selector);
    error CannotAdd(bytes4 selector);
    error CannotReplace(bytes4 selector);
    error CannotRemove(bytes4 selector);
    error NoCode(address target);
    error InitFailed();

    constructor(address owner_, FacetCut[] memory cuts, address init, bytes memory data) {
        _diamond().owner = owner_;
        _cut(cuts, init, data);
    }

    function owner() external view returns (address) {
        return _diamond().owner;
    }

    function diamondCut(FacetCut[] calldata cuts, address init, bytes calldata data) external {
        if (msg.sender != _diamond().owner) revert NotTheOwner(msg.sender);
        _cut(cuts, init, data);
    }

    function facetAddress(bytes4 selector) public view returns (address) {
        if (_isOwn(selector)) return address(this);
        return _diamond().facet[selector];
    }

    function facetAddresses() public view returns (address[] memory found) {
        bytes4[] storage selectors = _diamond().selectors;
        found = new address[](selectors.length);
        uint256 count;
        for (uint256 i; i < selectors.length; i++) {
            address facet = _diamond().facet[selectors[i]];
            bool known;
            for (uint256 k; k < count; k++) {
                if (found[k] == facet) known = true;
            }
            if (!known) found[count++] = facet;
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    function facetFunctionSelectors(address facet) public view returns (bytes4[] memory found) {
        bytes4[] storage selectors = _diamond().selectors;
        found = new bytes4[](selectors.length);
        uint256 count;
        for (uint256 i; i < selectors.length; i++) {
            if (_diamond().facet[selectors[i]] == facet) found[count++] = selectors[i];
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    function facets() external view returns (Facet[] memory all) {
        address[] memory addresses = facetAddresses();
        all = new Facet[](addresses.length);
        for (uint256 i; i < addresses.length; i++) {
            all[i] = Facet(addresses[i], facetFunctionSelectors(addresses[i]));
        }
    }

    fallback() external {
        address facet = _diamond().facet[msg.sig];
        if (facet == address(0)) revert NoSuchFunction(msg.sig);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), facet, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch ok
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    function _cut(FacetCut[] memory cuts, address init, bytes memory data) private {
        for (uint256 i; i < cuts.length; i++) {
            for (uint256 k; k < cuts[i].functionSelectors.length; k++) {
                _cutOne(cuts[i].functionSelectors[k], cuts[i].facetAddress, cuts[i].action);
            }
        }
        emit DiamondCut(cuts, init, data);
        if (init == address(0)) return;
        if (init.code.length == 0) revert NoCode(init);
        (bool ok, bytes memory why) = init.delegatecall(data);
        if (ok) return;
        if (why.length == 0) revert InitFailed();
        assembly ("memory-safe") {
            revert(add(why, 32), mload(why))
        }
    }

    function _cutOne(bytes4 selector, address facet, FacetCutAction action) private {
        DiamondStorage storage $ = _diamond();
        address before = $.facet[selector];
        if (action == FacetCutAction.Remove) {
            if (before == address(0) || facet != address(0)) revert CannotRemove(selector);
            delete $.facet[selector];
            for (uint256 i; i < $.selectors.length; i++) {
                if ($.selectors[i] != selector) continue;
                $.selectors[i] = $.selectors[$.selectors.length - 1];
                $.selectors.pop();
                break;
            }
            return;
        }
        if (facet.code.length == 0) revert NoCode(facet);
        if (action == FacetCutAction.Add) {
            if (before != address(0) || _isOwn(selector)) revert CannotAdd(selector);
            $.selectors.push(selector);
        } else if (before == address(0) || before == facet || _isOwn(selector)) {
            revert CannotReplace(selector);
        }
        $.facet[selector] = facet;
    }

    function _isOwn(bytes4 selector) private pure returns (bool) {
        return selector == IDiamondCut.diamondCut.selector || selector == IDiamondLoupe.facets.selector
            || selector == IDiamondLoupe.facetFunctionSelectors.selector
            || selector == IDiamondLoupe.facetAddresses.selector || selector == IDiamondLoupe.facetAddress.selector
            || selector == this.owner.selector;
    }

    function _diamond() private pure returns (DiamondStorage storage $) {
        bytes32 position = _position();
        assembly {
            $.slot := position
        }
    }
}
