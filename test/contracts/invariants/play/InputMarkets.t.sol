// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Groth16Proof} from "../../../../contracts/interfaces/IGroth16Verifier.sol";
import {IERC7992Types} from "../../../../contracts/interfaces/IERC7992.sol";
import {IAdoptedModel} from "../../../../contracts/interfaces/IAdoptedModel.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../../../../contracts/interfaces/IInferenceHub.sol";
import {IInputMarket} from "../../../../contracts/interfaces/IInputMarket.sol";
import {IModelRegistry} from "../../../../contracts/interfaces/IModelRegistry.sol";
import {IPredictionMarketTypes} from "../../../../contracts/interfaces/IMarketBook.sol";
import {IVerifierRegistry} from "../../../../contracts/interfaces/IVerifierRegistry.sol";
import {Play, WillingVerifier} from "./Play.sol";

/// @title Holders, provers, challengers and the DAO at three markets on pinned inputs: two pay in proportion to a score, one in bins
/// @dev What must hold after every single call: no market pays more than its pot, whatever the score and however it is split up.
contract InputMarketsTest is Play {
    struct Book {
        uint256 id;
        uint256 outcomes;
        uint256 bonds;
    }

    uint8 private constant LINEAR = 0xfe;
    uint8 private constant INVALID = 0xff;
    uint256 private constant ONE = 1e18;
    uint256 private constant WIDTH = 1000;

    IInputMarket private _market;
    IERC20 private _token;
    address private _treasury = address(0x7ea5);
    address private _dao = address(0xda0);
    uint64 private _model;
    Book[3] private _books;
    /// @dev All that was ever paid in and out, bonds included.
    uint256 private _started;

    function setUp() external {
        _begin(5);
        address models = _deploy("contracts/registry/ModelRegistry.sol/ModelRegistry", abi.encode(address(this)));
        address verifiers = _deploy("contracts/registry/VerifierRegistry.sol/VerifierRegistry", abi.encode(address(this)));
        address service = _deploy("contracts/registry/AdoptedModel.sol/AdoptedModel", abi.encode(address(this)));
        address hub = _deploy("contracts/inference/InferenceHub.sol/InferenceHub", abi.encode(models, verifiers));
        address publishers = _deploy("contracts/inference/PublisherRegistry.sol/PublisherRegistry", "");
        _market = IInputMarket(
            _deploy(
                "contracts/consumers/InputMarket.sol/InputMarket",
                abi.encode(hub, models, publishers, 2 days, 90 days, _treasury, address(this))
            )
        );
        _give(models, "REGISTRAR_ROLE", address(this));
        _give(models, "RELEASE_ROLE", address(this));
        _give(verifiers, "REGISTRAR_ROLE", address(this));
        _give(address(_market), "SETTLER_ROLE", _dao);
        IAdoptedModel(service).adopt(bytes32(uint256(9)), hex"01");
        IModelRegistry(models).registerService(service);
        IModelRegistry(models).release(service, 1);
        bytes32 circuitId = bytes32(uint256(1));
        address verifier = address(new WillingVerifier(circuitId));
        IVerifierRegistry(verifiers).register(circuitId, verifier, circuitId, IVerifierRegistry.SetupKind.Local, "");
        IERC7992Types.ModelCommitment memory commitment = IERC7992Types.ModelCommitment(
            bytes32(uint256(9)),
            circuitId,
            circuitId,
            bytes4(keccak256("groth16-bn254-v1")),
            ""
        );
        IInferenceHubTypes.OutputSchema memory schema = IInferenceHubTypes.OutputSchema(
            IInferenceHubErrors.OutputForm.Score,
            1
        );
        _model = uint64(IInferenceHub(hub).registerModel(commitment, service, 1, schema));
        uint256[] memory amounts = new uint256[](_people.length);
        for (uint256 i = 0; i < amounts.length; ++i) amounts[i] = 1e24;
        _token = IERC20(
            _deploy("contracts/governance/CohortToken.sol/CohortToken", abi.encode(address(this), _people, amounts))
        );
        for (uint256 i = 0; i < _people.length; ++i) {
            vm.prank(_people[i]);
            _token.approve(address(_market), type(uint256).max);
        }
        _started = 1e24 * _people.length;
        for (uint256 slot = 0; slot < 3; ++slot) _open(slot);
    }

    function test_InputMarkets() external {
        uint256 length = _length();
        while (_calls < length) this.step();
        string[10] memory names = [
            "split", "merge", "transfer", "redeem", "resolve", "challenge", "defend", "settle", "settle a score", "replace"
        ];
        for (uint256 i = 0; i < names.length; ++i) _reached(names[i], length / 2000);
        _atMost("calls refused", _calls - _taken, (_calls * 3) / 4);
    }

    /// @dev In a frame of its own, so that memory is not kept over thousands of calls.
    function step() external {
        uint256 slot = _below(3);
        _act(_books[slot]);
        _checkBooks();
        IPredictionMarketTypes.Status status = _market.statusOf(_books[slot].id);
        bool decided = status == IPredictionMarketTypes.Status.Final || status == IPredictionMarketTypes.Status.Invalid;
        if (!decided || _below(6) != 0) return;
        _leave(_books[slot]);
        _open(slot);
        _checkBooks();
    }

    function _act(Book storage book) private {
        address who = _someone();
        address market = address(_market);
        uint256 choice = _below(1000);
        if (choice < 250) {
            _try("split", who, market, abi.encodeCall(_market.split, (book.id, _amount())));
        } else if (choice < 380) {
            _try("merge", who, market, abi.encodeCall(_market.merge, (book.id, _amount() / 2 + 1)));
        } else if (choice < 580) {
            uint256 position = (book.id << 8) | _below(book.outcomes);
            uint256 amount = _amount() / 3 + 1;
            bytes memory data = abi.encodeCall(IERC1155.safeTransferFrom, (who, _someone(), position, amount, ""));
            _try("transfer", who, market, data);
        } else if (choice < 680) {
            _try("redeem", who, market, abi.encodeCall(_market.redeem, (book.id)));
        } else if (choice < 720) {
            _resolve(book, who);
        } else if (choice < 790) {
            if (_try("challenge", who, market, abi.encodeCall(_market.challenge, (book.id)))) {
                book.bonds += _market.challengeOf(book.id).bond;
            }
        } else if (choice < 850) {
            if (_try("defend", who, market, abi.encodeCall(_market.defend, (book.id)))) {
                book.bonds += _market.challengeOf(book.id).bond;
            }
        } else if (choice < 900) {
            _decide(book, _below(4) == 0 ? who : _dao);
        } else if (choice < 940) {
            _takeBond(book, _below(3) == 0 ? _treasury : who);
        } else {
            _wait(1 + _below(12 hours));
        }
    }

    /// @dev Scores below, within and above the bounds, negative ones among them; one in eight says something no field has.
    function _resolve(Book storage book, address who) private {
        uint256 score = _below(3 * WIDTH);
        uint256 field = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
        uint256 output = score < WIDTH ? field - WIDTH + score : score - WIDTH;
        if (_below(8) == 0) output = _below(2) == 0 ? field : type(uint256).max;
        Groth16Proof memory proof;
        proof.a[0] = _below(8) == 0 ? 2 : 1;
        bytes memory data = abi.encodeCall(_market.resolve, (book.id, bytes32(book.id), 0, "", output, proof));
        bool taken = _try("resolve", who, address(_market), data);
        if (taken && (output >= field || proof.a[0] != 1)) _same("settled by what was not proven", 1, 0);
    }

    function _decide(Book storage book, address who) private {
        bytes memory data;
        if (book.outcomes == 2 && _below(2) == 0) {
            // Below, within and above the bounds.
            int256 score = int256(_below(3 * WIDTH)) - int256(WIDTH);
            data = abi.encodeCall(_market.settleScore, (book.id, score));
            if (_try("settle a score", who, address(_market), data) && who != _dao) _same("settled by anybody", 1, 0);
            return;
        }
        uint256 outcome = _below(4);
        data = abi.encodeCall(_market.settle, (book.id, outcome == 3 ? INVALID : uint8(outcome)));
        if (_try("settle", who, address(_market), data) && who != _dao) _same("settled by anybody", 1, 0);
    }

    function _takeBond(Book storage book, address account) private {
        uint256 before = _token.balanceOf(account);
        bytes memory data = abi.encodeCall(_market.returnBond, (book.id, account));
        if (_try("return a bond", account, address(_market), data)) book.bonds -= _token.balanceOf(account) - before;
    }

    /// @dev Everyone leaves a market that is decided; what nobody can take out is nothing.
    function _leave(Book storage book) private {
        uint256 from = _below(_people.length);
        for (uint256 i = 0; i < _people.length; ++i) {
            address who = _people[(from + i) % _people.length];
            _checkRedeem(book, who);
            _takeBond(book, who);
        }
        _takeBond(book, _treasury);
        _same("bonds that nobody can take out", book.bonds, 0);
        (uint256 left, uint256 tokens) = _market.potOf(book.id);
        _same("tokens that nobody has", tokens, 0);
        _same("collateral that nobody can take out", left, 0);
        ++_done["replace"];
    }

    /// @dev What one is paid of a proportion: its tokens' worth to the unit, and the dust of the others at most when it is the last.
    function _checkRedeem(Book storage book, address who) private {
        uint256[] memory held = new uint256[](book.outcomes);
        for (uint256 i = 0; i < held.length; ++i) {
            held[i] = IERC1155(address(_market)).balanceOf(who, (book.id << 8) | i);
        }
        uint256 before = _token.balanceOf(who);
        bool linear = _market.resolutionOf(book.id).outcome == LINEAR &&
            _market.statusOf(book.id) == IPredictionMarketTypes.Status.Final;
        bool taken = _try("redeem", who, address(_market), abi.encodeCall(_market.redeem, (book.id)));
        if (!taken || !linear) return;
        (, , , , uint256 share) = _market.termsOf(book.id);
        uint256 worth = (held[0] * (ONE - share) + held[1] * share) / ONE;
        uint256 paid = _token.balanceOf(who) - before;
        _atMost("paid beyond the worth of its tokens", paid, worth + 2 * _people.length);
        _atMost("kept back of the worth of its tokens", worth, paid + 2);
    }

    /// @dev Collateral in = redeemable out, for each market and all together; and nobody makes any.
    function _checkBooks() private view {
        uint256 owed;
        for (uint256 slot = 0; slot < 3; ++slot) {
            Book storage book = _books[slot];
            (uint256 collateral, uint256 tokens) = _market.potOf(book.id);
            owed += collateral + book.bonds;
            uint256[] memory supply = new uint256[](book.outcomes);
            uint256 sum;
            for (uint256 i = 0; i < supply.length; ++i) {
                for (uint256 k = 0; k < _people.length; ++k) {
                    supply[i] += IERC1155(address(_market)).balanceOf(_people[k], (book.id << 8) | i);
                }
                sum += supply[i];
            }
            _same("tokens on the books", sum, tokens);
            IPredictionMarketTypes.Status status = _market.statusOf(book.id);
            if (status == IPredictionMarketTypes.Status.Invalid) {
                _atMost("what everyone is owed", tokens, collateral * supply.length);
            } else if (status != IPredictionMarketTypes.Status.Final) {
                for (uint256 i = 0; i < supply.length; ++i) _same("of each outcome", supply[i], collateral);
            } else if (_market.resolutionOf(book.id).outcome == LINEAR) {
                (, , , , uint256 share) = _market.termsOf(book.id);
                _atMost("a share", share, ONE);
                _atMost("what both sides are owed", (supply[0] * (ONE - share) + supply[1] * share) / ONE, collateral);
            } else {
                _same("what the winners are owed", supply[_market.resolutionOf(book.id).outcome], collateral);
            }
        }
        _same("collateral held", _token.balanceOf(address(_market)), owed);
        uint256 all = owed + _token.balanceOf(_treasury);
        for (uint256 i = 0; i < _people.length; ++i) all += _token.balanceOf(_people[i]);
        _same("collateral in the world", all, _started);
    }

    function _open(uint256 slot) private {
        uint256 id = _market.marketCount() + 1;
        IInputMarket.Terms memory terms;
        terms.question.collateral = _token;
        terms.question.modelId = _model;
        terms.question.version = 1;
        terms.question.vkHash = bytes32(uint256(1));
        terms.question.opensAt = uint64(_now);
        terms.question.closesAt = uint64(_now + 10 days);
        terms.question.deadline = uint64(_now + 12 days);
        terms.question.outcomes = slot == 2 ? 4 : 2;
        // Each market has an input of its own, and so a proof counts in one of them.
        terms.input = bytes32(id);
        terms.payout = slot == 2 ? IInputMarket.Payout.Bins : IInputMarket.Payout.Linear;
        terms.lower = slot == 0 ? int128(0) : -int128(int256(WIDTH / 2));
        terms.width = slot == 2 ? uint128(WIDTH / 3) : uint128(WIDTH);
        _market.createMarket(terms, "?");
        _books[slot] = Book(id, terms.question.outcomes, 0);
    }

    function _give(address to, string memory role, address account) private {
        IAccessControl(to).grantRole(keccak256(bytes(role)), account);
    }
}
