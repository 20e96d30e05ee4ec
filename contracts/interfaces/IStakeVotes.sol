// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The votes of tokens at stake
/// @notice A token that is staked, bonded or unbonding keeps voting for its owner: until it is slashed or withdrawn it counts
/// here, as the token itself counts it before and after. Unless the owner says otherwise its stake votes for itself, with no
/// transaction. The governor adds both, and its quorum is of the token's whole supply, as ever.
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

    /// @notice Who votes with the owner's stake.
    function delegates(address owner) external view returns (address);

    function getVotes(address account) external view returns (uint256);

    /// @param timepoint Unix seconds, past.
    function getPastVotes(address account, uint256 timepoint) external view returns (uint256);

    /// @notice Seconds of the block (ERC-6372), as the token's.
    function clock() external view returns (uint48);

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory);
}
