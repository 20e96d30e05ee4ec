// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceClock} from "../interfaces/ILearningServiceClock.sol";
import {Recorder} from "./Recorder.sol";
import {Seats, NONE} from "./Seats.sol";

/// @title Who decrypts the sum, and disputes about what belongs in it
/// @dev Attestations are sealed until the draft opens them, so that only who knows the sum can have attested it. The active
/// set is drawn among them: nobody gets into it, or stays out, by being fast or slow.
abstract contract Drafts is ILearningServiceClock, Recorder {
    /// @dev One repeat of a check of one update: 8 bytes for each of two primes.
    uint256 private constant SCALARS = 16;
    uint256 private constant MAX_REPEATS = 4;

    /// @inheritdoc ILearningServiceClock
    function draft(uint32 round_, bytes32 aggregateHash, uint256 included, uint256 convicted) external {
        Head memory h = _settle();
        _expect(h, State.Aggregate);
        _expectRound(h, round_);
        _checkOpening(h, Seats.wrap(included), Seats.wrap(convicted));
        Seats attesters = _current(h, _attesters);
        Seats revealed = _revealed;
        Seats waiting = revealed.without(attesters);
        uint40 from = _attestUntil(h);
        if (!waiting.isEmpty() && block.timestamp < from) revert DraftTooEarly(Seats.unwrap(waiting), from);
        (Seats matched, uint256 last) = _open(h, attesters, aggregateHash, included, convicted);
        if (matched.count() < _quorum(h)) revert SealsNotMatched(matched.count(), _quorum(h));
        if (block.number == last) revert DraftInSameBlock(last);
        if (convicted != 0) _convict(h, Seats.wrap(convicted));
        Seats drafted = _draw(h, matched, revealed, last);
        _drafted = drafted;
        _included = Seats.wrap(included);
        _attesters = matched;
        emit MembersDrafted(
            round_,
            Seats.unwrap(drafted),
            aggregateHash,
            included,
            convicted,
            Seats.unwrap(matched)
        );
        _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceClock
    function dispute(uint32 round_, uint8 accused) external {
        Head memory h = _settle();
        _expect(h, State.Aggregate);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        if (_has(h, DISPUTED)) revert AlreadyDisputed(round_);
        // Who was convicted may not hold up another round of this epoch.
        if (_convictedNow(h).contains(seat)) revert LeftOut(seat, Seats.unwrap(_leftOut));
        if (accused == seat || !_revealed.contains(accused)) revert DisputeInvalid(seat, accused);
        h.flags |= DISPUTED;
        emit UpdateDisputed(round_, seat, accused);
        _transition(h, State.Check, Trigger.None);
        _head = h;
    }

    /// @inheritdoc ILearningServiceClock
    function submitCheck(uint32 round_, bytes calldata scalars) external {
        Head memory h = _settle();
        _expect(h, State.Check);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        uint256 unit = SCALARS * _revealed.count();
        if (scalars.length == 0 || scalars.length % unit != 0 || scalars.length > MAX_REPEATS * unit) {
            revert CheckLength(scalars.length, MAX_REPEATS * unit);
        }
        Seats done = _mark(h, _checked, seat);
        _checked = done;
        emit CheckSubmitted(round_, seat, scalars);
        if (done.count() == h.memberCount) _complete(h);
        _head = h;
    }

    /// @dev What of a draft does not depend on anybody's seal.
    function _checkOpening(Head memory h, Seats included, Seats convicted) private view {
        Seats members = _members;
        bool unheard = !convicted.isEmpty() && !_has(h, DISPUTED);
        if (unheard || !convicted.without(members).isEmpty()) {
            revert ConvictionInvalid(Seats.unwrap(convicted), Seats.unwrap(members));
        }
        Seats allowed = _revealed.without(_leftOutNow(h) | convicted);
        if (!included.without(allowed).isEmpty()) {
            revert IncludedNotRevealed(Seats.unwrap(included), Seats.unwrap(allowed));
        }
        uint256 min = _updateQuorum(h);
        if (included.count() < min) revert TooFewIncluded(included.count(), min);
    }

    /// @return matched Members whose seal is of this opening. @return last Block of the last attestation by a member that
    /// has revealed: whoever has not cannot move it.
    function _open(
        Head memory h,
        Seats attesters,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) private view returns (Seats matched, uint256 last) {
        Seats revealed = _revealed;
        for (Seats rest = attesters; !rest.isEmpty(); ) {
            uint8 seat = rest.lowest();
            rest = rest.excluding(seat);
            Seal memory found = _seals[seat];
            if (revealed.contains(seat) && found.blockNumber > last) last = found.blockNumber;
            if (found.digest == _seal(h.round, seat, aggregateHash, included, convicted)) {
                matched = matched.including(seat);
            }
        }
    }

    /// @dev t of the matched that may decrypt; of those that revealed, if they suffice, so that nobody else can have the
    /// draw changed by attesting last.
    function _draw(Head memory h, Seats matched, Seats revealed, uint256 last) private view returns (Seats) {
        Seats barred = _leftOutNow(h) | (_has(h, EXCLUDED) ? _undraftable : NONE);
        Seats draftable = matched.without(barred);
        if ((draftable & revealed).count() >= h.threshold) draftable = draftable & revealed;
        uint256 found = draftable.count();
        if (found < h.threshold) revert TooFewDraftable(found, h.threshold);
        return draftable.draw(h.threshold, keccak256(abi.encode(address(this), h.round, _hashOfBlock(last))));
    }
}
