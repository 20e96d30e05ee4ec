// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEnsembleOracleTypes} from "./IEnsembleOracle.sol";
import {IInferenceHubErrors} from "./IInferenceHub.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev What an ensemble of services is made of, and its errors.
interface IServiceEnsembleTypes {
    error UnknownEnsemble(uint256 ensembleId, uint256 count);
    error UnknownQuestion(uint256 questionId, uint256 count);
    error NotCurator(uint256 ensembleId, address caller, address curator);
    error MinAnswersInvalid(uint256 found, uint256 max);
    error QuorumInvalid(uint256 found, uint256 max);
    error MajorityInvalid(uint256 found, uint256 max);
    error RangeInvalid(uint256 found, uint256 min, uint256 max);
    error ScaleInvalid(uint256 found, bool score);
    error WeightInvalid(uint256 found, uint256 min, uint256 max);
    error TooManyMembers(uint256 ensembleId, uint256 max);
    error AlreadyMember(uint256 ensembleId, address service);
    error NotMember(uint256 ensembleId, address service);
    /// @notice The service's own authority has taken it out of the ensemble, for good.
    error ServiceDeparted(uint256 ensembleId, address service);
    /// @notice A member answers with its service's current release, so its model must follow releases, and not pin a version.
    error ModelPinned(uint256 modelId, uint64 version);
    error ModelWithdrawn(uint256 modelId);
    error OutputNotForRule(uint256 modelId, IInferenceHubErrors.OutputForm form, IEnsembleOracleTypes.Rule rule);
    /// @notice Scores can be combined only if all models have the same scale.
    error ScaleDiffers(uint256 modelId, uint64 found, uint64 expected);
    error MarginNotStated(uint256 modelId);
    /// @notice The membership has changed since the queries were written.
    error RosterChanged(uint256 ensembleId, uint64 found, uint64 expected);
    /// @notice There must be one query for all members, or one for each.
    error QueryCount(uint256 found, uint256 members);
    error DeadlineInvalid(uint256 deadline, uint256 earliest, uint256 latest);
    /// @notice `share`, each member's part of the ether sent, is zero, or more than a request can hold.
    error PriceInvalid(uint256 share);
    /// @notice So few members can be asked now that the question could never be decided.
    error TooFewMembers(uint256 asked, uint256 min);
    error AlreadyClosed(uint256 questionId, QuestionStatus found);
    /// @notice The members in the bitmap `missing` can still answer, until the deadline.
    error NotClosableYet(uint256 questionId, uint256 deadline, uint256 missing);
    error NotDecided(uint256 questionId, QuestionStatus found);
    error OnlyHub(address sender);

    enum QuestionStatus {
        None,
        Open,
        Decided,
        /// Closed without an answer: too few answered, or the winner had too little weight behind it.
        Abstained
    }

    /// @param minAnswers Fewest members that must cast an answer, 1 to 16. @param quorum Least fraction of the roster's weight that
    /// must be cast, in basis points, 1 to 10,000.
    /// @param majority Votes: least fraction of the weight cast that the winner needs, in basis points. Scores: 0. @param range Votes:
    /// number of classes. Scores: largest magnitude.
    /// @param scale Scores: the models' units that make one. Votes: 0.
    struct Settings {
        IEnsembleOracleTypes.Rule rule;
        uint8 minAnswers;
        uint16 quorum;
        uint16 majority;
        uint64 scale;
        uint128 range;
    }

    /// @param modelId A model of the hub that follows the service's releases. @param weight 256 to 16,383.
    /// @param minMargin The member abstains if its margin is below this. 0 where outputs carry no margin.
    struct Seat {
        address service;
        uint16 weight;
        uint64 modelId;
        IEnsembleOracleTypes.Decoding decoding;
        uint64 minMargin;
    }

    /// @param payload The data that provers need, as for a request to the hub.
    struct Query {
        bytes32 inputCommitment;
        bytes payload;
    }

    /// @param requestId The request at the hub, which records the version in force when the question was asked; 0 for a member that
    /// could not be asked then.
    struct Asked {
        bytes32 requestId;
        address service;
        uint16 weight;
        IEnsembleOracleTypes.Decoding decoding;
        uint64 minMargin;
    }

    /// @param share Wei in escrow for each answer. @param refund Wei given back to the asker for answers that did not come.
    /// @param value Label or score; meaningless unless decided. @param lead Votes: the winner's lead, in thousandths of the weight
    /// cast.
    struct Question {
        address asker;
        uint64 deadline;
        QuestionStatus status;
        uint8 answers;
        uint16 lead;
        uint64 ensembleId;
        uint96 share;
        uint96 refund;
        int128 value;
    }
}

/// @title Services whose models answer together, with members that come and go
/// @notice A member is a service. It answers with its current release at the time of the question; the hub pins that version for the
/// request. A question keeps the roster of that time, whatever members join, leave or change weight later. Every answer is a request
/// at the InferenceHub, so any prover of the hub can serve it, and it is proven and paid for there.
interface IServiceEnsemble is IServiceEnsembleTypes, IPullPayments {
    event EnsembleFounded(uint256 indexed ensembleId, address indexed curator, Settings settings);
    event MemberJoined(uint256 indexed ensembleId, address indexed service, uint64 modelId, uint16 weight, uint64 roster);
    /// @param departed True if the service's own authority took it out, false if the curator did.
    event MemberLeft(uint256 indexed ensembleId, address indexed service, bool departed, uint64 roster);
    event WeightSet(uint256 indexed ensembleId, address indexed service, uint16 weight, uint64 roster);
    event QuestionAsked(
        uint256 indexed questionId,
        uint256 indexed ensembleId,
        address indexed asker,
        uint64 deadline,
        uint256 share,
        uint64 roster
    );
    /// @param requestId 0 if the member could not be asked.
    event MemberAsked(
        uint256 indexed questionId,
        address indexed service,
        bytes32 indexed requestId,
        bytes32 inputCommitment
    );
    event QuestionClosed(
        uint256 indexed questionId,
        uint256 indexed ensembleId,
        QuestionStatus status,
        int128 value,
        uint16 lead,
        uint8 answers,
        uint256 refund
    );

    /// @notice Makes an ensemble without members. The caller is its curator.
    function found(Settings calldata settings) external returns (uint256 ensembleId);

    /// @notice Adds a member. Curator only.
    function join(uint256 ensembleId, uint64 modelId, uint16 weight, uint64 minMargin) external;

    /// @notice Takes a member out. The curator may, or the service's authority; after the latter the service can never be a member
    /// again.
    function leave(uint256 ensembleId, address service) external;

    /// @notice Sets a member's weight for later questions. Curator only.
    function setWeight(uint256 ensembleId, address service, uint16 weight) external;

    /// @notice Asks every member that can be asked now. The ether sent is split evenly over the roster. The parts of members that
    /// cannot be asked, or do not answer, go back to the asker.
    /// @param roster The number of the roster for which the queries were written.
    /// @param queries One for all members, or one for each, in the roster's order.
    function ask(
        uint256 ensembleId,
        uint64 roster,
        Query[] calldata queries,
        uint64 deadline
    ) external payable returns (uint256 questionId);

    /// @notice Decides a question once all members have answered or its deadline has passed.
    function close(uint256 questionId) external;

    /// @dev Reverts with NotDecided if there is no decision.
    function resultOf(uint256 questionId) external view returns (int128 value, uint16 lead);

    /// @notice The present roster and its number.
    function rosterOf(uint256 ensembleId) external view returns (Seat[] memory seats, uint64 roster);

    function ensembleOf(uint256 ensembleId) external view returns (address curator, Settings memory settings);

    function getQuestion(uint256 questionId) external view returns (Question memory);

    function askedOf(uint256 questionId) external view returns (Asked[] memory);

    function ensembleCount() external view returns (uint256);

    function questionCount() external view returns (uint256);
}
