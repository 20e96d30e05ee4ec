// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The votes of tokens at stake
/// @notice Tokens that are staked, bonded or unbonding keep voting for their owner. Until they are slashed or withdrawn they
/// count here, as the token itself counts them before and after. Unless the owner delegates, the votes are the owner's own,
/// without a transaction. The governor adds both counts; its quorum refers to the token's whole supply, as before.
interface IStakeVotes {
    // ------------------------------------------------------------------------------------------------- errors

    /// @notice Votes are known only for the past: `timepoint` must be below `clock`.
    error ERC5805FutureLookup(uint256 timepoint, uint48 clock);

    // ------------------------------------------------------------------------------------------------- events

    event DelegateChanged(address indexed delegator, address indexed fromDelegate, address indexed toDelegate);
    event DelegateVotesChanged(address indexed delegate, uint256 previousVotes, uint256 newVotes);

    // ------------------------------------------------------------------------------------------------- actions

    /// @notice Gives the votes of the caller's stake, now and later, to `delegatee`; to the caller itself when zero.
    function delegate(address delegatee) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice The account that votes with the owner's stake.
    function delegates(address owner) external view returns (address);

    function getVotes(address account) external view returns (uint256);

    /// @param timepoint Unix seconds, past.
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256);

    /// @notice The block's timestamp, as the token's clock (ERC-6372).
    function clock() external view returns (uint48);

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory);
}
