// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of the claim registry.
interface IClaimRegistryErrors {
    /// @notice The contract needs an administrator and a treasury, and a draw its claimant.
    error ZeroAddress();
    error UnknownClaim(uint256 claimId);
    error UnknownChallenge(uint256 challengeId);
    error UnknownPool(uint256 poolId);
    /// @notice The registrar has not said what proofs of this circuit mean.
    error CircuitNotDescribed(bytes32 circuitId);
    /// @notice A circuit is described once.
    error CircuitAlreadyDescribed(bytes32 circuitId);
    /// @notice A refutation needs a circuit of its own, so that no proof serves both sides.
    error RefutationIsClaim(bytes32 circuitId);
    /// @notice A statement has a kind and samples, bins if and only if it is about calibration, and a positive label only if it is about
    /// groups.
    error StatementInvalid(IClaimRegistryTypes.Kind kind, uint16 count, uint16 positive, bytes32 bins);
    /// @notice Source `source` needs, or does not go with, the auditor and pool given.
    error SourceInvalid(IClaimRegistryTypes.Source source, address auditor, uint256 poolId);
    /// @notice Figures are right answers of the batch's samples, or a gap in permille; a guarantee never exceeds what was proven.
    error FigureInvalid(uint32 figure, uint32 guarantee, uint32 max);
    error ExpiryInvalid(uint256 found, uint256 min, uint256 max);
    /// @notice The version is deprecated, or does not exist.
    error VersionNotClaimable(address service, uint64 version);
    /// @notice A guarantee of `refuted` fell on a batch of this auditor, or of the claimant's under this pool: only a weaker one can follow.
    error GuaranteeRefuted(uint32 guarantee, uint32 refuted);
    /// @notice The proof does not hold for the signals that the registry builds.
    error InvalidProof();
    /// @notice The signature is not the named auditor's, over this batch for this purpose and account.
    error NotAuditorsSignature(address auditor);
    /// @notice The batch is not the leaf that was drawn.
    error NotDrawnBatch(uint256 poolId, uint256 index, uint256 batch);
    /// @notice A pool has 2 to `max` batches and a root.
    error PoolInvalid(bytes32 root, uint256 size, uint256 max);
    error NotPoolKeeper(uint256 poolId, address caller);
    /// @notice A pool draws once for a version and statement: whoever could draw again would wait for a batch that suits.
    error AlreadyDrawn(bytes32 drawId);
    error NotDrawn(bytes32 drawId);
    /// @notice The pool's keeper drew for the claim of another account.
    error NotDrawnClaimant(bytes32 drawId, address caller, address claimant);
    /// @notice The block that decides has no hash yet.
    error DrawTooEarly(uint256 blockNumber, uint256 decidedBy);
    /// @notice The hash can no longer be read; the draw was not fixed in time, and is lost.
    error DrawLapsed(uint256 blockNumber, uint256 last);
    /// @notice The claim names no pool, so that nobody can ask for a draw.
    error NoPool(uint256 claimId);
    /// @notice The claim names no auditor.
    error NoAuditor(uint256 claimId);
    /// @notice The claim has fallen, counts no more, or its bond is back.
    error ClaimEnded(uint256 claimId, IClaimRegistryTypes.Status found);
    error TooLate(uint256 found, uint256 last);
    error TooEarly(uint256 found, uint256 first);
    error WrongBond(uint256 found, uint256 expected);
    error NotChallenger(uint256 challengeId, address caller);
    error ChallengeEnded(uint256 challengeId);
    /// @notice The slot's claim is at least as good in one respect, and still counts.
    error NotBetter(uint256 claimId, uint256 standing);
}

/// @dev Types of the claim registry.
interface IClaimRegistryTypes is IClaimRegistryErrors {
    enum Kind {
        None,
        /// At least so many of the batch's samples get their label.
        Accuracy,
        /// Two groups get the positive label at rates that differ by at most so many permille.
        RateGap,
        /// The same for the rates of true and of false positives.
        EqualisedOdds,
        /// Expected calibration error over bins of the margin, at most so many permille.
        Calibration
    }

    /// @notice Who chose the batch.
    enum Source {
        None,
        /// The claimant: the weakest, as any model is good on some batch.
        Claimant,
        /// An account that the consumer trusts, by its signature.
        Auditor,
        /// The hash of a block after a pool of batches was committed to.
        Draw
    }

    enum Status {
        None,
        Standing,
        Fallen,
        Released
    }

    /// @notice What proofs of a circuit mean, whatever the model.
    struct Statement {
        Kind kind;
        /// Samples in a batch.
        uint16 count;
        /// The label that counts as positive, for gaps between groups; else 0.
        uint16 positive;
        /// keccak256 of the bins, as `cohort claim statement` shows it, for calibration; else 0.
        bytes32 bins;
    }

    /// @notice What a claimant states.
    struct Terms {
        address service;
        uint64 version;
        bytes32 circuitId;
        Source source;
        /// Signs batches for claim (source Auditor) and challenges; zero: nobody does.
        address auditor;
        /// Its batches are drawn for claim (source Draw) and challenges; 0: none.
        uint64 poolId;
        /// What the proof says of the batch: right answers, or permille.
        uint32 figure;
        /// What the claimant's bond stands for on any other accepted batch; no better than `figure`.
        uint32 guarantee;
        /// Unix seconds from which the claim counts no more.
        uint48 expiresAt;
    }

    /// @notice How a batch was chosen: the auditor's signature, or the path from the drawn leaf to the pool's root.
    struct Evidence {
        bytes signature;
        bytes32[] path;
    }

    /// @notice Six slots. A challenge's deadline is in `Challenge`; an expired claim still stands until its bond is released.
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
        /// Block in which it fell; 0 if it did not.
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
        /// The block that decides which batch.
        uint64 decidedBy;
        /// Drawn batch of the pool, plus 1; 0 before it is fixed.
        uint64 indexPlusOne;
    }

    /// @notice Batches that were committed to before anything was drawn.
    struct Pool {
        address keeper;
        uint32 size;
        uint64 committedIn;
        bytes32 root;
    }

    /// @notice One slot.
    struct Drawing {
        /// 0: nothing was drawn.
        uint48 decidedBy;
        /// Drawn batch, plus 1; 0 before it is fixed.
        uint24 indexPlusOne;
        uint24 poolSize;
        /// May claim on the batch.
        address claimant;
    }

    /// @notice What a consumer asks for.
    struct Requirement {
        address service;
        /// 0: the current release.
        uint64 version;
        bytes32 statementId;
        Source source;
        /// The auditor, the claimant (as addresses in the low bytes), or the pool's number.
        bytes32 by;
        /// Least right answers, or most permille, that the claim has to guarantee.
        uint32 bound;
        uint128 minBond;
        /// Whether the circuits' keys must come from a ceremony: whoever made a local set-up can forge.
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
    /// @notice The claim is the one that `hasBadge` looks at for this version, statement and source.
    event BadgeTaken(bytes32 indexed slot, uint256 indexed claimId);
    event ChallengeOpened(uint256 indexed challengeId, uint256 indexed claimId, address challenger, uint256 decidedBy);
    event ChallengeDrawn(uint256 indexed challengeId, uint256 index);
    /// @notice Another batch, chosen by the rules that the claim accepted, shows less than it guarantees.
    event ClaimFell(uint256 indexed claimId, address indexed challenger, uint256 batch, uint256 paid);
    /// @notice No claim counts any more that guarantees so much, speaks of the same version and statement, and names the same auditor
    /// (`source` Auditor, whoever claims) or the same pool (`source` Draw, of the same claimant).
    event GuaranteeFell(uint256 indexed claimId, Source source, uint32 guarantee);
    /// @param refunded Whether the challenger got its bond back.
    event ChallengeSettled(uint256 indexed challengeId, bool refunded);
    event BondReleased(uint256 indexed claimId, uint256 bond);
}

/// @title Claims about models, proven on batches, that consumers can require and anybody can challenge
/// @notice A claim is proven on one batch and guarantees a weaker figure on all others that its rules accept. A challenger gets
/// another batch by those rules: from the auditor, or by a draw from the pool. If it proves that the model does worse there than
/// the guarantee, the claim falls and its bond goes to the challenger, less a quarter. That quarter goes to the treasury, so that
/// nobody gets his own bond back by challenging himself. Nothing here can be lengthened, locked or stopped by a challenge that
/// fails: its bond goes to the claimant, less a quarter.
interface IClaimRegistry is IClaimRegistryEvents, IPullPayments {
    /// @notice Says what proofs of two registered circuits mean, once. The registrar (the timelock) only: whoever could mislabel a
    /// circuit could call any number an accuracy.
    /// @param circuitId Proves that the figure is at least as good as its output.
    /// @param refutationId Proves that the figure is worse than its output.
    function describe(bytes32 circuitId, bytes32 refutationId, Statement calldata statement) external;

    /// @notice Commits to batches before anything is drawn.
    /// @param root Of a tree of the next power of two of leaves: leaf i is keccak256 of batch commitment i, a missing one is zero,
    /// and a node is keccak256 of its two children. A leaf's position is its index.
    /// @param uri Where batches and salts are, when they are public; at most 256 bytes.
    function commitPool(bytes32 root, uint32 size, string calldata uri) external returns (uint256 poolId);

    /// @notice Asks for the batch on which `claimant` is to prove a claim about a version that exists; a later block's hash decides. The
    /// pool's keeper only: a stranger who drew and let the draw lapse would use up the pool.
    /// @param claimant The only account whose claims take this draw, so the only one that can take the badge of the pool.
    function draw(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId,
        address claimant
    ) external returns (bytes32 drawId);

    /// @notice Reads the hash that decides. Anybody, within 256 blocks.
    function fixDraw(bytes32 drawId) external returns (uint256 index);

    /// @notice Publishes a claim with a bond, the ether sent. The proof's signals are the version's commitment, the batch, the figure
    /// and `contextOf`.
    function publish(
        Terms calldata terms,
        uint256 batch,
        Evidence calldata evidence,
        Groth16Proof calldata proof
    ) external payable returns (uint256 claimId);

    /// @notice Makes a claim that counts the badge of its version, statement and source, if the present one counts no more, or is
    /// better in nothing. Anybody.
    function promote(uint256 claimId) external;

    /// @notice Asks for a counter-batch from the claim's pool, with `challengeBond` sent; a later block's hash decides.
    function openChallenge(uint256 claimId) external payable returns (uint256 challengeId);

    /// @notice Reads the hash that decides a challenge's batch. Anybody, within 256 blocks. A challenge without it fails.
    function fixChallenge(uint256 challengeId) external returns (uint256 index);

    /// @notice Proves on the drawn batch that the guarantee does not hold. The challenger only; signals: commitment, batch, guarantee,
    /// `refutationContextOf`. Of a claim that fell meanwhile it gives the challenger's bond back, and bars the claimant's guarantee under
    /// the pool.
    function refute(
        uint256 challengeId,
        uint256 batch,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external;

    /// @notice The same on a batch that the claim's auditor signed for this claim and challenger; no bond, no draw.
    function refuteSigned(
        uint256 claimId,
        uint256 batch,
        bytes calldata signature,
        Groth16Proof calldata proof
    ) external;

    /// @notice Ends a challenge: after its deadline its bond goes to the claimant, less a quarter; back to the challenger, if the claim
    /// fell before the challenge's draw was decided, or the refutation's circuit was revoked. Anybody.
    function settleChallenge(uint256 challengeId) external;

    /// @notice Gives the bond of a claim back, `CHALLENGE_SECONDS` after it expired. Anybody.
    function releaseBond(uint256 claimId) external;

    /// @notice Whether a claim that counts meets the requirement. The only call that a consumer needs; never reverts for lack of one.
    function hasBadge(Requirement calldata requirement) external view returns (bool);

    /// @notice The same for a claim given by number, whether it is the badge or not.
    function meets(uint256 claimId, Requirement calldata requirement) external view returns (bool);

    /// @notice The claim that `hasBadge` looks at; 0 without one.
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
    /// @return refutationId The circuit that proves the opposite.
    function circuitOf(bytes32 circuitId) external view returns (bytes32 statementId, bytes32 refutationId);

    function statementOf(bytes32 circuitId) external view returns (Statement memory);

    function claimCount() external view returns (uint256);

    function challengeCount() external view returns (uint256);

    function poolCount() external view returns (uint256);

    /// @notice What a challenge of the claim costs if it fails, in wei: a quarter of the claim's bond.
    function challengeBond(uint256 claimId) external view returns (uint256);

    /// @notice The fourth signal of a claim's proof: it binds chain, registry, claimant and all terms.
    function contextOf(address claimant, Terms calldata terms) external view returns (uint256);

    /// @notice The fourth signal of a refutation: it binds chain, registry, challenger, claim, and the challenge (0: signed).
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

    /// @notice The name of a statement, for requirements.
    function statementIdOf(Statement calldata statement) external pure returns (bytes32);

    function drawIdOf(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId
    ) external pure returns (bytes32);
}
