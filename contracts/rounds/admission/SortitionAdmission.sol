// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IAdmission} from "../../interfaces/IAdmission.sol";
import {IKeeperRegistry} from "../../interfaces/IKeeperRegistry.sol";
import {ILearningService} from "../../interfaces/ILearningService.sol";
import {ILearningServiceTypes} from "../../interfaces/ILearningServiceTypes.sol";
import {IServiceFactory} from "../../interfaces/IServiceFactory.sol";
import {ISortitionAdmission} from "../../interfaces/ISortitionAdmission.sol";
import {Seats} from "../Seats.sol";
import {MAX_RANK, NO_RANK, firstRanks, rankOf} from "./Shuffle.sol";

/// @title Admits the keepers that a seed draws among all candidates, anew for each epoch
/// @notice For services with `oneEpochSeats`, whose seats are given up when an epoch ends. Nobody has a role here. This contract must be
/// registered as a service at the keeper registry, so that it can hold bonds.
/// @dev No function loops over all candidates: each candidate's rank is computed by itself. The registry and the service are trusted.
contract SortitionAdmission is ISortitionAdmission, ERC165 {
    /// @param place Position among the candidates, plus 1; 0 for a keeper that is not a candidate.
    /// @param placeBefore The place when draw `movedAfter` was opened, if others' leaving has moved this candidate since.
    /// @param enlistedAfter Number of the latest draw when the candidate enlisted. It takes part in later ones only.
    struct Candidate {
        uint32 place;
        uint32 placeBefore;
        uint32 movedAfter;
        uint32 enlistedAfter;
    }

    uint256 private constant MAX_DELAY = 128;
    bytes32 private constant ABSENT_WHEN_DRAWN = "ABSENT_WHEN_DRAWN";

    /// @notice The one service whose members are drawn here.
    ILearningService public immutable SERVICE;
    IKeeperRegistry private immutable REGISTRY;

    Terms private _terms;
    Draw private _draw;
    /// @dev Hash of the service's parameters when the draw was opened.
    bytes32 private _agreed;
    address[] private _candidates;
    mapping(address keeper => Candidate) private _places;
    /// @dev The keeper that held a place when a draw was opened, for candidates that were moved away from their places since.
    mapping(uint256 number => mapping(uint256 place => address keeper)) private _heldBy;

    /// @param factory The factory of the service. @param id Number of the service at the factory. The service need not exist yet, because
    /// its parameters will name this contract.
    constructor(IServiceFactory factory, uint256 id, IKeeperRegistry registry, Terms memory initial) {
        _within("bond", initial.bond, 1, type(uint96).max);
        _within("absencePenalty", initial.absencePenalty, 0, initial.bond);
        _within("minCandidates", initial.minCandidates, 2, type(uint32).max);
        _within("patience", initial.patience, 1, 365 days);
        _within("delay", initial.delay, 1, MAX_DELAY);
        SERVICE = ILearningService(
            Clones.predictDeterministicAddress(factory.IMPLEMENTATION(), bytes32(id), address(factory))
        );
        REGISTRY = registry;
        _terms = initial;
    }

    // ------------------------------------------------------------------------------------------------- candidates

    /// @inheritdoc ISortitionAdmission
    function enlist(address keeper) external {
        _checkCaller(keeper);
        Candidate storage candidate = _places[keeper];
        if (candidate.place != 0) revert AlreadyEnlisted(keeper);
        uint256 position = _candidates.length;
        _candidates.push(keeper);
        _places[keeper] = Candidate(uint32(position + 1), 0, 0, _draw.number);
        emit Enlisted(keeper, position);
        REGISTRY.engage(keeper, _terms.bond);
    }

    /// @inheritdoc ISortitionAdmission
    function delist(address keeper) external {
        _checkCaller(keeper);
        (, , uint32 round, ) = SERVICE.clock();
        Draw memory d = _draw;
        // Otherwise a drawn candidate would not pay for its absence. Until the draw is settled, any candidate that takes part may be
        // drawn, and none can leave: a block's randomness is known before the block, so those whom it will draw could leave first.
        bool bound = _isLive(d, round) && (d.since == 0 ? _placeIn(d, keeper) != 0 : _rankIn(d, keeper, d.size) != NO_RANK);
        if (bound && !_isExhausted(d) && _parametersHash() == _agreed) revert DrawLive(d.number);
        _remove(keeper);
        emit Delisted(keeper);
        REGISTRY.disengage(keeper);
    }

    // ------------------------------------------------------------------------------------------------- draws

    /// @inheritdoc ISortitionAdmission
    function openDraw() external {
        (ILearningServiceTypes.State current, uint32 epoch, uint32 round, ) = SERVICE.clock();
        if (current != ILearningServiceTypes.State.Registration) revert NotRegistering(current);
        Draw memory d = _draw;
        if (_isLive(d, round) && !_isExhausted(d)) revert DrawLive(d.number);
        // Until the end of the epoch is recorded, its members still have their seats.
        if (SERVICE.isDue()) SERVICE.poke();
        uint256 found = _candidates.length;
        if (found < _terms.minCandidates) revert TooFewCandidates(found, _terms.minCandidates);
        // With a longer patience, the draw could never be settled.
        _within("patience", _terms.patience, 1, SERVICE.parameters().registrationWindow);
        d = Draw({
            number: d.number + 1,
            epoch: epoch,
            round: round,
            candidates: uint32(found),
            size: _freeSeats(),
            reach: 0,
            seedBlock: uint48(block.number + _terms.delay),
            since: 0,
            seed: bytes32(0)
        });
        _draw = d;
        _agreed = _parametersHash();
        emit DrawOpened(d.number, d.candidates, d.size, d.seedBlock);
    }

    /// @inheritdoc ISortitionAdmission
    function settleDraw() external {
        (ILearningServiceTypes.State current, , uint32 round, uint40 end) = SERVICE.clock();
        Draw memory d = _draw;
        if (!_isLive(d, round) || d.since != 0) revert NothingToSettle(d.number);
        if (current != ILearningServiceTypes.State.Registration) revert NotRegistering(current);
        if (block.number <= d.seedBlock) revert SeedTooEarly(block.number, d.seedBlock);
        if (block.timestamp + _terms.patience > end) revert SettledTooLate(block.timestamp, end);
        d.seed = keccak256(abi.encode(block.chainid, address(this), d.number, _randomness(d.seedBlock)));
        d.reach = d.size;
        d.since = uint40(block.timestamp);
        _draw = d;
        emit DrawSettled(d.number, d.seed);
    }

    /// @inheritdoc ISortitionAdmission
    function extendDraw() external {
        (ILearningServiceTypes.State current, , uint32 round, ) = SERVICE.clock();
        if (current != ILearningServiceTypes.State.Registration) revert NotRegistering(current);
        Draw memory d = _draw;
        if (!_isLive(d, round) || !_isExtensible(d)) revert NothingToExtend(d.number, d.since + _terms.patience);
        uint256 next = uint256(d.reach) + _freeSeats();
        uint256 most = _most(d);
        d.reach = uint16(next < most ? next : most);
        d.since = uint40(block.timestamp);
        _draw = d;
        emit DrawExtended(d.number, d.reach);
    }

    /// @inheritdoc ISortitionAdmission
    function reportAbsence(address keeper) external {
        (ILearningServiceTypes.State current, uint32 epoch, , ) = SERVICE.clock();
        Draw memory d = _draw;
        // Between the close of registration and the end of the epoch no member loses its seat, unless key generation begins again, with a
        // new epoch. Then it is too late to tell absent candidates from members that were dropped.
        bool served = current != ILearningServiceTypes.State.Registration && epoch == d.epoch + 1;
        // The drawn relied on the parameters that they saw; under others, there may have been no seat for them.
        bool fair = served && d.since != 0 && _parametersHash() == _agreed && !SERVICE.isBanned(keeper);
        if (!fair) revert NotReportable(d.number, current, epoch);
        if (_rankIn(d, keeper, d.size) == NO_RANK) revert NotDrawn(d.number, keeper);
        if (SERVICE.isSeated(keeper)) revert NotAbsent(keeper);
        _remove(keeper);
        bytes32 evidence = keccak256(abi.encode(block.chainid, address(this), d.number, keeper));
        uint256 penalty = _terms.absencePenalty;
        uint256 taken = penalty == 0 ? 0 : REGISTRY.slash(keeper, penalty, ABSENT_WHEN_DRAWN, evidence);
        emit Absent(d.number, keeper, taken);
        REGISTRY.disengage(keeper);
    }

    /// @inheritdoc IAdmission
    /// @dev Each keeper is its own party. Seats can be taken only during Registration: a seat taken later would count for the next epoch,
    /// for which nobody was drawn.
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party) {
        party = bytes32(uint256(uint160(keeper)));
        if (service != address(SERVICE)) return (false, party);
        (ILearningServiceTypes.State current, , uint32 round, ) = SERVICE.clock();
        Draw memory d = _draw;
        if (current != ILearningServiceTypes.State.Registration || !_isLive(d, round)) return (false, party);
        return (_rankIn(d, keeper, d.reach) != NO_RANK, party);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ISortitionAdmission
    function look(address keeper) external view returns (Look memory found) {
        (ILearningServiceTypes.State current, , uint32 round, uint40 end) = SERVICE.clock();
        Draw memory d = _draw;
        bool registering = current == ILearningServiceTypes.State.Registration;
        found.draw = d;
        found.candidates = _candidates.length;
        found.live = _isLive(d, round);
        found.canOpen =
            registering &&
            found.candidates >= _terms.minCandidates &&
            _terms.patience <= SERVICE.parameters().registrationWindow &&
            (!found.live || _isExhausted(d));
        found.canSettle =
            registering &&
            found.live &&
            d.since == 0 &&
            block.number > d.seedBlock &&
            block.timestamp + _terms.patience <= end;
        found.canExtend = registering && found.live && _isExtensible(d);
        found.rank = _rankIn(d, keeper, MAX_RANK);
        found.mayJoin = registering && found.live && found.rank < d.reach;
        uint256 place = _places[keeper].place;
        found.enlisted = place != 0;
        if (found.enlisted) found.position = place - 1;
    }

    /// @inheritdoc ISortitionAdmission
    function drawn(uint256 count) external view returns (address[] memory list) {
        Draw memory d = _draw;
        if (d.since == 0) return list;
        if (count > d.candidates) count = d.candidates;
        uint256[] memory positions = firstRanks(d.seed, d.candidates, count > MAX_RANK ? MAX_RANK : count);
        list = new address[](positions.length);
        for (uint256 i = 0; i < positions.length; ++i) {
            uint256 place = positions[i] + 1;
            address keeper = _heldBy[d.number][place];
            if (keeper == address(0) && place <= _candidates.length) keeper = _candidates[place - 1];
            if (_placeIn(d, keeper) == place) list[i] = keeper;
        }
    }

    /// @inheritdoc ISortitionAdmission
    function lastDraw() external view returns (Draw memory) {
        return _draw;
    }

    /// @inheritdoc ISortitionAdmission
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc ISortitionAdmission
    function candidateCount() external view returns (uint256) {
        return _candidates.length;
    }

    /// @inheritdoc ISortitionAdmission
    function candidateAt(uint256 position) external view returns (address) {
        return _candidates[position];
    }

    /// @notice ERC-165: keepers recognise this kind of admission by it.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(ISortitionAdmission).interfaceId ||
            interfaceId == type(IAdmission).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------------------------------------- internals

    function _freeSeats() private view returns (uint16) {
        uint256 max = SERVICE.parameters().maxKeepers;
        (uint256 seated, ) = SERVICE.seats();
        uint256 taken = Seats.wrap(seated | SERVICE.reservedSeats()).count();
        if (taken >= max) revert NoFreeSeats(max);
        return uint16(max - taken);
    }

    /// @dev A draw is live until the service's next round begins. From then on, registration and key generation of its epoch are over.
    function _isLive(Draw memory d, uint32 round) private pure returns (bool) {
        return d.number != 0 && d.round == round;
    }

    /// @dev Whether everybody whom the draw reaches had `patience` seconds to take a seat.
    function _hasWaited(Draw memory d) private view returns (bool) {
        return d.since != 0 && block.timestamp >= uint256(d.since) + _terms.patience;
    }

    function _isExtensible(Draw memory d) private view returns (bool) {
        return _hasWaited(d) && d.reach < _most(d);
    }

    /// @dev Whether the draw reaches as many as it ever will, and has waited for them.
    function _isExhausted(Draw memory d) private view returns (bool) {
        return _hasWaited(d) && d.reach >= _most(d);
    }

    function _most(Draw memory d) private pure returns (uint256) {
        return d.candidates < MAX_RANK ? d.candidates : MAX_RANK;
    }

    function _parametersHash() private view returns (bytes32) {
        return keccak256(abi.encode(SERVICE.parameters()));
    }

    /// @dev The candidate's place when the draw was opened; 0 if it does not take part.
    function _placeIn(Draw memory d, address keeper) private view returns (uint256) {
        Candidate memory candidate = _places[keeper];
        if (candidate.enlistedAfter >= d.number) return 0;
        return candidate.movedAfter == d.number ? candidate.placeBefore : candidate.place;
    }

    /// @dev The candidate's rank if it is below `limit`, else NO_RANK.
    function _rankIn(Draw memory d, address keeper, uint256 limit) private view returns (uint256) {
        uint256 place = _placeIn(d, keeper);
        return place == 0 || d.since == 0 ? NO_RANK : rankOf(d.seed, d.candidates, place - 1, limit);
    }

    /// @dev The last candidate takes the place that becomes free. Its place in the last draw is kept, because an absence may be reported
    /// after another candidate has left and so moved it. `drawn` must find it, too: otherwise a drawn candidate could hide its absence by
    /// having an accomplice leave.
    function _remove(address keeper) private {
        uint32 place = _places[keeper].place;
        if (place == 0) revert NotEnlisted(keeper);
        delete _places[keeper];
        address last = _candidates[_candidates.length - 1];
        _candidates.pop();
        if (last == keeper) return;
        _candidates[place - 1] = last;
        Candidate memory moved = _places[last];
        uint32 number = _draw.number;
        if (moved.movedAfter != number) {
            (moved.placeBefore, moved.movedAfter) = (moved.place, number);
            if (moved.enlistedAfter < number) _heldBy[number][moved.place] = last;
        }
        moved.place = place;
        _places[last] = moved;
    }

    /// @dev The beacon chain's randomness of this block. A chain without a beacon gives a small constant instead. There the hash of the
    /// block `seedBlock` counts or, since the chain knows only 256 hashes, that of the last block with the same number modulo 256.
    function _randomness(uint48 seedBlock) private view returns (uint256 found) {
        found = block.prevrandao;
        if (found > type(uint128).max) return found;
        uint256 last = block.number - 1;
        found = uint256(blockhash(last - ((last - (seedBlock & 0xff)) & 0xff)));
    }

    function _checkCaller(address keeper) private view {
        if (msg.sender != keeper && msg.sender != REGISTRY.operatorOf(keeper)) revert NotKeeper(msg.sender, keeper);
    }

    function _within(bytes32 field, uint256 found, uint256 min, uint256 max) private pure {
        if (found < min || found > max) revert TermOutOfRange(field, found, min, max);
    }
}
