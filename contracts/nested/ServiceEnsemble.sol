// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EnsembleRules} from "../inference/EnsembleRules.sol";
import {PullPayments} from "../inference/PullPayments.sol";
import {IEnsembleOracleTypes} from "../interfaces/IEnsembleOracle.sol";
import {IInferenceHub, IInferenceHubErrors} from "../interfaces/IInferenceHub.sol";
import {IServiceEnsemble} from "../interfaces/IServiceEnsemble.sol";
import {ServiceRosters} from "./ServiceRosters.sol";

/// @title Several services, one opinion, and members that change
/// @notice See IServiceEnsemble, which owns the documentation. The contract has no administrator. It trusts only the hub: the outputs
/// that count are those of requests that the hub has settled.
contract ServiceEnsemble is ServiceRosters, PullPayments {
    /// @notice Longest time that a question stays open, in seconds: as long as a request at the hub.
    uint256 public constant MAX_QUESTION_SECONDS = 30 days;
    uint256 private constant THOUSANDTHS = 1000;

    uint256 private _questionCount;
    mapping(uint256 questionId => Question) private _questions;
    mapping(uint256 questionId => Asked[]) private _asked;

    constructor(IInferenceHub hub) ServiceRosters(hub) {}

    /// @dev Receives the hub's refunds.
    receive() external payable {
        if (msg.sender != address(HUB)) revert OnlyHub(msg.sender);
    }

    /// @inheritdoc IServiceEnsemble
    function ask(
        uint256 ensembleId,
        uint64 roster,
        Query[] calldata queries,
        uint64 deadline
    ) external payable returns (uint256 questionId) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        if (roster != ensemble.roster) revert RosterChanged(ensembleId, ensemble.roster, roster);
        uint256 count = ensemble.seats.length;
        uint256 least = ensemble.settings.minAnswers;
        if (count < least) revert TooFewMembers(count, least);
        if (queries.length != 1 && queries.length != count) revert QueryCount(queries.length, count);
        uint256 latest = block.timestamp + MAX_QUESTION_SECONDS;
        if (deadline <= block.timestamp || deadline > latest) {
            revert DeadlineInvalid(deadline, block.timestamp + 1, latest);
        }
        uint256 share = msg.value / count;
        if (share == 0 || share > type(uint96).max) revert PriceInvalid(share);
        questionId = ++_questionCount;
        Question storage question = _questions[questionId];
        question.asker = msg.sender;
        question.deadline = deadline;
        question.status = QuestionStatus.Open;
        question.ensembleId = uint64(ensembleId);
        question.share = uint96(share);
        emit QuestionAsked(questionId, ensembleId, msg.sender, deadline, share, roster);
        uint256 asked;
        for (uint256 i = 0; i < count; ++i) {
            Seat memory seat = ensemble.seats[i];
            if (_request(questionId, seat, queries[queries.length == 1 ? 0 : i], share, deadline)) ++asked;
        }
        if (asked < least) revert TooFewMembers(asked, least);
        _credit(msg.sender, msg.value - share * asked);
    }

    /// @inheritdoc IServiceEnsemble
    function close(uint256 questionId) external {
        Question storage question = _question(questionId);
        if (question.status != QuestionStatus.Open) revert AlreadyClosed(questionId, question.status);
        Asked[] storage asked = _asked[questionId];
        Settings memory settings = _ensemble(question.ensembleId).settings;
        (EnsembleRules.Ballot[] memory ballots, bytes32[] memory expired, uint256 silent, uint256 missing) = _read(
            asked,
            settings
        );
        if (missing != 0) revert NotClosableYet(questionId, question.deadline, missing);
        uint256 refund = silent * question.share;
        question.refund = uint96(refund);
        _decide(questionId, question, settings, ballots);
        _credit(question.asker, refund);
        // Everything below only fetches the refund: the hub calls nothing but this contract's receive().
        for (uint256 i = 0; i < expired.length && expired[i] != 0; ++i) HUB.refund(expired[i]);
        if (HUB.balanceOf(address(this)) != 0) HUB.withdraw(address(this), payable(address(this)));
    }

    /// @inheritdoc IServiceEnsemble
    function resultOf(uint256 questionId) external view returns (int128 value, uint16 lead) {
        Question storage question = _question(questionId);
        if (question.status != QuestionStatus.Decided) revert NotDecided(questionId, question.status);
        return (question.value, question.lead);
    }

    /// @inheritdoc IServiceEnsemble
    function getQuestion(uint256 questionId) external view returns (Question memory) {
        return _question(questionId);
    }

    /// @inheritdoc IServiceEnsemble
    function askedOf(uint256 questionId) external view returns (Asked[] memory) {
        _question(questionId);
        return _asked[questionId];
    }

    /// @inheritdoc IServiceEnsemble
    function questionCount() external view returns (uint256) {
        return _questionCount;
    }

    /// @dev Posts one member's request, in which the hub fixes the version in force. A member that cannot be asked (nothing released,
    /// model withdrawn, circuit revoked) counts as silent, so it cannot stop the others. The asker cannot leave a member out by sending
    /// too little gas: after a call that ran out of gas, 1/63 of what that call had is left, which is less than the record below needs.
    function _request(
        uint256 questionId,
        Seat memory seat,
        Query calldata query,
        uint256 share,
        uint64 deadline
    ) private returns (bool posted) {
        bytes32 requestId;
        try
            HUB.request{value: share}(seat.modelId, query.inputCommitment, deadline, 0, query.payload)
        returns (bytes32 made) {
            (posted, requestId) = (true, made);
        } catch {}
        _asked[questionId].push(Asked(requestId, seat.service, seat.weight, seat.decoding, seat.minMargin));
        emit MemberAsked(questionId, seat.service, requestId, query.inputCommitment);
    }

    /// @dev Reads what the hub has about the members' requests. Returns the ballots, in the roster's order; the expired requests that are
    /// to be refunded, at the front; the number of requests whose prices go back; and a bitmap of the members that can still answer.
    function _read(
        Asked[] storage asked,
        Settings memory settings
    )
        private
        view
        returns (EnsembleRules.Ballot[] memory ballots, bytes32[] memory expired, uint256 silent, uint256 missing)
    {
        uint256 count = asked.length;
        ballots = new EnsembleRules.Ballot[](count);
        expired = new bytes32[](count);
        uint256 late;
        for (uint256 i = 0; i < count; ++i) {
            Asked memory member = asked[i];
            ballots[i].weight = member.weight;
            if (member.requestId == 0) continue;
            IInferenceHubErrors.RequestStatus found = HUB.statusOf(member.requestId);
            if (found == IInferenceHubErrors.RequestStatus.Open) missing |= 1 << i;
            else if (found == IInferenceHubErrors.RequestStatus.Fulfilled) {
                (, uint256 output) = HUB.resultOf(member.requestId);
                _cast(ballots[i], member, settings, output);
            } else {
                ++silent;
                if (found == IInferenceHubErrors.RequestStatus.Expired) expired[late++] = member.requestId;
            }
        }
    }

    /// @dev An output beyond the range counts as an abstention: it means nothing here, although the hub has paid for it.
    function _cast(
        EnsembleRules.Ballot memory ballot,
        Asked memory member,
        Settings memory settings,
        uint256 output
    ) private pure {
        IEnsembleOracleTypes.Member memory seat = IEnsembleOracleTypes.Member(
            0,
            member.decoding,
            member.weight,
            member.minMargin
        );
        (bool readable, IEnsembleOracleTypes.Answer memory entry) = EnsembleRules.read(seat, settings.range, output);
        ballot.cast = readable && entry.kind == IEnsembleOracleTypes.AnswerKind.Cast;
        if (ballot.cast) (ballot.value, ballot.margin) = (entry.value, entry.margin);
    }

    function _decide(
        uint256 questionId,
        Question storage question,
        Settings memory settings,
        EnsembleRules.Ballot[] memory ballots
    ) private {
        uint256 present;
        uint256 all;
        uint8 cast;
        for (uint256 i = 0; i < ballots.length; ++i) {
            all += ballots[i].weight;
            if (!ballots[i].cast) continue;
            present += ballots[i].weight;
            ++cast;
        }
        question.answers = cast;
        question.status = QuestionStatus.Abstained;
        if (cast >= settings.minAnswers && present * BASIS_POINTS >= all * settings.quorum) {
            EnsembleRules.Outcome memory outcome = EnsembleRules.decide(settings.rule, ballots);
            if (outcome.support * BASIS_POINTS >= outcome.total * settings.majority) {
                question.status = QuestionStatus.Decided;
                question.value = outcome.value;
                question.lead = uint16(((outcome.support - outcome.runnerUp) * THOUSANDTHS) / outcome.total);
            }
        }
        emit QuestionClosed(
            questionId,
            question.ensembleId,
            question.status,
            question.value,
            question.lead,
            cast,
            question.refund
        );
    }

    function _question(uint256 questionId) private view returns (Question storage question) {
        question = _questions[questionId];
        if (question.status == QuestionStatus.None) revert UnknownQuestion(questionId, _questionCount);
    }
}
