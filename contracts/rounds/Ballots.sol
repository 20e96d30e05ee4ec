// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @title Candidates of one ballot, in storage that later ballots reuse
/// @dev The first candidate needs no look-up and no new slot, and an honest ballot has only this one. Further candidates are found
/// through a mapping keyed by ballot and digest. The caller stores the number of open candidates (in its head slot); slots beyond
/// that number are left over from earlier ballots.
///
///     slot    ┌─────────────────────────────┬───────────┐
///     +0      │ digest 208                  │ weight 48 │
///     +1      │ supporters 256                          │
///             └─────────────────────────────┴───────────┘
library Ballots {
    struct Entry {
        uint48 weight;
        bytes26 digest;
        Seats supporters;
    }

    struct Ballot {
        Entry[256] entries;
        mapping(bytes32 ballotAndDigest => uint256 index) indices;
    }

    /// @dev Fills the slots of the first candidate, so that the first ballot costs as much as the later ones.
    function prime(Ballot storage ballot) internal {
        ballot.entries[0] = Entry(1, bytes26(uint208(1)), only(0));
    }

    /// @param number The round or epoch of the ballot: distinguishes ballots that share the storage.
    /// @param open Number of candidates already open, 0 … 256. At most one is ever opened per member.
    /// @return index Of the candidate with this digest. @return opened Whether the candidate is new; the caller then counts it.
    function findOrOpen(
        Ballot storage ballot,
        uint256 number,
        uint256 open,
        bytes26 digest
    ) internal returns (uint8 index, bool opened) {
        if (open > 0) {
            if (ballot.entries[0].digest == digest) return (0, false);
            uint256 found = ballot.indices[_key(number, digest)];
            if (found != 0) return (uint8(found), false);
            ballot.indices[_key(number, digest)] = open;
        }
        Entry storage entry = ballot.entries[open];
        (entry.weight, entry.digest, entry.supporters) = (0, digest, NONE);
        return (uint8(open), true);
    }

    /// @param weight What the supporter adds to the candidate's weight. @return supporters Including this one.
    function support(
        Ballot storage ballot,
        uint8 index,
        uint8 seat,
        uint40 weight
    ) internal returns (Seats supporters) {
        Entry storage entry = ballot.entries[index];
        if (weight > 0) entry.weight += weight;
        supporters = entry.supporters.including(seat);
        entry.supporters = supporters;
    }

    function list(
        Ballot storage ballot,
        uint256 open
    ) internal view returns (ILearningServiceTypes.Candidate[] memory candidates) {
        candidates = new ILearningServiceTypes.Candidate[](open);
        for (uint256 i = 0; i < open; ++i) {
            Entry storage entry = ballot.entries[i];
            candidates[i] = ILearningServiceTypes.Candidate(
                entry.digest,
                entry.weight,
                Seats.unwrap(entry.supporters)
            );
        }
    }

    function _key(uint256 number, bytes26 digest) private pure returns (bytes32) {
        return keccak256(abi.encode(number, digest));
    }
}
