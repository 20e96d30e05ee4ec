// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IAdmission} from "../../interfaces/IAdmission.sol";

/// @title Admits the keepers on a list, each for the party that the list names
/// @notice One list for all services that name this contract.
contract AllowListAdmission is IAdmission, AccessControl {
    struct Entry {
        bool listed;
        bytes32 party;
    }

    mapping(address keeper => Entry) private _entries;

    event Listed(address indexed keeper, bytes32 indexed party);
    event Unlisted(address indexed keeper);

    error ZeroAddress(bytes32 field);
    error NotListed(address keeper);

    /// @param admin The account that keeps the list: the timelock, or whomever it trusts with it.
    constructor(address admin) {
        if (admin == address(0)) revert ZeroAddress("admin");
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice Admin only. Puts a keeper on the list, or changes its party for the seats that it takes from now on.
    function list(address keeper, bytes32 party) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (keeper == address(0)) revert ZeroAddress("keeper");
        _entries[keeper] = Entry(true, party);
        emit Listed(keeper, party);
    }

    /// @notice Admin only. Takes a keeper off the list. It keeps any seat that it has; the service's DAO can `ban` it.
    function unlist(address keeper) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_entries[keeper].listed) revert NotListed(keeper);
        delete _entries[keeper];
        emit Unlisted(keeper);
    }

    /// @inheritdoc IAdmission
    function admit(address, address keeper) external view returns (bool admitted, bytes32 party) {
        Entry storage entry = _entries[keeper];
        return (entry.listed, entry.party);
    }
}
