// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEnsembleOracleTypes} from "../interfaces/IEnsembleOracle.sol";
import {Bn254} from "./Bn254.sol";

/// @title Reads outputs and combines several opinions into one, in integers
/// @dev Pure arithmetic over at most 16 ballots, so loops within loops are cheap. Magnitudes: weights < 2^16, margins < 2^64,
/// scores ≤ 2^120: no sum comes near 2^255.
library EnsembleRules {
    /// @notice One member's vote.
    struct Ballot {
        bool cast;
        uint16 weight;
        uint64 margin;
        int128 value;
    }

    /// @dev `support` and `runnerUp` are tallies of labels. For scores, `support` is all weight cast.
    struct Outcome {
        int128 value;
        uint256 support;
        uint256 runnerUp;
        uint256 total;
    }

    /// @notice Most members of an ensemble, so that their weights fit one word.
    uint256 internal constant MAX_MEMBERS = 16;
    uint256 private constant WEIGHT_BITS = 16;
    uint256 private constant LABEL_BITS = 16;

    /// @notice An output's value by the member's decoding; unreadable if it is beyond `range`.
    function read(
        IEnsembleOracleTypes.Member memory seat,
        uint128 range,
        uint256 output
    ) internal pure returns (bool readable, IEnsembleOracleTypes.Answer memory entry) {
        entry.kind = IEnsembleOracleTypes.AnswerKind.Cast;
        if (seat.decoding == IEnsembleOracleTypes.Decoding.Score) {
            if (output >= Bn254.SCALAR_ORDER) return (false, entry);
            bool negative = output > Bn254.SCALAR_ORDER / 2;
            uint256 magnitude = negative ? Bn254.SCALAR_ORDER - output : output;
            if (magnitude > range) return (false, entry);
            entry.value = negative ? -int128(uint128(magnitude)) : int128(uint128(magnitude));
            return (true, entry);
        }
        uint256 label = output;
        if (seat.decoding == IEnsembleOracleTypes.Decoding.LabelAndMargin) {
            label = output & ((1 << LABEL_BITS) - 1);
            uint256 margin = output >> LABEL_BITS;
            entry.margin = margin < type(uint64).max ? uint64(margin) : type(uint64).max;
            if (entry.margin < seat.minMargin) entry.kind = IEnsembleOracleTypes.AnswerKind.Abstained;
        }
        if (label >= range) return (false, entry);
        entry.value = int128(uint128(label));
        return (true, entry);
    }

    /// @notice The result of the ballots. At least one must have been cast.
    function decide(
        IEnsembleOracleTypes.Rule rule,
        Ballot[] memory ballots
    ) internal pure returns (Outcome memory outcome) {
        if (rule == IEnsembleOracleTypes.Rule.Mean) return _mean(ballots);
        if (rule == IEnsembleOracleTypes.Rule.Median) return _median(ballots);
        return _vote(ballots, rule == IEnsembleOracleTypes.Rule.MarginVote);
    }

    /// @notice Weight number `index` of a packed word.
    function weightAt(uint256 packed, uint256 index) internal pure returns (uint16) {
        return uint16(packed >> (index * WEIGHT_BITS));
    }

    /// @notice The word with weight number `index` replaced.
    function withWeight(uint256 packed, uint256 index, uint16 weight) internal pure returns (uint256) {
        uint256 shift = index * WEIGHT_BITS;
        return (packed & ~(uint256(type(uint16).max) << shift)) | (uint256(weight) << shift);
    }

    /// @notice A weight after one decision: a step of 1/2^adaptation up or down, within [initial / 4, 4 · initial].
    function moved(uint16 weight, uint16 initial, uint8 adaptation, bool agreed) internal pure returns (uint16) {
        uint256 step = weight >> adaptation;
        if (agreed) {
            uint256 cap = 4 * uint256(initial);
            uint256 higher = weight + step;
            return uint16(higher < cap ? higher : cap);
        }
        uint256 floor = initial / 4;
        uint256 lower = weight - step;
        return uint16(lower > floor ? lower : floor);
    }

    /// @dev In a tie, the label with the larger (weighted) margins of its voters wins, then the lower label.
    function _vote(Ballot[] memory ballots, bool byMargin) private pure returns (Outcome memory outcome) {
        uint256 bestSureness;
        for (uint256 i = 0; i < ballots.length; ++i) {
            Ballot memory first = ballots[i];
            if (!first.cast || _seenBefore(ballots, i)) continue;
            uint256 plain;
            uint256 sureness;
            for (uint256 j = i; j < ballots.length; ++j) {
                Ballot memory ballot = ballots[j];
                if (!ballot.cast || ballot.value != first.value) continue;
                plain += ballot.weight;
                sureness += ballot.weight * (uint256(ballot.margin) + 1);
            }
            uint256 tally = byMargin ? sureness : plain;
            outcome.total += tally;
            if (_wins(tally, sureness, first.value, outcome, bestSureness)) {
                outcome.runnerUp = outcome.support;
                (outcome.value, outcome.support, bestSureness) = (first.value, tally, sureness);
            } else if (tally > outcome.runnerUp) {
                outcome.runnerUp = tally;
            }
        }
    }

    function _wins(
        uint256 tally,
        uint256 sureness,
        int128 label,
        Outcome memory best,
        uint256 bestSureness
    ) private pure returns (bool) {
        if (tally != best.support) return tally > best.support;
        if (sureness != bestSureness) return sureness > bestSureness;
        return label < best.value;
    }

    function _seenBefore(Ballot[] memory ballots, uint256 index) private pure returns (bool) {
        for (uint256 i = 0; i < index; ++i) {
            if (ballots[i].cast && ballots[i].value == ballots[index].value) return true;
        }
        return false;
    }

    function _mean(Ballot[] memory ballots) private pure returns (Outcome memory outcome) {
        int256 sum;
        for (uint256 i = 0; i < ballots.length; ++i) {
            Ballot memory ballot = ballots[i];
            if (!ballot.cast) continue;
            outcome.total += ballot.weight;
            sum += int256(uint256(ballot.weight)) * ballot.value;
        }
        outcome.support = outcome.total;
        // A mean lies between the smallest and the largest, so it fits.
        outcome.value = int128(sum / int256(outcome.total));
    }

    /// @dev Tests every score cast: it is the lower median if the weight up to it reaches half, and the weight below it does
    /// not.
    function _median(Ballot[] memory ballots) private pure returns (Outcome memory outcome) {
        for (uint256 i = 0; i < ballots.length; ++i) if (ballots[i].cast) outcome.total += ballots[i].weight;
        outcome.support = outcome.total;
        for (uint256 i = 0; i < ballots.length; ++i) {
            Ballot memory candidate = ballots[i];
            if (!candidate.cast) continue;
            uint256 below;
            uint256 upTo;
            for (uint256 j = 0; j < ballots.length; ++j) {
                Ballot memory ballot = ballots[j];
                if (!ballot.cast || ballot.value > candidate.value) continue;
                upTo += ballot.weight;
                if (ballot.value < candidate.value) below += ballot.weight;
            }
            if (2 * below < outcome.total && 2 * upTo >= outcome.total) outcome.value = candidate.value;
        }
    }
}
