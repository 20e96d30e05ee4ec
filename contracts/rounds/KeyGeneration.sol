// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceKeys} from "../interfaces/ILearningServiceKeys.sol";
import {Ballots} from "./Ballots.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Seats} from "./Seats.sol";

/// @title Key generation: commit, reveal, confirm or complain, judge
/// @dev A share is committed to before any is revealed, else the last to speak picks the key (Mouchet et al. 2021).
/// Whatever goes wrong after that, every member can recompute from public bytes: evidence is not read here, a quorum says
/// what it shows.
abstract contract KeyGeneration is ILearningServiceKeys, ClockedPart {
    using Ballots for Ballots.Ballot;

    uint256 private constant MAX_EVIDENCE = 256;

    /// @inheritdoc ILearningServiceKeys
    function commitKey(uint32 epoch_, bytes32 crsSeed, bytes32 commitment) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyCommit, epoch_);
        if (crsSeed != _crsSeed) revert WrongSeed(crsSeed, _crsSeed);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats done = _mark(h, _keyCommitted, seat);
        _keyCommitted = done;
        _keyCommitments[seat] = commitment;
        emit KeyCommitted(epoch_, seat, commitment);
        if (done == _members) _complete(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function revealKey(uint32 epoch_, bytes calldata cid, bytes32 salt) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyReveal, epoch_);
        _checkCid(cid);
        bytes32 found = _keyCommitment(epoch_, seat, cid, salt);
        if (found != _keyCommitments[seat]) revert CommitmentMismatch(found, _keyCommitments[seat]);
        Seats done = _mark(h, _keyRevealed, seat);
        _keyRevealed = done;
        emit KeyRevealed(epoch_, seat, cid);
        if (done == _members) _complete(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function confirmKey(uint32 epoch_, bytes32 keyHash) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (keyHash == bytes32(0)) revert ZeroHash("keyHash");
        Seats spoken = _mark(h, _keySpoken, seat);
        _keySpoken = spoken;
        // A digest of all 256 bits, not their upper part: what is recorded is then what every member confirmed.
        (, Seats supporters) = _ballot(h, uint256(epoch_) << 32, bytes26(keccak256(abi.encode(keyHash))), seat);
        if (h.candidates > 1) h.flags |= DISPUTED;
        emit KeyConfirmed(epoch_, seat, keyHash);
        if (supporters == _members) {
            _keyHash = keyHash;
            _complete(h);
        } else if (spoken == _members) {
            _endNow(h);
        } else {
            _head = h;
        }
    }

    /// @inheritdoc ILearningServiceKeys
    function complain(uint32 epoch_, uint8 accused, bytes calldata evidence) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (accused == seat || !_members.contains(accused)) revert ComplaintInvalid(seat, accused);
        if (evidence.length > MAX_EVIDENCE) revert EvidenceLength(evidence.length, MAX_EVIDENCE);
        Seats spoken = _mark(h, _keySpoken, seat);
        _keySpoken = spoken;
        _keyComplained = _keyComplained.including(seat);
        _keyAccused = _keyAccused.including(accused);
        h.flags |= DISPUTED;
        emit KeyComplaint(epoch_, seat, accused, evidence);
        if (spoken == _members) _endNow(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function judge(uint32 epoch_, uint256 convicted, uint256 excused) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyJudge, epoch_);
        Seats spoken = _keySpoken;
        if (!spoken.contains(seat)) revert NotSpoken(seat, Seats.unwrap(spoken));
        Seats members = _members;
        if (convicted & excused != 0 || !Seats.wrap(convicted | excused).without(members).isEmpty()) {
            revert VerdictInvalid(convicted, excused, Seats.unwrap(members));
        }
        Seats judged = _mark(h, _keyJudged, seat);
        _keyJudged = judged;
        uint256 open = h.candidates;
        bytes26 digest = bytes26(keccak256(abi.encode(convicted, excused)));
        (uint8 index, Seats supporters) = _ballot(h, (uint256(epoch_) << 32) | 1, digest, seat);
        if (h.candidates > open) {
            _verdictConvicted[index] = Seats.wrap(convicted);
            _verdictExcused[index] = Seats.wrap(excused);
        }
        if (supporters.count() >= _quorum(h)) {
            h.elected = index;
            h.flags |= JUDGED;
        }
        emit KeyJudged(epoch_, seat, convicted, excused);
        // Who is silent pays, so everybody has the whole window, whatever a quorum has agreed on before.
        if (judged == spoken) _endNow(h);
        else _head = h;
    }

    function _ballot(
        Head memory h,
        uint256 number,
        bytes26 digest,
        uint8 seat
    ) private returns (uint8 index, Seats supporters) {
        bool opened;
        (index, opened) = _keyBallot.findOrOpen(number, h.candidates, digest);
        if (opened) h.candidates += 1;
        supporters = _keyBallot.entries[index].supporters.including(seat);
        _keyBallot.entries[index].supporters = supporters;
    }

    function _keyStep(Head memory h, State wanted, uint32 epoch_) private view returns (uint8) {
        _expect(h, wanted);
        if (epoch_ != h.epoch) revert WrongEpoch(epoch_, h.epoch);
        return _callingMember(h);
    }
}
