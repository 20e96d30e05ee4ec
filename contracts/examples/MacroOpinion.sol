// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IServiceEnsemble, IServiceEnsembleTypes} from "../interfaces/IServiceEnsemble.sol";

/// @title One opinion on the economy, from several services, one for each indicator
/// @notice Each indicator (inflation, jobs, growth, rates) has a publisher, which commits to one reading for each period, and a service,
/// whose model says what the reading means. The ensemble of these services gives the opinion.
/// @dev The publishers choose the inputs, so an asker cannot. Their readings must be trusted: a proof shows what a model makes of a
/// reading, not that the reading is true.
contract MacroOpinion {
    /// @param publisher Commits to the readings that are the inputs of the service's model.
    struct Indicator {
        address service;
        address publisher;
    }

    IServiceEnsemble public immutable ENSEMBLES;
    uint256 public immutable ENSEMBLE_ID;
    /// @notice Time for the answers, in seconds.
    uint64 public immutable ANSWER_SECONDS;
    /// @notice Least price of a question, in wei. With a lower price, somebody could use up a period's question without getting an answer.
    uint256 public immutable MIN_PRICE;

    mapping(address service => address) public publisherOf;
    /// @dev keccak256 of input commitment and payload.
    mapping(uint256 period => mapping(address service => bytes32)) public readingOf;
    mapping(uint256 period => uint256) public questionOf;

    event ReadingPublished(uint256 indexed period, address indexed service, bytes32 inputCommitment, bytes payload);
    event OpinionAsked(uint256 indexed period, uint256 indexed questionId);

    error NoIndicators();
    error IndicatorInvalid(uint256 index);
    error NotPublisher(address service, address caller);
    /// @notice A period's reading is published only once. A revision belongs to a later period.
    error ReadingExists(uint256 period, address service);
    /// @notice A member of the ensemble has no reading in this period, or has no publisher.
    error ReadingMissing(uint256 period, address service);
    error ReadingDiffers(uint256 period, address service);
    /// @notice A period's question can be asked again only if it ended without an answer.
    error AlreadyAsked(uint256 period, uint256 questionId);
    error PriceTooLow(uint256 found, uint256 min);
    error NotAsked(uint256 period);
    error OnlyEnsembles(address sender);

    constructor(
        IServiceEnsemble ensembles,
        uint256 ensembleId,
        uint64 answerSeconds,
        uint256 minPrice,
        Indicator[] memory indicators
    ) {
        if (indicators.length == 0) revert NoIndicators();
        (ENSEMBLES, ENSEMBLE_ID, ANSWER_SECONDS, MIN_PRICE) = (ensembles, ensembleId, answerSeconds, minPrice);
        for (uint256 i = 0; i < indicators.length; ++i) {
            Indicator memory indicator = indicators[i];
            bool known = publisherOf[indicator.service] != address(0);
            if (indicator.publisher == address(0) || known) revert IndicatorInvalid(i);
            publisherOf[indicator.service] = indicator.publisher;
        }
    }

    /// @dev Refunds from the ensemble stay here, for the next question.
    receive() external payable {
        if (msg.sender != address(ENSEMBLES)) revert OnlyEnsembles(msg.sender);
    }

    /// @notice Publishes a reading. The indicator's publisher only, once for each period.
    function publish(uint256 period, address service, bytes32 inputCommitment, bytes calldata payload) external {
        if (msg.sender != publisherOf[service]) revert NotPublisher(service, msg.sender);
        if (readingOf[period][service] != 0) revert ReadingExists(period, service);
        readingOf[period][service] = keccak256(abi.encode(inputCommitment, payload));
        emit ReadingPublished(period, service, inputCommitment, payload);
    }

    /// @notice Asks the ensemble, with the readings of its present members. Anyone may, once for each period, and again if the question
    /// ended without an answer. The answers are paid from the ether sent and from refunds of earlier questions.
    /// @param queries The published readings, in the order of the roster.
    function ask(uint256 period, uint64 roster, IServiceEnsembleTypes.Query[] calldata queries) external payable {
        uint256 before = questionOf[period];
        if (before != 0 && ENSEMBLES.getQuestion(before).status != IServiceEnsembleTypes.QuestionStatus.Abstained) {
            revert AlreadyAsked(period, before);
        }
        uint256 price = address(this).balance;
        if (price < MIN_PRICE) revert PriceTooLow(price, MIN_PRICE);
        (IServiceEnsembleTypes.Seat[] memory seats, uint64 found) = ENSEMBLES.rosterOf(ENSEMBLE_ID);
        if (roster != found) revert IServiceEnsembleTypes.RosterChanged(ENSEMBLE_ID, found, roster);
        if (queries.length != seats.length) revert IServiceEnsembleTypes.QueryCount(queries.length, seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            bytes32 reading = readingOf[period][seats[i].service];
            if (reading == 0) revert ReadingMissing(period, seats[i].service);
            if (reading != keccak256(abi.encode(queries[i].inputCommitment, queries[i].payload))) {
                revert ReadingDiffers(period, seats[i].service);
            }
        }
        uint64 deadline = uint64(block.timestamp) + ANSWER_SECONDS;
        uint256 questionId = ENSEMBLES.ask{value: price}(ENSEMBLE_ID, roster, queries, deadline);
        questionOf[period] = questionId;
        emit OpinionAsked(period, questionId);
    }

    /// @notice The ensemble's decision: a class, in the order of the services' manifests, and its lead in thousandths of the weight cast.
    function opinionOf(uint256 period) external view returns (int128 opinion, uint16 lead) {
        uint256 questionId = questionOf[period];
        if (questionId == 0) revert NotAsked(period);
        return ENSEMBLES.resultOf(questionId);
    }
}
