// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title The token of a cohort: votes in the DAO, stake of the keepers, rewards of the rounds
/// @notice Votes count only when they are delegated, be it to oneself. The clock is the block's timestamp (ERC-6372),
/// so voting periods are in seconds on every chain.
contract CohortToken is ERC20, ERC20Permit, ERC20Votes, AccessControl {
    /// @notice May mint. Held by the timelock once a deployment is complete.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice The lists of the first supply's holders and amounts have different lengths.
    error HoldersAndAmountsDiffer(uint256 holders, uint256 amounts);
    /// @notice The administrator must not be the zero address, because somebody must hand the roles over.
    error ZeroAdmin();

    /// @param admin Gets the default admin role and the minter role, to hand over to the timelock.
    /// @param holders Receivers of the first supply.
    /// @param amounts What each of them receives, in units of 1e-18 token.
    constructor(
        address admin,
        address[] memory holders,
        uint256[] memory amounts
    ) ERC20("Cohort", "COH") ERC20Permit("Cohort") {
        if (admin == address(0)) revert ZeroAdmin();
        if (holders.length != amounts.length) revert HoldersAndAmountsDiffer(holders.length, amounts.length);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, admin);
        for (uint256 i = 0; i < holders.length; ++i) _mint(holders[i], amounts[i]);
    }

    /// @notice Creates `amount` for `to`; the votes' arithmetic caps the supply at 2^208 − 1.
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice The block's timestamp (ERC-6372).
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice Describes the unit of the clock (ERC-6372).
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
