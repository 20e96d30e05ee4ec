// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEnsembleOracle} from "../interfaces/IEnsembleOracle.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {EnsembleCatalog} from "./EnsembleCatalog.sol";
import {EnsembleRules} from "./EnsembleRules.sol";
import {PullPayments} from "./PullPayments.sol";
import {Bn254} from "./Bn254.sol";

/// @title Several models, one opinion
/// @notice See IEnsembleOracle, which owns the documentation. The hub has verified every output that counts, with this oracle as
/// the caller and a nonce that names question, member and submitter. Payments are pulled, and every state change precedes every
/// external call.
contract EnsembleOracle is EnsembleCatalog, PullPayments {
    /// @notice Longest time that a question stays open, in seconds.
    uint256 public constant MAX_QUESTION_SECONDS = 30 days;
    /// @notice First word of the preimage of a nonce.
    bytes32 public constant NONCE_DOMAIN = keccak256("cohort.ensemble.nonce.v1");
    uint256 private constant THOUSANDTHS = 1000;

    uint256 private _questionCount;
    mapping(uint256 questionId => Question) private _questions;
    /// @dev The ensemble's weights when the question was asked.
    mapping(uint256 questionId => uint256) private _weightsAt;
    mapping(uint256 questionId => mapping(uint256 member => Answer)) private _answers;
    mapping(uint256 questionId => mapping(uint256 member => uint256 child)) private _children;

    constructor(IInferenceHub hub) EnsembleCatalog(hub) {}

    /// @inheritdoc IEnsembleOracle
    function ask(
        uint256 ensembleId,
        bytes32 inputCommitment,
        uint64 deadline
    ) external payable returns (uint256 questionId) {
        HUB.VERIFIERS().requireIntake();
        uint256 latest = block.timestamp + MAX_QUESTION_SECONDS;
        if (deadline <= block.timestamp || deadline > latest) {
            revert DeadlineInvalid(deadline, block.timestamp + 1, latest);
        }
        if (uint256(inputCommitment) >= Bn254.SCALAR_ORDER) revert InputOutOfField(uint256(inputCommitment));
        if (msg.value > type(uint96).max) revert RewardTooHigh(msg.value, type(uint96).max);
        return _open(ensembleId, inputCommitment, deadline, 0, msg.value);
    }

    /// @inheritdoc IEnsembleOracle
    function answer(
        uint256 questionId,
        uint256 member,
        bytes32 inputCommitment,
        uint64 version,
        uint256 output,
        Groth16Proof calldata proof
    ) external {
        Question storage question = _question(questionId);
        QuestionStatus found = _status(question);
        if (found == QuestionStatus.Due) revert AnswerTooLate(questionId, question.deadline, block.timestamp);
        if (found != QuestionStatus.Open) revert QuestionNotOpen(questionId, found);
        if (inputCommitment != question.inputCommitment) {
            revert WrongInput(questionId, inputCommitment, question.inputCommitment);
        }
        Ensemble storage ensemble = _ensemble(question.ensembleId);
        Member memory seat = _member(ensemble, question.ensembleId, member);
        if (seat.decoding == Decoding.Ensemble) {
            revert MemberIsEnsemble(questionId, member, _children[questionId][member]);
        }
        address earlier = _answers[questionId][member].submitter;
        if (earlier != address(0)) revert AlreadyAnswered(questionId, member, earlier);

        (bool readable, Answer memory entry) = EnsembleRules.read(seat, ensemble.settings.range, output);
        if (!readable) revert OutputOutOfRange(questionId, member, output, ensemble.settings.range);
        entry.submitter = msg.sender;
        _answers[questionId][member] = entry;
        question.answered |= uint16(1 << member);
        _credit(msg.sender, question.share);
        _verify(question, seat.id, _nonce(questionId, member, msg.sender), version, output, proof);
        emit MemberAnswered(questionId, member, msg.sender, version, output, entry.kind == AnswerKind.Cast);
    }

    /// @inheritdoc IEnsembleOracle
    function close(uint256 questionId) external {
        Question storage question = _question(questionId);
        QuestionStatus found = _status(question);
        if (found == QuestionStatus.Open) {
            uint256 missing = _missing(questionId, question);
            if (missing != 0) revert NotClosableYet(questionId, question.deadline, missing);
        } else if (found != QuestionStatus.Due) {
            revert QuestionNotOpen(questionId, found);
        }
        _close(questionId, question);
    }

    /// @inheritdoc IEnsembleOracle
    function resultOf(uint256 questionId) external view returns (int128 value, uint16 lead) {
        Question storage question = _question(questionId);
        QuestionStatus found = _status(question);
        if (found != QuestionStatus.Decided) revert NotDecided(questionId, found);
        return (question.value, question.lead);
    }

    /// @inheritdoc IEnsembleOracle
    function statementOf(
        uint256 questionId,
        uint256 member,
        address submitter
    ) external view returns (uint256 modelId, uint64 version, uint256 context) {
        Question storage question = _question(questionId);
        Member memory seat = _member(_ensemble(question.ensembleId), question.ensembleId, member);
        if (seat.decoding == Decoding.Ensemble) {
            revert MemberIsEnsemble(questionId, member, _children[questionId][member]);
        }
        modelId = seat.id;
        version = HUB.versionInForce(modelId);
        bytes32 requestId = HUB.directRequestId(address(this), _nonce(questionId, member, submitter));
        context = HUB.contextOf(requestId, address(this), modelId, version, question.deadline);
    }

    /// @inheritdoc IEnsembleOracle
    function getQuestion(uint256 questionId) external view returns (Question memory question) {
        question = _question(questionId);
        question.status = _status(_questions[questionId]);
    }

    /// @inheritdoc IEnsembleOracle
    function answerOf(uint256 questionId, uint256 member) external view returns (Answer memory) {
        return _answers[questionId][member];
    }

    /// @inheritdoc IEnsembleOracle
    function childOf(uint256 questionId, uint256 member) external view returns (uint256) {
        return _children[questionId][member];
    }

    /// @inheritdoc IEnsembleOracle
    function questionCount() external view returns (uint256) {
        return _questionCount;
    }

    /// @dev Opens the question and one for every ensemble in the ensemble, at most MAX_QUESTIONS in all.
    function _open(
        uint256 ensembleId,
        bytes32 inputCommitment,
        uint64 deadline,
        uint256 parent,
        uint256 reward
    ) private returns (uint256 questionId) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        uint256 count = ensemble.members.length;
        uint256 share = reward / count;
        questionId = ++_questionCount;
        Question storage question = _questions[questionId];
        question.asker = msg.sender;
        question.deadline = deadline;
        question.status = QuestionStatus.Open;
        question.ensembleId = uint64(ensembleId);
        question.share = uint96(share);
        question.inputCommitment = inputCommitment;
        _weightsAt[questionId] = ensemble.weights;
        _credit(msg.sender, reward - share * count);
        emit QuestionAsked(questionId, ensembleId, msg.sender, inputCommitment, deadline, parent, share);
        for (uint256 i = 0; i < count; ++i) {
            Member memory member = ensemble.members[i];
            if (member.decoding != Decoding.Ensemble) continue;
            _children[questionId][i] = _open(member.id, inputCommitment, deadline, questionId, share);
        }
    }

    /// @dev Decides the questions on which this one depends, then this one. All of them may be closed at this point, because a
    /// child has its parent's deadline.
    function _close(uint256 questionId, Question storage question) private {
        Ensemble storage ensemble = _ensemble(question.ensembleId);
        uint256 count = ensemble.members.length;
        EnsembleRules.Ballot[] memory ballots = new EnsembleRules.Ballot[](count);
        uint256 weights = _weightsAt[questionId];
        uint256 present;
        uint256 all;
        uint256 unclaimed;
        for (uint256 i = 0; i < count; ++i) {
            EnsembleRules.Ballot memory ballot = ballots[i];
            ballot.weight = EnsembleRules.weightAt(weights, i);
            all += ballot.weight;
            uint256 child = _children[questionId][i];
            if (child != 0) {
                _fromChild(ballot, child, ensemble.members[i].minMargin);
            } else {
                Answer storage given = _answers[questionId][i];
                AnswerKind kind = given.kind;
                if (kind == AnswerKind.None) unclaimed += question.share;
                ballot.cast = kind == AnswerKind.Cast;
                if (ballot.cast) (ballot.value, ballot.margin) = (given.value, given.margin);
            }
            if (ballot.cast) present += ballot.weight;
        }
        _credit(question.asker, unclaimed);
        _decide(questionId, question, ensemble, ballots, present * BASIS_POINTS >= all * ensemble.settings.quorum);
    }

    /// @dev `quorate` implies that a ballot was cast: a quorum is at least one basis point.
    function _decide(
        uint256 questionId,
        Question storage question,
        Ensemble storage ensemble,
        EnsembleRules.Ballot[] memory ballots,
        bool quorate
    ) private {
        Settings memory settings = ensemble.settings;
        EnsembleRules.Outcome memory outcome;
        if (quorate) outcome = EnsembleRules.decide(settings.rule, ballots);
        if (quorate && outcome.support * BASIS_POINTS >= outcome.total * settings.majority) {
            question.status = QuestionStatus.Decided;
            question.value = outcome.value;
            question.lead = uint16(((outcome.support - outcome.runnerUp) * THOUSANDTHS) / outcome.total);
            bool counts = settings.curator == address(0) || settings.curator == question.asker;
            if (counts && settings.adaptation != 0) _adapt(questionId, question, ensemble, ballots, outcome.value);
        } else {
            question.status = QuestionStatus.Abstained;
            outcome.value = 0;
        }
        emit QuestionClosed(
            questionId,
            question.ensembleId,
            question.status,
            outcome.value,
            outcome.support,
            outcome.total
        );
    }

    /// @dev Changes the current weights, which may differ from those that decided the question.
    function _adapt(
        uint256 questionId,
        Question storage question,
        Ensemble storage ensemble,
        EnsembleRules.Ballot[] memory ballots,
        int128 outcome
    ) private {
        uint256 weights = ensemble.weights;
        uint8 adaptation = ensemble.settings.adaptation;
        int256 tolerance = int256(uint256(ensemble.settings.tolerance));
        for (uint256 i = 0; i < ballots.length; ++i) {
            if (!ballots[i].cast) continue;
            int256 distance = int256(ballots[i].value) - outcome;
            bool agreed = distance <= tolerance && distance >= -tolerance;
            uint16 weight = EnsembleRules.weightAt(weights, i);
            weight = EnsembleRules.moved(weight, ensemble.members[i].weight, adaptation, agreed);
            weights = EnsembleRules.withWeight(weights, i, weight);
        }
        ensemble.weights = weights;
        emit WeightsMoved(question.ensembleId, questionId, weights);
    }

    /// @dev A child casts nothing if it abstained, or if it led by less than the member's margin.
    function _fromChild(EnsembleRules.Ballot memory ballot, uint256 childId, uint64 minMargin) private {
        Question storage child = _questions[childId];
        if (child.status == QuestionStatus.Open) _close(childId, child);
        ballot.cast = child.status == QuestionStatus.Decided && child.lead >= minMargin;
        if (ballot.cast) (ballot.value, ballot.margin) = (child.value, child.lead);
    }

    /// @dev Bitmap of the members that could still change the outcome.
    function _missing(uint256 questionId, Question storage question) private view returns (uint256 missing) {
        uint256 count = _ensemble(question.ensembleId).members.length;
        missing = (1 << count) - 1;
        missing &= ~uint256(question.answered);
        for (uint256 i = 0; i < count; ++i) {
            uint256 childId = _children[questionId][i];
            if (childId == 0) continue;
            Question storage child = _questions[childId];
            if (child.status != QuestionStatus.Open || _missing(childId, child) == 0) missing &= ~(1 << i);
        }
    }

    function _verify(
        Question storage question,
        uint256 modelId,
        bytes32 nonce,
        uint64 version,
        uint256 output,
        Groth16Proof calldata proof
    ) private {
        IInferenceHubTypes.Ticket memory ticket = IInferenceHubTypes.Ticket(nonce, version, question.deadline);
        HUB.verifyInference(modelId, question.inputCommitment, abi.encode(output), abi.encode(proof, ticket));
    }

    function _status(Question storage question) private view returns (QuestionStatus) {
        QuestionStatus status = question.status;
        if (status == QuestionStatus.Open && block.timestamp > question.deadline) return QuestionStatus.Due;
        return status;
    }

    function _question(uint256 questionId) private view returns (Question storage question) {
        question = _questions[questionId];
        if (question.status == QuestionStatus.None) revert UnknownQuestion(questionId, _questionCount);
    }

    function _member(
        Ensemble storage ensemble,
        uint256 ensembleId,
        uint256 member
    ) private view returns (Member memory) {
        uint256 count = ensemble.members.length;
        if (member >= count) revert UnknownMember(ensembleId, member, count);
        return ensemble.members[member];
    }

    /// @dev Unique for question and member, and for the submitter, so that nobody is paid for another's proof.
    function _nonce(uint256 questionId, uint256 member, address submitter) private pure returns (bytes32) {
        return keccak256(abi.encode(NONCE_DOMAIN, questionId, member, submitter));
    }
}
