// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IClaimRegistry} from "../interfaces/IClaimRegistry.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {PullPayments} from "../inference/PullPayments.sol";
import {ProofCheck} from "../inference/ProofCheck.sol";
import {BatchPools} from "./BatchPools.sol";
import {ClaimStatements} from "./ClaimStatements.sol";

/// @title Challenges of claims: counter-batches, bonds, deadlines
/// @dev Ether leaves only through `withdraw`. Verifiers and auditors' contract wallets are called statically.
abstract contract ClaimChallenges is ClaimStatements, BatchPools, PullPayments, EIP712 {
    /// @notice Seconds that a challenger has, and for which a bond stays after its claim expired.
    uint256 public constant CHALLENGE_SECONDS = 7 days;
    /// @notice A lost bond divided by this goes to the treasury; a claim's bond divided by this is what a challenge costs.
    uint256 public constant QUARTER = 4;

    bytes32 private constant CLAIM_DOMAIN = keccak256("cohort.claim.context.v1");
    bytes32 private constant REFUTATION_DOMAIN = keccak256("cohort.claim.refutation.v1");
    bytes32 private constant CHALLENGE_DOMAIN = keccak256("cohort.claim.challenge.v1");
    bytes32 private constant CLAIM_BATCH =
        keccak256("ClaimBatch(address claimant,address service,uint64 version,bytes32 statementId,uint256 batch)");
    bytes32 private constant COUNTER_BATCH =
        keccak256("CounterBatch(address challenger,uint256 claimId,uint256 batch)");

    IModelRegistry public immutable MODELS;
    address public immutable TREASURY;

    /// @inheritdoc IClaimRegistry
    uint256 public claimCount;
    /// @inheritdoc IClaimRegistry
    uint256 public challengeCount;

    mapping(bytes32 slot => uint256 claimId) internal _badges;
    mapping(uint256 claimId => bytes32 slot) internal _slots;
    mapping(uint256 claimId => Claim) private _claims;
    mapping(uint256 challengeId => Challenge) private _challenges;
    /// @dev Weakest guarantee that was refuted by this route (`_routes`), plus 1; 0: none. Kept by route and not by badge: otherwise
    /// somebody could claim in another's place, name an auditor of his own, and have that auditor refute anything.
    mapping(bytes32 route => uint256) private _refuted;

    constructor(IModelRegistry models, address treasury) EIP712("Cohort claims", "1") {
        MODELS = models;
        TREASURY = treasury;
    }

    /// @inheritdoc IClaimRegistry
    function openChallenge(uint256 claimId) external payable returns (uint256 challengeId) {
        Claim storage claim = _known(claimId);
        if (claim.status != Status.Standing) revert ClaimEnded(claimId, claim.status);
        if (claim.poolId == 0) revert NoPool(claimId);
        if (block.timestamp >= claim.expiresAt) revert TooLate(block.timestamp, claim.expiresAt - 1);
        uint256 price = claim.bond / QUARTER;
        if (msg.value != price) revert WrongBond(msg.value, price);
        challengeId = ++challengeCount;
        uint64 decidedBy = _decidingBlock();
        _challenges[challengeId] = Challenge({
            challenger: msg.sender,
            deadline: uint48(block.timestamp + CHALLENGE_SECONDS),
            settled: false,
            claimId: uint64(claimId),
            bond: uint128(msg.value),
            decidedBy: decidedBy,
            indexPlusOne: 0
        });
        emit ChallengeOpened(challengeId, claimId, msg.sender, decidedBy);
    }

    /// @inheritdoc IClaimRegistry
    function fixChallenge(uint256 challengeId) external returns (uint256 index) {
        Challenge storage challenge = _open(challengeId);
        if (challenge.indexPlusOne != 0) return challenge.indexPlusOne - 1;
        uint32 size = _pool(_claims[challenge.claimId].poolId).size;
        bytes32 purpose = keccak256(abi.encode(CHALLENGE_DOMAIN, challengeId));
        index = _drawnIndex(purpose, challenge.decidedBy, size);
        challenge.indexPlusOne = uint64(index + 1);
        emit ChallengeDrawn(challengeId, index);
    }

    /// @inheritdoc IClaimRegistry
    function refute(
        uint256 challengeId,
        uint256 batch,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external {
        Challenge storage challenge = _open(challengeId);
        if (challenge.challenger != msg.sender) revert NotChallenger(challengeId, msg.sender);
        if (block.timestamp > challenge.deadline) revert TooLate(block.timestamp, challenge.deadline);
        if (challenge.indexPlusOne == 0) revert NotDrawn(bytes32(challengeId));
        uint256 claimId = challenge.claimId;
        _requireLeaf(_claims[claimId].poolId, challenge.indexPlusOne - 1, batch, path);
        challenge.settled = true;
        _credit(msg.sender, challenge.bond);
        emit ChallengeSettled(challengeId, true);
        _refute(claimId, batch, refutationContextOf(msg.sender, claimId, challengeId), proof, Source.Draw);
    }

    /// @inheritdoc IClaimRegistry
    function refuteSigned(
        uint256 claimId,
        uint256 batch,
        bytes calldata signature,
        Groth16Proof calldata proof
    ) external {
        Claim storage claim = _known(claimId);
        if (claim.auditor == address(0)) revert NoAuditor(claimId);
        uint256 last = _lastChallenge(claim);
        if (block.timestamp > last) revert TooLate(block.timestamp, last);
        _requireSignature(claim.auditor, counterDigest(msg.sender, claimId, batch), signature);
        uint256 context = refutationContextOf(msg.sender, claimId, 0);
        _refute(claimId, batch, context, proof, Source.Auditor);
    }

    /// @inheritdoc IClaimRegistry
    function settleChallenge(uint256 challengeId) external {
        Challenge storage challenge = _open(challengeId);
        Claim storage claim = _claims[challenge.claimId];
        // A draw that was known when the claim fell must itself lead to a refutation (`refute`). Otherwise somebody could open many
        // challenges at once and, if one succeeds, pay nothing for those that did not.
        bool refunded = (claim.status == Status.Fallen && challenge.decidedBy >= claim.fellIn) ||
            VERIFIERS.isRevoked(_meaning(claim.circuitId).refutationId);
        if (!refunded && block.timestamp <= challenge.deadline) {
            revert TooEarly(block.timestamp, uint256(challenge.deadline) + 1);
        }
        challenge.settled = true;
        if (refunded) _credit(challenge.challenger, challenge.bond);
        else _forfeit(challenge.bond, claim.claimant);
        emit ChallengeSettled(challengeId, refunded);
    }

    /// @inheritdoc IClaimRegistry
    function challengeOf(uint256 challengeId) external view returns (Challenge memory challenge) {
        challenge = _challenges[challengeId];
        if (challenge.challenger == address(0)) revert UnknownChallenge(challengeId);
    }

    /// @inheritdoc IClaimRegistry
    function challengeBond(uint256 claimId) external view returns (uint256) {
        return _known(claimId).bond / QUARTER;
    }

    /// @inheritdoc IClaimRegistry
    function contextOf(address claimant, Terms calldata terms) public view returns (uint256) {
        return uint256(keccak256(abi.encode(CLAIM_DOMAIN, block.chainid, address(this), claimant, terms))) >> 8;
    }

    /// @inheritdoc IClaimRegistry
    function refutationContextOf(
        address challenger,
        uint256 claimId,
        uint256 challengeId
    ) public view returns (uint256) {
        bytes memory words = abi.encode(
            REFUTATION_DOMAIN,
            block.chainid,
            address(this),
            challenger,
            claimId,
            challengeId
        );
        return uint256(keccak256(words)) >> 8;
    }

    /// @inheritdoc IClaimRegistry
    function claimDigest(
        address claimant,
        address service,
        uint64 version,
        bytes32 statementId,
        uint256 batch
    ) public view returns (bytes32) {
        return
            _hashTypedDataV4(keccak256(abi.encode(CLAIM_BATCH, claimant, service, version, statementId, batch)));
    }

    /// @inheritdoc IClaimRegistry
    function counterDigest(address challenger, uint256 claimId, uint256 batch) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(COUNTER_BATCH, challenger, claimId, batch)));
    }

    /// @dev Reserves the number of the next claim.
    function _newClaim(bytes32 slot) internal returns (uint256 claimId) {
        claimId = ++claimCount;
        _slots[claimId] = slot;
    }

    function _known(uint256 claimId) internal view returns (Claim storage claim) {
        if (claimId == 0 || claimId > claimCount) revert UnknownClaim(claimId);
        return _claims[claimId];
    }

    /// @dev The last second at which the claim can fall: a challenge opened in the claim's last second still has its whole time.
    function _lastChallenge(Claim storage claim) internal view returns (uint256) {
        return claim.expiresAt + CHALLENGE_SECONDS;
    }

    /// @dev The routes by which a claim can be refuted; zero: there is none. The route through a pool includes the claimant: otherwise
    /// anybody who can prove could end another's badge for the price of draws against a claim of his own, with as small a bond as he likes.
    /// An auditor signs each counter-batch, so under its name one fall is enough for everybody.
    function _routes(
        address claimant,
        address service,
        uint64 version,
        bytes32 statementId,
        uint64 poolId,
        address auditor
    ) internal pure returns (bytes32 byPool, bytes32 byAuditor) {
        if (poolId != 0) byPool = keccak256(abi.encode(service, version, statementId, poolId, claimant));
        if (auditor != address(0)) byAuditor = _slot(service, version, statementId, Source.Auditor, _word(auditor));
    }

    function _routesOf(Claim storage claim) internal view returns (bytes32 byPool, bytes32 byAuditor) {
        bytes32 statementId = _meaning(claim.circuitId).statementId;
        return _routes(claim.claimant, claim.service, claim.version, statementId, claim.poolId, claim.auditor);
    }

    /// @dev The guarantee, plus 1, that was refuted by one of the routes, if `guarantee` is at least as good; else 0.
    function _barrier(
        bytes32 byPool,
        bytes32 byAuditor,
        Kind kind,
        uint32 guarantee
    ) internal view returns (uint256 refuted) {
        refuted = byPool == 0 ? 0 : _refuted[byPool];
        if (refuted != 0 && _atLeastAsGood(kind, guarantee, uint32(refuted - 1))) return refuted;
        refuted = byAuditor == 0 ? 0 : _refuted[byAuditor];
        if (refuted != 0 && !_atLeastAsGood(kind, guarantee, uint32(refuted - 1))) refuted = 0;
    }

    /// @dev Identifies a badge; if the source is an auditor, also the route by which it can be refuted.
    function _slot(
        address service,
        uint64 version,
        bytes32 statementId,
        Source source,
        bytes32 by
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(service, version, statementId, source, by));
    }

    function _word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// @inheritdoc BatchPools
    function _claimable(address service, uint64 version) internal view override returns (uint256) {
        (bool alive, bytes32 commitment) = _version(service, version);
        if (!alive) revert VersionNotClaimable(service, version);
        return uint256(commitment);
    }

    function _version(address service, uint64 version) internal view returns (bool alive, bytes32 commitment) {
        IModelRegistryErrors.VersionStatus status;
        (status, commitment, ) = MODELS.lookUp(service, version);
        alive =
            status == IModelRegistryErrors.VersionStatus.Accepted ||
            status == IModelRegistryErrors.VersionStatus.Released;
    }

    function _requireProof(bytes32 circuitId, uint256[4] memory signals, Groth16Proof memory proof) internal view {
        if (!ProofCheck.holds(VERIFIERS, circuitId, signals, proof)) revert InvalidProof();
    }

    function _requireSignature(address auditor, bytes32 digest, bytes calldata signature) internal view {
        if (!SignatureChecker.isValidSignatureNow(auditor, digest, signature)) revert NotAuditorsSignature(auditor);
    }

    /// @dev Checks a refutation on a batch of the claim's pool or auditor, as `source` says. If the claim stands, it falls in favour of the
    /// caller. A claim that has already fallen is recorded as refuted by this route, too: otherwise a liar would first let it fall by
    /// another route, and then claim again.
    function _refute(
        uint256 claimId,
        uint256 batch,
        uint256 context,
        Groth16Proof calldata proof,
        Source source
    ) private {
        Claim storage claim = _claims[claimId];
        if (claim.status == Status.Released) revert ClaimEnded(claimId, claim.status);
        (, bytes32 commitment, ) = MODELS.lookUp(claim.service, claim.version);
        uint32 guarantee = claim.guarantee;
        bytes32 refutationId = _meaning(claim.circuitId).refutationId;
        _requireProof(refutationId, [uint256(commitment), batch, guarantee, context], proof);

        (bytes32 byPool, bytes32 byAuditor) = _routesOf(claim);
        bytes32 route = source == Source.Draw ? byPool : byAuditor;
        uint256 refuted = _refuted[route];
        // The first guarantee that was refuted by this route, or a weaker one than before.
        if (refuted == 0 || _atLeastAsGood(claim.kind, uint32(refuted - 1), guarantee)) {
            _refuted[route] = uint256(guarantee) + 1;
            emit GuaranteeFell(claimId, source, guarantee);
        }
        if (claim.status == Status.Fallen) return;
        claim.status = Status.Fallen;
        claim.endedAt = uint48(block.timestamp);
        claim.fellIn = uint64(block.number);
        bytes32 slot = _slots[claimId];
        if (_badges[slot] == claimId) delete _badges[slot];
        emit ClaimFell(claimId, msg.sender, batch, _forfeit(claim.bond, msg.sender));
    }

    /// @dev Pays out a lost bond: to the winner, minus the treasury's part.
    function _forfeit(uint256 bond, address winner) private returns (uint256 paid) {
        uint256 kept = bond / QUARTER;
        paid = bond - kept;
        _credit(TREASURY, kept);
        _credit(winner, paid);
    }

    function _open(uint256 challengeId) private view returns (Challenge storage challenge) {
        challenge = _challenges[challengeId];
        if (challenge.challenger == address(0)) revert UnknownChallenge(challengeId);
        if (challenge.settled) revert ChallengeEnded(challengeId);
    }
}
