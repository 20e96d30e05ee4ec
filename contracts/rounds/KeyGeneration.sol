// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {Ballots} from "./Ballots.sol";
import {Membership} from "./Membership.sol";
import {Seats, only} from "./Seats.sol";

/// @title Key generation: commit, reveal, confirm
/// @dev A share is committed to before any is revealed, else the last to speak picks the key (Mouchet et al. 2021).
abstract contract KeyGeneration is Membership {
    using Ballots for Ballots.Ballot;

    /// @inheritdoc ILearningServiceRegistration
    function commitKey(uint32 epoch_, bytes32 commitment) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyCommit, epoch_);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats done = _mark(h, _keyCommitted, seat);
        _keyCommitted = done;
        _keyCommitments[seat] = commitment;
        emit KeyCommitted(epoch_, seat, commitment);
        if (done == _members) _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function revealKey(uint32 epoch_, bytes calldata cid, bytes32 salt) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyReveal, epoch_);
        _checkCid(cid);
        bytes32 found = keyCommitment(epoch_, seat, cid, salt);
        if (found != _keyCommitments[seat]) revert CommitmentMismatch(found, _keyCommitments[seat]);
        Seats done = _mark(h, _keyRevealed, seat);
        _keyRevealed = done;
        emit KeyRevealed(epoch_, seat, cid);
        if (done == _members) _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function confirmKey(uint32 epoch_, bytes32 keyHash) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (keyHash == bytes32(0)) revert ZeroHash("keyHash");
        Seats spoken = _mark(h, _keySpoken, seat);
        _keySpoken = spoken;
        (uint8 index, bool opened) = _attestations.findOrOpen(
            uint256(epoch_) << 32,
            h.attestCount,
            // A digest of all 256 bits, not their upper part: what is recorded is then what every member confirmed.
            bytes26(keccak256(abi.encode(keyHash))),
            only(seat)
        );
        if (opened) h.attestCount += 1;
        Seats supporters = _attestations.entries[index].supporters.including(seat);
        _attestations.entries[index].supporters = supporters;
        emit KeyConfirmed(epoch_, seat, keyHash);
        if (supporters == _members) {
            _keyHash = keyHash;
            _complete(h);
        } else {
            _endIfAllSpoke(h, spoken);
        }
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function complain(uint32 epoch_, uint8 accused) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (accused == seat || !_members.contains(accused)) revert ComplaintInvalid(seat, accused);
        Seats spoken = _mark(h, _keySpoken, seat);
        _keySpoken = spoken;
        _keyComplained = _keyComplained.including(seat);
        _keyAccused = _keyAccused.including(accused);
        uint256 key = _accusationKey(epoch_, accused);
        _accusers[key] = _accusers[key].including(seat);
        emit KeyComplaint(epoch_, seat, accused);
        _endIfAllSpoke(h, spoken);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function keyCommitment(
        uint32 epoch_,
        uint8 seat,
        bytes calldata cid,
        bytes32 salt
    ) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), epoch_, seat, keccak256(cid), salt));
    }

    function _keyStep(Head memory h, State wanted, uint32 epoch_) private view returns (uint8) {
        _expect(h, wanted);
        if (epoch_ != h.epoch) revert WrongEpoch(epoch_, h.epoch);
        return _callingMember(h);
    }

    /// @dev All have spoken and not alike: the generation has failed now, not at the deadline.
    function _endIfAllSpoke(Head memory h, Seats spoken) private {
        if (spoken != _members) return;
        h.deadline = uint40(block.timestamp);
        _run(h);
    }
}
