// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of the claim registry.
interface IClaimRegistryErrors {
    /// @notice The contract needs an administrator and a treasury, and a draw needs a claimant.
    error ZeroAddress();
    error UnknownClaim(uint256 claimId);
    error UnknownChallenge(uint256 challengeId);
    error UnknownPool(uint256 poolId);
    /// @notice The registrar has not said what proofs of this circuit mean.
    error CircuitNotDescribed(bytes32 circuitId);
    /// @notice A circuit is described only once.
    error CircuitAlreadyDescribed(bytes32 circuitId);
    /// @notice A refutation needs a circuit of its own, so that no proof serves both sides.
    error RefutationIsClaim(bytes32 circuitId);
    /// @notice A statement has a kind and samples, bins if and only if it is about calibration, and a positive label only if it is about
    /// groups.
    error StatementInvalid(IClaimRegistryTypes.Kind kind, uint16 count, uint16 positive, bytes32 bins);
    /// @notice Source `source` requires an auditor or pool that is missing, or excludes one that is given.
    error SourceInvalid(IClaimRegistryTypes.Source source, address auditor, uint256 poolId);
    /// @notice A figure is the number of right answers in the batch, or a gap in permille. A guarantee never exceeds what was proven.
    error FigureInvalid(uint32 figure, uint32 guarantee, uint32 max);
    error ExpiryInvalid(uint256 found, uint256 min, uint256 max);
    /// @notice The version is deprecated, or does not exist.
    error VersionNotClaimable(address service, uint64 version);
    /// @notice A guarantee of `refuted` has already been refuted on a batch of this auditor, or on one that was drawn for this claimant
    /// from this pool. Only a weaker guarantee can follow.
    error GuaranteeRefuted(uint32 guarantee, uint32 refuted);
    /// @notice The proof does not hold for the signals that the registry builds.
    error InvalidProof();
    /// @notice The signature is not the named auditor's, or is not for this batch, purpose and account.
    error NotAuditorsSignature(address auditor);
    /// @notice The batch is not the leaf that was drawn.
    error NotDrawnBatch(uint256 poolId, uint256 index, uint256 batch);
    /// @notice A pool has 2 to `max` batches and a root.
    error PoolInvalid(bytes32 root, uint256 size, uint256 max);
    error NotPoolKeeper(uint256 poolId, address caller);
    /// @notice A pool draws once for each version and statement. If its keeper could draw again, it would wait for a batch that suits it.
    error AlreadyDrawn(bytes32 drawId);
    error NotDrawn(bytes32 drawId);
    /// @notice The pool's keeper made this draw for a claim of another account.
    error NotDrawnClaimant(bytes32 drawId, address caller, address claimant);
    /// @notice The block whose hash decides does not have a hash yet.
    error DrawTooEarly(uint256 blockNumber, uint256 decidedBy);
    /// @notice The hash can no longer be read. Nobody fixed the draw in time, so it is lost.
    error DrawLapsed(uint256 blockNumber, uint256 last);
    /// @notice The claim names no pool, so that nobody can ask for a draw.
    error NoPool(uint256 claimId);
    /// @notice The claim names no auditor.
    error NoAuditor(uint256 claimId);
    /// @notice The claim has fallen, no longer counts, or has had its bond given back.
    error ClaimEnded(uint256 claimId, IClaimRegistryTypes.Status found);
    error TooLate(uint256 found, uint256 last);
    error TooEarly(uint256 found, uint256 first);
    error WrongBond(uint256 found, uint256 expected);
    error NotChallenger(uint256 challengeId, address caller);
    error ChallengeEnded(uint256 challengeId);
    /// @notice The slot's present claim still counts and is better in at least one respect, or is this very claim.
    error NotBetter(uint256 claimId, uint256 standing);
}

/// @dev Types of the claim registry.
interface IClaimRegistryTypes is IClaimRegistryErrors {
    enum Kind {
        None,
        /// At least this many of the batch's samples get the right label.
        Accuracy,
        /// Two groups get the positive label at rates that differ by at most this many permille.
        RateGap,
        /// The same, for both the true positive and the false positive rates.
        EqualisedOdds,
        /// The expected calibration error over bins of the margin is at most this many permille.
        Calibration
    }

    /// @notice Who chose the batch.
    enum Source {
        None,
        /// The claimant. This is the weakest source, because any model is good on some batch.
        Claimant,
        /// An account that the consumer trusts. It signs the batch.
        Auditor,
        /// The hash of a block that came after the commitment to a pool of batches.
        Draw
    }

    enum Status {
        None,
        Standing,
        Fallen,
        Released
    }

    /// @notice What proofs of a circuit mean, for whatever model.
    struct Statement {
        Kind kind;
        /// Samples in a batch.
        uint16 count;
        /// The label that counts as positive, in statements about groups; else 0.
        uint16 positive;
        /// keccak256 of the bins (`cohort claim statement` prints it), in statements about calibration; else 0.
        bytes32 bins;
    }

    /// @notice What a claimant states.
    struct Terms {
        address service;
        uint64 version;
        bytes32 circuitId;
        Source source;
        /// Signs batches for the claim (source Auditor) and for challenges. Zero: no auditor.
        address auditor;
        /// The pool from which batches are drawn for the claim (source Draw) and for challenges. 0: no pool.
        uint64 poolId;
        /// What the proof shows on the batch: a number of right answers, or permille.
        uint32 figure;
        /// What the claimant's bond guarantees on every other accepted batch; no better than `figure`.
        uint32 guarantee;
        /// Unix seconds from which the claim no longer counts.
        uint48 expiresAt;
    }

    /// @notice How a batch was chosen: the auditor's signature, or the path from the drawn leaf to the pool's root.
    struct Evidence {
        bytes signature;
        bytes32[] path;
    }

    /// @notice Uses six slots. A challenge's deadline is in `Challenge`. An expired claim keeps the status Standing until its bond is
    /// released.
    struct Claim {
        address claimant;
        uint48 expiresAt;
        Source source;
        Kind kind;
        Status status;
        address service;
        uint64 version;
        uint32 guarantee;
        address auditor;
        uint32 figure;
        /// Unix seconds at which it fell or its bond was released; 0 while it stands.
        uint48 endedAt;
        bytes32 circuitId;
        uint128 bond;
        uint64 poolId;
        /// Block in which the claim fell; 0 if it has not fallen.
        uint64 fellIn;
        /// Commitment to the batch.
        uint256 batch;
    }

    struct Challenge {
        address challenger;
        uint48 deadline;
        bool settled;
        uint64 claimId;
        uint128 bond;
        /// The block whose hash decides which batch is drawn.
        uint64 decidedBy;
        /// Index of the drawn batch, plus 1; 0 until it is fixed.
        uint64 indexPlusOne;
    }

    /// @notice Batches that their keeper committed to before anything was drawn.
    struct Pool {
        address keeper;
        uint32 size;
        uint64 committedIn;
        bytes32 root;
    }

    /// @notice One slot.
    struct Drawing {
        /// The block whose hash decides; 0: nothing was drawn.
        uint48 decidedBy;
        /// Index of the drawn batch, plus 1; 0 until it is fixed.
        uint24 indexPlusOne;
        uint24 poolSize;
        /// The only account that may claim on the batch.
        address claimant;
    }

    /// @notice What a consumer asks for.
    struct Requirement {
        address service;
        /// 0: the current release.
        uint64 version;
        bytes32 statementId;
        Source source;
        /// The auditor or the claimant (an address in the low bytes), or the pool's number, depending on `source`.
        bytes32 by;
        /// What the claim must guarantee: at least this many right answers, or at most this many permille.
        uint32 bound;
        uint128 minBond;
        /// Whether the circuits' keys must come from a ceremony: the maker of a local set-up can forge proofs.
        bool ceremony;
    }
}

/// @dev Events of the claim registry.
interface IClaimRegistryEvents is IClaimRegistryTypes {
    event CircuitDescribed(
        bytes32 indexed circuitId,
        bytes32 indexed statementId,
        bytes32 indexed refutationId,
        Statement statement
    );
    event PoolCommitted(uint256 indexed poolId, address indexed keeper, bytes32 root, uint32 size, string uri);
    event DrawAsked(
        bytes32 indexed drawId,
        uint256 indexed poolId,
        address indexed claimant,
        uint256 decidedBy
    );
    event DrawFixed(bytes32 indexed drawId, uint256 index);
    event ClaimPublished(
        uint256 indexed claimId,
        address indexed service,
        uint64 indexed version,
        address claimant,
        bytes32 statementId,
        uint32 figure,
        uint32 guarantee
    );
    /// @notice The claim is now the badge of its version, statement and source: the one that `hasBadge` looks at.
    event BadgeTaken(bytes32 indexed slot, uint256 indexed claimId);
    event ChallengeOpened(uint256 indexed challengeId, uint256 indexed claimId, address challenger, uint256 decidedBy);
    event ChallengeDrawn(uint256 indexed challengeId, uint256 index);
    /// @notice The model does worse than the claim guarantees on another batch, chosen by the rules that the claim accepted.
    event ClaimFell(uint256 indexed claimId, address indexed challenger, uint256 batch, uint256 paid);
    /// @notice From now on, no claim counts that gives this guarantee or a better one for the same version and statement and names the same
    /// auditor (`source` Auditor; whoever the claimant is) or the same pool (`source` Draw; of the same claimant).
    event GuaranteeFell(uint256 indexed claimId, Source source, uint32 guarantee);
    /// @param refunded Whether the challenger got its bond back.
    event ChallengeSettled(uint256 indexed challengeId, bool refunded);
    event BondReleased(uint256 indexed claimId, uint256 bond);
}

/// @title Claims about models, proven on batches, that consumers can require and anybody can challenge
/// @notice A claim is proven on one batch and guarantees a weaker figure on all other batches that its rules accept. A challenger gets
/// another batch by the same rules: from the auditor, or by a draw from the pool. If the challenger proves that the model does worse there
/// than the guarantee, the claim falls. Three quarters of its bond go to the challenger. The last quarter goes to the treasury, so that
/// claimants who challenge themselves cannot get the whole bond back. A challenge that fails cannot delay, lock or stop anything: three
/// quarters of its bond go to the claimant, the rest to the treasury.
interface IClaimRegistry is IClaimRegistryEvents, IPullPayments {
    /// @notice States once what the proofs of two registered circuits mean. Only the registrar (the timelock) may: an account that could
    /// mislabel a circuit could call any number an accuracy.
    /// @param circuitId Proves that the figure is at least as good as its output.
    /// @param refutationId Proves that the figure is worse than its output.
    function describe(bytes32 circuitId, bytes32 refutationId, Statement calldata statement) external;

    /// @notice Commits to a pool of batches, before anything is drawn from it.
    /// @param root Of a Merkle tree whose number of leaves is the next power of two. Leaf i is keccak256 of the commitment to batch i, or
    /// zero beyond the last batch; a node is keccak256 of its two children. A leaf's position is its index.
    /// @param uri Where to find the batches and salts, if they are public; at most 256 bytes.
    function commitPool(bytes32 root, uint32 size, string calldata uri) external returns (uint256 poolId);

    /// @notice Asks for the batch on which `claimant` will prove a claim about an existing version. The hash of a later block decides. Only
    /// the pool's keeper may: a stranger could ask for a draw, let it lapse, and so use up the pool.
    /// @param claimant The only account whose claims can use this draw, and so the only one that can get the pool's badge.
    function draw(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId,
        address claimant
    ) external returns (bytes32 drawId);

    /// @notice Fixes the draw by reading the hash that decides. Anybody may, within 256 blocks.
    function fixDraw(bytes32 drawId) external returns (uint256 index);

    /// @notice Publishes a claim. The ether sent is its bond. The proof's signals are the version's commitment, the batch, the figure and
    /// `contextOf`.
    function publish(
        Terms calldata terms,
        uint256 batch,
        Evidence calldata evidence,
        Groth16Proof calldata proof
    ) external payable returns (uint256 claimId);

    /// @notice Makes a claim that counts the badge of its version, statement and source, if the present badge no longer counts or is better
    /// in no respect. Anybody may.
    function promote(uint256 claimId) external;

    /// @notice Asks for a counter-batch from the claim's pool. The ether sent must be `challengeBond`. A later block's hash decides.
    function openChallenge(uint256 claimId) external payable returns (uint256 challengeId);

    /// @notice Fixes a challenge's batch by reading the hash that decides. Anybody may, within 256 blocks. If nobody does, the challenge
    /// fails.
    function fixChallenge(uint256 challengeId) external returns (uint256 index);

    /// @notice Proves on the drawn batch that the guarantee does not hold. Only the challenger may. The signals are commitment, batch,
    /// guarantee and `refutationContextOf`. If the claim has fallen meanwhile, the challenger gets its own bond back, and the claimant can
    /// no longer give this guarantee under the pool.
    function refute(
        uint256 challengeId,
        uint256 batch,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external;

    /// @notice The same, on a batch that the claim's auditor signed for this claim and challenger. It needs neither bond nor draw.
    function refuteSigned(
        uint256 claimId,
        uint256 batch,
        bytes calldata signature,
        Groth16Proof calldata proof
    ) external;

    /// @notice Ends a challenge after its deadline. Three quarters of its bond go to the claimant; all of it goes back to the challenger if
    /// the claim fell before the challenge's draw was decided, or if the refutation's circuit was revoked. Anybody may.
    function settleChallenge(uint256 challengeId) external;

    /// @notice Gives the bond of a claim back, `CHALLENGE_SECONDS` after the claim expired. Anybody may.
    function releaseBond(uint256 claimId) external;

    /// @notice Whether a claim that counts meets the requirement. A consumer needs no other call. Without such a claim it returns false and
    /// does not revert.
    function hasBadge(Requirement calldata requirement) external view returns (bool);

    /// @notice The same for the claim with this number, whether or not it is the badge.
    function meets(uint256 claimId, Requirement calldata requirement) external view returns (bool);

    /// @notice The claim that `hasBadge` looks at; 0 if there is none.
    function badgeOf(
        address service,
        uint64 version,
        bytes32 statementId,
        Source source,
        bytes32 by
    ) external view returns (uint256 claimId);

    function claimOf(uint256 claimId) external view returns (Claim memory);

    function challengeOf(uint256 challengeId) external view returns (Challenge memory);

    function poolOf(uint256 poolId) external view returns (Pool memory);

    function drawingOf(bytes32 drawId) external view returns (Drawing memory);

    /// @return statementId Zero for a circuit that is not described.
    /// @return refutationId The circuit that proves the opposite statement.
    function circuitOf(bytes32 circuitId) external view returns (bytes32 statementId, bytes32 refutationId);

    function statementOf(bytes32 circuitId) external view returns (Statement memory);

    function claimCount() external view returns (uint256);

    function challengeCount() external view returns (uint256);

    function poolCount() external view returns (uint256);

    /// @notice What a challenge of the claim costs if it fails, in wei: a quarter of the claim's bond.
    function challengeBond(uint256 claimId) external view returns (uint256);

    /// @notice The fourth signal of a claim's proof: it binds chain, registry, claimant and all terms.
    function contextOf(address claimant, Terms calldata terms) external view returns (uint256);

    /// @notice The fourth signal of a refutation. It binds chain, registry, challenger, claim and challenge (0 for a signed batch).
    function refutationContextOf(
        address challenger,
        uint256 claimId,
        uint256 challengeId
    ) external view returns (uint256);

    /// @notice What an auditor signs for a claim's batch (EIP-712).
    function claimDigest(
        address claimant,
        address service,
        uint64 version,
        bytes32 statementId,
        uint256 batch
    ) external view returns (bytes32);

    /// @notice What an auditor signs for a counter-batch (EIP-712).
    function counterDigest(address challenger, uint256 claimId, uint256 batch) external view returns (bytes32);

    /// @notice The id of a statement, for use in requirements.
    function statementIdOf(Statement calldata statement) external pure returns (bytes32);

    function drawIdOf(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId
    ) external pure returns (bytes32);
}
