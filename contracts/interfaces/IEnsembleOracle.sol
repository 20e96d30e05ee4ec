// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IInferenceHubErrors} from "./IInferenceHub.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev What an ensemble is made of, and the oracle's errors.
interface IEnsembleOracleTypes {
    error UnknownEnsemble(uint256 ensembleId, uint256 count);
    error UnknownQuestion(uint256 questionId, uint256 count);
    error UnknownMember(uint256 ensembleId, uint256 member, uint256 count);
    error MemberCount(uint256 found, uint256 max);
    error QuorumInvalid(uint256 found, uint256 max);
    error MajorityInvalid(uint256 found, uint256 max);
    error AdaptationInvalid(uint256 found, uint256 min, uint256 max);
    error RangeInvalid(uint256 found, uint256 min, uint256 max);
    error ToleranceInvalid(uint256 found, uint256 max);
    error MemberWeightInvalid(uint256 member, uint256 found, uint256 min, uint256 max);
    /// @notice The rule cannot use outputs of this kind.
    error DecodingNotForRule(uint256 member, Decoding decoding, Rule rule);
    /// @notice A minimum margin makes sense only for a member whose output states a margin.
    error MarginNotStated(uint256 member, Decoding decoding);
    /// @notice The model's schema in the hub states a different kind of output.
    error DecodingNotOfModel(uint256 member, Decoding decoding, IInferenceHubErrors.OutputForm found);
    error DuplicateMember(uint256 member, uint256 earlier);
    error MemberDeprecated(uint256 member, uint256 modelId);
    /// @notice A member must exist before its ensemble, so that no ensemble can contain itself, directly or indirectly.
    error MemberNotEarlier(uint256 member, uint256 memberEnsemble, uint256 ensembleId);
    error NestedRuleMismatch(uint256 member, Rule found, Rule expected);
    error NestedRangeMismatch(uint256 member, uint256 found, uint256 expected);
    /// @notice Asking an ensemble opens a question for every ensemble in its tree. There would be too many.
    error TooManyQuestions(uint256 found, uint256 max);
    error DeadlineInvalid(uint256 deadline, uint256 earliest, uint256 latest);
    error InputOutOfField(uint256 inputCommitment);
    error RewardTooHigh(uint256 found, uint256 max);
    error AnswerTooLate(uint256 questionId, uint256 deadline, uint256 timestamp);
    error QuestionNotOpen(uint256 questionId, QuestionStatus found);
    error WrongInput(uint256 questionId, bytes32 found, bytes32 expected);
    error AlreadyAnswered(uint256 questionId, uint256 member, address submitter);
    /// @notice The answer of a member that is an ensemble is that ensemble's decision; nobody submits it.
    error MemberIsEnsemble(uint256 questionId, uint256 member, uint256 childQuestion);
    /// @notice A label beyond the classes, or a score whose magnitude exceeds the range.
    error OutputOutOfRange(uint256 questionId, uint256 member, uint256 output, uint256 range);
    /// @notice The members in the bitmap `missing` can still answer, until the deadline.
    error NotClosableYet(uint256 questionId, uint256 deadline, uint256 missing);
    error NotDecided(uint256 questionId, QuestionStatus found);

    /// @notice How the members' outputs become one.
    enum Rule {
        /// The label with the most weight behind it.
        Vote,
        /// The label with the most weight times (margin + 1) behind it, so that a confident member counts for more.
        MarginVote,
        /// Weighted mean of the scores, truncated towards zero.
        Mean,
        /// Weighted lower median: the smallest score that reaches half of the weight.
        Median
    }

    /// @notice How a member's output is read.
    enum Decoding {
        /// The label itself.
        Label,
        /// label + 2^16 · margin. A margin above 2^64 − 1 counts as 2^64 − 1.
        LabelAndMargin,
        /// An integer, negative above half of the field's order.
        Score,
        /// The member is another ensemble of this oracle. Its decision counts as the member's output; its margin is the
        /// lead of the winner over the runner-up, in thousandths of the weight cast.
        Ensemble
    }

    enum QuestionStatus {
        None,
        Open,
        /// The deadline has passed, and nobody has closed the question yet.
        Due,
        Decided,
        /// Closed without an answer, because the quorum or the required majority was missing.
        Abstained
    }

    /// @notice What is known of one member and one question.
    enum AnswerKind {
        None,
        Cast,
        /// The member's margin was below its minimum: proven and paid, but without a vote.
        Abstained
    }

    struct Member {
        /// Id of a model in the hub (pinned, or following a service's releases), or of an earlier ensemble.
        uint64 id;
        Decoding decoding;
        /// 256 to 16,383. Later, the weight stays between a quarter of this and four times this.
        uint16 weight;
        /// The member abstains if its margin is below this. Zero for scores, and for labels without margins.
        uint64 minMargin;
    }

    struct Settings {
        Rule rule;
        /// Least fraction of the total weight that must be cast, in basis points, 1 to 10,000.
        uint16 quorum;
        /// Votes: the least fraction of the weight cast that the winner needs, in basis points, 0 to 10,000. Scores: zero.
        uint16 majority;
        /// How fast weights follow agreement: each change is 1/2^adaptation of the member's weight. 2 to 6, or 0 for fixed
        /// weights.
        uint8 adaptation;
        /// The only account whose questions change the weights; zero: everybody's questions do. Anyone may ask, and choosing the
        /// questions influences which members appear to be wrong.
        address curator;
        /// Votes: number of classes, 2 to 65,536. Scores: the largest magnitude, 1 to 2^120.
        uint128 range;
        /// Scores: a member agreed with the outcome if its score is within this distance of it. Votes: zero.
        uint128 tolerance;
    }

    struct Question {
        address asker;
        /// Unix seconds: the last moment at which an answer is accepted.
        uint64 deadline;
        QuestionStatus status;
        /// Bit i: member i answered.
        uint16 answered;
        uint64 ensembleId;
        /// Payment for each answer, in wei.
        uint96 share;
        bytes32 inputCommitment;
        /// Label or score; meaningless unless decided.
        int128 value;
        /// Votes: the winner's lead, in thousandths of the weight cast.
        uint16 lead;
    }

    struct Answer {
        address submitter;
        AnswerKind kind;
        uint64 margin;
        int128 value;
    }
}

/// @title Several models, one opinion.
/// @notice Members with different weights and circuits prove their own outputs on one input commitment; the oracle combines the
/// proven outputs. Ensembles never change: a different composition needs a new ensemble with a new id. The oracle has no
/// administrator.
///
/// The weights are integers of at most 16 bits. When a question is decided, every member that cast an answer and agreed with the
/// outcome gains 1/2^adaptation of its weight (rounded down); every member that disagreed loses as much. A member that did not
/// answer, or abstained, keeps its weight. A weight stays within [¼, 4] times its first value, so no member is silenced, and none
/// dominates. A question is decided with the weights at the time of asking, whatever other questions are closed in between.
interface IEnsembleOracle is IEnsembleOracleTypes, IPullPayments {
    event EnsembleCreated(uint256 indexed ensembleId, address indexed creator, Settings settings, Member[] members);
    /// @param parent The question for which this one was opened; 0 if it was asked directly.
    event QuestionAsked(
        uint256 indexed questionId,
        uint256 indexed ensembleId,
        address indexed asker,
        bytes32 inputCommitment,
        uint64 deadline,
        uint256 parent,
        uint256 share
    );
    event MemberAnswered(
        uint256 indexed questionId,
        uint256 indexed member,
        address indexed submitter,
        uint64 version,
        uint256 output,
        bool cast
    );
    /// @param support Weight behind the value: for votes the winner's tally, for scores all weight that was cast.
    /// @param total All weight that was cast, in the same unit.
    event QuestionClosed(
        uint256 indexed questionId,
        uint256 indexed ensembleId,
        QuestionStatus status,
        int128 value,
        uint256 support,
        uint256 total
    );
    /// @param weights 16 bits for each member, with member 0 in the lowest bits.
    event WeightsMoved(uint256 indexed ensembleId, uint256 indexed questionId, uint256 weights);

    /// @notice Founds an ensemble of 1 to 16 members.
    function createEnsemble(
        Settings calldata settings,
        Member[] calldata members
    ) external returns (uint256 ensembleId);

    /// @notice Asks an ensemble and every ensemble in it. The ether sent is split evenly over the members' answers, whoever
    /// submits them. Parts that nobody earns go back to the asker.
    /// @param deadline Unix seconds, at most 30 days ahead.
    function ask(
        uint256 ensembleId,
        bytes32 inputCommitment,
        uint64 deadline
    ) external payable returns (uint256 questionId);

    /// @notice Submits a member's output with its proof. Anyone may. The proof's context names the caller, so nobody else can be
    /// paid for it. See `statementOf`.
    /// @param version The model version that the proof is about: it must be the version in force.
    function answer(
        uint256 questionId,
        uint256 member,
        bytes32 inputCommitment,
        uint64 version,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice Decides a question once all members have answered or its deadline has passed. Questions that it depends on are
    /// closed first.
    function close(uint256 questionId) external;

    /// @notice The decision on a question.
    /// @dev Reverts with NotDecided, carrying the status found, before a decision.
    /// @return value Label or score. @return lead Votes: the winner's lead, in thousandths of the weight cast.
    function resultOf(uint256 questionId) external view returns (int128 value, uint16 lead);

    /// @notice What `submitter` has to prove for a member: a hub model, its version in force, and the fourth public signal.
    function statementOf(
        uint256 questionId,
        uint256 member,
        address submitter
    ) external view returns (uint256 modelId, uint64 version, uint256 context);

    function getQuestion(uint256 questionId) external view returns (Question memory);

    function answerOf(uint256 questionId, uint256 member) external view returns (Answer memory);

    /// @notice The question that was opened for a member that is an ensemble; 0 for other members.
    function childOf(uint256 questionId, uint256 member) external view returns (uint256);

    function questionCount() external view returns (uint256);

    function getEnsemble(uint256 ensembleId) external view returns (Settings memory, Member[] memory);

    /// @notice The weights now, by member.
    function weightsOf(uint256 ensembleId) external view returns (uint16[] memory);

    function ensembleCount() external view returns (uint256);
}
