// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorStorage} from "@openzeppelin/contracts/governance/extensions/GovernorStorage.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakePoolFactory} from "../interfaces/IStakePoolFactory.sol";
import {IStakeVotes} from "../interfaces/IStakeVotes.sol";

/// @title The DAO's decisions: propose, vote, queue in the timelock, execute
/// @notice Tokens vote where they are delegated to; stake at the keeper registry votes for its owner. Proposals are stored, so
/// queueing, executing and cancelling need only their id. A quorum that is reached late extends the vote by a bounded time, so that
/// nobody can decide in the last second.
contract CohortGovernor is
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorStorage,
    GovernorVotes,
    GovernorVotesQuorumFraction,
    GovernorTimelockControl,
    GovernorPreventLateQuorum
{
    /// @notice A late quorum never extends a vote by more than this, whatever the voting period is.
    uint48 public constant MAX_VOTE_EXTENSION = 7 days;

    /// @notice Where stake votes: the keeper registry.
    IStakeVotes public immutable STAKES;

    /// @notice The factory of the pools that count when a voter names them.
    IStakePoolFactory public immutable POOLS;

    /// @notice The pools are not in ascending order, or POOLS did not make one of them.
    error PoolsInvalid(uint256 index, address pool);
    /// @notice The pools belong to a registry other than the one that counts stake here.
    error PoolsOfOtherRegistry(address found, address expected);
    /// @notice The registry's stake is in a different token from the one that votes here.
    error StakesOfOtherToken(address found, address expected);

    /// @notice All times are seconds, because the token's clock is the timestamp.
    struct Settings {
        /// Seconds from the proposal to the snapshot of the votes.
        uint48 votingDelay;
        /// Seconds from the snapshot to the end of the vote; not zero.
        uint32 votingPeriod;
        /// Seconds for which the vote stays open, at least, after it reaches the quorum; at most votingPeriod and
        /// MAX_VOTE_EXTENSION.
        uint48 voteExtension;
        /// Votes that a proposer needs, in units of 1e-18 token.
        uint256 proposalThreshold;
        /// Part of the supply that must vote for or abstain, in percent (0 to 100).
        uint256 quorumPercent;
    }

    constructor(
        IVotes token_,
        IStakeVotes stakes,
        IStakePoolFactory pools,
        TimelockController timelock_,
        Settings memory settings
    )
        Governor("CohortGovernor")
        GovernorSettings(settings.votingDelay, settings.votingPeriod, settings.proposalThreshold)
        GovernorVotes(token_)
        GovernorVotesQuorumFraction(settings.quorumPercent)
        GovernorTimelockControl(timelock_)
        GovernorPreventLateQuorum(settings.voteExtension)
    {
        address found = IKeeperRegistry(address(stakes)).stakeToken();
        if (found != address(token_)) revert StakesOfOtherToken(found, address(token_));
        address registry = address(pools.REGISTRY());
        if (registry != address(stakes)) revert PoolsOfOtherRegistry(registry, address(stakes));
        STAKES = stakes;
        POOLS = pools;
    }

    /// @dev Votes of the tokens delegated to the account, of the stake that votes for it, and of its shares in the pools that
    /// `params` names: an address[] in ascending order, ABI-encoded, for `castVoteWithReasonAndParams`. All three count time in
    /// seconds, and no token is in two at once: the registry counts a pool's stake for the pool, which cannot vote.
    function _getVotes(
        address account,
        uint256 timepoint,
        bytes memory params
    ) internal view override(Governor, GovernorVotes) returns (uint256) {
        uint256 votes = super._getVotes(account, timepoint, params) + STAKES.getPastVotes(account, timepoint);
        return params.length == 0 ? votes : votes + _votesInPools(account, timepoint, params);
    }

    function _votesInPools(
        address account,
        uint256 timepoint,
        bytes memory params
    ) private view returns (uint256 votes) {
        address[] memory pools = abi.decode(params, (address[]));
        address previous;
        for (uint256 i = 0; i < pools.length; ++i) {
            if (pools[i] <= previous || !POOLS.isPool(pools[i])) revert PoolsInvalid(i, pools[i]);
            previous = pools[i];
            votes += IStakeVotes(previous).getPastVotes(account, timepoint);
        }
    }

    // The rest only resolves, for the compiler, functions that several bases define.

    function state(uint256 id) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(id);
    }

    function proposalDeadline(
        uint256 id
    ) public view override(Governor, GovernorPreventLateQuorum) returns (uint256) {
        return super.proposalDeadline(id);
    }

    function proposalNeedsQueuing(
        uint256 id
    ) public view override(Governor, GovernorTimelockControl) returns (bool) {
        return super.proposalNeedsQueuing(id);
    }

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function _maxLateQuorumVoteExtension() internal view override returns (uint256) {
        return Math.min(super._maxLateQuorumVoteExtension(), MAX_VOTE_EXTENSION);
    }

    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override(Governor, GovernorStorage) returns (uint256) {
        return super._propose(targets, values, calldatas, description, proposer);
    }

    function _tallyUpdated(uint256 id) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(id);
    }

    function _queueOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
