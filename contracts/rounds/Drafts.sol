// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceClock} from "../interfaces/ILearningServiceClock.sol";
import {Head, DISPUTED} from "./Head.sol";
import {Recorder} from "./Recorder.sol";
import {Seal} from "./RoundState.sol";
import {Seats, NONE} from "./Seats.sol";

/// @title Chooses the members that decrypt the sum
/// @dev Attestations stay sealed until the draft opens them, so only members that know the sum can attest. The active set is drawn from
/// them by a block hash: being fast or slow brings nobody in and keeps nobody out.
abstract contract Drafts is ILearningServiceClock, Recorder {
    /// @inheritdoc ILearningServiceClock
    function draft(uint32 round_, bytes32 aggregateHash, uint256 included, uint256 convicted) external {
        Head memory h = _settle();
        h.expect(State.Aggregate);
        h.expectRound(round_);
        _checkOpening(h, Seats.wrap(included), Seats.wrap(convicted));
        Seats attesters = h.current(_round.attesters);
        Seats revealed = _round.revealed;
        Seats waiting = revealed.without(attesters);
        uint40 from = _attestUntil(h);
        if (!waiting.isEmpty() && block.timestamp < from) revert DraftTooEarly(Seats.unwrap(waiting), from);
        (Seats matched, uint256 last) = _open(h, attesters, aggregateHash, included, convicted);
        if (matched.count() < h.quorum()) revert SealsNotMatched(matched.count(), h.quorum());
        if (block.number == last) revert DraftInSameBlock(last);
        if (convicted != 0) _convict(h, Seats.wrap(convicted));
        // Everybody knows that members without samples send updates of zero. These do not hide anybody's update.
        if (Seats.wrap(included).without(_round.emptyNow(h)).count() < _updateQuorum(h)) {
            _fallShort(h, Seats.wrap(included));
            _transition(h, State.Training, Trigger.NO_MAJORITY);
        } else {
            Seats drafted = _draw(h, matched, revealed, last);
            _round.draft(drafted, Seats.wrap(included), matched);
            emit MembersDrafted(
                round_,
                Seats.unwrap(drafted),
                aggregateHash,
                included,
                convicted,
                Seats.unwrap(matched)
            );
            _standing.forgive(h, Seats.wrap(included), h.has(DISPUTED));
            _transition(h, State.Decrypt, Trigger.None);
        }
        _head = h;
    }

    /// @dev A quorum agrees that it has no sum that may be decrypted, so the round is over. A member whose revealed update is not in the
    /// sum has sent something invalid, or served it to nobody; it is treated as a member that revealed nothing. After a dispute even an
    /// honest update may be missing. Then nobody gets a strike, but the epoch ends with its next round that comes to no draft.
    function _fallShort(Head memory h, Seats included) private {
        Seats missing = h.has(DISPUTED) ? NONE : _round.revealed.without(included | _standing.leftOutNow(h));
        emit SumFellShort(h.round, Seats.unwrap(included), Seats.unwrap(missing));
        if (h.buffer != 0) _standing.noteDefaults(missing);
        _strikeMissing(h, missing);
    }

    /// @dev Checks the part of a draft that does not depend on any seal.
    function _checkOpening(Head memory h, Seats included, Seats convicted) private view {
        Seats members = _seats.members;
        bool unheard = !convicted.isEmpty() && !h.has(DISPUTED);
        if (unheard || !convicted.without(members).isEmpty()) {
            revert ConvictionInvalid(Seats.unwrap(convicted), Seats.unwrap(members));
        }
        Seats allowed = _round.revealed.without(_standing.leftOutNow(h) | convicted);
        if (!included.without(allowed).isEmpty()) {
            revert IncludedNotRevealed(Seats.unwrap(included), Seats.unwrap(allowed));
        }
    }

    /// @return matched Members whose seal matches this opening. @return last Block of the last attestation by a member that revealed:
    /// other members cannot move it.
    function _open(
        Head memory h,
        Seats attesters,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) private view returns (Seats matched, uint256 last) {
        Seats revealed = _round.revealed;
        for (Seats rest = attesters; !rest.isEmpty(); ) {
            uint8 seat = rest.lowest();
            rest = rest.excluding(seat);
            Seal memory found = _round.seals[seat];
            if (revealed.contains(seat) && found.blockNumber > last) last = found.blockNumber;
            if (found.digest == _seal(h.round, seat, aggregateHash, included, convicted)) {
                matched = matched.including(seat);
            }
        }
    }

    /// @dev Draws t of the matched members that may decrypt. If enough of them revealed, draws only from these, so that no other member
    /// can have changed the draw by attesting last.
    function _draw(Head memory h, Seats matched, Seats revealed, uint256 last) private view returns (Seats) {
        Seats barred = _standing.leftOutNow(h) | _standing.barred(h);
        Seats draftable = matched.without(barred);
        if ((draftable & revealed).count() >= h.threshold) draftable = draftable & revealed;
        uint256 found = draftable.count();
        if (found < h.threshold) revert TooFewDraftable(found, h.threshold);
        return draftable.draw(h.threshold, keccak256(abi.encode(address(this), h.round, _hashOfBlock(last))));
    }
}
