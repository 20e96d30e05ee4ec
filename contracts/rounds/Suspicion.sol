// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Head, EXCLUDED, LEFT_OUT, SUSPECTED} from "./Head.sol";
import {Incentives} from "./Incentives.sol";
import {Seats} from "./Seats.sol";
import {Tally} from "./Standing.sol";

/// @title Decides who is left out of rounds: the convicted, and the most suspect after a round that was lost at its vote
/// @dev A garbage update or share that passes every check loses the round without showing who sent it. The suspicion of all who took
/// part rises by one, up to 3. The most suspect are left out, as many as a round can spare. A completed round clears the members that
/// had an update in its sum and also decrypted it (for other members it vouches only for one of the two). It also lets one of those
/// left out back in, the least suspect first. So the honest return one by one, and the spoiler last. A member with three lost rounds
/// does not return before the epoch ends, except when rounds without it come to no draft, or when a convicted member takes the place
/// of a suspect: a service that needs its last members would otherwise stand still. Nobody loses stake on suspicion.
abstract contract Suspicion is Incentives {
    /// @dev A Vote has failed.
    function _suspect(Head memory h) internal {
        Seats members = _seats.members;
        Tally memory suspicion = _standing.suspect(h, (_round.included | _round.drafted) & members);
        Seats convicted = _standing.convictedNow(h);
        uint256 room = _room(h, members);
        Seats out = convicted;
        room -= room < convicted.count() ? room : convicted.count();
        bytes32 seed = _tieSeed(h);
        for (uint256 count = 3; count > 0 && room > 0; --count) {
            Seats tier = suspicion.tier(members.without(out), count);
            uint256 found = tier.count();
            if (found > room) (tier, found) = (tier.draw(room, seed), room);
            out = out | tier;
            room -= found;
        }
        _setLeftOut(h, out, convicted);
    }

    /// @dev A round was completed.
    function _absolve(Head memory h) internal {
        h.spared = 0;
        if (!h.has(SUSPECTED)) return;
        _standing.clear(h, _round.included & _round.drafted);
        _readmit(h, 2);
    }

    /// @dev A round has ended without a draft. Perhaps it needed members that were left out: lets one back in, and leaves out one
    /// fewer at the next decisions, until a round is completed.
    function _spare(Head memory h) internal {
        if (!h.has(LEFT_OUT)) return;
        if (h.spared < type(uint8).max) h.spared += 1;
        _readmit(h, 3);
    }

    /// @dev Leaves out members that a quorum has convicted. As many members as a round needs always stay in: suspects make room for
    /// the convicted.
    function _convict(Head memory h, Seats convicted) internal {
        _standing.bar(h, convicted);
        Seats all = _standing.convictedNow(h) | convicted;
        Seats out = _standing.leftOutNow(h) | convicted;
        _setLeftOut(h, out, all);
        uint256 needed = _needed(h);
        for (uint256 count = out.count(); count + needed > h.memberCount && _readmit(h, 3); --count) {}
        _penaliseAll(h, convicted, _parameters.fraudPenalty, CONVICTED_AT_CHECK);
    }

    /// @dev How many members may be left out: those that neither a quorum of updates nor a draft needs, minus those that did nothing
    /// in this round, and probably will do nothing in the next.
    function _room(Head memory h, Seats members) private view returns (uint256) {
        uint256 needed = _needed(h) + members.without(_round.revealed | _standing.leftOutNow(h)).count() + h.spared;
        if (h.has(EXCLUDED)) {
            uint256 undraftable = (members & _standing.undraftable).without(_standing.leftOutNow(h)).count() + h.threshold;
            if (undraftable > needed) needed = undraftable;
        }
        return needed < h.memberCount ? h.memberCount - needed : 0;
    }

    /// @dev Number of members that every round needs to come to a vote.
    function _needed(Head memory h) private view returns (uint256 needed) {
        needed = _updateQuorum(h);
        if (needed < h.threshold) needed = h.threshold;
    }

    /// @dev Lets one of the least suspect members back in, but none of the convicted.
    /// @param most Members with more suspicion than this stay out. @return done Whether a member was let in.
    function _readmit(Head memory h, uint256 most) private returns (bool done) {
        if (!h.has(LEFT_OUT)) return false;
        Seats out = _standing.leftOut;
        Tally memory suspicion = _standing.suspicion;
        for (uint256 count = 0; count <= most; ++count) {
            Seats tier = suspicion.tier(out.without(_standing.convicted), count);
            if (tier.isEmpty()) continue;
            _setLeftOut(h, out.without(tier.draw(1, _tieSeed(h))), _standing.convicted);
            return true;
        }
    }

    function _setLeftOut(Head memory h, Seats out, Seats convicted) private {
        if (_standing.leaveOut(h, out, convicted)) emit MembersLeftOut(h.epoch, Seats.unwrap(out));
    }

    /// @dev A seed from the hash of the block that began the vote. By then everybody has posted what may spoil the round; and the
    /// seed is the same whoever records the failure, in whatever block. The chain forgets the hash after 256 blocks; from then on,
    /// the seed uses the hash of a later block, a new one every 256 blocks.
    function _tieSeed(Head memory h) private view returns (bytes32) {
        return keccak256(abi.encode(address(this), h.round, _hashOfBlock(h.shareBlock)));
    }
}
