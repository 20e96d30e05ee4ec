// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Types of the round machine
interface ILearningServiceTypes {
    /// @notice The states of the machine. The published design has three coarser states: the first five here refine its RegistrationState,
    /// Training is its TrainingState, and the last five refine its UpdateGlobalModelState. Only a dispute leads to KeyJudge or Check.
    enum State {
        Registration,
        KeyCommit,
        KeyReveal,
        KeyConfirm,
        KeyJudge,
        Training,
        Reveal,
        Aggregate,
        Check,
        Decrypt,
        Vote
    }

    /// @notice The events of the published design that cause transitions; None for a transition inside one of its states.
    // solhint-disable-next-line contract-name-capwords
    enum Trigger {
        None,
        START_TRAINING,
        DONE_TRAINING,
        DONE_UPDATE,
        NO_MAJORITY,
        UPDATE_TIMEOUT,
        TRAINING_TIMEOUT
    }

    /// @notice Parameters that the DAO sets. Windows are in seconds, from 1 second to 365 days; money is in wei of the stake token.
    /// @param minKeepers Fewest members of an epoch, and fewest updates in a sum that may be decrypted; ≥ 2.
    /// @param maxKeepers At most 256.
    /// @param decryptionBps Determines an epoch's decryption threshold: t = ⌊n·bps/10000⌋ + 1 for the n members when registration closed.
    /// 5000 … 6666, so that n/2 < t ≤ ⌈2n/3⌉. Members that are dropped later do not lower it.
    /// @param decryptionsPerEpoch Number of drafts that one collective key can serve before the epoch ends; ≥ 1. With a buffer and
    /// oneEpochSeats, at least maxStaleness + maxStrikes: the number of rounds after which a silent member is jailed.
    /// @param maxStrikes Rounds in a row without a revealed update after which a member is jailed; 2 or 3.
    /// @param oneEpochSeats Every seat is given up when the epoch ends. For admission contracts that draw new members for each epoch;
    /// maxKeepers is then at most 64.
    /// @param buffer Number of updates with which Training ends, so that it need not wait for slower members; at least minKeepers. A round
    /// never takes fewer updates than its update quorum. 0: Training waits for all members.
    /// @param maxStaleness With a buffer, 1 … 7: the largest staleness of an update, in completed rounds; also the number of rounds in a
    /// row that a member may miss while its training goes on. Without a buffer, 0.
    /// @param bond Stake that a member puts up. The service can never take more than this from it.
    /// @param rewardPerRound Split among the members that did every step; less if the pool holds less.
    /// @param keyPenalty Taken for silence in key generation; ≤ bond.
    /// @param decryptPenalty Taken from a drafted member that posts no decryption share; ≤ bond.
    /// @param fraudPenalty Taken from a member that a quorum convicts on evidence that every judging member recomputed; ≤ bond.
    /// @param admission Contract that decides who may take a seat (IAdmission); zero: every keeper may.
    /// @param partySeats Most seats that keepers of one party (as named by the admission contract) may have; ≥ 1, or 0 without such a
    /// contract.
    /// @param manifest SHA-256 of the service's manifest, the canonical document on which members agree off the chain; zero: there is none.
    struct Parameters {
        uint32 registrationWindow;
        uint32 keyWindow;
        uint32 trainingWindow;
        uint32 revealWindow;
        uint32 aggregateWindow;
        uint32 decryptWindow;
        uint32 voteWindow;
        uint16 minKeepers;
        uint16 maxKeepers;
        uint16 decryptionBps;
        uint16 decryptionsPerEpoch;
        uint8 maxStrikes;
        bool oneEpochSeats;
        uint8 buffer;
        uint8 maxStaleness;
        uint96 bond;
        uint96 rewardPerRound;
        uint96 keyPenalty;
        uint96 decryptPenalty;
        uint96 fraudPenalty;
        address strategy;
        address admission;
        uint16 partySeats;
        bytes32 manifest;
    }

    /// @notice One collective key and its members.
    /// @param members Bitmap of seats. The evaluation point of a member in the secret sharing is its seat + 1.
    /// @param quorum Number of equal attestations or votes that decide: ⌊2n/3⌋ + 1.
    /// @param updateQuorum Least number of commits, and of reveals, for a round to go on: max(quorum, minKeepers).
    /// @param decryptionThreshold t: the number of members that are drafted for one decryption.
    /// @param crsSeed keccak256(abi.encode(chainid, service, epoch, blockhash of the block before the close)).
    /// @param keyHash Hash of the collective key that all members confirmed; 0 before that.
    /// @param undraftable Members that are not drafted: silent in this epoch after being drafted, convicted, or banned.
    /// @param registered Members when registration last closed; the threshold is computed from it.
    struct EpochInfo {
        uint32 epoch;
        uint256 members;
        uint16 memberCount;
        uint16 quorum;
        uint16 updateQuorum;
        uint16 decryptionThreshold;
        uint16 decryptions;
        bytes32 crsSeed;
        bytes32 keyHash;
        uint256 undraftable;
        uint16 registered;
    }

    /// @notice The round in progress. Sets are bitmaps of seats, and are empty before their step.
    /// @param attesters Members that have sealed an attestation; after the draft, those with a matching seal.
    /// @param included Members whose updates are in the drafted sum.
    /// @param checked Members that posted scalars in Check. @param disputed Whether the round has had its dispute.
    /// @param leftOut Members that may not contribute or decrypt: convicted in this epoch, or the most suspect.
    /// @param lateRound Round with ballots still open while this one trains; 0 for none.
    /// @param usedUp Whether the epoch serves no further round: then this Training takes no commits, and only waits for late ballots.
    struct RoundInfo {
        uint32 round;
        uint256 committed;
        uint256 revealed;
        uint256 included;
        uint256 attesters;
        uint256 drafted;
        uint256 shared;
        uint256 checked;
        uint256 leftOut;
        bool disputed;
        uint32 lateRound;
        bool usedUp;
    }

    /// @notice One thing that members can agree on.
    /// @param digest First 208 bits of keccak256(abi.encode(modelCommitment, keccak256(cid))), of
    /// keccak256(abi.encode(keyHash)), or of keccak256(abi.encode(convicted, excused)).
    /// @param weight In a Vote: reward shares of those supporters that did every step; else 0.
    /// @param supporters Bitmap of seats.
    struct Candidate {
        bytes26 digest;
        uint48 weight;
        uint256 supporters;
    }

    /// @notice Key generation in progress, as recorded.
    struct KeyInfo {
        uint256 committed;
        uint256 revealed;
        uint256 spoken;
        uint256 complained;
        uint256 accused;
        uint256 judged;
    }

    /// @notice The facts that a keeper reads in each block, in one answer.
    /// @param current This field and the next three are as `clock` returns them. @param due As `isDue` returns it.
    /// @param seated Bitmap of taken seats, including seats of keepers that are not members yet.
    /// @param seat The seat of the operator that was asked for; type(uint16).max if it has none.
    struct Snapshot {
        State current;
        uint32 currentEpoch;
        uint32 currentRound;
        uint40 end;
        bool due;
        EpochInfo epoch;
        KeyInfo key;
        RoundInfo round;
        uint256 seated;
        uint16 seat;
    }

    /// @notice The permanent record of a completed round, by the number of its version.
    /// @param round From 1; 0 for a version that does not exist.
    /// @param completedAt Unix seconds of the deciding vote.
    /// @param votes Members that voted for it, late ones included.
    /// @param candidate Index of the winning candidate, as in ModelVoted.
    /// @param perShare Reward in wei for each share; 0 until late ballots are closed and the reward is set aside.
    struct Outcome {
        uint32 epoch;
        uint32 round;
        uint40 completedAt;
        uint16 votes;
        uint8 candidate;
        uint96 perShare;
    }
}
