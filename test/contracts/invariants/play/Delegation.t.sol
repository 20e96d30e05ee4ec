// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IKeeperRegistry} from "../../../../contracts/interfaces/IKeeperRegistry.sol";
import {ILearningServiceErrors} from "../../../../contracts/interfaces/ILearningServiceErrors.sol";
import {IStakePool, IStakePoolTypes} from "../../../../contracts/interfaces/IStakePool.sol";
import {IStakePoolFactory} from "../../../../contracts/interfaces/IStakePoolFactory.sol";
import {IStakeVotes} from "../../../../contracts/interfaces/IStakeVotes.sol";
import {Play} from "./Play.sol";

/// @title Delegators of one keeper, its manager, a service that slashes it, and people who give it things
/// @dev This contract is administrator, treasury and the one service: what it says of seats is nothing to the pool.
contract DelegationTest is Play {
    uint64 private constant DELAY = 8 days;
    bytes32 private constant REASON = "SILENT";

    IERC20 private _token;
    IKeeperRegistry private _registry;
    IStakePool private _pool;
    /// @dev What each account put in, and what it got back, without rewards; what was given away, and what was slashed.
    mapping(address account => uint256) private _in;
    mapping(address account => uint256) private _out;
    uint256 private _given;
    uint256 private _slashed;
    uint256 private _earned;

    function setUp() external {
        _begin(5);
        uint256[] memory amounts = new uint256[](1);
        address[] memory holders = new address[](1);
        (holders[0], amounts[0]) = (address(this), 1e27);
        bytes memory arguments = abi.encode(address(this), holders, amounts);
        _token = IERC20(_deploy("contracts/governance/CohortToken.sol/CohortToken", arguments));
        IKeeperRegistry.Settings memory settings;
        (settings.minStake, settings.unbondingDelay, settings.jailDelay) = (1, DELAY, 1 days);
        settings.treasury = address(this);
        arguments = abi.encode(_token, address(this), settings);
        _registry = IKeeperRegistry(_deploy("contracts/registry/KeeperRegistry.sol/KeeperRegistry", arguments));
        IAccessControl(address(_registry)).grantRole(keccak256("REGISTRAR_ROLE"), address(this));
        _registry.registerService(address(this));
        address factory = _deploy("contracts/registry/StakePoolFactory.sol/StakePoolFactory", abi.encode(_registry));
        vm.prank(_people[0]);
        _pool = IStakePoolFactory(factory).createPool(1000);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(5, _registry.consentDigest(address(_pool), vm.addr(5)));
        vm.prank(_people[0]);
        _pool.open(vm.addr(5), "key", hex"04", abi.encodePacked(r, s, v));
        vm.prank(_people[0]);
        _pool.optIn(address(this));
        _token.approve(address(_registry), type(uint256).max);
        _registry.fund(address(this), 1e26);
        for (uint256 i = 0; i < _people.length; ++i) {
            _token.transfer(_people[i], 1e25);
            vm.prank(_people[i]);
            _token.approve(address(_pool), type(uint256).max);
        }
    }

    function test_StakeOfManyOnOneKeeper() external {
        uint256 length = _length();
        while (_calls < length) this.step();
        string[12] memory names = [
            "deposit", "exit", "submit", "settle", "claim exit", "claim rewards", "engage", "slash", "reward",
            "give", "commission", "raise"
        ];
        for (uint256 i = 0; i < names.length; ++i) _reached(names[i], length / 5000);
        this.windUp();
    }

    function step() external {
        uint256 price = _price();
        uint256 choice = _below(100);
        bool slashing = choice >= 76 && choice < 80;
        if (choice < 40) _delegator(_someone(), choice);
        else if (choice < 72) _batch(choice);
        else if (choice < 92) _service(choice);
        else _manager(choice);
        // Only a slash makes a share worth less: nobody gains by what rounds.
        if (!slashing) _atMost("what a share was worth", price, _price());
        _checkBooks();
    }

    /// @dev In tokens times 2^100; of nothing it says nothing.
    function _price() private view returns (uint256) {
        return ((_pool.assets() + 1) << 100) / (_pool.totalShares() + 1e6);
    }

    function _delegator(address who, uint256 choice) private {
        address pool = address(_pool);
        if (choice < 22) {
            uint256 amount = _amount();
            if (_try("deposit", who, pool, abi.encodeCall(_pool.deposit, (who, amount, 0)))) {
                _in[who] += amount;
            }
        } else if (choice < 36) {
            uint256 shares = _pool.sharesOf(who);
            if (_below(3) != 0) shares = shares / 3 + 1;
            _try("exit", who, pool, abi.encodeCall(_pool.requestExit, (shares)));
        } else {
            _try("delegate", who, pool, abi.encodeCall(IStakeVotes.delegate, (_someone())));
        }
    }

    function _batch(uint256 choice) private {
        address pool = address(_pool);
        uint256 filling = _pool.fillingBatch();
        address who = _someone();
        uint256 batch = _below(2) == 0 ? filling : _pool.oldestBatch();
        if (choice < 48) {
            _try("submit", who, pool, abi.encodeCall(_pool.submitExits, (batch)));
        } else if (choice < 54) {
            _try("settle", who, pool, abi.encodeCall(_pool.settleExits, ()));
        } else if (choice < 64) {
            for (uint256 i = 0; i < 12 && batch > 0 && _pool.leavingOf(batch, who) == 0; ++i) --batch;
            _claimExit(batch, who);
        } else if (choice < 68) {
            uint256 before = _token.balanceOf(who);
            if (_try("claim rewards", who, pool, abi.encodeCall(_pool.claimRewards, (who)))) {
                _earned -= _token.balanceOf(who) - before;
            }
        } else {
            _wait(_below(6 days));
        }
    }

    function _claimExit(uint256 batch, address who) private {
        uint256 before = _token.balanceOf(who);
        if (_try("claim exit", _someone(), address(_pool), abi.encodeCall(_pool.claimExit, (batch, who)))) {
            _out[who] += _token.balanceOf(who) - before;
        }
    }

    function _service(uint256 choice) private {
        address registry = address(_registry);
        address pool = address(_pool);
        IKeeperRegistry.Keeper memory keeper = _registry.keeperOf(pool);
        if (choice < 74) {
            uint256 free = keeper.stake > keeper.bonded ? keeper.stake - keeper.bonded : 0;
            // The manager comes back after a release, when nobody waits.
            if (!_registry.isOptedIn(address(this), pool)) {
                _try("opt in", _people[0], pool, abi.encodeCall(_pool.optIn, (address(this))));
            }
            bytes memory data = abi.encodeCall(_registry.engage, (pool, uint128(free / 4)));
            _try("engage", address(this), registry, data);
        } else if (choice < 76) {
            _try("disengage", address(this), registry, abi.encodeCall(_registry.disengage, (pool)));
        } else if (choice < 80) {
            uint256 amount = _below(20) == 0 ? type(uint128).max : _amount() / 4;
            uint256 before = _registry.slashedBalance();
            _try("slash", address(this), registry, abi.encodeCall(_registry.slash, (pool, amount, REASON, REASON)));
            _slashed += _registry.slashedBalance() - before;
        } else if (choice < 86) {
            uint256 reward = _amount();
            _registry.allocate(reward, 1);
            bytes memory data = abi.encodeCall(_registry.credit, (pool, reward));
            if (_try("reward", address(this), registry, data)) _earned += reward;
        } else {
            uint256 amount = _amount();
            if (_try("give", address(this), registry, abi.encodeCall(_registry.stake, (pool, amount)))) _given += amount;
        }
    }

    function _manager(uint256 choice) private {
        address pool = address(_pool);
        address who = _below(4) == 0 ? _someone() : _people[0];
        uint16 before = _pool.commissionBps();
        (uint16 announced, uint64 from) = _pool.announcedCommission();
        if (choice < 94) {
            _try("commission", who, pool, abi.encodeCall(_pool.setCommission, (uint16(_below(6000)))));
            _atMost("a commission that rose at once", _pool.commissionBps(), before);
        } else if (choice < 98) {
            if (_try("raise", who, pool, abi.encodeCall(_pool.raiseCommission, ()))) {
                _same("the commission that was announced", _pool.commissionBps(), announced);
                _atMost("a commission that rose too early", from, _now);
            }
        } else {
            _try("release", _someone(), pool, abi.encodeCall(_pool.release, (address(this), 0)));
        }
        if (who != _people[0]) _same("a commission of somebody else", _pool.commissionBps(), before);
    }

    /// @dev What a service would be asked: the pool has seat 0, and its rewards are credited at once.
    function seatOf(address) external pure returns (uint8) {
        return 0;
    }

    function seatInfo(uint8) external view returns (address, address, uint8) {
        return (address(_pool), vm.addr(5), 0);
    }

    function collect(uint8 seat) external pure returns (uint256) {
        revert ILearningServiceErrors.NothingToCollect(seat);
    }

    /// @dev Leaving gives the stake free.
    function leave(uint8) external {
        _registry.disengage(address(_pool));
    }

    /// @dev All that came in is there, was paid out or was slashed; every token at stake votes once.
    function _checkBooks() private view {
        uint256 shares;
        uint256 votes;
        uint256 rewards = _registry.rewardsOf(address(_pool));
        uint256 pending = rewards;
        (uint256 put, uint256 got) = (_given, _slashed);
        for (uint256 i = 0; i < _people.length; ++i) {
            shares += _pool.sharesOf(_people[i]);
            votes += IStakeVotes(address(_pool)).getVotes(_people[i]);
            pending += _pool.rewardsOf(_people[i]);
            put += _in[_people[i]];
            got += _out[_people[i]];
        }
        uint256 batches;
        uint256 leaving;
        uint256 last = _pool.fillingBatch();
        for (uint256 batch = _pool.oldestBatch(); batch <= last; ++batch) {
            leaving += _pool.batchOf(batch).left;
        }
        _same("shares", shares + leaving, _pool.totalShares());
        uint256 own = _token.balanceOf(address(_pool));
        uint256 unpaid = own - (_earned - rewards);
        batches = _pool.assets() + unpaid;
        _same("tokens that came in", put, got + batches);
        _atMost("rewards that are owed", pending, _earned);
        _atMost("votes", votes, IStakeVotes(address(_registry)).getVotes(address(_pool)));
    }

    /// @dev Everyone leaves. What nobody can take out is dust, gifts, and what stands behind the virtual shares.
    function windUp() external {
        _registry.disengage(address(_pool));
        for (uint256 i = 0; i < _people.length; ++i) {
            uint256 shares = _pool.sharesOf(_people[i]);
            if (shares != 0) _try("exit", _people[i], address(_pool), abi.encodeCall(_pool.requestExit, (shares)));
        }
        for (uint256 round = 0; round < 12 && _pool.totalShares() != 0; ++round) {
            uint256 last = _pool.fillingBatch();
            for (uint256 batch = _pool.oldestBatch(); batch <= last; ++batch) {
                _wait(DELAY / 4 + 1);
                IStakePoolTypes.Batch memory entry = _pool.batchOf(batch);
                if (entry.left == 0) continue;
                // Refused where what has come back meanwhile pays the batch.
                _try("submit", _someone(), address(_pool), abi.encodeCall(_pool.submitExits, (batch)));
            }
            _wait(2 * DELAY);
            _pool.settleExits();
        }
        _same("shares that cannot leave", _pool.totalShares(), 0);
        for (uint256 batch = 0; batch < _pool.fillingBatch(); ++batch) {
            for (uint256 i = 0; i < _people.length; ++i) {
                if (_pool.leavingOf(batch, _people[i]) != 0) _claimExit(batch, _people[i]);
            }
        }
        _checkBooks();
        for (uint256 i = 0; i < _people.length; ++i) {
            _same("votes of who left", IStakeVotes(address(_pool)).getVotes(_people[i]), 0);
        }
    }
}
