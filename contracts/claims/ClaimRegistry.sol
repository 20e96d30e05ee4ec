// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IClaimRegistry} from "../interfaces/IClaimRegistry.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ClaimChallenges} from "./ClaimChallenges.sol";
import {ClaimStatements} from "./ClaimStatements.sol";

/// @title Claims about models, and the badges that follow from them
/// @notice See IClaimRegistry, which owns the documentation.
contract ClaimRegistry is ClaimChallenges {
    /// @notice Longest life of a claim, in seconds. A model's quality on last year's batch says little about this year.
    uint256 public constant MAX_LIFE_SECONDS = 365 days;

    /// @param treasury Receives a quarter of every bond that is lost.
    /// @param admin Gets the default admin and registrar roles: the timelock.
    constructor(
        IModelRegistry models,
        IVerifierRegistry verifiers,
        address treasury,
        address admin
    ) ClaimStatements(verifiers) ClaimChallenges(models, treasury) {
        if (admin == address(0) || treasury == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, admin);
    }

    /// @inheritdoc IClaimRegistry
    function publish(
        Terms calldata terms,
        uint256 batch,
        Evidence calldata evidence,
        Groth16Proof calldata proof
    ) external payable returns (uint256 claimId) {
        VERIFIERS.requireIntakeFor(terms.circuitId);
        Described storage meaning = _meaning(terms.circuitId);
        bytes32 statementId = meaning.statementId;
        Kind kind = meaning.statement.kind;
        _requireFigures(meaning.statement, terms.figure, terms.guarantee);
        _requireExpiry(terms.expiresAt);
        _requireNotBarred(terms, statementId, kind);
        _requireChosen(terms, statementId, batch, evidence);
        _requireProof(terms.circuitId, _signalsOf(terms, batch), proof);

        bytes32 slot = _slotOf(terms, statementId, msg.sender);
        claimId = _store(terms, kind, slot, batch);
        emit ClaimPublished(
            claimId,
            terms.service,
            terms.version,
            msg.sender,
            statementId,
            terms.figure,
            terms.guarantee
        );
        if (_supersedes(claimId, _badges[slot])) _takeBadge(slot, claimId);
    }

    /// @inheritdoc IClaimRegistry
    function promote(uint256 claimId) external {
        Claim storage claim = _known(claimId);
        if (!_counts(claim)) revert ClaimEnded(claimId, claim.status);
        bytes32 slot = _slots[claimId];
        uint256 standing = _badges[slot];
        if (!_supersedes(claimId, standing)) revert NotBetter(claimId, standing);
        _takeBadge(slot, claimId);
    }

    /// @inheritdoc IClaimRegistry
    function releaseBond(uint256 claimId) external {
        Claim storage claim = _known(claimId);
        if (claim.status != Status.Standing) revert ClaimEnded(claimId, claim.status);
        uint256 last = _lastChallenge(claim);
        if (block.timestamp <= last) revert TooEarly(block.timestamp, last + 1);
        claim.status = Status.Released;
        claim.endedAt = uint48(block.timestamp);
        _credit(claim.claimant, claim.bond);
        emit BondReleased(claimId, claim.bond);
    }

    /// @inheritdoc IClaimRegistry
    function hasBadge(Requirement calldata requirement) external view returns (bool) {
        uint64 version = _versionOf(requirement);
        bytes32 slot = _slot(
            requirement.service,
            version,
            requirement.statementId,
            requirement.source,
            requirement.by
        );
        return _meets(_badges[slot], requirement);
    }

    /// @inheritdoc IClaimRegistry
    function meets(uint256 claimId, Requirement calldata requirement) external view returns (bool) {
        bytes32 slot = _slot(
            requirement.service,
            _versionOf(requirement),
            requirement.statementId,
            requirement.source,
            requirement.by
        );
        return _slots[claimId] == slot && _meets(claimId, requirement);
    }

    /// @inheritdoc IClaimRegistry
    function badgeOf(
        address service,
        uint64 version,
        bytes32 statementId,
        Source source,
        bytes32 by
    ) external view returns (uint256 claimId) {
        return _badges[_slot(service, version, statementId, source, by)];
    }

    /// @inheritdoc IClaimRegistry
    function claimOf(uint256 claimId) external view returns (Claim memory) {
        return _known(claimId);
    }

    /// @inheritdoc AccessControl
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IClaimRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Checks that the batch was chosen as the terms say. An auditor or a pool that the terms name in addition is for challenges.
    function _requireChosen(
        Terms calldata terms,
        bytes32 statementId,
        uint256 batch,
        Evidence calldata evidence
    ) private view {
        Source source = terms.source;
        bool lacking = (source == Source.Auditor && terms.auditor == address(0)) ||
            (source == Source.Draw && terms.poolId == 0);
        if (source == Source.None || lacking) revert SourceInvalid(source, terms.auditor, terms.poolId);
        if (terms.poolId != 0) _pool(terms.poolId);
        if (source == Source.Auditor) {
            bytes32 digest = claimDigest(msg.sender, terms.service, terms.version, statementId, batch);
            _requireSignature(terms.auditor, digest, evidence.signature);
        } else if (source == Source.Draw) {
            uint256 index = _indexOf(drawIdOf(terms.poolId, terms.service, terms.version, statementId));
            _requireLeaf(terms.poolId, index, batch, evidence.path);
        }
    }

    function _requireExpiry(uint48 expiresAt) private view {
        uint256 latest = block.timestamp + MAX_LIFE_SECONDS;
        if (expiresAt <= block.timestamp || expiresAt > latest) {
            revert ExpiryInvalid(expiresAt, block.timestamp + 1, latest);
        }
    }

    /// @dev The public signals of the caller's proof. Reverts if the version cannot be claimed about.
    function _signalsOf(Terms calldata terms, uint256 batch) private view returns (uint256[4] memory) {
        uint256 commitment = _claimable(terms.service, terms.version);
        return [commitment, batch, terms.figure, contextOf(msg.sender, terms)];
    }

    function _store(
        Terms calldata terms,
        Kind kind,
        bytes32 slot,
        uint256 batch
    ) private returns (uint256 claimId) {
        if (msg.value > type(uint128).max) revert WrongBond(msg.value, type(uint128).max);
        claimId = _newClaim(slot);
        Claim storage claim = _known(claimId);
        claim.claimant = msg.sender;
        claim.expiresAt = terms.expiresAt;
        claim.source = terms.source;
        claim.kind = kind;
        claim.status = Status.Standing;
        claim.service = terms.service;
        claim.version = terms.version;
        claim.guarantee = terms.guarantee;
        claim.auditor = terms.auditor;
        claim.figure = terms.figure;
        claim.circuitId = terms.circuitId;
        claim.bond = uint128(msg.value);
        claim.poolId = terms.poolId;
        claim.batch = batch;
    }

    function _takeBadge(bytes32 slot, uint256 claimId) private {
        _badges[slot] = claimId;
        emit BadgeTaken(slot, claimId);
    }

    /// @dev A claim that counts loses the badge only to one that is at least as good in guarantee, expiry, bond and set-up. So nobody can
    /// take a badge away with a better claim that ends tomorrow, or with one that half of the consumers do not trust.
    function _supersedes(uint256 claimId, uint256 standing) private view returns (bool) {
        if (standing == 0) return true;
        Claim storage old = _known(standing);
        if (!_counts(old)) return true;
        Claim storage candidate = _known(claimId);
        return
            claimId != standing &&
            _atLeastAsGood(old.kind, candidate.guarantee, old.guarantee) &&
            candidate.expiresAt >= old.expiresAt &&
            candidate.bond >= old.bond &&
            (!_ceremonial(old) || _ceremonial(candidate));
    }

    function _meets(uint256 claimId, Requirement calldata requirement) private view returns (bool) {
        if (claimId == 0) return false;
        Claim storage claim = _known(claimId);
        return
            _counts(claim) &&
            _atLeastAsGood(claim.kind, claim.guarantee, requirement.bound) &&
            claim.bond >= requirement.minBond &&
            (!requirement.ceremony || _ceremonial(claim));
    }

    /// @dev Whether the keys of both circuits come from ceremonies.
    function _ceremonial(Claim storage claim) private view returns (bool) {
        return _trusted(claim.circuitId, true) && _trusted(_meaning(claim.circuitId).refutationId, true);
    }

    /// @dev Whether the claim counts: it stands, has not expired, its version and circuits are not withdrawn, and it guarantees nothing
    /// that has been refuted under its auditor, or for its claimant under its pool.
    function _counts(Claim storage claim) private view returns (bool) {
        if (claim.status != Status.Standing || block.timestamp >= claim.expiresAt) return false;
        Described storage meaning = _meaning(claim.circuitId);
        (bytes32 pool, bytes32 auditor) = _routesOf(claim);
        if (_barrier(pool, auditor, claim.kind, claim.guarantee) != 0) return false;
        (bool alive, ) = _version(claim.service, claim.version);
        return alive && _trusted(claim.circuitId, false) && _trusted(meaning.refutationId, false);
    }

    function _versionOf(Requirement calldata requirement) private view returns (uint64 version) {
        version = requirement.version;
        if (version == 0) (, , version) = MODELS.lookUp(requirement.service, 0);
    }

    /// @dev A guarantee that was refuted on a batch that the terms accept cannot be given again, whoever chose the new claim's own batch:
    /// otherwise a new bond would be enough to buy it back.
    function _requireNotBarred(Terms calldata terms, bytes32 statementId, Kind kind) private view {
        (bytes32 pool, bytes32 auditor) = _routes(
            msg.sender,
            terms.service,
            terms.version,
            statementId,
            terms.poolId,
            terms.auditor
        );
        uint256 refuted = _barrier(pool, auditor, kind, terms.guarantee);
        if (refuted != 0) revert GuaranteeRefuted(terms.guarantee, uint32(refuted - 1));
    }

    function _slotOf(Terms calldata terms, bytes32 statementId, address claimant) private pure returns (bytes32) {
        bytes32 by = terms.source == Source.Draw
            ? bytes32(uint256(terms.poolId))
            : _word(terms.source == Source.Auditor ? terms.auditor : claimant);
        return _slot(terms.service, terms.version, statementId, terms.source, by);
    }
}
