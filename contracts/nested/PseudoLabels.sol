// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PullPayments} from "../inference/PullPayments.sol";
import {IEnsembleOracleTypes} from "../interfaces/IEnsembleOracle.sol";
import {IPseudoLabels} from "../interfaces/IPseudoLabels.sol";
import {IServiceEnsemble, IServiceEnsembleTypes} from "../interfaces/IServiceEnsemble.sol";
import {ServiceAuthority} from "./ServiceAuthority.sol";

/// @title Books of labels that ensembles of services have given
/// @notice See IPseudoLabels, which owns the documentation. The contract has no administrator.
contract PseudoLabels is IPseudoLabels, PullPayments {
    uint256 public constant MAX_LABELS = 1_000_000;
    uint256 private constant MAX_LEAD = 1000;
    uint256 private constant MIN_SECONDS = 60;
    uint256 private constant MAX_SECONDS = 30 days;

    struct Asked {
        uint64 bookId;
        bool recorded;
        bytes32 inputCommitment;
    }

    IServiceEnsemble public immutable ENSEMBLES;

    Book[] private _books;
    mapping(uint256 bookId => mapping(bytes32 inputCommitment => Label)) private _labels;
    mapping(uint256 questionId => Asked) private _asked;

    constructor(IServiceEnsemble ensembles) {
        ENSEMBLES = ensembles;
    }

    /// @dev Receives what the ensembles give back.
    receive() external payable {
        if (msg.sender != address(ENSEMBLES)) revert OnlyEnsembles(msg.sender);
    }

    /// @inheritdoc IPseudoLabels
    function openBook(address student, Terms calldata terms) external payable returns (uint256 bookId) {
        ServiceAuthority.requireAuthority(student, msg.sender);
        _requireTerms(terms);
        if (msg.value > type(uint96).max) revert PriceInvalid(msg.value, type(uint96).max);
        _books.push(Book(student, 0, 0, msg.sender, uint96(msg.value), terms));
        bookId = _books.length;
        emit BookOpened(bookId, student, terms.ensembleId, msg.sender, terms);
    }

    /// @inheritdoc IPseudoLabels
    function fund(uint256 bookId) external payable {
        Book storage book = _book(bookId);
        if (msg.value == 0) revert NothingSent();
        uint256 budget = book.budget + msg.value;
        if (budget > type(uint96).max) revert PriceInvalid(budget, type(uint96).max);
        book.budget = uint96(budget);
        emit Funded(bookId, msg.value, budget);
    }

    /// @inheritdoc IPseudoLabels
    function askLabel(
        uint256 bookId,
        uint64 roster,
        bytes32 inputCommitment,
        bytes calldata payload
    ) external returns (uint256 questionId) {
        Book storage book = _owned(bookId);
        Terms memory terms = book.terms;
        Label storage label = _labels[bookId][inputCommitment];
        if (label.status == LabelStatus.Asked || label.status == LabelStatus.Labelled) {
            revert InputAsked(bookId, inputCommitment, label.status);
        }
        if (book.asked == terms.maxLabels) revert LabelsSpent(bookId, terms.maxLabels);
        if (book.budget < terms.price) revert BudgetSpent(bookId, book.budget, terms.price);
        book.budget -= terms.price;
        ++book.asked;
        label.status = LabelStatus.Asked;
        IServiceEnsembleTypes.Query[] memory queries = new IServiceEnsembleTypes.Query[](1);
        queries[0] = IServiceEnsembleTypes.Query(inputCommitment, payload);
        uint256 held = ENSEMBLES.balanceOf(address(this));
        questionId = ENSEMBLES.ask{value: terms.price}(
            terms.ensembleId,
            roster,
            queries,
            uint64(block.timestamp + terms.answerSeconds)
        );
        // The ensemble credits at once the parts of members that it could not ask.
        book.budget += uint96(ENSEMBLES.balanceOf(address(this)) - held);
        label.questionId = uint64(questionId);
        _asked[questionId] = Asked(uint64(bookId), false, inputCommitment);
        _fetch();
        emit LabelAsked(bookId, inputCommitment, questionId);
    }

    /// @inheritdoc IPseudoLabels
    function record(uint256 questionId) external {
        Asked storage asked = _asked[questionId];
        uint256 bookId = asked.bookId;
        if (bookId == 0) revert NotAsked(questionId);
        if (asked.recorded) revert AlreadyRecorded(questionId);
        asked.recorded = true;
        // Reverts with NotClosableYet while members can still answer. Somebody else may have closed the question
        // before.
        IServiceEnsembleTypes.Question memory question = ENSEMBLES.getQuestion(questionId);
        if (question.status == IServiceEnsembleTypes.QuestionStatus.Open) {
            ENSEMBLES.close(questionId);
            question = ENSEMBLES.getQuestion(questionId);
        }
        Book storage book = _books[bookId - 1];
        book.budget += question.refund;
        bytes32 inputCommitment = asked.inputCommitment;
        Label storage label = _labels[bookId][inputCommitment];
        label.lead = question.lead;
        bool decided = question.status == IServiceEnsembleTypes.QuestionStatus.Decided;
        if (decided && question.lead >= book.terms.minLead) {
            label.status = LabelStatus.Labelled;
            label.value = uint32(uint128(question.value));
            ++book.labelled;
            emit LabelRecorded(bookId, inputCommitment, questionId, label.value, question.lead);
        } else {
            label.status = LabelStatus.Refused;
            emit LabelRefused(bookId, inputCommitment, questionId, question.lead);
        }
        _fetch();
    }

    /// @inheritdoc IPseudoLabels
    function drain(uint256 bookId) external {
        Book storage book = _owned(bookId);
        uint256 amount = book.budget;
        book.budget = 0;
        _credit(msg.sender, amount);
        emit Drained(bookId, amount);
    }

    /// @inheritdoc IPseudoLabels
    function bookOf(uint256 bookId) external view returns (Book memory) {
        return _book(bookId);
    }

    /// @inheritdoc IPseudoLabels
    function labelOf(uint256 bookId, bytes32 inputCommitment) external view returns (Label memory) {
        _book(bookId);
        return _labels[bookId][inputCommitment];
    }

    /// @inheritdoc IPseudoLabels
    function bookCount() external view returns (uint256) {
        return _books.length;
    }

    /// @dev Withdraws what the ensembles owe this contract. The books' budgets already include it.
    function _fetch() private {
        if (ENSEMBLES.balanceOf(address(this)) != 0) ENSEMBLES.withdraw(address(this), payable(address(this)));
    }

    function _requireTerms(Terms calldata terms) private view {
        if (terms.price == 0) revert PriceInvalid(0, type(uint96).max);
        if (terms.maxLabels == 0 || terms.maxLabels > MAX_LABELS) {
            revert LabelCountInvalid(terms.maxLabels, MAX_LABELS);
        }
        if (terms.minLead > MAX_LEAD) revert LeadInvalid(terms.minLead, MAX_LEAD);
        if (terms.answerSeconds < MIN_SECONDS || terms.answerSeconds > MAX_SECONDS) {
            revert SecondsInvalid(terms.answerSeconds, MIN_SECONDS, MAX_SECONDS);
        }
        (, IServiceEnsembleTypes.Settings memory settings) = ENSEMBLES.ensembleOf(terms.ensembleId);
        bool votes = settings.rule == IEnsembleOracleTypes.Rule.Vote ||
            settings.rule == IEnsembleOracleTypes.Rule.MarginVote;
        if (!votes) revert NotALabelEnsemble(terms.ensembleId);
    }

    function _book(uint256 bookId) private view returns (Book storage) {
        if (bookId == 0 || bookId > _books.length) revert UnknownBook(bookId, _books.length);
        return _books[bookId - 1];
    }

    function _owned(uint256 bookId) private view returns (Book storage book) {
        book = _book(bookId);
        if (msg.sender != book.owner) revert NotBookOwner(bookId, msg.sender, book.owner);
    }
}
