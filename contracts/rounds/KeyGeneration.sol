// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceKeys} from "../interfaces/ILearningServiceKeys.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Head, DISPUTED, JUDGED} from "./Head.sol";
import {Seats} from "./Seats.sol";

/// @title Key generation: commit, reveal, confirm or complain, judge
/// @dev Each member commits to its dealing before any is revealed; otherwise the last member to reveal could choose the key
/// (Mouchet et al. 2021). Every member can recompute any fault in what follows from public bytes, so the contract does not read
/// evidence: a quorum reports the result.
abstract contract KeyGeneration is ILearningServiceKeys, ClockedPart {
    uint256 private constant MAX_EVIDENCE = 256;

    /// @inheritdoc ILearningServiceKeys
    function commitKey(uint32 epoch_, bytes32 crsSeed, bytes32 commitment) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyCommit, epoch_);
        if (crsSeed != _key.crsSeed) revert WrongSeed(crsSeed, _key.crsSeed);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats done = _key.commit(h, seat, commitment);
        emit KeyCommitted(epoch_, seat, commitment);
        if (done == _seats.members) _complete(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function revealKey(uint32 epoch_, bytes calldata cid, bytes32 salt) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyReveal, epoch_);
        _checkCid(cid);
        Seats done = _key.reveal(h, seat, _keyCommitment(epoch_, seat, cid, salt));
        emit KeyRevealed(epoch_, seat, cid);
        if (done == _seats.members) _complete(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function confirmKey(uint32 epoch_, bytes32 keyHash) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (keyHash == bytes32(0)) revert ZeroHash("keyHash");
        (Seats spoken, Seats supporters) = _key.confirm(h, seat, keyHash);
        if (h.candidates > 1) h.flags |= DISPUTED;
        emit KeyConfirmed(epoch_, seat, keyHash);
        if (supporters == _seats.members) {
            _key.agree(keyHash);
            _complete(h);
        } else if (spoken == _seats.members) {
            _endNow(h);
        } else {
            _head = h;
        }
    }

    /// @inheritdoc ILearningServiceKeys
    function complain(uint32 epoch_, uint8 accused, bytes calldata evidence) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyConfirm, epoch_);
        if (accused == seat || !_seats.members.contains(accused)) revert ComplaintInvalid(seat, accused);
        if (evidence.length > MAX_EVIDENCE) revert EvidenceLength(evidence.length, MAX_EVIDENCE);
        Seats spoken = _key.complain(h, seat, accused);
        h.flags |= DISPUTED;
        emit KeyComplaint(epoch_, seat, accused, evidence);
        if (spoken == _seats.members) _endNow(h);
        else _head = h;
    }

    /// @inheritdoc ILearningServiceKeys
    function judge(uint32 epoch_, uint256 convicted, uint256 excused) external {
        Head memory h = _settle();
        uint8 seat = _keyStep(h, State.KeyJudge, epoch_);
        Seats spoken = _key.spoken;
        if (!spoken.contains(seat)) revert NotSpoken(seat, Seats.unwrap(spoken));
        Seats members = _seats.members;
        if (convicted & excused != 0 || !Seats.wrap(convicted | excused).without(members).isEmpty()) {
            revert VerdictInvalid(convicted, excused, Seats.unwrap(members));
        }
        (Seats judged, Seats supporters, uint8 index) = _key.judge(h, seat, convicted, excused);
        if (supporters.count() >= h.quorum()) {
            h.elected = index;
            h.flags |= JUDGED;
        }
        emit KeyJudged(epoch_, seat, convicted, excused);
        // Silent members pay for it, so everybody gets the whole window, even if a quorum has already agreed.
        if (judged == spoken) _endNow(h);
        else _head = h;
    }

    function _keyStep(Head memory h, State wanted, uint32 epoch_) private view returns (uint8) {
        h.expect(wanted);
        if (epoch_ != h.epoch) revert WrongEpoch(epoch_, h.epoch);
        return _callingMember(h);
    }
}
