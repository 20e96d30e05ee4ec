// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Groth16Proof} from "../../../../contracts/interfaces/IGroth16Verifier.sol";
import {IERC7992Types} from "../../../../contracts/interfaces/IERC7992.sol";
import {IAdoptedModel} from "../../../../contracts/interfaces/IAdoptedModel.sol";
import {IGuardian} from "../../../../contracts/interfaces/IGuardian.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../../../../contracts/interfaces/IInferenceHub.sol";
import {IModelRegistry} from "../../../../contracts/interfaces/IModelRegistry.sol";
import {IOutcomePool} from "../../../../contracts/interfaces/IOutcomePool.sol";
import {IPredictionMarketTypes} from "../../../../contracts/interfaces/IMarketBook.sol";
import {IPredictionMarket} from "../../../../contracts/interfaces/IPredictionMarket.sol";
import {IPublisherRegistry, IPublisherRegistryTypes} from "../../../../contracts/interfaces/IPublisherRegistry.sol";
import {IVerifierRegistry} from "../../../../contracts/interfaces/IVerifierRegistry.sol";
import {Play, WillingVerifier} from "./Play.sol";

/// @title Traders, providers, challengers, a publisher, the DAO and its guardians at three markets with a pool each
abstract contract MarketPlay is Play {
    struct Book {
        uint256 id;
        uint256 outcomes;
        address pool;
        /// Bonds that lie in the market beside the pot.
        uint256 bonds;
    }

    uint64 private constant FALLBACK = 90 days;
    uint64 private constant DISPUTE = 2 days;
    uint256 private constant LATE = 2 ** 40;
    uint256 private constant PRESS = 77;
    uint8 private constant INVALID = 0xff;

    IPredictionMarket internal _market;
    IERC20 internal _token;
    IVerifierRegistry internal _verifiers;
    IGuardian internal _guardian;
    IPublisherRegistry private _publishers;
    IInferenceHub private _hub;
    address internal _treasury = address(0x7ea5);
    address private _service;
    address private _timelock;
    /// @dev Of the circuit and hub model in use, and of the publisher's key: each is replaced when it is revoked.
    uint256 private _circuits;
    uint64 private _model;
    uint64 private _keyId;
    Book[3] internal _books;
    /// @dev What is left in the pots of markets that everyone has left.
    uint256 internal _retired;

    function _build() internal {
        _begin(5);
        _timelock = _deploy(
            "@openzeppelin/contracts/governance/TimelockController.sol/TimelockController",
            abi.encode(1 days, new address[](0), new address[](0), address(this))
        );
        address models = _deploy("contracts/registry/ModelRegistry.sol/ModelRegistry", abi.encode(address(this)));
        _verifiers = IVerifierRegistry(
            _deploy("contracts/registry/VerifierRegistry.sol/VerifierRegistry", abi.encode(address(this)))
        );
        _service = _deploy("contracts/registry/AdoptedModel.sol/AdoptedModel", abi.encode(address(this)));
        _hub = IInferenceHub(
            _deploy("contracts/inference/InferenceHub.sol/InferenceHub", abi.encode(models, _verifiers))
        );
        _publishers = IPublisherRegistry(_deploy("contracts/inference/PublisherRegistry.sol/PublisherRegistry", ""));
        _market = IPredictionMarket(
            _deploy(
                "contracts/consumers/PredictionMarket.sol/PredictionMarket",
                abi.encode(_hub, models, _publishers, DISPUTE, FALLBACK, _treasury, address(this))
            )
        );
        _guardian = IGuardian(_deploy("contracts/governance/Guardian.sol/Guardian", abi.encode(_timelock)));
        _give(models, "REGISTRAR_ROLE", address(this));
        _give(models, "RELEASE_ROLE", address(this));
        _give(address(_verifiers), "REGISTRAR_ROLE", address(this));
        _give(address(_verifiers), "GUARDIAN_ROLE", address(_guardian));
        _give(address(_market), "GUARDIAN_ROLE", address(_guardian));
        _give(address(_market), "SETTLER_ROLE", _timelock);
        IAdoptedModel(_service).adopt(bytes32(uint256(9)), hex"01");
        IModelRegistry(models).registerService(_service);
        IModelRegistry(models).release(_service, 1);
        _publishers.registerPublisher("Gazette");
        _newCircuit();
        _newKey();

        uint256[] memory amounts = new uint256[](_people.length);
        for (uint256 i = 0; i < amounts.length; ++i) amounts[i] = 1e24;
        _token = IERC20(
            _deploy(
                "contracts/governance/CohortToken.sol/CohortToken",
                abi.encode(address(this), _people, amounts)
            )
        );
        for (uint256 i = 0; i < _people.length; ++i) {
            vm.prank(_people[i]);
            _token.approve(address(_market), type(uint256).max);
        }
        for (uint256 i = 0; i < 3; ++i) _open(i);
    }

    /// @dev One random call on one of the markets or its pool; others have fewer.
    function _act(uint256 slot) internal {
        Book storage book = _books[slot];
        address who = _someone();
        uint256 choice = _below(1000);
        if (choice < 430) _hold(book, who, choice);
        else if (choice < 800) _trade(book, who, choice);
        else if (choice < 930) _dispute(book, who, choice);
        else if (choice < 985) _watch(choice);
        else _wait(1 + _below(12 hours));
    }

    function _hold(Book storage book, address who, uint256 choice) private {
        uint256 amount = _amount();
        address market = address(_market);
        if (choice < 160) {
            bool paused = _now < _verifiers.intakePausedUntil();
            bool taken = _try("split", who, market, abi.encodeCall(_market.split, (book.id, amount)));
            if (taken && paused) _same("collateral came in while intake was paused", 1, 0);
        } else if (choice < 270) {
            _try("merge", who, market, abi.encodeCall(_market.merge, (book.id, amount / 2 + 1)));
        } else if (choice < 350) {
            uint256 position = (book.id << 8) | _below(book.outcomes);
            bytes memory data = abi.encodeCall(
                IERC1155.safeTransferFrom,
                (who, _someone(), position, amount / 3 + 1, "")
            );
            _try("transfer", who, market, data);
        } else {
            _try("redeem", who, market, abi.encodeCall(_market.redeem, (book.id)));
        }
    }

    function _trade(Book storage book, address who, uint256 choice) private {
        uint256 amount = _amount();
        IOutcomePool pool = IOutcomePool(book.pool);
        if (choice < 520) {
            if (IERC20(book.pool).totalSupply() != 0) {
                uint256[] memory quoted = pool.reserves();
                bytes memory data = abi.encodeCall(pool.addLiquidity, (amount, 0, quoted, 0, LATE));
                _try("add liquidity", who, book.pool, data);
                return;
            }
            uint256[] memory odds = new uint256[](book.outcomes);
            for (uint256 i = 0; i < odds.length; ++i) odds[i] = 1 + _below(20);
            _try("start", who, book.pool, abi.encodeCall(pool.start, (amount, odds, LATE)));
        } else if (choice < 600) {
            uint256 shares = IERC20(book.pool).balanceOf(who);
            if (_below(3) != 0) shares = shares / 3 + 1;
            _try("remove liquidity", who, book.pool, abi.encodeCall(pool.removeLiquidity, (shares, 0, LATE)));
        } else if (choice < 710) {
            _try("buy", who, book.pool, abi.encodeCall(pool.buy, (_below(book.outcomes), amount, 0, LATE)));
        } else {
            bytes memory data = abi.encodeCall(pool.sell, (_below(book.outcomes), amount / 3 + 1, 2 ** 255, LATE));
            _try("sell", who, book.pool, data);
        }
    }

    function _dispute(Book storage book, address who, uint256 choice) private {
        address market = address(_market);
        if (choice < 810) {
            bytes memory story = _story(book.id);
            bytes memory signature = _signed(story);
            uint256 output = _below(4) | (50 << 16);
            Groth16Proof memory proof;
            proof.a[0] = 1;
            bytes memory data = abi.encodeCall(
                _market.resolve,
                (book.id, story, _keyId, signature, output, proof)
            );
            _try("resolve", who, market, data);
        } else if (choice < 813) {
            bytes memory story = _story(book.id);
            bytes memory data = abi.encodeCall(_market.recordStory, (book.id, story, _keyId, _signed(story)));
            _try("record", who, market, data);
        } else if (choice < 845) {
            if (_try("challenge", who, market, abi.encodeCall(_market.challenge, (book.id)))) {
                book.bonds += _market.challengeOf(book.id).bond;
            }
        } else if (choice < 870) {
            if (_try("defend", who, market, abi.encodeCall(_market.defend, (book.id)))) {
                book.bonds += _market.challengeOf(book.id).bond;
            }
        } else if (choice < 878) {
            _try("flag", who, market, abi.encodeCall(_market.flag, (book.id)));
        } else if (choice < 905) {
            uint256 outcome = _below(3);
            bytes memory data = abi.encodeCall(
                _market.settle,
                (book.id, outcome == 2 ? INVALID : uint8(outcome))
            );
            _try("settle", _below(4) == 0 ? who : _timelock, market, data);
        } else {
            _takeBond(book, _below(3) == 0 ? _treasury : who);
        }
    }

    /// @dev What guardians do, in their term and out of it, and what publishers and the DAO do about them.
    function _watch(uint256 choice) private {
        // Two of them are guardians now and then.
        address who = _people[_below(3)];
        address guardian = address(_guardian);
        bool inTerm = _now < _guardian.termOf(who);
        uint256 id = _pending();
        if (choice < 940) {
            // Terms that are too long are refused.
            uint256 until = _now + _below(200 days);
            _try("appoint", _timelock, guardian, abi.encodeCall(_guardian.appoint, (who, until)));
        } else if (choice < 943) {
            _try("dismiss", _timelock, guardian, abi.encodeCall(_guardian.dismiss, (who)));
        } else if (choice < 955) {
            uint256 until = _below(3) == 0 ? 0 : _now + _below(15 days);
            bytes memory data = abi.encodeCall(_guardian.pauseIntake, (_verifiers, until));
            if (_try("pause", who, guardian, data) && !inTerm) _same("paused out of term", 1, 0);
            uint256 paused = _verifiers.intakePausedUntil();
            if (paused > _now) _atMost("a pause", paused - _now, 14 days);
        } else if (choice < 958) {
            bytes memory data = abi.encodeCall(_guardian.freezeMarket, (_market, id));
            if (_try("freeze", who, guardian, data) && !inTerm) _same("froze out of term", 1, 0);
        } else if (choice < 960) {
            bytes memory data = abi.encodeCall(_guardian.revokeCircuit, (_verifiers, bytes32(_circuits)));
            if (_try("revoke circuit", who, guardian, data)) {
                if (!inTerm) _same("revoked out of term", 1, 0);
                _newCircuit();
            }
        } else if (choice < 962) {
            _publishers.revokeKey(_keyId);
            _newKey();
        } else {
            // Nobody appoints, dismisses, freezes or settles but those who may.
            bytes memory data = abi.encodeCall(_guardian.appoint, (who, _now + 1 days));
            if (_try("usurp", who, guardian, data)) _same("appointed itself", 1, 0);
            if (_try("usurp", who, address(_market), abi.encodeCall(_market.freeze, (id)))) _same("froze", 1, 0);
        }
    }

    /// @dev A market whose reading can still be frozen, if there is one.
    function _pending() private returns (uint256 id) {
        id = _books[_below(3)].id;
        for (uint256 i = 0; i < 3; ++i) {
            if (_market.statusOf(_books[i].id) == IPredictionMarketTypes.Status.Pending) return _books[i].id;
        }
    }

    function _takeBond(Book storage book, address account) private {
        uint256 before = _token.balanceOf(account);
        bytes memory data = abi.encodeCall(_market.returnBond, (book.id, account));
        if (_try("return a bond", account, address(_market), data)) {
            book.bonds -= _token.balanceOf(account) - before;
        }
    }

    /// @dev Everyone leaves a market that is decided, intake paused or not; then another takes its place.
    function _replace(uint256 slot) internal {
        Book storage book = _books[slot];
        uint256 largest;
        for (uint256 i = 0; i <= _people.length; ++i) {
            address who = i == _people.length ? _treasury : _people[i];
            uint256 shares = IERC20(book.pool).balanceOf(who);
            if (shares == 0) continue;
            vm.prank(who);
            IOutcomePool(book.pool).removeLiquidity(shares, 0, LATE);
        }
        for (uint256 i = 0; i <= _people.length; ++i) {
            address who = i == _people.length ? _treasury : _people[i];
            _try("redeem", who, address(_market), abi.encodeCall(_market.redeem, (book.id)));
            _takeBond(book, who);
        }
        _same("bonds that nobody can take out", book.bonds, 0);
        uint256[] memory reserves = IOutcomePool(book.pool).reserves();
        for (uint256 i = 0; i < reserves.length; ++i) if (reserves[i] > largest) largest = reserves[i];
        (uint256 left, ) = _market.potOf(book.id);
        // Each share of an equal split is rounded down, and the pool, which would get the dust as the last, never leaves.
        uint256 most = largest + _people.length;
        _atMost("collateral that nobody can take out, beside what stands behind dead shares", left, most);
        _retired += left;
        ++_done["replace"];
        _open(slot);
    }

    function _open(uint256 slot) private {
        // A pause ends by itself; no market begins in one.
        uint256 paused = _verifiers.intakePausedUntil();
        if (_now < paused) _wait(paused - _now);
        IPredictionMarketTypes.Question memory question;
        question.collateral = _token;
        question.modelId = _model;
        question.version = 1;
        question.vkHash = bytes32(_circuits);
        question.publisherId = 1;
        question.opensAt = uint64(_now);
        question.closesAt = uint64(_now + 10 days);
        question.deadline = uint64(_now + 12 days);
        question.minMargin = 40;
        question.outcomes = slot == 0 ? 2 : 3;
        question.classMap = slot == 0 ? bytes(hex"0001ff00") : bytes(hex"000102ff");
        _market.createMarket(question, "?");
        uint256 id = _market.marketCount();
        uint256 fee = slot == 2 ? 250 : 30 * slot;
        address pool = _deploy("contracts/consumers/OutcomePool.sol/OutcomePool", abi.encode(_market, id, fee));
        _books[slot] = Book(id, question.outcomes, pool, 0);
        for (uint256 i = 0; i < _people.length; ++i) {
            vm.prank(_people[i]);
            _token.approve(pool, type(uint256).max);
            vm.prank(_people[i]);
            IERC1155(address(_market)).setApprovalForAll(pool, true);
        }
    }

    function _newCircuit() private {
        bytes32 circuitId = bytes32(++_circuits);
        address verifier = address(new WillingVerifier(circuitId));
        _verifiers.register(circuitId, verifier, circuitId, IVerifierRegistry.SetupKind.Local, "");
        bytes4 system = bytes4(keccak256("groth16-bn254-v1"));
        IERC7992Types.ModelCommitment memory commitment = IERC7992Types.ModelCommitment(
            bytes32(uint256(9)),
            circuitId,
            circuitId,
            system,
            ""
        );
        IInferenceHubTypes.OutputSchema memory schema;
        schema.form = IInferenceHubErrors.OutputForm.LabelAndMargin;
        _model = uint64(_hub.registerModel(commitment, _service, 1, schema));
    }

    function _newKey() private {
        bytes memory material = abi.encodePacked(vm.addr(PRESS + _keyId));
        uint64 from = uint64(_now);
        _keyId = _publishers.addKey(
            1,
            IPublisherRegistryTypes.KeyKind.Secp256k1,
            from,
            from + 36_500 days,
            material
        );
    }

    function _story(uint256 id) private returns (bytes memory story) {
        story = new bytes(119);
        bytes8 tag = _market.tagOf(id);
        for (uint256 i = 0; i < 8; ++i) story[i] = tag[i];
        story[8] = bytes1(uint8(65 + _below(3)));
    }

    function _signed(bytes memory story) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PRESS + _keyId - 1, sha256(story));
        return abi.encodePacked(r, s, v);
    }

    function _give(address to, string memory role, address account) private {
        IAccessControl(to).grantRole(keccak256(bytes(role)), account);
    }
}
