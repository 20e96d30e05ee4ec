// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IStakeVotes} from "../interfaces/IStakeVotes.sol";

/// @title Checkpoints of the votes of stake
/// @dev No token votes twice: the registry's own balance has no delegate, since the registry cannot delegate it. Keeps no history
/// of the sum, since the token keeps one.
abstract contract StakeVotes is IStakeVotes {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev Zero stands for the owner itself.
    mapping(address owner => address) private _delegates;
    mapping(address account => Checkpoints.Trace208) private _votes;

    /// @inheritdoc IStakeVotes
    function delegate(address delegatee) external {
        address previous = delegates(msg.sender);
        _delegates[msg.sender] = delegatee;
        address current = delegates(msg.sender);
        emit DelegateChanged(msg.sender, previous, current);
        if (previous == current) return;
        uint256 units = _votingUnits(msg.sender);
        if (units == 0) return;
        _count(previous, units, false);
        _count(current, units, true);
    }

    /// @inheritdoc IStakeVotes
    function delegates(address owner) public view returns (address) {
        address delegatee = _delegates[owner];
        return delegatee == address(0) ? owner : delegatee;
    }

    /// @inheritdoc IStakeVotes
    function getVotes(address account) public view virtual returns (uint256) {
        return _votes[account].latest();
    }

    /// @inheritdoc IStakeVotes
    function getPastVotes(address account, uint256 timepoint) public view virtual returns (uint256) {
        uint48 current = clock();
        if (timepoint >= current) revert ERC5805FutureLookup(timepoint, current);
        return _votes[account].upperLookupRecent(uint48(timepoint));
    }

    /// @inheritdoc IStakeVotes
    function clock() public view returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @inheritdoc IStakeVotes
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory) {
        return "mode=timestamp";
    }

    /// @dev All of an owner's tokens that the registry holds for it, in wei.
    function _votingUnits(address owner) internal view virtual returns (uint256);

    /// @dev Called once for each change of `_votingUnits`: stake came in (or otherwise left, or was taken).
    function _moveVotes(address owner, uint256 amount, bool added) internal {
        if (amount > 0) _count(delegates(owner), amount, added);
    }

    function _count(address account, uint256 amount, bool added) private {
        Checkpoints.Trace208 storage trace = _votes[account];
        uint256 before = trace.latest();
        uint256 votes = added ? before + amount : before - amount;
        trace.push(clock(), SafeCast.toUint208(votes));
        emit DelegateVotesChanged(account, before, votes);
    }
}
