// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

/// @dev An AdoptedModel has an owner; a learning service has roles instead.
interface IOwned {
    // solhint-disable-next-line func-name-mixedcase
    function OWNER() external view returns (address);
}

/// @title Who speaks for a service
/// @notice The holder of the default admin role of a learning service (the timelock of its DAO), or the owner of an adopted model.
/// @dev The service itself is asked, by static calls with bounded gas. A service that lies about its authority speaks only for
/// itself: its effects elsewhere need the consent of others.
library ServiceAuthority {
    uint256 private constant CALL_GAS = 50_000;

    /// @notice `account` does not speak for `service`.
    error NotServiceAuthority(address service, address account);

    /// @dev Reverts with NotServiceAuthority.
    function requireAuthority(address service, address account) internal view {
        if (!speaksFor(service, account)) revert NotServiceAuthority(service, account);
    }

    function speaksFor(address service, address account) internal view returns (bool) {
        (bool answered, uint256 word) = _ask(service, abi.encodeCall(IAccessControl.hasRole, (bytes32(0), account)));
        if (answered && word == 1) return true;
        (answered, word) = _ask(service, abi.encodeCall(IOwned.OWNER, ()));
        return answered && word == uint256(uint160(account)) && account != address(0);
    }

    /// @dev Reads one word of the answer, if there is one, and copies no more of it.
    function _ask(address service, bytes memory input) private view returns (bool answered, uint256 word) {
        assembly ("memory-safe") {
            answered := staticcall(CALL_GAS, service, add(input, 0x20), mload(input), 0, 0x20)
            answered := and(answered, eq(returndatasize(), 0x20))
            word := mload(0)
        }
    }
}
