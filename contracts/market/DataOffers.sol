// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IAdmission} from "../interfaces/IAdmission.sol";
import {IClaimRegistry, IClaimRegistryTypes} from "../interfaces/IClaimRegistry.sol";
import {IDataOffers} from "../interfaces/IDataOffers.sol";
import {IImprovementRewards} from "../interfaces/IImprovementRewards.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {PullPayments} from "../inference/PullPayments.sol";
import {isLeaf} from "../claims/BatchLeaf.sol";
import {Attestations} from "./Attestations.sol";

/// @title Offers of data
/// @notice See IDataOffers, which owns the documentation.
contract DataOffers is Attestations, PullPayments {
    /// @notice Seconds after an offer's end during which its size can still be disproven.
    uint256 public constant CHALLENGE_SECONDS = 7 days;
    uint256 public constant MAX_SIZE = 1 << 20;
    uint256 public constant MAX_URI_BYTES = 256;
    uint256 private constant QUARTER = 4;
    uint256 private constant MIN_PROVE_SECONDS = 1 days;

    IKeeperRegistry public immutable KEEPERS;
    IModelRegistry public immutable MODELS;
    IClaimRegistry public immutable CLAIMS;
    IImprovementRewards public immutable REWARDS;
    address public immutable TREASURY;
    uint256 private immutable DEPOSIT;

    /// @inheritdoc IDataOffers
    uint256 public offerCount;
    mapping(uint256 offerId => Offer) private _offers;
    mapping(bytes32 root => uint256 offerId) private _roots;
    mapping(address seller => mapping(bytes32 root => uint256 offerId)) private _rootsOf;
    mapping(address seller => Reputation) private _reputations;
    mapping(address service => mapping(address seller => uint256 offerId)) private _admitted;
    mapping(uint256 claimId => bool) private _reported;
    mapping(uint256 offerId => uint256) private _endedAt;

    /// @param rewards The campaigns whose payments show an improvement. @param deposit Deposit for each offer, in wei,
    /// at least 1.
    constructor(
        IKeeperRegistry keepers,
        IModelRegistry models,
        IClaimRegistry claims,
        IImprovementRewards rewards,
        IVerifierRegistry verifiers,
        bytes32 circuitId,
        address treasury,
        uint256 deposit
    ) Attestations(verifiers, circuitId) {
        if (treasury == address(0)) revert ZeroAddress("treasury");
        if (deposit == 0) revert TermOutOfRange("deposit", 0, 1, type(uint256).max);
        KEEPERS = keepers;
        MODELS = models;
        CLAIMS = claims;
        REWARDS = rewards;
        TREASURY = treasury;
        DEPOSIT = deposit;
    }

    /// @inheritdoc IDataOffers
    function offer(Terms calldata terms) external payable returns (uint256 offerId) {
        if (!KEEPERS.isRegistered(msg.sender)) revert NotKeeper(msg.sender);
        if (msg.value != DEPOSIT) revert WrongPayment(msg.value, DEPOSIT);
        _within("size", terms.size, 2, MAX_SIZE);
        _within("uri", bytes(terms.uri).length, 0, MAX_URI_BYTES);
        _within("expiresAt", terms.expiresAt, block.timestamp + 1, block.timestamp + 365 days);
        _within("proveSeconds", terms.proveSeconds, MIN_PROVE_SECONDS, 365 days);
        _within("root", uint256(terms.root), 1, type(uint256).max);
        _within("minEarned", terms.minEarned, 1, type(uint96).max);
        uint256 own = _rootsOf[msg.sender][terms.root];
        if (own != 0) revert RootTaken(terms.root, own);
        offerId = ++offerCount;
        _rootsOf[msg.sender][terms.root] = offerId;
        Offer storage given = _offers[offerId];
        // Copies are not refused: otherwise somebody could copy a root from the mempool and so keep its owner out.
        given.copyOf = _roots[terms.root];
        if (given.copyOf == 0) _roots[terms.root] = offerId;
        given.seller = msg.sender;
        given.status = Status.Open;
        given.offeredAt = uint48(block.timestamp);
        given.deposit = msg.value;
        given.terms = terms;
        Reputation storage reputation = _reputations[msg.sender];
        if (reputation.since == 0) reputation.since = uint48(block.timestamp);
        ++reputation.offers;
        emit Offered(offerId, msg.sender, terms.schema, terms);
    }

    /// @inheritdoc IDataOffers
    function buyIn(uint256 offerId, address service) external payable {
        Offer storage given = _expect(offerId, Status.Open);
        bool admin = MODELS.isService(service) && IAccessControl(service).hasRole(bytes32(0), msg.sender);
        if (!admin) revert NotServiceAdmin(service, msg.sender);
        if (block.timestamp > given.terms.expiresAt) revert OfferExpired(offerId, given.terms.expiresAt);
        if (msg.value != given.terms.price) revert WrongPayment(msg.value, given.terms.price);
        uint256 before = _admitted[service][given.seller];
        if (before != 0 && _offers[before].status == Status.Admitted) revert OfferStands(before);
        given.status = Status.Admitted;
        given.earnedBefore = REWARDS.earnedOf(service, given.seller);
        given.admittedAt = uint48(block.timestamp);
        given.service = service;
        given.buyer = msg.sender;
        _admitted[service][given.seller] = offerId;
        emit BoughtIn(offerId, service, msg.sender, msg.value);
    }

    /// @inheritdoc IDataOffers
    function release(uint256 offerId) external {
        Offer storage given = _expect(offerId, Status.Admitted);
        if (!_improved(given)) revert NotImproved(offerId);
        _end(offerId, given, Status.Proven);
        ++_reputations[given.seller].proven;
        _credit(given.seller, given.terms.price);
        emit Released(offerId, given.terms.price);
    }

    /// @inheritdoc IDataOffers
    function refund(uint256 offerId) external {
        Offer storage given = _expect(offerId, Status.Admitted);
        uint256 last = uint256(given.admittedAt) + given.terms.proveSeconds;
        if (block.timestamp <= last) revert TooEarly(block.timestamp, last + 1);
        // Who calls first must not decide: an improvement that was paid counts, however late the call is.
        if (_improved(given)) revert UnexpectedStatus(offerId, Status.Proven);
        _end(offerId, given, Status.Unproven);
        ++_reputations[given.seller].unproven;
        _expel(offerId, given);
        _credit(given.buyer, given.terms.price);
        emit Refunded(offerId, given.terms.price);
    }

    /// @inheritdoc IDataOffers
    function disproveSize(uint256 offerId, uint256 index, bytes32[] calldata path) external {
        Offer storage given = _offer(offerId);
        Status status = given.status;
        if (status == Status.Struck || status == Status.Retired) revert UnexpectedStatus(offerId, status);
        bool padding = index < given.terms.size &&
            isLeaf(given.terms.root, given.terms.size, index, bytes32(0), path);
        if (!padding) revert NotPadding(offerId, index);
        if (status == Status.Admitted) _credit(given.buyer, given.terms.price);
        if (given.service != address(0)) _expel(offerId, given);
        _end(offerId, given, Status.Struck);
        ++_reputations[given.seller].struck;
        uint256 deposit = given.deposit;
        given.deposit = 0;
        _credit(TREASURY, deposit / QUARTER);
        _credit(msg.sender, deposit - deposit / QUARTER);
        emit Struck(offerId, index, msg.sender);
    }

    /// @inheritdoc IDataOffers
    function reportFallen(address seller, uint256 claimId) external {
        IClaimRegistryTypes.Claim memory claim = CLAIMS.claimOf(claimId);
        if (claim.claimant != seller || claim.status != IClaimRegistryTypes.Status.Fallen) {
            revert ClaimNotFallen(claimId, seller);
        }
        if (_reported[claimId]) revert ClaimReported(claimId);
        _reported[claimId] = true;
        ++_reputations[seller].fallen;
        emit FallenReported(seller, claimId);
    }

    /// @inheritdoc IDataOffers
    function retire(uint256 offerId) external {
        Offer storage given = _offer(offerId);
        if (given.seller != msg.sender) revert NotSeller(offerId, msg.sender);
        Status status = given.status;
        bool ended = status == Status.Proven || status == Status.Unproven;
        if (!ended && status != Status.Open) revert UnexpectedStatus(offerId, status);
        uint256 last = (ended ? _endedAt[offerId] : given.terms.expiresAt) + CHALLENGE_SECONDS;
        if (block.timestamp <= last) revert TooEarly(block.timestamp, last + 1);
        given.status = Status.Retired;
        uint256 deposit = given.deposit;
        given.deposit = 0;
        _credit(msg.sender, deposit);
        emit Retired(offerId, deposit);
    }

    /// @inheritdoc IAdmission
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party) {
        return (_admitted[service][keeper] != 0, bytes32(uint256(uint160(keeper))));
    }

    /// @inheritdoc IDataOffers
    function offerOf(uint256 offerId) external view returns (Offer memory) {
        return _offer(offerId);
    }

    /// @inheritdoc IDataOffers
    function reputationOf(address seller) external view returns (Reputation memory) {
        return _reputations[seller];
    }

    /// @inheritdoc IDataOffers
    function depositOf() external view returns (uint256) {
        return DEPOSIT;
    }

    function _offer(uint256 offerId) internal view override returns (Offer storage given) {
        given = _offers[offerId];
        if (given.status == Status.None) revert UnknownOffer(offerId);
    }

    function _liveOffer(uint256 offerId) internal view override returns (Offer storage given) {
        given = _offer(offerId);
        if (given.status != Status.Open && given.status != Status.Admitted) {
            revert UnexpectedStatus(offerId, given.status);
        }
    }

    function _expect(uint256 offerId, Status status) private view returns (Offer storage given) {
        given = _offer(offerId);
        if (given.status != status) revert UnexpectedStatus(offerId, given.status);
    }

    function _improved(Offer storage given) private view returns (bool) {
        // A later version, and as much as the terms ask: otherwise a small payment for the seller's other work would
        // release any price.
        return
            REWARDS.lastImprovementOf(given.service, given.seller) > given.admittedAt &&
            REWARDS.earnedOf(given.service, given.seller) >= given.earnedBefore + given.terms.minEarned;
    }

    function _end(uint256 offerId, Offer storage given, Status status) private {
        given.status = status;
        _endedAt[offerId] = block.timestamp;
    }

    /// @dev Ends the admission. Taking away the seller's seats is up to the service.
    function _expel(uint256 offerId, Offer storage given) private {
        if (_admitted[given.service][given.seller] == offerId) delete _admitted[given.service][given.seller];
    }

    function _within(bytes32 field, uint256 found, uint256 min, uint256 max) private pure {
        if (found < min || found > max) revert TermOutOfRange(field, found, min, max);
    }
}
