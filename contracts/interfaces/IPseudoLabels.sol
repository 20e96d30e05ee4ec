// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPullPayments} from "./IPullPayments.sol";

/// @dev What a book of pseudo-labels stores, and its errors.
interface IPseudoLabelsTypes {
    error UnknownBook(uint256 bookId, uint256 count);
    error NotBookOwner(uint256 bookId, address caller, address owner);
    error PriceInvalid(uint256 found, uint256 max);
    error LabelCountInvalid(uint256 found, uint256 max);
    error LeadInvalid(uint256 found, uint256 max);
    error SecondsInvalid(uint256 found, uint256 min, uint256 max);
    /// @notice Only an ensemble that votes on labels can label inputs.
    error NotALabelEnsemble(uint256 ensembleId);
    error NothingSent();
    /// @notice The budget left in the book is less than the price of a label.
    error BudgetSpent(uint256 bookId, uint256 left, uint256 price);
    /// @notice The book has asked for as many labels as its terms allow (`max`).
    error LabelsSpent(uint256 bookId, uint256 max);
    /// @notice The input already has a label in this book, or a question about it is open.
    error InputAsked(uint256 bookId, bytes32 inputCommitment, LabelStatus found);
    error NotAsked(uint256 questionId);
    error AlreadyRecorded(uint256 questionId);
    error OnlyEnsembles(address sender);

    enum LabelStatus {
        None,
        Asked,
        Labelled,
        /// The ensemble abstained, or its winner led by too little. The input can be asked about again.
        Refused
    }

    /// @param price Wei for each question, split among the ensemble's members. @param maxLabels Largest number of questions.
    /// @param minLead Least lead of the winner, in thousandths of the weight cast, 0 to 1,000. @param answerSeconds Time for the
    /// answers.
    struct Terms {
        uint64 ensembleId;
        uint96 price;
        uint32 maxLabels;
        uint16 minLead;
        uint32 answerSeconds;
    }

    struct Book {
        address student;
        uint32 asked;
        uint32 labelled;
        address owner;
        uint96 budget;
        Terms terms;
    }

    struct Label {
        LabelStatus status;
        uint16 lead;
        uint32 value;
        uint64 questionId;
    }
}

/// @title Labels for unlabelled inputs, given by an ensemble of services and paid for from a budget
/// @notice A service that learns from an ensemble (the student) keeps a book. Each label is a question to the ensemble about one
/// committed input; members answer it through the InferenceHub, with proofs. A label counts once it is recorded here from the
/// ensemble's own decision. So every label rests on proofs, and counts only for its own input.
interface IPseudoLabels is IPseudoLabelsTypes, IPullPayments {
    event BookOpened(uint256 indexed bookId, address indexed student, uint64 indexed ensembleId, address owner, Terms terms);
    event Funded(uint256 indexed bookId, uint256 amount, uint256 budget);
    event LabelAsked(uint256 indexed bookId, bytes32 indexed inputCommitment, uint256 indexed questionId);
    event LabelRecorded(
        uint256 indexed bookId,
        bytes32 indexed inputCommitment,
        uint256 indexed questionId,
        uint32 label,
        uint16 lead
    );
    event LabelRefused(uint256 indexed bookId, bytes32 indexed inputCommitment, uint256 indexed questionId, uint16 lead);
    event Drained(uint256 indexed bookId, uint256 amount);

    /// @notice Opens a book. The student's authority only. The ether sent is the first budget.
    function openBook(address student, Terms calldata terms) external payable returns (uint256 bookId);

    /// @notice Adds the ether sent to the budget. Anyone may.
    function fund(uint256 bookId) external payable;

    /// @notice Asks the ensemble for a label. The book's owner only.
    /// @param roster The number of the roster that the owner has looked at. If the curator has changed the roster since, the call
    /// reverts.
    function askLabel(
        uint256 bookId,
        uint64 roster,
        bytes32 inputCommitment,
        bytes calldata payload
    ) external returns (uint256 questionId);

    /// @notice Records the ensemble's decision, and closes the question first if possible. Anyone may. What the ensemble refunds goes
    /// to the budget.
    function record(uint256 questionId) external;

    /// @notice Takes the rest of the budget out of the book. Its owner only.
    function drain(uint256 bookId) external;

    function bookOf(uint256 bookId) external view returns (Book memory);

    function labelOf(uint256 bookId, bytes32 inputCommitment) external view returns (Label memory);

    function bookCount() external view returns (uint256);
}
