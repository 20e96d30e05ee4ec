// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Groth16Proof} from "../../../../contracts/interfaces/IGroth16Verifier.sol";
import {IProverMarket, IProverMarketTypes} from "../../../../contracts/interfaces/IProverMarket.sol";
import {IPullPayments} from "../../../../contracts/interfaces/IPullPayments.sol";
import {IVerifierRegistry} from "../../../../contracts/interfaces/IVerifierRegistry.sol";
import {Play, WillingVerifier} from "./Play.sol";

/// @title Posters, honest and lying provers, accusers and closers
/// @dev Ether is conserved after every call; jobs for chosen provers are claimed by nobody else.
contract ProversTest is Play {
    uint256 private constant SEGMENTS = 3;
    uint256 private constant SLOTS = SEGMENTS * 2;
    uint96 private constant MIN_BOND = 1 ether;
    uint32 private constant SETTLE = 2 hours;
    address private constant TREASURY = address(0x7ea5);

    IVerifierRegistry private _verifiers;
    IProverMarket private _market;
    bytes32 private _circuit;
    uint256 private _circuits;
    /// @dev Jobs that were not seen ended yet.
    uint256[] private _live;
    mapping(uint256 job => mapping(uint256 number => IProverMarketTypes.Answer)) private _answers;

    function setUp() external {
        _begin(6);
        bytes memory arguments = abi.encode(address(this));
        _verifiers = IVerifierRegistry(_deploy("contracts/registry/VerifierRegistry.sol/VerifierRegistry", arguments));
        IAccessControl(address(_verifiers)).grantRole(keccak256("REGISTRAR_ROLE"), address(this));
        arguments = abi.encode(_verifiers, TREASURY, MIN_BOND, uint32(7 days), SETTLE);
        _market = IProverMarket(_deploy("contracts/inference/ProverMarket.sol/ProverMarket", arguments));
        for (uint256 i = 0; i < _people.length; ++i) vm.deal(_people[i], 1e24);
        _newCircuit();
    }

    function test_ProversAndPosters() external {
        uint256 length = _length();
        while (_calls < length) this.step();
        string[13] memory names = [
            "post", "post privately", "claim", "submit", "settle", "accuse", "expire", "close", "cancel", "bond",
            "unbond", "withdraw bond", "withdraw"
        ];
        for (uint256 i = 0; i < names.length; ++i) _reached(names[i], length / 5000);
        this.windUp();
    }

    function step() external {
        uint256 choice = _below(100);
        if (choice < 12 || _live.length == 0) _post(_someone());
        else if (choice < 76) _work(_live[_below(_live.length)], _someone(), choice);
        else if (choice < 92) _money(_someone(), choice);
        else if (choice < 99) _wait(_below(20 minutes));
        else if (_below(5) == 0) {
            // Found unsound: its jobs are closed, and nobody is slashed any more.
            _verifiers.revoke(_circuit);
            _newCircuit();
        }
        _prune();
        _same("ether", address(_market).balance, _owed());
    }

    function _post(address who) private {
        IProverMarketTypes.JobTerms memory terms;
        terms.startPrice = uint96(1 + _below(1e18));
        terms.maxPrice = terms.startPrice + uint96(_below(1e18));
        terms.deadline = uint48(_now + 1 + _below(2 hours));
        terms.claimSeconds = uint32(30 + _below(20 minutes));
        terms.copies = uint8(1 + _below(2));
        IProverMarketTypes.SegmentTerms[] memory chain = new IProverMarketTypes.SegmentTerms[](SEGMENTS);
        for (uint256 i = 0; i < SEGMENTS; ++i) chain[i] = IProverMarketTypes.SegmentTerms(_circuit, 7, 100 + i);
        uint256 escrow = uint256(terms.maxPrice) * SEGMENTS * terms.copies;
        bool taken;
        if (_below(3) != 0) {
            bytes memory data = abi.encodeCall(_market.post, (terms, chain, hex"01"));
            taken = _try("post", who, address(_market), escrow, data);
        } else {
            // The first two, or the same one twice, which is refused.
            IProverMarketTypes.Invitation[] memory chosen = new IProverMarketTypes.Invitation[](2);
            chosen[0] = IProverMarketTypes.Invitation(_people[0], hex"02");
            chosen[1] = IProverMarketTypes.Invitation(_people[_below(5) == 0 ? 0 : 1], hex"03");
            bytes memory data = abi.encodeCall(_market.postPrivately, (terms, chain, chosen));
            taken = _try("post privately", who, address(_market), escrow, data);
        }
        if (taken) _live.push(_market.jobCount());
    }

    function _accuse(uint256 job, address who, uint256 number) private {
        IProverMarketTypes.Answer memory answer = _answers[job][_submitted(job, number)];
        _try("accuse", who, address(_market), abi.encodeCall(_market.accuse, (job, answer)));
    }

    function _work(uint256 job, address who, uint256 choice) private {
        address market = address(_market);
        IProverMarketTypes.Job memory entry = _market.getJob(job);
        uint8 segment = uint8(_below(SEGMENTS));
        uint8 copy = uint8(_below(entry.copies));
        uint256 number = uint256(segment) * entry.copies + copy;
        IProverMarketTypes.Slot memory slot = _market.getSlots(job)[number];
        if (choice < 34) {
            bool taken = _try("claim", who, market, abi.encodeCall(_market.claim, (job, segment, copy)));
            if (taken && entry.invited && who != _people[0] && who != _people[1]) _same("claimed uninvited", 1, 0);
        } else if (choice < 52) {
            _submit(job, segment, copy, number, slot.prover);
        } else if (choice < 60) {
            IProverMarketTypes.Answer[] memory answers = new IProverMarketTypes.Answer[](1 + _below(2));
            for (uint256 i = 0; i < answers.length; ++i) answers[i] = _answers[job][_submitted(job, number + i)];
            _try("settle", who, market, abi.encodeCall(_market.settle, (job, answers)));
        } else if (choice < 68) {
            _accuse(job, who, number);
        } else if (choice < 72) {
            _try("expire", who, market, abi.encodeCall(_market.expire, (job, segment, copy)));
        } else if (choice < 74) {
            _try("close", who, market, abi.encodeCall(_market.close, (job)));
        } else {
            _try("cancel", _below(2) == 0 ? who : entry.poster, market, abi.encodeCall(_market.cancel, (job)));
        }
    }

    /// @dev The first slot from there that is answered; any, if none is.
    function _submitted(uint256 job, uint256 from) private view returns (uint256 number) {
        IProverMarketTypes.Slot[] memory slots = _market.getSlots(job);
        for (uint256 i = 0; i < slots.length; ++i) {
            number = (from + i) % slots.length;
            if (slots[number].state == IProverMarketTypes.SlotState.Submitted) return number;
        }
    }

    /// @dev Honest, false, or true of another output (the circuit is unsound), by who holds the slot.
    function _submit(uint256 job, uint8 segment, uint8 copy, uint256 number, address prover) private {
        IProverMarketTypes.Answer memory answer;
        (answer.segment, answer.copy) = (segment, copy);
        uint256 kind = _below(8);
        answer.output = segment + 1 < SEGMENTS ? 101 + segment : kind == 7 ? 5 : 4;
        answer.proof.a[0] = kind < 2 ? 0 : 1;
        Groth16Proof memory proof = answer.proof;
        bytes memory data = abi.encodeCall(_market.submit, (job, segment, copy, answer.output, proof));
        if (_try("submit", prover, address(_market), data)) _answers[job][number] = answer;
    }

    function _money(address who, uint256 choice) private {
        address market = address(_market);
        if (choice < 82) {
            _try("bond", who, market, _below(20) * 1 ether, abi.encodeCall(_market.bond, ()));
        } else if (choice < 85) {
            _try("unbond", who, market, abi.encodeCall(_market.unbond, (uint96(1 + _below(3 ether)))));
        } else if (choice < 88) {
            if (_below(8) == 0) _wait(7 days);
            _try("withdraw bond", who, market, abi.encodeCall(_market.withdrawBond, ()));
        } else {
            _try("withdraw", who, market, abi.encodeCall(IPullPayments.withdraw, (who, payable(who))));
        }
    }

    /// @dev Ended jobs have nothing left; they are looked at no more.
    function _prune() private {
        uint256 i;
        while (i < _live.length) {
            IProverMarketTypes.JobStatus status = _market.statusOf(_live[i]);
            // The longest over are closed, so that the list stays short.
            if (status == IProverMarketTypes.JobStatus.Expired && _live.length > 8) {
                _market.close(_live[i]);
                status = _market.statusOf(_live[i]);
            }
            bool ended = uint8(status) >= uint8(IProverMarketTypes.JobStatus.Completed);
            if (!ended) {
                ++i;
                continue;
            }
            _same("escrow of an ended job", _market.getJob(_live[i]).escrow, 0);
            _live[i] = _live[_live.length - 1];
            _live.pop();
        }
    }

    function _owed() private view returns (uint256 sum) {
        for (uint256 i = 0; i < _live.length; ++i) sum += _market.getJob(_live[i]).escrow;
        for (uint256 i = 0; i <= _people.length; ++i) {
            address who = i == _people.length ? TREASURY : _people[i];
            IProverMarketTypes.Bond memory bond = _market.bondOf(who);
            sum += uint256(bond.free) + bond.reserved + bond.unbonding;
            sum += IPullPayments(address(_market)).balanceOf(who);
        }
    }

    /// @dev After all deadlines every wei can leave.
    function windUp() external {
        _wait(5 hours);
        while (_live.length != 0) {
            if (_market.statusOf(_live[0]) == IProverMarketTypes.JobStatus.Expired) _market.close(_live[0]);
            _prune();
        }
        for (uint256 i = 0; i < _people.length; ++i) {
            IProverMarketTypes.Bond memory bond = _market.bondOf(_people[i]);
            _same("bonds of nothing", bond.reserved, 0);
            if (bond.free == 0) continue;
            vm.prank(_people[i]);
            _market.unbond(bond.free);
        }
        _wait(7 days);
        for (uint256 i = 0; i <= _people.length; ++i) {
            address who = i == _people.length ? TREASURY : _people[i];
            if (_market.bondOf(who).unbonding != 0) {
                vm.prank(who);
                _market.withdrawBond();
            }
            if (IPullPayments(address(_market)).balanceOf(who) == 0) continue;
            vm.prank(who);
            IPullPayments(address(_market)).withdraw(who, payable(who));
        }
        _same("ether that nobody can take out", address(_market).balance, 0);
    }

    function _newCircuit() private {
        _circuit = bytes32(++_circuits);
        address verifier = address(new WillingVerifier(_circuit));
        _verifiers.register(_circuit, verifier, _circuit, IVerifierRegistry.SetupKind.Local, "");
    }
}
